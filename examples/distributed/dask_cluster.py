"""Dask workers on one study that its scheduler keeps.

    pip install 'optuna_lanas[dask]'
    python -m examples.distributed.dask_cluster

Starts a cluster of processes here; `Client("scheduler:8786")` takes an existing one instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from distributed import Client
from distributed import wait
import optuna
from optuna_integration import DaskStorage

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the study and prints what it found."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.dask_cluster")
    parser.add_argument("--trials", type=int, default=20, help="of each worker")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    with Client(n_workers=options.workers, threads_per_worker=1, dashboard_address=None) as client:
        study = optuna.create_study(
            direction="maximize",
            storage=DaskStorage(client=client),
            sampler=LaNASSampler(seed=0),
        )
        futures = [
            client.submit(study.optimize, objective, n_trials=options.trials, pure=False)
            for _ in range(options.workers)
        ]
        wait(futures)
        client.gather(futures)  # raises what a worker raised
        report(study)


if __name__ == "__main__":
    main()

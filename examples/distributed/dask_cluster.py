"""Dask workers on one study, which Dask's scheduler holds.

    pip install 'optuna_lanas[dask]'
    python -m examples.distributed.dask_cluster

Starts a local cluster of processes; `Client("scheduler:8786")` connects to an existing cluster.
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
    """Run the study and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.dask_cluster")
    parser.add_argument("--trials", type=int, default=20, help="trials of each worker")
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
        client.gather(futures)  # raises a worker's error
        report(study)


if __name__ == "__main__":
    main()

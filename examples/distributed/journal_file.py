"""Processes on one journal file: no database, also on a network file system.

    python -m examples.distributed.journal_file --file results/digits.journal

Starts a few processes. The same command on other machines that see the file adds workers. A worker
that dies may be started again: workers share nothing but the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import multiprocessing
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the workers, wait for them, and print what the study found."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.journal_file")
    parser.add_argument("--file", type=Path, default=Path("results/digits.journal"))
    parser.add_argument("--trials", type=int, default=20, help="trials of each worker")
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args(arguments)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    study = open_study(options.file)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=work, args=(options.file, options.trials))
        for _ in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    report(study)


def open_study(file: Path) -> optuna.Study:
    """Return the study, which is created if the file does not hold it.

    All workers may share a seed, since it is mixed with the numbers of their trials.
    """
    return optuna.create_study(
        study_name="digits",
        storage=JournalStorage(JournalFileBackend(str(file))),
        load_if_exists=True,
        direction="maximize",
        sampler=LaNASSampler(seed=0),
    )


def work(file: Path, n_trials: int) -> None:
    """Run trials of the study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    open_study(file).optimize(objective, n_trials=n_trials)


if __name__ == "__main__":
    main()

"""Threads of one process on one study.

    python -m examples.distributed.threads

Threads suffice if the objective releases Python's interpreter lock: training with NumPy,
scikit-learn or PyTorch, or waiting for another program.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import optuna

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.threads")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    study.optimize(objective, n_trials=options.trials, n_jobs=options.threads)
    report(study)


if __name__ == "__main__":
    main()

"""A study in a database, started with TPE and continued with LaNAS.

    python -m examples.dropin.continued_study --file results/continued.sqlite3

The two calls of `work` differ only in the sampler. LaNAS learns from all trials of the study,
whichever sampler proposed them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Run half of the trials with each sampler and print what the study found."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.continued_study")
    parser.add_argument("--file", type=Path, default=Path("results/continued.sqlite3"))
    parser.add_argument("--trials", type=int, default=20, help="trials of each sampler")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{options.file}"
    report(work(url, optuna.samplers.TPESampler(seed=0), options.trials))
    report(work(url, LaNASSampler(seed=0), options.trials))


def work(url: str, sampler: BaseSampler, n_trials: int) -> optuna.Study:
    """Add trials to the database's study, which is created if it is missing."""
    study = optuna.create_study(
        study_name="digits",
        storage=url,
        load_if_exists=True,
        direction="maximize",
        sampler=sampler,
    )
    study.optimize(objective, n_trials=n_trials)
    return study


if __name__ == "__main__":
    main()

"""A study in a database, begun with TPE and continued with LaNAS.

    python -m examples.dropin.continued_study --file results/continued.sqlite3

The two calls of `work` differ in the sampler alone. LaNAS learns from all trials in the study,
whatever proposed them.
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
    """Runs half of the trials with each sampler and prints what the study found."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.continued_study")
    parser.add_argument("--file", type=Path, default=Path("results/continued.sqlite3"))
    parser.add_argument("--trials", type=int, default=20, help="of each sampler")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{options.file}"
    report(work(url, optuna.samplers.TPESampler(seed=0), options.trials))
    report(work(url, LaNASSampler(seed=0), options.trials))


def work(url: str, sampler: BaseSampler, n_trials: int) -> optuna.Study:
    """Adds trials to the study of that database, made anew if it is not there."""
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

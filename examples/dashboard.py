"""A search that can be watched in Optuna Dashboard: its regions, and why each trial.

    pip install 'optuna_lanas[dashboard,tables]'
    python examples/dashboard.py
    optuna-dashboard sqlite:///results/dashboard.sqlite3

Searches the cells of NAS-Bench-201 by their measured accuracies on CIFAR-100. The figures and the
note on the study's page are updated every five seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import optuna

from optuna_lanas import LaNASSampler
from optuna_lanas.dashboard import publish
from optuna_lanas.dashboard import PublishCallback
from optuna_lanas.explanation import explain
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.tables import NASBench201Table
from optuna_lanas.visualization import partition


TARGET = "validation accuracy"


def main(arguments: Sequence[str] | None = None) -> optuna.Study:
    options = _parser().parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.unlink(missing_ok=True)
    storage = f"sqlite:///{options.output}"
    study = search(storage, options.trials)
    print(partition(study, target_name=TARGET))
    print(explain(study, study.best_trial.number))
    print(f"optuna-dashboard {storage}")
    return study


def search(storage: str | optuna.storages.BaseStorage | None, n_trials: int) -> optuna.Study:
    """Return a finished search that was published at intervals and at the end."""
    space, table = NASBench201Space(), NASBench201Table("cifar100")
    study = optuna.create_study(
        study_name="NAS-Bench-201, CIFAR-100",
        storage=storage,
        direction="maximize",
        sampler=LaNASSampler(space=space, seed=0, show_leaf=True),
    )

    def accuracy(trial: optuna.Trial) -> float:
        return float(table.query(space.suggest(trial)).validation_accuracy or "nan")

    study.optimize(
        accuracy,
        n_trials=n_trials,
        callbacks=[PublishCallback(interval=5, target_name=TARGET)],
    )
    publish(study, target_name=TARGET)
    return study


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--output", type=Path, default=Path("results/dashboard.sqlite3"))
    return parser


if __name__ == "__main__":
    main()

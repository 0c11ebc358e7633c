"""Python 3.10 or later: `pip install optuna_lanas optunahub`, then `python example.py`."""

from __future__ import annotations

import optuna
import optunahub


def objective(trial: optuna.Trial) -> float:
    """Return the loss of a small mixed space."""
    x = trial.suggest_float("x", -10, 10)
    kind = trial.suggest_categorical("kind", ["flat", "steep"])
    return (x - 2) ** 2 * (10 if kind == "steep" else 1)


if __name__ == "__main__":
    module = optunahub.load_module("samplers/lanas")
    study = optuna.create_study(sampler=module.LaNASSampler(seed=0))
    study.optimize(objective, n_trials=50)
    print(study.best_params)

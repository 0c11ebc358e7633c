"""LightGBM with its pruning callback, before and after: the sampler's line differs.

    pip install 'optuna-integration[lightgbm]' lightgbm
    python -m examples.dropin.lightgbm_pruning

LaNAS also learns from pruned trials. They rank below complete trials, ordered by their last step
and their last report.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import lightgbm
import optuna
from optuna.samplers import BaseSampler
from optuna_integration import LightGBMPruningCallback
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from optuna_lanas import LaNASSampler


N_ROUNDS = 60


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune the booster with both samplers; print the loss and the number of pruned trials."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.lightgbm_pruning")
    parser.add_argument("--trials", type=int, default=30)
    n_trials = parser.parse_args(arguments).trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("before (TPE):  ", summary(tune(optuna.samplers.TPESampler(seed=0), n_trials)))
    print("after  (LaNAS):", summary(tune(LaNASSampler(seed=0), n_trials)))


def tune(sampler: BaseSampler, n_trials: int) -> optuna.Study:
    """Return a study of the booster's validation loss."""
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=10)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=n_trials)
    return study


def objective(trial: optuna.Trial) -> float:
    """Return the validation loss of the booster that a trial suggests."""
    settings = {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_threads": 1,
        "seed": 0,
        "verbosity": -1,
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 50),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-6, 10.0, log=True),
    }
    features, labels = load_breast_cancer(return_X_y=True)
    split = train_test_split(features, labels, test_size=0.4, random_state=0)
    train_x, valid_x, train_y, valid_y = split
    train = lightgbm.Dataset(train_x, train_y)
    booster = lightgbm.train(
        settings,
        train,
        num_boost_round=N_ROUNDS,
        valid_sets=[train.create_valid(valid_x, valid_y)],
        callbacks=[LightGBMPruningCallback(trial, "binary_logloss")],
    )
    return float(booster.best_score["valid_0"]["binary_logloss"])


def summary(study: optuna.Study) -> str:
    """Return the best loss and the number of pruned trials, in words."""
    n_pruned = len(study.get_trials(states=[optuna.trial.TrialState.PRUNED], deepcopy=False))
    return f"loss {study.best_value:.4f}, {n_pruned} of {len(study.trials)} trials pruned"


if __name__ == "__main__":
    main()

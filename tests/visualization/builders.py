"""Studies that several tests of the figures draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map


PLOTS: list[Callable[..., Any]] = [
    plot_partition,
    plot_leaf_values,
    plot_parameters,
    plot_leaf_share,
    plot_trial_map,
]


def mixed(trial: optuna.Trial) -> float:
    values = [trial.suggest_categorical(f"op_{i}", list("abcde")) for i in range(6)]
    rate = trial.suggest_float("rate", 1e-5, 1, log=True)
    width = trial.suggest_int("width", 1, 64)
    return values.count("a") - abs(float(np.log(rate / 0.01))) + width / 64


def searched(n_trials: int, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    sampler = sampler or optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(mixed, n_trials=n_trials)
    return study


def conditional(trial: optuna.Trial) -> float:
    """A choice of model with parameters of its own each; forests are best, SVMs are worst."""
    model = trial.suggest_categorical("model", ["forest", "neighbours", "svm"])
    if model == "forest":
        depth = trial.suggest_int("forest_depth", 1, 16)
        n_trees = trial.suggest_int("forest_trees", 5, 100, log=True)
        return 0.8 + 0.008 * depth + 0.02 * float(np.log10(n_trees))
    if model == "neighbours":
        weights = trial.suggest_categorical("neighbours_weights", ["uniform", "distance"])
        return (
            0.75 - 0.002 * trial.suggest_int("neighbours_k", 1, 40) + 0.01 * (weights != "uniform")
        )
    kernel = trial.suggest_categorical("svm_kernel", ["linear", "poly", "rbf"])
    cost = trial.suggest_float("svm_C", 1e-3, 1e2, log=True)
    gamma = trial.suggest_float("svm_gamma", 1e-5, 1e-1, log=True) if kernel == "rbf" else 1e-3
    return 0.5 + 0.02 * float(np.log10(cost)) - 0.02 * abs(float(np.log10(gamma)) + 3)

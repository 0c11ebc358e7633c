"""Studies that several tests of the figures draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

from optuna_lanas.visualization import plot_latent_action
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map


PLOTS: list[Callable[..., Any]] = [
    plot_partition,
    plot_leaf_values,
    plot_latent_action,
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

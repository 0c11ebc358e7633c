"""Samplers and objectives of the tests that run whole studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import Trial

from optuna_lanas import LaNASSampler
from optuna_lanas import visualization
from optuna_lanas._core.settings import Settings
from optuna_lanas.sampler import ARGUMENTS


FIGURES = (
    visualization.plot_partition,
    visualization.plot_leaf_values,
    visualization.plot_leaf_share,
    visualization.plot_trial_map,
    visualization.plot_parameters,
)


Make = Callable[..., LaNASSampler]


def default(**arguments: Any) -> LaNASSampler:
    """The default search; with less work per trial where the arguments can be settings."""
    given = {"seed": 0, "n_startup_trials": 3, **arguments}
    sampler = LaNASSampler(**given)
    if not {*arguments} <= {"seed", "space", *ARGUMENTS}:
        return sampler
    settings = with_less_work(sampler.settings)
    return LaNASSampler.from_settings(settings, seed=given["seed"], space=given.get("space"))


def quick(**arguments: Any) -> LaNASSampler:
    """The default search from its usual start-up, with less work per trial."""
    return default(**{"n_startup_trials": 5, **arguments})


def with_less_work(settings: Settings) -> Settings:
    """The settings of the same search with fewer candidates and shorter fits, in half the time."""
    return replace(settings, n_rounds=1, max_fit_iterations=5)


def paper(**arguments: Any) -> LaNASSampler:
    return LaNASSampler.paper(**{"seed": 0, "n_startup_trials": 3, "n_select": 4, **arguments})


BOTH = [default, paper]


def study_of(sampler: LaNASSampler, storage: BaseStorage, **arguments: Any) -> optuna.Study:
    return optuna.create_study(sampler=sampler, storage=storage, **arguments)


def mixed(trial: Trial) -> float:
    """A parameter of each kind."""
    x = trial.suggest_float("x", -1.0, 1.0)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 0, 12, step=3)
    width = trial.suggest_int("width", 4, 512, log=True)
    op = trial.suggest_categorical("op", ["conv", "pool", None])
    return x**2 + abs(math.log10(rate) + 3) + abs(n - 6) + abs(width - 64) / 64 + (op != "conv")


def configurations(study: optuna.Study) -> list[str]:
    """The params of each trial, as something that can be compared and counted."""
    return [repr(sorted(trial.params.items())) for trial in study.trials]

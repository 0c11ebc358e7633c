"""What is logged of parameters that are drawn independently, and who draws them."""

from __future__ import annotations

import logging

import optuna
from optuna.samplers import GridSampler
from optuna.storages import BaseStorage
from optuna.trial import Trial
import pytest

from tests.studies import default
from tests.studies import study_of


def test_a_parameter_that_appears_late_is_warned_of_once(
    storage: BaseStorage, caplog: pytest.LogCaptureFixture
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number >= 4:
            x += trial.suggest_float("late", 0, 1) + trial.suggest_float(f"n{trial.number}", 0, 1)
        return x

    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        study_of(default(), storage).optimize(objective, n_trials=7)
    assert len(caplog.records) == 1
    assert "'late'" in caplog.text
    assert "`warn_independent_sampling=False`" in caplog.text


def test_the_warning_can_be_silenced(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=default(warn_independent_sampling=False))
    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        study.optimize(lambda t: t.suggest_float(f"x{t.number}", 0, 1), n_trials=6)
    assert not caplog.records


def test_an_independent_sampler_draws_what_is_new() -> None:
    study = optuna.create_study(sampler=default(independent_sampler=GridSampler({"x": [0.125]})))
    assert study.ask().suggest_float("x", 0, 1) == 0.125

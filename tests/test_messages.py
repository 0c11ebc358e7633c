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


pytestmark = pytest.mark.usefixtures("log")


def late(trial: Trial) -> float:
    return trial.suggest_float(f"x{trial.number}", 0, 1)


def test_a_parameter_that_appears_late_is_warned_of_once(
    storage: BaseStorage, caplog: pytest.LogCaptureFixture
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number >= 4:
            x += trial.suggest_float("late", 0, 1) + trial.suggest_float(f"n{trial.number}", 0, 1)
        return x

    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study_of(default(), storage).optimize(objective, n_trials=7)
    assert len(caplog.records) == 1
    assert "'late'" in caplog.text
    assert "`warn_independent_sampling=False`" in caplog.text


def test_the_warning_can_be_silenced(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=default(warn_independent_sampling=False))
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study.optimize(late, n_trials=6)
    assert not caplog.records


def test_an_independent_sampler_draws_what_is_new() -> None:
    study = optuna.create_study(sampler=default(independent_sampler=GridSampler({"x": [0.125]})))
    assert study.ask().suggest_float("x", 0, 1) == 0.125


def test_other_samplers_of_the_study_and_other_threads_do_not_repeat_the_warning(
    storage: BaseStorage, caplog: pytest.LogCaptureFixture
) -> None:
    study = study_of(default(), storage)
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study.optimize(late, n_trials=12, n_jobs=3)
        again = optuna.load_study(study_name=study.study_name, storage=storage, sampler=default())
        again.optimize(late, n_trials=6)
        assert len(caplog.records) == 1
        study_of(default(), storage).optimize(late, n_trials=6)
    assert len(caplog.records) == 2


def test_optunas_verbosity_rules_the_warning(caplog: pytest.LogCaptureFixture) -> None:
    before = optuna.logging.get_verbosity()
    try:
        for level in (optuna.logging.ERROR, optuna.logging.WARNING):
            optuna.logging.set_verbosity(level)
            optuna.create_study(sampler=default()).optimize(late, n_trials=6)
            assert len(caplog.records) == (level == optuna.logging.WARNING)
    finally:
        optuna.logging.set_verbosity(before)

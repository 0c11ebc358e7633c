"""Messages at INFO: a few per study, none per trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import logging

import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._progress import MILESTONES
from tests.studies import default
from tests.studies import paper


pytestmark = pytest.mark.usefixtures("log")


def messages(
    caplog: pytest.LogCaptureFixture,
    objective: Callable[[optuna.Trial], float],
    n_trials: int,
    sampler: LaNASSampler | None = None,
) -> list[str]:
    study = optuna.create_study(sampler=sampler or default())
    with caplog.at_level(logging.INFO, logger="optuna"):
        study.optimize(objective, n_trials=n_trials)
    own = [record.getMessage() for record in caplog.records if record.name == "optuna.lanas"]
    assert all(study.study_name in message for message in own)
    return own


def smooth(trial: optuna.Trial) -> float:
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2 + trial.suggest_float("y", 0, 1)


@pytest.mark.parametrize("make", [default, paper])
def test_a_search_tells_of_its_startup_and_of_milestones(
    caplog: pytest.LogCaptureFixture, make: Callable[[], LaNASSampler]
) -> None:
    told = messages(caplog, smooth, 22, make())
    assert "has ended with 3 trials" in told[0]
    trees = [message for message in told if "The search tree of" in message]
    n_trials = [int(message.split(" regions for ")[1].split()[0]) for message in trees]
    assert n_trials
    assert set(n_trials) <= {10, 20}
    assert len(told) == 1 + len(trees)


def test_no_trial_computes_a_message_that_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = optuna.create_study(sampler=default())
    with caplog.at_level(logging.WARNING, logger="optuna"):
        study.optimize(smooth, n_trials=25)
    assert not caplog.records


def test_an_exhausted_space_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    told = messages(caplog, lambda t: t.suggest_int("x", -3, 3) ** 2, 15)
    assert sum("is exhausted" in message for message in told) == 1
    caplog.clear()
    told = messages(caplog, lambda t: t.suggest_int("x", -3, 3) ** 2, 7)
    assert not any("is exhausted" in message for message in told)


def test_wanted_repeats_are_no_exhaustion(caplog: pytest.LogCaptureFixture) -> None:
    sampler = default(avoid_duplicates=False)
    told = messages(caplog, lambda t: t.suggest_int("x", 0, 1), 8, sampler)
    assert not any("is exhausted" in message for message in told)


@pytest.mark.slow
def test_a_stalled_search_is_told_once_per_best_trial(caplog: pytest.LogCaptureFixture) -> None:
    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("x", 0, 1) - 2.0 * (trial.number == 2)

    told = messages(caplog, objective, 130)
    stalls = [message for message in told if "has stalled" in message]
    assert len(stalls) == 1
    assert "better than trial 2. Unless values are noisy" in stalls[0]


@pytest.mark.parametrize("n_stalled", [0, 30])
def test_restarts_are_told_of_where_there_are_any(
    caplog: pytest.LogCaptureFixture, n_stalled: int
) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda t: smooth(t) - 2.0 * (t.number == 0), n_trials=75)
    settings = replace(DEFAULT, n_stalled=n_stalled, n_restart=30)
    study.sampler = LaNASSampler.from_settings(settings, seed=0)
    with caplog.at_level(logging.INFO, logger="optuna"):
        study.optimize(smooth, n_trials=1)
    stalls = [r.getMessage() for r in caplog.records if "has stalled" in r.getMessage()]
    assert ["is now a restart" in message for message in stalls] == [n_stalled > 0]


def test_a_resumed_study_has_no_startup(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(smooth, n_trials=30)
    study.sampler = default()
    with caplog.at_level(logging.INFO, logger="optuna"):
        study.optimize(smooth, n_trials=3)
    own = [record.getMessage() for record in caplog.records if record.name == "optuna.lanas"]
    assert len(own) == 1
    assert "regions for 30 trials" in own[0]


def test_milestones_grow() -> None:
    assert MILESTONES[:6] == (10, 20, 50, 100, 200, 500)

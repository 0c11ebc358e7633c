"""Which unfinished trials are given up, and that they then neither block nor count."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta

import numpy as np
import optuna
from optuna.trial import create_trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._study import stale as abandoned
from optuna_lanas._study.stale import least_alive
from optuna_lanas._study.stale import N_OVERTAKING
from optuna_lanas._study.stale import times_of


HOUR = timedelta(hours=1)


@pytest.fixture
def no_least_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of moments are given up like those of hours."""
    monkeypatch.setattr(abandoned, "LEAST_AGE", 0.0)


def in_rounds(n_workers: int, n_rounds: int) -> np.ndarray:
    """The times of workers that start together, one hour a trial, and end one after another."""
    numbers = np.arange(n_workers * n_rounds)
    starts = 3600.0 * (numbers // n_workers)
    return np.column_stack([numbers, starts, starts + 3599 + numbers % n_workers / n_workers])


def test_no_trial_is_given_up_while_few_have_ended() -> None:
    assert least_alive(np.empty((0, 3))) == 0
    assert least_alive(in_rounds(1, N_OVERTAKING - 1)) == 0


def test_one_worker_s_trial_is_given_up_after_the_limit() -> None:
    times = in_rounds(1, 100)
    assert least_alive(times) == 100 - N_OVERTAKING
    assert least_alive(times[N_OVERTAKING - 1 :: -1]) == 0


@pytest.mark.parametrize("n_workers", [2, 8, 64])
def test_with_more_workers_more_trials_may_end_before(n_workers: int) -> None:
    n_overtaking = 40 * n_workers - least_alive(in_rounds(n_workers, 40))
    # When one ends, half of the other workers still run on average.
    assert n_overtaking == pytest.approx(N_OVERTAKING * (1 + (n_workers - 1) / 2), rel=0.03)


def test_trials_of_moments_give_up_none_that_is_younger_than_a_minute() -> None:
    numbers = np.arange(1_000)
    starts = 0.1 * numbers  # within 100 seconds
    assert least_alive(np.column_stack([numbers, starts, starts + 0.1])) == 400
    assert least_alive(np.column_stack([numbers, starts, starts + 0.1])[:590]) == 0


def test_trials_that_were_added_have_no_duration() -> None:
    distribution = optuna.distributions.FloatDistribution(0, 1)
    study = optuna.create_study()
    for i in range(50):
        trial = create_trial(params={"x": 0.5}, distributions={"x": distribution}, value=0)
        trial.datetime_start = trial.datetime_complete = HOUR * i + datetime(2000, 1, 1)
        study.add_trial(trial)
    assert least_alive(times_of(study.trials)) == 50 - N_OVERTAKING


@pytest.mark.usefixtures("no_least_age")
def test_dead_workers_block_no_configuration() -> None:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    study.optimize(grid, n_trials=1)
    for _ in range(10):  # the worker of every second trial dies
        grid(study.ask())
        study.optimize(grid, n_trials=1)
    study.optimize(grid, n_trials=69)
    complete = study.get_trials(states=[TrialState.COMPLETE])
    assert len(complete) == len({tuple(trial.params.values()) for trial in complete}) == 80


@pytest.mark.usefixtures("no_least_age")
def test_dead_workers_are_pending_until_enough_trials_have_ended() -> None:
    sampler = LaNASSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(grid, n_trials=1)
    for _ in range(30):
        grid(study.ask())
    for n_more, n_pending in [(N_OVERTAKING - 1, 30), (1, 0)]:
        study.optimize(grid, n_trials=n_more)
        with sampler.records.of(study, sampler.settings) as record:
            assert len(record.history(number=100).pending) == n_pending


def grid(trial: optuna.Trial) -> float:
    """80 configurations, whose values are all different."""
    return trial.suggest_int("x", 0, 9) + 0.1 * trial.suggest_int("y", 0, 7)

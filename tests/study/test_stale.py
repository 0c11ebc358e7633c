"""Which unfinished trials are stale, and that they then neither block nor count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.stale import first_live_number
from tests.builders import CHEAP
from tests.builders import record_of
from tests.builders import trial_of


SPACE = {"x": FloatDistribution(0.0, 1.0)}
N_ENOUGH = DEFAULT.n_overtaking
NO_LEAST_AGE = replace(CHEAP, min_stale_age=0.0)


def in_rounds(n_workers: int, n_rounds: int) -> np.ndarray:
    """The times of workers that start together, one hour a trial, and end one after another."""
    numbers = np.arange(n_workers * n_rounds)
    starts = 3600.0 * (numbers // n_workers)
    return np.column_stack([numbers, starts, starts + 3599 + numbers % n_workers / n_workers])


def test_no_trial_is_stale_while_few_have_ended() -> None:
    assert first_live_number(np.empty((0, 3)), DEFAULT) == 0
    assert first_live_number(in_rounds(1, N_ENOUGH - 1), DEFAULT) == 0


def test_one_workers_trial_is_stale_after_the_limit() -> None:
    times = in_rounds(1, 100)
    assert first_live_number(times, DEFAULT) == 100 - N_ENOUGH
    assert first_live_number(times[N_ENOUGH - 1 :: -1], DEFAULT) == 0


@pytest.mark.parametrize("n_workers", [2, 8, 64])
def test_with_more_workers_more_trials_may_end_before(n_workers: int) -> None:
    n_overtaking = 40 * n_workers - first_live_number(in_rounds(n_workers, 40), DEFAULT)
    # When one ends, half of the other workers still run on average.
    assert n_overtaking == pytest.approx(N_ENOUGH * (1 + (n_workers - 1) / 2), rel=0.03)


def test_no_trial_younger_than_a_minute_is_stale() -> None:
    numbers = np.arange(1_000)
    starts = 0.1 * numbers  # within 100 seconds
    times = np.column_stack([numbers, starts, starts + 0.1])
    assert first_live_number(times, DEFAULT) == 400
    assert first_live_number(times[:590], DEFAULT) == 0
    assert first_live_number(times[:590], NO_LEAST_AGE) > 500


def test_the_number_of_workers_is_that_of_late() -> None:
    """Sixty-four workers that have left do not keep a trial alive for ever."""
    many, alone = in_rounds(64, 20), in_rounds(1, 1_000)
    alone[:, 0] += len(many)
    alone[:, 1:] += many[-1, 2]
    times = np.vstack([many, alone])
    assert first_live_number(times, DEFAULT) == len(times) - N_ENOUGH


def test_trials_that_were_added_have_no_duration() -> None:
    trials = [
        trial_of(i, {"x": 0.5}, SPACE, 0.0, start=3600.0 * i, end=3600.0 * i) for i in range(50)
    ]
    dead = trial_of(50 - N_ENOUGH - 1, {"x": 0.25}, SPACE, state=TrialState.RUNNING)
    alive = trial_of(50 - N_ENOUGH, {"x": 0.25}, SPACE, state=TrialState.RUNNING)
    for unfinished, n_pending in ((dead, 0), (alive, 1)):
        place = unfinished.number
        record = record_of([*trials[:place], unfinished, *trials[place + 1 :], trials[place]])
        assert len(record.history(-1).pending_points) == n_pending


def test_dead_workers_block_no_configuration() -> None:
    sampler = LaNASSampler.from_settings(NO_LEAST_AGE, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(grid, n_trials=1)
    for _ in range(10):  # the worker of every second trial dies
        grid(study.ask())
        study.optimize(grid, n_trials=1)
    study.optimize(grid, n_trials=69)
    complete = study.get_trials(states=[TrialState.COMPLETE])
    assert len(complete) == len({tuple(trial.params.values()) for trial in complete}) == 80


def test_dead_workers_are_pending_until_enough_trials_have_ended() -> None:
    sampler = LaNASSampler.from_settings(NO_LEAST_AGE, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(grid, n_trials=1)
    for _ in range(30):
        grid(study.ask())
    for n_more, n_pending in [(N_ENOUGH - 1, 30), (1, 0)]:
        study.optimize(grid, n_trials=n_more)
        record = record_of(study.trials, settings=NO_LEAST_AGE)
        assert len(record.history(100).pending_points) == n_pending


def grid(trial: optuna.Trial) -> float:
    """80 configurations, whose values are all different."""
    return trial.suggest_int("x", 0, 9) + 0.1 * trial.suggest_int("y", 0, 7)

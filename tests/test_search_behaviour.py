"""The search finds what is good sooner than chance, and leaves plateaus."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
import pytest

from optuna_lanas import LaNASSampler
from tests.studies import default
from tests.studies import mixed


def best_values(make: type[BaseSampler], n_trials: int, n_seeds: int) -> list[float]:
    studies = [optuna.create_study(sampler=make(seed=seed)) for seed in range(n_seeds)]  # type: ignore[call-arg]
    for study in studies:
        study.optimize(mixed, n_trials=n_trials)
    return [study.best_value for study in studies]


@pytest.mark.slow
def test_the_best_of_forty_trials_beats_the_best_of_a_hundred_random_ones() -> None:
    ours = best_values(LaNASSampler, n_trials=40, n_seeds=8)
    random = best_values(RandomSampler, n_trials=100, n_seeds=8)
    assert np.median(ours) < np.min(random)


@pytest.mark.parametrize("direction", [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
def test_the_direction_is_followed(direction: StudyDirection) -> None:
    study = optuna.create_study(sampler=default(), direction=direction)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    end = np.mean([trial.params["x"] for trial in study.trials[-10:]])
    assert end < 0.2 if direction == StudyDirection.MINIMIZE else end > 0.8


@pytest.mark.slow
def test_on_a_plateau_of_the_best_value_a_model_still_tells_what_is_worse() -> None:
    """Most observations have the best value then: nothing may make the others equal to them.

    Of random trials 47 % have at least two hits. Over 60 seeds the last fifteen trials of a
    search have 89 % with a standard deviation of 11 % from seed to seed.
    """

    def objective(trial: optuna.Trial) -> float:
        hits = sum(trial.suggest_categorical(name, range(4)) == 1 for name in "abcdef")
        return float(min(hits, 2)) if hits < 6 else 3.0

    shares = []
    for seed in range(8):
        study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=seed))
        study.enqueue_trial(dict.fromkeys("abcdef", 0))
        study.optimize(objective, n_trials=30)
        shares.append(np.mean([trial.values[0] >= 2.0 for trial in study.trials[-15:]]))
    assert np.mean(shares) > 0.75  # 3.6 standard errors below the mean

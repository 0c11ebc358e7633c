"""Spaces that depend on earlier values, or that change while the study runs."""

from __future__ import annotations

import random
import time
import warnings

import numpy as np
import optuna
from optuna.trial import Trial
import pytest

from optuna_lanas._study.published import published_params
from tests.strategies import contains
from tests.studies import default
from tests.studies import Make


def test_a_conditional_space_is_searched_in_many_of_its_branches(make: Make) -> None:
    def objective(trial: Trial) -> float:
        loss = 0.0
        for i in range(trial.suggest_int("n_layers", 1, 3)):
            loss += abs(trial.suggest_int(f"width_{i}", 8, 64) - 16 * (i + 1))
        if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "adam":
            return loss + trial.suggest_float("beta", 0.8, 0.999)
        return loss + trial.suggest_float("momentum", 0.0, 1.0)

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=12)
    assert len({frozenset(trial.params) for trial in study.trials}) >= 4


def test_a_parameter_of_some_trials_is_learned_from_them() -> None:
    def objective(trial: Trial) -> float:
        if trial.suggest_categorical("which", ["a", "b"]) == "a":
            return 1.0 + abs(trial.suggest_float("x", 0, 1) - 0.3)
        return abs(trial.suggest_float("y", 0, 1) - 0.7)

    study = optuna.create_study(sampler=default())
    study.optimize(objective, n_trials=40)
    late = study.trials[-15:]
    assert np.mean([trial.params["which"] == "b" for trial in late]) > 0.7
    assert np.median([abs(t.params.get("y", np.inf) - 0.7) for t in late]) < 0.1


@pytest.mark.filterwarnings("ignore:.*is not divisible by:UserWarning")
def test_values_lie_in_ranges_that_change_at_every_trial(make: Make) -> None:
    def objective(trial: Trial) -> float:
        n = trial.number
        x = trial.suggest_float("x", -n, 1.0 + n % 3)
        i = trial.suggest_int("i", n % 2, 10 + n % 2, step=2)
        return x + i + trial.suggest_float("f", 0.1 * (n % 3), 1.0, step=0.3)

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=10)
    for trial in study.trials:
        assert set(trial.params) == {"x", "i", "f"}
        assert all(contains(trial.distributions[n], value) for n, value in trial.params.items())


@pytest.mark.parametrize("width", [10.0, 1e-3])
def test_a_range_that_has_become_narrow_is_still_searched(width: float) -> None:
    study = optuna.create_study(sampler=default(n_startup_trials=10))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1e6), n_trials=1)
    study.optimize(lambda trial: abs(trial.suggest_float("x", 0, width) - width / 2), n_trials=20)
    drawn = [trial.params["x"] for trial in study.trials[1:]]
    assert len(set(drawn)) == 20
    assert study.best_value < 0.2 * width


def test_only_the_newest_range_is_asked_for() -> None:
    study = optuna.create_study(sampler=default())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for high in (1.0, 4.0, 2.0):
            for _ in range(4):
                trial = study.ask()
                study.tell(trial, trial.suggest_float("x", 0, high))
            space = study.sampler.infer_relative_search_space(study, study.trials[-1])
            assert space == {"x": optuna.distributions.FloatDistribution(0, high)}


@pytest.mark.parametrize("is_int", [False, True])
def test_further_values_outside_their_ranges_move_to_the_nearest_value(is_int: bool) -> None:
    def ask(trial: Trial, name: str, low: int, high: int) -> float:
        if is_int:
            return trial.suggest_int(name, low, high)
        return trial.suggest_float(name, low, high)

    study = optuna.create_study(sampler=default(n_startup_trials=3))
    study.optimize(lambda t: sum(ask(t, f"x{i}", 0, 1000) for i in range(5)), n_trials=10)
    trial = study.ask()
    ask(trial, "x0", 2000, 3000)
    proposed = published_params(study.trials[-1])
    assert ask(trial, "x1", 2000, 3000) == 2000
    assert ask(trial, "x2", 0, 1000) == proposed["x2"]
    assert ask(trial, "x3", -3000, -2000) == -2000


def test_the_nearest_value_is_not_that_of_a_known_trial() -> None:
    def ask(trial: Trial, low: int, high: int) -> tuple[int, ...]:
        return tuple(trial.suggest_int(f"x{i}", low, high) for i in range(2))

    study = optuna.create_study(sampler=default(n_startup_trials=3))
    study.optimize(lambda trial: sum(ask(trial, 0, 9)), n_trials=6)
    drawn: list[tuple[int, ...]] = []
    for _ in range(9):
        trial = study.ask()
        first, second = ask(trial, 10, 12)
        others = {other for known, other in drawn if known == first}
        assert second not in others or len(others) == 3
        drawn.append((first, second))
        study.tell(trial, first + second)
        trial = study.ask()
        study.tell(trial, sum(ask(trial, 0, 9)))


@pytest.mark.slow
def test_ranges_that_change_at_every_trial_cost_at_most_twice_what_others_cost() -> None:
    def cpu_time(seed: int, *, is_changing: bool) -> float:
        numbers = random.Random(seed)

        def objective(trial: Trial) -> float:
            ranges = [(numbers.uniform(0, 0.4), numbers.uniform(0.6, 1)) for _ in range(10)]
            ranges = ranges if is_changing else [(0.0, 1.0)] * 10
            return sum((trial.suggest_float(f"x{i}", *r) - 0.3) ** 2 for i, r in enumerate(ranges))

        study = optuna.create_study(sampler=default(seed=seed))
        before = time.process_time()
        study.optimize(objective, n_trials=60)
        return time.process_time() - before

    ordinary = sum(cpu_time(seed, is_changing=False) for seed in range(2))
    assert sum(cpu_time(seed, is_changing=True) for seed in range(2)) < 2.0 * ordinary

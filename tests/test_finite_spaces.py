"""No configuration is tried twice until all are, whether others have ended or still run."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import PartialFixedSampler
from optuna.trial import Trial
import pytest

from tests.studies import configurations
from tests.studies import default
from tests.studies import Make


@pytest.mark.parametrize("some_fail", [True, False])
def test_every_configuration_is_tried_once_before_any_is_repeated(
    make: Make, some_fail: bool
) -> None:
    def objective(trial: Trial) -> float:
        a = trial.suggest_categorical("a", [None, "x", 3])
        b = trial.suggest_int("b", 0, 6, step=3)
        c = trial.suggest_float("c", 0.0, 0.6, step=0.3)
        trial.suggest_float("constant", 1.0, 1.0)
        if some_fail and trial.number % 4 == 1:
            raise RuntimeError  # a failed configuration is not tried again either
        return b + c + (a == 3)

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=33, catch=RuntimeError)
    assert len(set(configurations(study)[:27])) == 27
    assert len(set(configurations(study))) == 27


def test_a_space_that_is_fixed_but_for_one_parameter_is_exhausted() -> None:
    sampler = PartialFixedSampler({f"p{i}": 0 for i in range(7)}, default())
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda t: sum(t.suggest_categorical(f"p{i}", range(7)) for i in range(8)), n_trials=10
    )
    assert len(set(configurations(study)[:7])) == 7


def test_pending_trials_are_not_repeated(make: Make) -> None:
    study = optuna.create_study(sampler=make())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 19), n_trials=4)
    space: dict[str, BaseDistribution] = {"x": IntDistribution(0, 19)}
    batch = [study.ask(space) for _ in range(16)]
    assert len({trial.params["x"] for trial in study.trials}) == 20
    for trial in batch:
        study.tell(trial, trial.params["x"])


@pytest.mark.parametrize("seed", range(4))
def test_pending_trials_of_a_conditional_space_are_not_repeated(seed: int) -> None:
    def ask(study: optuna.Study) -> optuna.Trial:
        trial = study.ask()
        names = {"a": "x", "b": "y"}
        trial.suggest_int(names[trial.suggest_categorical("kind", ["a", "b"])], 0, 4)
        return trial

    study = optuna.create_study(sampler=default(n_startup_trials=5, seed=seed))
    for _ in range(6):
        trial = ask(study)
        study.tell(trial, sum(v for v in trial.params.values() if isinstance(v, int)))
    batch: list[tuple[Any, ...]] = [tuple(ask(study).params.items()) for _ in range(4)]
    assert len(set(batch)) == len(batch)


def test_a_noisy_objective_may_have_its_repeats() -> None:
    study = optuna.create_study(sampler=default(avoid_duplicates=False))
    study.optimize(lambda trial: trial.suggest_int("x", 0, 49) % 7, n_trials=30)
    assert len(set(configurations(study))) < 30


@pytest.mark.parametrize(
    ("first", "then", "n_values"),
    [((8, 64, 8), (16, 64, 8), 7), ((1, 9, 2), (2, 10, 2), 5), ((1, 10, 1), (2, 10, 2), 5)],
)
def test_no_configuration_is_repeated_after_a_grid_has_changed(
    first: tuple[int, int, int], then: tuple[int, int, int], n_values: int
) -> None:
    def objective(trial: optuna.Trial) -> float:
        low, high, step = first if trial.number < 12 else then
        x = trial.suggest_int("x", low, high, step=step)
        return x + trial.suggest_int("y", 0, 5)

    study = optuna.create_study(sampler=default(n_startup_trials=10))
    study.optimize(objective, n_trials=12 + 3 * n_values)
    later = [tuple(trial.params.values()) for trial in study.trials[12:]]
    assert len(set(later)) == len(later)
    earlier = {tuple(trial.params.values()) for trial in study.trials[:12]}
    assert not earlier & set(later)

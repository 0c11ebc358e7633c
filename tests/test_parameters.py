"""Parameters of every kind, the extreme ones too, are drawn within their distributions."""

from __future__ import annotations

import logging
import math
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import Trial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from tests.strategies import contains
from tests.studies import configurations
from tests.studies import default
from tests.studies import Make
from tests.studies import mixed
from tests.studies import study_of


def test_no_configuration_of_mixed_parameters_is_repeated(
    make: Make, storage: BaseStorage
) -> None:
    study = study_of(make(), storage)
    study.optimize(mixed, n_trials=10)
    assert len(set(configurations(study))) == 10


def test_a_parameter_of_one_value_is_not_searched(make: Make) -> None:
    def objective(trial: Trial) -> float:
        fixed = trial.suggest_float("one", 1.0, 1.0) + trial.suggest_int("two", 2, 2)
        trial.suggest_categorical("only", ["this"])
        return fixed + trial.suggest_float("x", 0, 1)

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=6)
    assert set(study.sampler.infer_relative_search_space(study, study.trials[-1])) == {"x"}
    assert len({trial.params["x"] for trial in study.trials}) == 6


def test_a_study_without_parameters_may_get_some_later(make: Make) -> None:
    study = optuna.create_study(sampler=make())
    study.optimize(lambda trial: 1.0, n_trials=4)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert [len(trial.params) for trial in study.trials] == [0] * 4 + [1] * 5
    assert len({trial.params["x"] for trial in study.trials[4:]}) == 5


def test_each_of_equal_choices_is_drawn_once(make: Make, storage: BaseStorage) -> None:
    choices = [None, True, 1, 1.0, float("nan"), "1", 0]
    study = study_of(make(), storage)
    study.optimize(
        lambda trial: float(trial.suggest_categorical("c", choices) is None), n_trials=8
    )
    seen = {repr(trial.params["c"]) for trial in study.trials}
    assert seen == {"None", "True", "nan", "'1'", "0"}  # Optuna stores True for 1 and 1.0


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("has_others", [True, False])
def test_a_parameter_of_equal_choices_is_drawn_without_a_warning(
    make: Make, has_others: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1) if has_others else 0.0
        return x + trial.suggest_categorical("c", [True, 1])

    study = optuna.create_study(sampler=make())
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study.optimize(objective, n_trials=6)
    assert [trial.params["c"] for trial in study.trials] == [True] * 6
    assert not caplog.records


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(1e-300, 1e300, log=True),
        FloatDistribution(-1.7e308, 1.7e308),
        FloatDistribution(0.0, 1e-307),
        FloatDistribution(-0.3, 9.3, step=0.3),
        IntDistribution(-(2**62), 2**62),
        IntDistribution(1, 2**62, log=True),
        IntDistribution(-(2**61), 2**61, step=2**40),
        CategoricalDistribution(list(range(1000))),
    ],
)
def test_values_of_extreme_distributions_lie_in_them(
    make: Make, distribution: BaseDistribution
) -> None:
    study = optuna.create_study(sampler=make())
    for i in range(8):
        trial = study.ask({"x": distribution})
        assert contains(distribution, trial.params["x"])
        study.tell(trial, float(i))
    assert len({trial.params["x"] for trial in study.trials}) == 8


def test_a_log_range_over_600_orders_is_searched() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(
        lambda trial: abs(math.log10(trial.suggest_float("x", 1e-300, 1e300, log=True)) - 7),
        n_trials=30,
    )
    assert study.best_value < 30.0


@pytest.mark.slow
def test_a_model_proposes_a_thousand_parameters() -> None:
    study = optuna.create_study(sampler=default(n_startup_trials=5))
    study.optimize(
        lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(1000)), n_trials=8
    )
    assert [explain(study, number).found for number in range(6, 8)] == ["model"] * 2
    assert all(len(trial.params) == 1000 for trial in study.trials)


def test_a_sampler_that_only_draws_independently_learns_from_the_study() -> None:
    """As the independent sampler of another one, which asks for no relative search space."""

    class Independent(RandomSampler):
        def sample_independent(self, *arguments: Any) -> Any:
            return inner.sample_independent(*arguments)

    inner = LaNASSampler(seed=0, n_startup_trials=5)
    study = optuna.create_study(sampler=Independent())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 19), n_trials=15)
    assert len({trial.params["x"] for trial in study.trials[5:]}) == 10

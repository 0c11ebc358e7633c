"""The unit of the objective: a search does not depend on it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import cache
import math
import sys
from typing import Any
import warnings

import optuna
from optuna.study import StudyDirection
from optuna.trial import Trial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas import visualization
from optuna_lanas.visualization._thinning import reduced
from tests.studies import BOTH
from tests.studies import default
from tests.studies import FIGURES
from tests.studies import Make
from tests.studies import paper


N_TRIALS = 16
HUGE = sys.float_info.max
MIXTURES = {
    "huge": [1.7e308, -1.7e308, 1.0, 5e-324, 0.0],
    "greatest": [HUGE, -HUGE],
    "infinite": [math.inf, -math.inf, 1e-300, 2e-300],
    "denormal": [1e-320, 3e-320, 0.0],
    "penalty": [1e-20, HUGE, 2e-20, 3e-20],
}


def value(trial: Trial) -> float:
    """A multiple of 2^-20, so that sums and powers of two are exact."""
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    kind = trial.suggest_categorical("kind", "abc")
    return round(((x - 0.4) ** 2 + (y - 0.7) ** 2 + (kind == "a")) * 2**20) / 2**20


@cache
def of_values(make: Make) -> list[Any]:
    """What is suggested for the values as they are."""
    return suggested(make, value)


def suggested(make: Make, objective: Callable[[Trial], Any], **arguments: Any) -> list[Any]:
    study = optuna.create_study(sampler=make(), **arguments)
    study.optimize(objective, n_trials=N_TRIALS)
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("exponent", [-1000, -560, 5, 1000])
def test_a_power_of_two_changes_nothing(make: Make, exponent: int) -> None:
    scaled = suggested(make, lambda trial: math.ldexp(value(trial), exponent))
    assert scaled == of_values(make)


@pytest.mark.parametrize(("factor", "added"), [(1.0, 2.0**20), (-(2.0**-30), 0.0), (8.0, -3.0)])
def test_unit_sign_and_origin_change_nothing(factor: float, added: float) -> None:
    direction = "minimize" if factor > 0 else "maximize"
    moved = suggested(default, lambda t: factor * value(t) + added, direction=direction)
    assert moved == of_values(default)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e-300, 1e-170, 3.7, 1e160, 1e300])
def test_other_factors_change_next_to_nothing(factor: float) -> None:
    scaled = suggested(default, lambda trial: factor * value(trial))
    pairs = zip(scaled, of_values(default), strict=True)
    assert sum(left == right for left, right in pairs) > 0.8 * N_TRIALS


def test_units_of_several_objectives_and_of_what_is_pruned_or_infeasible() -> None:
    def objective(exponents: Sequence[int]) -> Callable[[Trial], Any]:
        def several(trial: Trial) -> tuple[float, float]:
            own, x = value(trial), trial.params["x"]
            trial.set_user_attr("violation", math.ldexp(round(x * 64) - 40.0, exponents[2]))
            return math.ldexp(own, exponents[0]), math.ldexp(-round(x * 64), exponents[1])

        return several

    def make() -> LaNASSampler:
        return default(constraints_func=lambda trial: [trial.user_attrs["violation"]])

    both = {"directions": ["minimize", "maximize"]}
    scaled = suggested(make, objective((-1000, 900, -800)), **both)
    assert scaled == suggested(make, objective((0, 0, 0)), **both)

    def pruned(exponent: int) -> Callable[[Trial], float]:
        def objective(trial: Trial) -> float:
            own = math.ldexp(value(trial), exponent)
            trial.report(own, 10**400 if trial.number % 2 else 1)
            if trial.number % 3 == 0:
                raise optuna.TrialPruned
            return own

        return objective

    assert suggested(default, pruned(-900)) == suggested(default, pruned(0))


@pytest.mark.parametrize("values", MIXTURES.values(), ids=MIXTURES)
@pytest.mark.parametrize("n_objectives", [1, 2])
def test_mixtures_of_huge_and_tiny_values_warn_of_nothing(
    make: Make, values: list[float], n_objectives: int
) -> None:
    def objective(trial: Trial) -> float | tuple[float, float]:
        own = values[trial.number % len(values)] * (1 - trial.suggest_float("x", 0, 1) / 2)
        other = -values[trial.number // 2 % len(values)] * trial.suggest_float("y", 0, 1)
        if math.isnan(other):
            other = 0.0
        return own if n_objectives == 1 else (own, other)

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        both = (StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)
        study = optuna.create_study(sampler=make(), directions=both[:n_objectives])
        study.optimize(objective, n_trials=N_TRIALS)
        assert str(explain(study, N_TRIALS - 1))
        view = partition(study)
        assert str(view)
        for plot in FIGURES if make is paper else ():  # figures see the values, not the sampler
            plot(view).to_json()


def test_a_published_mean_value_is_in_the_objectives_unit() -> None:
    study = optuna.create_study(sampler=BOTH[1](), direction="maximize")
    study.optimize(lambda trial: 1e200 * value(trial), n_trials=N_TRIALS)
    view = partition(study)
    assert view.search_tree.value[0] == pytest.approx(view.targets.mean())
    step = explain(study, N_TRIALS - 1).path[0]
    assert 1e199 < step.value < 1e201


def test_quantiles_of_huge_values_are_finite() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(
        lambda t: (1 - 2 * (t.number % 2)) * HUGE * t.suggest_float("x", 0, 1), n_trials=N_TRIALS
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        figure = visualization._leaf_values.draw_leaf_values(partition(study), reduced(0.05))
    assert all(math.isfinite(v) for trace in figure.data for v in trace.y)

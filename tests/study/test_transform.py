"""Params to points and back, for every distribution."""

from __future__ import annotations

from typing import Any

from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform
from optuna_lanas._study.transform import with_newest
from tests.builders import MIXED
from tests.builders import transform_of
from tests.strategies import Asked
from tests.strategies import asked
from tests.strategies import contains
from tests.strategies import distributions
from tests.strategies import rngs
from tests.strategies import spaces


Space = dict[str, BaseDistribution]
ONE_VALUE = {
    "int": IntDistribution(7, 7),
    "float": FloatDistribution(1.5, 1.5),
    "choice": CategoricalDistribution(["only"]),
    "equal choices": CategoricalDistribution([1, True, 1.0]),
}


def asked_points(
    transform: ParamTransform, asked_for: Space, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Points of a trial that asks for distributions."""
    free = np.full(len(transform.names), np.nan)
    feasible = FeasibleSet(transform.domain, transform.asked_axes(asked_for), free)
    return feasible.sample(n, rng)


@given(spaces(), rngs())
def test_sampled_points_are_params_of_their_distributions(
    space: Space, rng: np.random.Generator
) -> None:
    transform = transform_of(space)
    for point in transform.domain.sample(20, rng):
        params = transform.to_params(point)
        assert list(params) == sorted(space)
        for name, value in params.items():
            assert contains(space[name], value)
            assert not isinstance(value, np.generic)
            if isinstance(space[name], IntDistribution):
                assert type(value) is int
            if isinstance(space[name], FloatDistribution):
                assert type(value) is float


@given(spaces(), rngs())
def test_params_survive_the_round_trip(space: Space, rng: np.random.Generator) -> None:
    transform = transform_of(space)
    for point in transform.domain.sample(10, rng):
        params = transform.to_params(point)
        again = transform.to_params(transform.to_point(params))
        for name, distribution in space.items():
            if isinstance(distribution, CategoricalDistribution) or (
                isinstance(distribution, IntDistribution)
                and distribution.high - distribution.low < 10**6
                and not distribution.log
            ):
                assert repr(again[name]) == repr(params[name])
            else:
                scale = max(abs(distribution.low), abs(distribution.high))  # type: ignore[attr-defined]
                scale = abs(params[name]) if getattr(distribution, "log", False) else scale
                assert again[name] == pytest.approx(params[name], rel=1e-9, abs=1e-9 * scale)


@given(spaces(), rngs())
@example({"x": IntDistribution(-(2**52) + 1, -(2**52) + 4)}, np.random.default_rng(0))
def test_keys_are_equal_for_equal_params_only(space: Space, rng: np.random.Generator) -> None:
    transform = transform_of(space)
    points = transform.domain.sample(30, rng)
    again = np.array([transform.to_point(transform.to_params(point)) for point in points])
    keys, same_keys = transform.domain.keys(points), transform.domain.keys(again)
    params = [repr(transform.to_params(point)) for point in points]
    if np.prod(transform.domain.axes.n_values) < 1e9:
        assert keys == same_keys
        assert len(set(keys)) == len(set(params))


def test_a_log_range_over_300_orders_is_even_in_the_exponent() -> None:
    transform = transform_of({"x": FloatDistribution(1e-300, 1e300, log=True)})
    values = [transform.to_params(np.array([u]))["x"] for u in (0.0, 0.25, 0.5, 0.75, 1.0)]
    np.testing.assert_allclose(np.log10(values), [-300, -150, 0, 150, 300], atol=1e-9)


def test_huge_ints_keep_their_ends() -> None:
    low, high = -(2**62), 2**62
    transform = transform_of({"x": IntDistribution(low, high)})
    assert [transform.to_params(np.array([u]))["x"] for u in (0.0, 1.0)] == [low, high]


def test_optuna_tells_equal_choices_apart_by_their_place_alone() -> None:
    distribution = CategoricalDistribution([True, 1, None, 1.0, float("nan"), "1", 0, False])
    transform = transform_of({"c": distribution})
    assert transform.domain.axes.n_choices.tolist() == [5]
    points = [[float(i)] for i in range(5)]
    values = [transform.to_params(np.array(point))["c"] for point in points]
    assert [repr(value) for value in values] == ["True", "None", "nan", "'1'", "0"]
    for value, point in zip([1.0, None, float("nan"), "1", False], points, strict=True):
        assert transform.to_point({"c": value}).tolist() == point


def test_choices_that_cannot_be_hashed() -> None:
    with pytest.warns(UserWarning, match="Choices for a categorical"):
        distribution = CategoricalDistribution([[1], (1, [2]), {}, "x"])  # type: ignore[list-item]
    transform = transform_of({"c": distribution})
    for i, choice in enumerate(distribution.choices):
        assert transform.to_point({"c": choice}).tolist() == [i]
        assert transform.to_params(np.array([float(i)])) == {"c": choice}


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (CategoricalDistribution("abc"), "z"),
        (CategoricalDistribution("abc"), ["a"]),
        (FloatDistribution(1e-3, 1.0, log=True), -5.0),
        (FloatDistribution(0.0, 1.0), 2.0),
        (FloatDistribution(0.0, 1.0), "high"),
        (FloatDistribution(0.0, 1.0), 10**400),
        (FloatDistribution(0.0, 1.0), float("nan")),
        (IntDistribution(0, 5), -1),
        (IntDistribution(0, 5), None),
    ],
)
def test_a_value_outside_its_distribution_counts_as_not_given(
    distribution: BaseDistribution, value: Any
) -> None:
    point = transform_of({"x": distribution}).to_point({"x": value})
    np.testing.assert_array_equal(point, [np.nan])


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 30)), min_size=1, max_size=5))
def test_a_changed_range_keeps_its_values_apart(ranges: list[tuple[int, int]]) -> None:
    versions = [IntDistribution(low, low + width) for low, width in ranges]
    transform = make_transform({"x": versions}, kept=["x"])
    asked = range(versions[-1].low, versions[-1].high + 1)
    points = np.array([transform.to_point({"x": value}) for value in asked])
    assert [transform.to_params(point)["x"] for point in points] == list(asked)
    assert len(set(transform.domain.keys(points))) == len(asked)
    drawn = asked_points(transform, {"x": versions[-1]}, 50, np.random.default_rng(0))
    assert set(transform.domain.keys(drawn)) <= set(transform.domain.keys(points))


@pytest.mark.parametrize(
    ("versions", "step"),
    [
        ([IntDistribution(8, 64, step=8), IntDistribution(16, 64, step=8)], 8),
        ([IntDistribution(1, 9, step=2), IntDistribution(2, 10, step=2)], 1),
        ([IntDistribution(1, 10), IntDistribution(2, 10, step=4)], 1),
        ([IntDistribution(0, 12, step=4), IntDistribution(2, 8, step=6)], 2),
        ([FloatDistribution(0, 1, step=0.1), FloatDistribution(0.3, 2, step=0.1)], 0.1),
        ([FloatDistribution(0, 1, step=0.2), FloatDistribution(0.1, 2.1, step=0.2)], 0),
        ([FloatDistribution(0, 1, step=0.25), FloatDistribution(0, 1, step=0.5)], 0),
    ],
)
def test_a_changed_grid(versions: list[BaseDistribution], step: float) -> None:
    transform = make_transform({"x": versions})
    assert transform.domain.axes.step.tolist() == [step]
    points = asked_points(transform, {"x": versions[-1]}, 200, np.random.default_rng(0))
    params = [transform.to_params(point) for point in points]
    assert all(contains(versions[-1], p["x"]) for p in params)
    assert transform.domain.keys(points) == transform.domain.keys(transform.to_points(params))


@given(distributions(), rngs())
def test_columns_are_the_params_of_points(
    distribution: BaseDistribution, rng: np.random.Generator
) -> None:
    transform = transform_of({"x": distribution})
    points = transform.domain.sample(5, rng)
    columns = transform.columns(points)
    assert [repr(v) for v in columns["x"]] == [
        repr(transform.to_params(point)["x"]) for point in points
    ]
    np.testing.assert_allclose(transform.from_columns(columns), points, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_choices_that_are_sequences_stay_whole_in_columns() -> None:
    transform = transform_of({"x": CategoricalDistribution([(3, 3), (5, 5)])})  # type: ignore[list-item]
    columns = transform.columns(np.array([[1.0], [0.0], [1.0]]))
    assert columns["x"].tolist() == [(5, 5), (3, 3), (5, 5)]


@given(spaces(), rngs())
def test_many_params_at_once_are_the_points_of_each(
    space: Space, rng: np.random.Generator
) -> None:
    transform = transform_of(space)
    many = [transform.to_params(point) for point in transform.domain.sample(4, rng)]
    many += [{}, dict.fromkeys(space, "out of range")]
    each = np.array([transform.to_point(params) for params in many])
    np.testing.assert_array_equal(transform.to_points(many), each)


def test_params_of_few_of_very_many_names_are_the_points_of_each() -> None:
    space = {f"{name} {i}": d for i in range(20) for name, d in MIXED.items()}
    transform, rng = transform_of(space), np.random.default_rng(0)
    many = [transform.to_params(point) for point in transform.domain.sample(30, rng)]
    few = [dict([list(params.items())[place]]) for place, params in enumerate(many)]
    each = np.array([transform.to_point(params) for params in few])
    assert (np.isfinite(each).sum(axis=1) == 1).all()
    np.testing.assert_array_equal(transform.to_points([*few, {}])[:-1], each)


@given(asked(), rngs())
def test_feasible_points_are_params_that_the_trial_asks_for(
    trial: Asked, rng: np.random.Generator
) -> None:
    for point in trial.feasible.sample(20, rng):
        params = trial.transform.to_params(point, trial.distributions)
        for name, value in params.items():
            assert contains(trial.distributions[name], value)
            if name in trial.fixed and not isinstance(value, float):
                assert repr(value) == repr(trial.fixed[name])


def test_constants_are_no_dimensions() -> None:
    with_constants = make_transform({n: [d] for n, d in {**MIXED, **ONE_VALUE}.items()})
    assert with_constants.names == make_transform({n: [d] for n, d in MIXED.items()}).names
    alone = transform_of(MIXED).domain.sample(9, np.random.default_rng(0))
    many = [transform_of(MIXED).to_params(point) for point in alone]
    constants = {"int": 7, "float": 1.5, "choice": "only", "equal choices": 1}
    points = with_constants.to_points([{**params, **constants} for params in many])
    np.testing.assert_allclose(points, alone, atol=1e-9)


def test_constants_of_an_architecture_space_are_kept() -> None:
    versions: dict[str, list[BaseDistribution]] = {n: [d] for n, d in ONE_VALUE.items()}
    assert make_transform(versions, kept=["choice"]).names == ["choice"]
    assert make_transform(versions).names == []


def test_a_parameter_whose_single_value_changed_is_a_dimension() -> None:
    transform = make_transform({"x": [IntDistribution(3, 3), IntDistribution(7, 7)]})
    points = transform.to_points([{"x": 3}, {"x": 7}])
    assert len(set(transform.domain.keys(points))) == 2
    drawn = asked_points(transform, {"x": IntDistribution(7, 7)}, 9, np.random.default_rng(0))
    assert {transform.to_params(point)["x"] for point in drawn} == {7}


def test_the_newest_distribution_bounds_params() -> None:
    old, new = IntDistribution(0, 9), IntDistribution(0, 5)
    transform = make_transform({"x": [new, old]})
    assert transform.to_params(np.array([1.0])) == {"x": 9}
    newer = with_newest(transform, "x", new)
    assert newer.to_params(np.array([1.0])) == {"x": 5}
    assert with_newest(newer, "x", IntDistribution(0, 5)) is newer
    assert with_newest(newer, "unknown", new) is newer
    assert newer.domain is transform.domain


def test_features_are_named_after_values() -> None:
    transform = transform_of(
        {
            "kernel": CategoricalDistribution([3, None]),
            "n": IntDistribution(2, 6, step=2),
            "rate": FloatDistribution(1e-8, 1.0, log=True),
        }
    )
    names = [transform.feature_name(i) for i in range(transform.domain.n_plain_features)]
    assert names[:5] == ["kernel=3", "kernel=None", "n=2", "n=4", "n=6"]
    assert names[5:] == [f"rate≈{format_value(10.0**-i)}" for i in range(8, -1, -1)]

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

from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform
from tests.strategies import contains
from tests.strategies import distributions
from tests.strategies import rngs
from tests.strategies import spaces


Space = dict[str, BaseDistribution]


def encoding_of(space: Space) -> ParamTransform:
    return make_transform({name: [distribution] for name, distribution in space.items()})


@given(spaces(), rngs())
def test_sampled_points_are_params_of_their_distributions(
    space: Space, rng: np.random.Generator
) -> None:
    encoding = encoding_of(space)
    for point in encoding.domain.sample(20, rng):
        params = encoding.to_params(point)
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
    encoding = encoding_of(space)
    for point in encoding.domain.sample(10, rng):
        params = encoding.to_params(point)
        again = encoding.to_params(encoding.to_point(params))
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
def test_points_of_a_grid_are_their_own_snapped_points(
    space: Space, rng: np.random.Generator
) -> None:
    domain = encoding_of(space).domain
    points = domain.sample(20, rng)
    np.testing.assert_allclose(domain.snap(points)[:, ~domain.is_categorical],
                               points[:, ~domain.is_categorical], atol=1e-9)  # fmt: skip


@given(spaces(), rngs())
def test_an_encoding_has_weights_that_sum_to_one_for_each_parameter(
    space: Space, rng: np.random.Generator
) -> None:
    domain = encoding_of(space).domain
    encodings = domain.encode(domain.sample(20, rng))
    assert (encodings >= 0).all()
    sums = np.array([encodings[:, domain.column_param == p].sum(axis=1)
                     for p in range(domain.n_params)])  # fmt: skip
    np.testing.assert_allclose(sums, 1.0)


@given(spaces(), rngs())
def test_an_absent_parameter_has_an_encoding_of_zeros(
    space: Space, rng: np.random.Generator
) -> None:
    domain = encoding_of(space).domain
    points = domain.sample(5, rng)
    whole = domain.encode(points)
    points[:, 0] = np.nan
    expected = np.where(domain.column_param == 0, 0.0, whole)
    np.testing.assert_array_equal(domain.encode(points), expected)


@given(spaces(), rngs())
@example({"x": IntDistribution(-(2**52) + 1, -(2**52) + 4)}, np.random.default_rng(0))
def test_keys_are_equal_for_equal_params_only(space: Space, rng: np.random.Generator) -> None:
    encoding = encoding_of(space)
    points = encoding.domain.sample(30, rng)
    again = np.array([encoding.to_point(encoding.to_params(point)) for point in points])
    keys, same_keys = encoding.domain.keys(points), encoding.domain.keys(again)
    params = [repr(encoding.to_params(point)) for point in points]
    if encoding.domain.n_points < 1e9:
        assert keys == same_keys
        assert len(set(keys)) == len(set(params))


def test_a_log_range_over_300_orders_is_even_in_the_exponent() -> None:
    encoding = encoding_of({"x": FloatDistribution(1e-300, 1e300, log=True)})
    values = [encoding.to_params(np.array([u]))["x"] for u in (0.0, 0.25, 0.5, 0.75, 1.0)]
    np.testing.assert_allclose(np.log10(values), [-300, -150, 0, 150, 300], atol=1e-9)


def test_huge_ints_keep_their_ends() -> None:
    low, high = -(2**62), 2**62
    encoding = encoding_of({"x": IntDistribution(low, high)})
    assert [encoding.to_params(np.array([u]))["x"] for u in (0.0, 1.0)] == [low, high]


def test_optuna_tells_equal_choices_apart_by_their_place_alone() -> None:
    distribution = CategoricalDistribution([True, 1, None, 1.0, float("nan"), "1", 0, False])
    encoding = encoding_of({"c": distribution})
    assert encoding.domain.n_choices.tolist() == [5]
    points = [[float(i)] for i in range(5)]
    values = [encoding.to_params(np.array(point))["c"] for point in points]
    assert [repr(value) for value in values] == ["True", "None", "nan", "'1'", "0"]
    for value, point in zip([1.0, None, float("nan"), "1", False], points, strict=True):
        assert encoding.to_point({"c": value}).tolist() == point


def test_choices_that_cannot_be_hashed() -> None:
    with pytest.warns(UserWarning, match="Choices for a categorical"):
        distribution = CategoricalDistribution([[1], (1, [2]), {}, "x"])  # type: ignore[list-item]
    encoding = encoding_of({"c": distribution})
    for i, choice in enumerate(distribution.choices):
        assert encoding.to_point({"c": choice}).tolist() == [i]
        assert encoding.to_params(np.array([float(i)])) == {"c": choice}


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (CategoricalDistribution("abc"), "z"),
        (CategoricalDistribution("abc"), ["a"]),
        (FloatDistribution(1e-3, 1.0, log=True), -5.0),
        (FloatDistribution(0.0, 1.0), 2.0),
        (FloatDistribution(0.0, 1.0), "high"),
        (FloatDistribution(0.0, 1.0), float("nan")),
        (IntDistribution(0, 5), -1),
        (IntDistribution(0, 5), None),
    ],
)
def test_a_value_outside_its_distribution_counts_as_not_given(
    distribution: BaseDistribution, value: Any
) -> None:
    point = encoding_of({"x": distribution}).to_point({"x": value})
    np.testing.assert_array_equal(point, [np.nan])


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 30)), min_size=1, max_size=5))
def test_a_changed_range_keeps_its_values_apart(ranges: list[tuple[int, int]]) -> None:
    versions = [IntDistribution(low, low + width) for low, width in ranges]
    encoding = make_transform({"x": versions})
    asked = range(versions[-1].low, versions[-1].high + 1)
    points = np.array([encoding.to_point({"x": value}) for value in asked])
    assert [encoding.to_params(point)["x"] for point in points] == list(asked)
    assert len(set(encoding.domain.keys(points))) == len(asked)
    limits = encoding.limits({"x": versions[-1]}, np.array([np.nan]))
    np.testing.assert_allclose([limits.low, limits.high], [points[0], points[-1]])
    assert limits.on_grid is None


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
    encoding = make_transform({"x": versions})
    assert encoding.domain.step.tolist() == [step]
    limits = encoding.limits({"x": versions[-1]}, np.array([np.nan]))
    points = limits.sample(encoding.domain, 200, np.random.default_rng(0))
    params = [encoding.to_params(point) for point in points]
    assert all(contains(versions[-1], p["x"]) for p in params)
    assert encoding.domain.keys(points) == encoding.domain.keys(encoding.to_points(params))


@given(distributions(), rngs())
def test_columns_are_the_params_of_points(
    distribution: BaseDistribution, rng: np.random.Generator
) -> None:
    encoding = encoding_of({"x": distribution})
    points = encoding.domain.sample(5, rng)
    columns = encoding.columns(points)
    assert [repr(v) for v in columns["x"]] == [
        repr(encoding.to_params(point)["x"]) for point in points
    ]
    np.testing.assert_allclose(encoding.from_columns(columns), points, atol=1e-9)


def test_choices_that_are_sequences_stay_whole_in_columns() -> None:
    encoding = encoding_of({"x": CategoricalDistribution([(3, 3), (5, 5)])})  # type: ignore[list-item]
    columns = encoding.columns(np.array([[1.0], [0.0], [1.0]]))
    assert columns["x"].tolist() == [(5, 5), (3, 3), (5, 5)]


@given(spaces(), rngs())
def test_many_params_at_once_are_the_points_of_each(
    space: Space, rng: np.random.Generator
) -> None:
    encoding = encoding_of(space)
    many = [encoding.to_params(point) for point in encoding.domain.sample(4, rng)]
    many += [{}, dict.fromkeys(space, "out of range")]
    each = np.array([encoding.to_point(params) for params in many])
    np.testing.assert_array_equal(encoding.to_points(many), each)

"""Optuna's distributions as axes."""

from __future__ import annotations

import copy
from typing import Any
import warnings

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import distribution_to_json
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.distributions import json_to_distribution
import pytest

from optuna_lanas._study.distributions import axis_of
from optuna_lanas._study.distributions import choice_key
from optuna_lanas._study.distributions import distinct_choices
from optuna_lanas._study.distributions import is_constant
from optuna_lanas._study.distributions import make_axes
from optuna_lanas._study.distributions import merge_versions
from optuna_lanas._study.distributions import n_choices
from optuna_lanas._study.transform import is_alike
from tests.strategies import categoricals
from tests.strategies import distributions


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
        ([FloatDistribution(0, 1, step=0.25), FloatDistribution(0, 1)], 0),
    ],
)
def test_an_axis_holds_the_coarsest_common_grid(
    versions: list[FloatDistribution | IntDistribution], step: float
) -> None:
    for order in (versions, versions[::-1]):
        axes = make_axes([order])
        assert axes.step.tolist() == [step]
        low, high = min(d.low for d in versions), max(d.high for d in versions)
        assert low - (high - low) / 4 <= axes.low[0] <= low
        assert high <= axes.high[0] <= high + (high - low) / 4
        if step > 0:
            assert (axes.high[0] - low) / step == pytest.approx(round((axes.high[0] - low) / step))


def test_an_axis_is_logarithmic_if_all_its_distributions_are() -> None:
    log, plain = FloatDistribution(1e-3, 1.0, log=True), FloatDistribution(0.1, 2.0)
    assert make_axes([[log], [log, log], [log, plain], [plain]]).is_log.tolist() == [
        True, True, False, False
    ]  # fmt: skip


RANGES: list[list[BaseDistribution]] = [
    [FloatDistribution(0.0, 1.0 + 0.01 * i) for i in range(100)],
    [FloatDistribution(-1.0 - 0.01 * i, 1.0) for i in range(100)],
    [FloatDistribution(1e-5, 1e-2 * 1.05**i, log=True) for i in range(100)],
    [IntDistribution(0, 3 + i) for i in range(100)],
    [IntDistribution(0, 9 + 3 * i, step=3) for i in range(100)],
    [IntDistribution(1 + i % 7, 10 + i % 13) for i in range(100)],
    [IntDistribution(1, 4 + i, log=True) for i in range(100)],
    [FloatDistribution(0.0, 1.0 + 0.25 * i, step=0.25) for i in range(100)],
]


@pytest.mark.parametrize("ranges", RANGES, ids=range(len(RANGES)))
def test_a_range_that_changes_often_has_few_axes_and_is_merged_into_few(
    ranges: list[BaseDistribution],
) -> None:
    versions: list[BaseDistribution] = []
    axes = set()
    for place, distribution in enumerate(ranges):
        versions = merge_versions(versions, distribution, is_newest=True)
        assert versions[-1] == distribution
        assert len(versions) <= 4
        assert axis_of(versions) == axis_of(ranges[: place + 1])
        axes.add(axis_of(versions))
    assert len(axes) <= 25


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.data())
def test_merged_distributions_have_the_axis_of_all(places: list[int], data: st.DataObject) -> None:
    of = data.draw(st.sampled_from(RANGES))
    each = [of[place * 7] for place in places]
    merged: list[BaseDistribution] = []
    newest = each[0]
    for distribution in each:
        is_newest = data.draw(st.booleans()) or not merged
        newest = distribution if is_newest else newest
        merged = merge_versions(merged, distribution, is_newest=is_newest)
    assert merged[-1] == newest
    distinct = [d for i, d in enumerate(each) if d not in each[:i]]
    assert axis_of(merged) == axis_of(distinct)


def test_no_parameters_have_no_axes() -> None:
    assert len(make_axes([])) == 0
    assert make_axes([]).sample(3, np.random.default_rng(0)).shape == (3, 0)


@given(distributions())
def test_a_distribution_is_alike_its_copies(distribution: BaseDistribution) -> None:
    assert is_alike(distribution, copy.deepcopy(distribution))


@given(categoricals())
def test_choices_are_alike_once_they_were_stored(distribution: CategoricalDistribution) -> None:
    stored = json_to_distribution(distribution_to_json(distribution))
    assert is_alike(distribution, stored)


@given(distributions(), distributions())
def test_distributions_are_alike_where_optuna_says_so(
    left: BaseDistribution, right: BaseDistribution
) -> None:
    assert is_alike(left, right) == (left == right)


@given(categoricals())
def test_distinct_choices_are_those_that_optuna_tells_apart(
    distribution: CategoricalDistribution,
) -> None:
    places = [int(distribution.to_internal_repr(choice)) for choice in distribution.choices]
    expected = [distribution.choices[place] for place in dict.fromkeys(places)]
    assert list(map(repr, distinct_choices(distribution))) == list(map(repr, expected))
    assert n_choices(distribution) == len(expected)


@given(distributions())
def test_a_distribution_is_constant_where_it_holds_a_single_value(
    distribution: BaseDistribution,
) -> None:
    n_values = make_axes([[distribution]]).n_values[0]
    assert is_constant([distribution]) == (n_values == 1.0)
    assert is_constant([distribution] * 2) == (n_values == 1.0)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_single_value_that_changes_is_not_constant(first: int, second: int) -> None:
    versions = [IntDistribution(first, first), IntDistribution(second, second)]
    assert is_constant(versions) == (first == second)
    assert not is_constant([*versions, IntDistribution(first, first + 1)])


def test_a_grid_that_holds_one_point_of_its_range_is_constant() -> None:
    with pytest.warns(UserWarning, match="not divisible"):
        distribution = FloatDistribution(0.5, 0.9, step=1.0)
    assert is_constant([distribution])
    assert make_axes([[distribution]]).n_values.tolist() == [1.0]


NAN, OTHER_NAN = float("nan"), np.float64("nan")
EQUAL: list[tuple[Any, Any]] = [
    *((1, True), (1, 1.0), (NAN, OTHER_NAN), ([1], [1.0]), ({"a": [1]}, {"a": [True]})),
    *(
        ((1, 2), [1, 2]),
        ([(1,)], [[1]]),
        ({1}, {1.0}),
        ({1}, frozenset({1})),
        (([1], 2), ([1], 2)),
    ),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
]
DIFFERENT: list[tuple[Any, Any]] = [
    *((1, "1"), (None, False), ([1], "[1]"), ({}, []), ({1}, [1])),
    *(([[1]], [1]), ({"a": 1}, {"a": 2}), (([1],), ([2],)), (object(), object()), ([NAN], NAN)),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_choices_have_one_key(left: Any, right: Any) -> None:
    assert choice_key(left) == choice_key(right)
    assert hash(choice_key(left)) == hash(choice_key(right))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distribution = CategoricalDistribution([left, "x", right])
    first, second = distinct_choices(distribution)
    assert first is left
    assert second == "x"
    assert n_choices(distribution) == 2


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_choices_have_different_keys(left: Any, right: Any) -> None:
    assert choice_key(left) != choice_key(right)


def test_choices_nested_too_deeply_are_told_apart_by_identity() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert choice_key(deep) == choice_key(deep) != choice_key([deep])
    while deep:  # which the garbage collector would do by recursion
        deep = deep.pop()

"""Uniform draws from a region, against rejection and against counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Region
from optuna_lanas._core.uniform import draw_uniform
from optuna_lanas._core.uniform import sample_new
from tests.builders import architecture_transform
from tests.builders import domain_of
from tests.builders import empty_history
from tests.builders import everywhere
from tests.builders import feasible_of
from tests.builders import half_spaces
from tests.builders import history_of
from tests.builders import LEAST_P
from tests.builders import TwoLayers


N = 250
REJECTION = DEFAULT
# Neither rejection before the walk nor a list.
WALK = replace(DEFAULT, n_uniform_batches=0, n_uniform_batch=16, n_walk_steps=16, max_listed=0)
LIST = replace(DEFAULT, n_uniform_batches=0)
BOTH = pytest.mark.parametrize("settings", [REJECTION, WALK], ids=["rejection", "walk"])
ALL = pytest.mark.parametrize(
    "settings", [REJECTION, WALK, LIST], ids=["rejection", "walk", "list"]
)


def drawn(domain: Domain, region: Region, settings: Settings) -> np.ndarray:
    """`[N, n_params]` draws from a region; a walk starts at five points of it."""
    rng = np.random.default_rng(0)
    points = domain.sample(5000, rng)
    starts = points[region.contains(domain.features(points))][:5]
    feasible, history = feasible_of(domain), empty_history(domain)
    found = [
        draw_uniform(feasible, region, history, lambda: starts, settings, rng) for _ in range(N)
    ]
    return np.array([point for point in found if point is not None])


@BOTH
def test_a_continuous_region_is_drawn_uniformly(settings: Settings) -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0))
    region = half_spaces(domain, 2)
    points = drawn(domain, region, settings)
    assert len(points) == N
    assert region.contains(domain.features(points)).all()
    whole = domain.sample(20_000, np.random.default_rng(1))
    expected = whole[region.contains(domain.features(whole))]
    for direction in np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]):
        assert stats.ks_2samp(points @ direction, expected @ direction).pvalue > LEAST_P


@ALL
@pytest.mark.parametrize(
    "distributions",
    [
        [CategoricalDistribution("abc"), CategoricalDistribution("abcd")],
        [IntDistribution(0, 2), CategoricalDistribution("ab")],
        [IntDistribution(0, 5), IntDistribution(0, 3)],
    ],
    ids=["categorical", "mixed", "int"],
)
def test_a_finite_region_is_drawn_uniformly(
    distributions: list[BaseDistribution], settings: Settings
) -> None:
    domain = domain_of(*distributions)
    region = half_spaces(domain, 1)
    everything = feasible_of(domain).enumerate(100, np.random.default_rng(0))
    inside = domain.keys(everything[region.contains(domain.features(everything))])
    assert 1 < len(inside) < len(everything)
    keys = domain.keys(drawn(domain, region, settings))
    counts = [keys.count(key) for key in inside]
    assert sum(counts) == N
    assert stats.chisquare(counts).pvalue > LEAST_P


@pytest.mark.parametrize("settings", [REJECTION, LIST], ids=["rejection", "list"])
def test_every_new_point_of_a_region_is_equally_likely(settings: Settings) -> None:
    domain = domain_of(IntDistribution(0, 9), CategoricalDistribution("abc"))
    region = half_spaces(domain, 1)
    feasible = feasible_of(domain)
    rng = np.random.default_rng(0)
    everything = feasible.enumerate(30, rng)
    inside = everything[region.contains(domain.features(everything))]
    history = history_of(domain, inside[::2], np.zeros(len(inside[::2])))
    new = domain.keys(inside[1::2])
    found = [
        draw_uniform(feasible, region, history, lambda: inside, settings, rng) for _ in range(600)
    ]
    keys = domain.keys(np.array([point for point in found if point is not None]))
    counts = [keys.count(key) for key in new]
    assert sum(counts) == 600
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_nothing_is_drawn_exactly_when_all_points_of_a_region_are_known() -> None:
    domain = domain_of(IntDistribution(0, 9), CategoricalDistribution("abc"))
    region = half_spaces(domain, 2)
    feasible = feasible_of(domain)
    rng = np.random.default_rng(0)
    everything = feasible.enumerate(30, rng)
    inside = everything[region.contains(domain.features(everything))]
    assert 0 < len(inside) < 30
    for n_known in range(len(inside) + 1):
        history = history_of(domain, inside[:n_known], np.zeros(n_known))
        point = draw_uniform(feasible, region, history, lambda: inside, DEFAULT, rng)
        if n_known == len(inside):
            assert point is None
            continue
        assert point is not None
        assert domain.keys(point[None])[0] in domain.keys(inside[n_known:])


def test_pending_points_are_not_drawn() -> None:
    domain = domain_of(IntDistribution(0, 9))
    rng = np.random.default_rng(0)
    points = feasible_of(domain).enumerate(10, rng)
    history = history_of(domain, points[:5], np.zeros(5), pending=points[5:9])
    region = everywhere(domain.features(points).shape[1])
    point = draw_uniform(feasible_of(domain), region, history, lambda: points, DEFAULT, rng)
    assert point is not None
    assert point.tolist() == points[9].tolist()


def test_each_listed_architecture_is_as_likely_as_any_other() -> None:
    """The pairs {1, 2}, {1, 3} and {2, 3} have two points each; the equal widths are invalid."""
    transform = architecture_transform(TwoLayers(3))
    domain, rng = transform.domain, np.random.default_rng(0)
    known = transform.to_points([{"width_1": 2, "width_2": 3}])
    history = history_of(domain, known, np.zeros(1))
    region = everywhere(2)
    found = [
        draw_uniform(feasible_of(domain), region, history, lambda: known, LIST, rng)
        for _ in range(400)
    ]
    keys = domain.keys(np.array([point for point in found if point is not None]))
    counts = [keys.count(frozenset(pair)) for pair in ((1, 2), (1, 3))]
    assert sum(counts) == 400
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_nothing_is_drawn_where_a_walk_cannot_start() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0))
    nowhere = Region(np.zeros((1, 9)), np.ones(1), np.array([True]))
    rng, history = np.random.default_rng(0), empty_history(domain)
    starts = np.empty((0, 1))
    assert draw_uniform(feasible_of(domain), nowhere, history, lambda: starts, WALK, rng) is None


def test_start_up_draws_are_new_until_all_points_are_known() -> None:
    domain = domain_of(IntDistribution(0, 9), CategoricalDistribution("ab"))
    feasible, rng = feasible_of(domain), np.random.default_rng(0)
    points = np.empty((0, 2))
    for n in range(20):
        point = sample_new(history_of(domain, points, np.zeros(n)), feasible, DEFAULT, rng)
        points = np.vstack([points, point])
    assert len(set(domain.keys(points))) == 20
    again = sample_new(history_of(domain, points, np.zeros(20)), feasible, DEFAULT, rng)
    assert domain.keys(again[None])[0] in domain.keys(points)


def test_the_last_new_point_of_a_set_is_found_by_listing_it() -> None:
    domain = domain_of(IntDistribution(0, 9_999))
    feasible, rng = feasible_of(domain), np.random.default_rng(0)
    points = feasible.enumerate(10_000, rng)
    history = history_of(domain, points[:-1], np.zeros(9_999))
    settings = replace(DEFAULT, n_tries=1)
    assert sample_new(history, feasible, settings, rng).tolist() == points[-1].tolist()


def test_a_space_without_a_valid_architecture_is_an_error() -> None:
    domain = architecture_transform(TwoLayers(1)).domain
    fixed = feasible_of(domain)
    history = replace(empty_history(domain_of(IntDistribution(1, 1))), domain=domain)
    with pytest.raises(ValueError, match=r"`space\.key` must return a key for some params"):
        sample_new(history, fixed, replace(DEFAULT, n_tries=1), np.random.default_rng(0))

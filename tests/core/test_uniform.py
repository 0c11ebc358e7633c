"""Uniform draws from a region, against rejection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core import uniform
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits
from optuna_lanas._core.region import Region
from optuna_lanas._core.search_tree import partition
from optuna_lanas._core.settings import Config
from optuna_lanas._core.suggest import suggest
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas._core.uniform import draw_uniform
from optuna_lanas._study.transform import make_transform
from tests.core.test_tree import history_of


N = 250
LEAST_P = 1e-4


def half_spaces(domain: Domain, n_cuts: int) -> Region:
    """Cuts through the domain's middle."""
    rng = np.random.default_rng(5)
    encodings = domain.encode(domain.sample(500, rng))
    normals = rng.standard_normal((n_cuts, encodings.shape[1]))
    return Region(normals, encodings.mean(axis=0) @ normals.T, np.arange(n_cuts) % 2 == 0)


def use_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniform, "N_BATCHES", 0)  # no rejection before it
    monkeypatch.setattr(uniform, "N_DRAWS", 32)
    monkeypatch.setattr(uniform, "N_STEPS", 20)


def no_limits(domain: Domain) -> Limits:
    return Limits(*np.multiply.outer([np.nan, -np.inf, np.inf], np.ones(domain.n_params)))


def drawn(domain: Domain, region: Region) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = domain.sample(5000, rng)
    starts = points[region.contains(domain.encode(points))][:5]
    history = history_of(np.empty((0, 1)), np.empty(0))
    limits = no_limits(domain)
    found = [draw_uniform(domain, region, history, limits, lambda: starts, rng) for _ in range(N)]
    return np.array([point for point in found if point is not None])


@pytest.mark.parametrize("is_walk", [False, True], ids=["rejection", "walk"])
def test_a_continuous_region_is_drawn_evenly(
    is_walk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_walk:
        use_walk(monkeypatch)
    space = {name: [FloatDistribution(0.0, 1.0)] for name in "xy"}
    domain = make_transform(space).domain
    region = half_spaces(domain, 2)
    points = drawn(domain, region)
    assert len(points) == N
    assert region.contains(domain.encode(points)).all()
    everywhere = domain.sample(20_000, np.random.default_rng(1))
    expected = everywhere[region.contains(domain.encode(everywhere))]
    for direction in np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]):
        assert stats.ks_2samp(points @ direction, expected @ direction).pvalue > LEAST_P


@pytest.mark.parametrize("is_walk", [False, True], ids=["rejection", "walk"])
@pytest.mark.parametrize(
    "distributions",
    [
        [CategoricalDistribution("abc"), CategoricalDistribution("abcd")],
        [IntDistribution(0, 2), CategoricalDistribution("ab")],
        [IntDistribution(0, 5), IntDistribution(0, 3)],
    ],
    ids=["categorical", "mixed", "int"],
)
def test_a_finite_region_is_drawn_evenly(
    is_walk: bool, distributions: list[BaseDistribution], monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_walk:
        use_walk(monkeypatch)
    domain = make_transform({f"p{i}": [d] for i, d in enumerate(distributions)}).domain
    region = half_spaces(domain, 1)
    everything = no_limits(domain).enumerate(domain, 100, np.random.default_rng(0))
    assert len(everything) == domain.n_points
    inside = domain.keys(everything[region.contains(domain.encode(everything))])
    assert 1 < len(inside) < domain.n_points
    keys = domain.keys(drawn(domain, region))
    counts = [keys.count(key) for key in inside]
    assert sum(counts) == N
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_a_leaf_with_nothing_new_is_passed_over_for_the_next() -> None:
    domain = make_transform({"x": [IntDistribution(0, 31)]}).domain
    points = np.arange(10, 32)[:, None] / 31
    history = replace(
        history_of(domain.encode(points), points[:, 0]),
        points=points,
        keys=set(domain.keys(points)),
    )
    config = Config(exploration=0.0, max_depth=3, min_samples_leaf=1, is_uniform=True)
    grown = partition(history, config)
    for seed in range(5):
        found = suggest(history, domain, config, no_limits(domain), np.random.default_rng(seed))
        assert found.point < points.min()
        assert found.leaf == grown.tree.route(domain.encode(found.point[None]))[0]
        assert found.leaf != grown.select()


def test_a_closed_leaf_is_never_selected() -> None:
    rng = np.random.default_rng(0)
    encodings = rng.random((60, 4))
    grown = partition(history_of(encodings, encodings.sum(axis=1)), Config(max_depth=3))
    closed: list[int] = []
    while (leaf := grown.select(set(closed))) != NO_NODE:
        closed.append(leaf)
    assert closed[0] == grown.select()
    assert sorted(closed) == grown.tree.leaves.tolist()

"""Which parameters are active in a conditional space, learned from observations."""

from __future__ import annotations

import time

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from optuna_lanas._core.activity import fit_activity
from optuna_lanas._core.axes import Axes
from tests.builders import domain_of


MODEL, LAYERS, RATE = range(3)
AXES: Axes = domain_of(
    CategoricalDistribution(["svm", "net", "tree"]),
    IntDistribution(1, 5),
    FloatDistribution(0.0, 1.0),
).axes


def is_active(points: np.ndarray) -> np.ndarray:
    """A net has layers; a rate has whatever has at least three of them, and the tree."""
    is_net = points[:, MODEL] == 1.0
    is_deep = is_net & (points[:, LAYERS] >= 0.45)
    has_rate = is_deep | (points[:, MODEL] == 2.0)
    return np.column_stack([np.ones(len(points), dtype=bool), is_net, has_rate])


@pytest.mark.parametrize("n", [60, 300])
def test_a_nested_condition_is_learned(n: int) -> None:
    points = AXES.sample(n, np.random.default_rng(0))
    activity = fit_activity(np.where(is_active(points), points, np.nan), AXES)
    np.testing.assert_array_equal(activity(points), is_active(points))
    others = AXES.sample(500, np.random.default_rng(1))
    wrong = (activity(others) != is_active(others)).any(axis=1)
    assert wrong.mean() < 0.02


def test_only_patterns_that_were_seen_are_found() -> None:
    points = AXES.sample(100, np.random.default_rng(0))
    activity = fit_activity(np.where(is_active(points), points, np.nan), AXES)
    seen = {tuple(pattern) for pattern in is_active(points).tolist()}
    found = {tuple(p) for p in activity(AXES.sample(500, np.random.default_rng(1))).tolist()}
    assert found <= seen


def test_the_same_observations_give_the_same_activity() -> None:
    points = AXES.sample(50, np.random.default_rng(0))
    masked = np.where(is_active(points), points, np.nan)
    others = AXES.sample(200, np.random.default_rng(1))
    first, second = (fit_activity(masked, AXES)(others) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    together = fit_activity(masked, AXES)
    each = np.vstack([together(other[None]) for other in others])
    np.testing.assert_array_equal(each, first)


def test_a_single_pattern_is_active_everywhere() -> None:
    points = AXES.sample(20, np.random.default_rng(0))
    assert fit_activity(points, AXES)(AXES.sample(9, np.random.default_rng(1))).all()


def switched(n_switches: int, n: int, rng: np.random.Generator) -> tuple[Axes, np.ndarray]:
    """Points of switches that are followed each by a parameter of its own."""
    pair = [CategoricalDistribution([False, True]), FloatDistribution(0.0, 1.0)]
    axes = domain_of(*(pair * n_switches)).axes
    return axes, axes.sample(n, rng)


def switch(points: np.ndarray) -> np.ndarray:
    is_active = np.ones(points.shape, dtype=bool)
    is_active[:, 1::2] = points[:, ::2] == 1.0
    return is_active


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [30, 400])
def test_switches_are_learned_though_most_patterns_differ(n: int) -> None:
    rng = np.random.default_rng(0)
    axes, points = switched(8, n, rng)
    activity = fit_activity(np.where(switch(points), points, np.nan), axes)
    others = axes.sample(500, rng)
    wrong = (activity(others) != switch(others)).mean()
    assert wrong < (0.15 if n == 30 else 0.05)


@pytest.mark.filterwarnings("error")
def test_names_of_one_observation_each_leave_what_is_common_active() -> None:
    n = 60
    axes = domain_of(*[FloatDistribution(0.0, 1.0)] * (n + 1)).axes
    points = axes.sample(n, np.random.default_rng(0))
    is_active = np.column_stack([np.ones(n, dtype=bool), np.eye(n, dtype=bool)])
    found = fit_activity(np.where(is_active, points, np.nan), axes)(points)
    assert found[:, 0].all()
    assert (found[:, 1:].sum(axis=1) == 1).all()


@pytest.mark.slow
def test_the_cost_of_names_of_one_observation_each_is_not_cubic() -> None:
    times = []
    for n in (20, 200, 800):
        axes = domain_of(*[FloatDistribution(0.0, 1.0)] * n).axes
        points = np.where(np.eye(n, dtype=bool), axes.sample(n, np.random.default_rng(0)), np.nan)
        before = time.process_time()
        fit_activity(points, axes)
        times.append(time.process_time() - before)
    assert times[2] < 1.5 * 4**2 * times[1], times

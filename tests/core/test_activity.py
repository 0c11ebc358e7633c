"""Which parameters are active in a conditional space, learned from observations."""

from __future__ import annotations

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

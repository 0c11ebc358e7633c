"""Visits, values and bounds of a history's nodes, and the selection of a leaf."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from optuna_lanas._core.history import History
from optuna_lanas._core.search_tree import last_milestone
from optuna_lanas._core.search_tree import learn
from optuna_lanas._core.search_tree import n_learned_of
from optuna_lanas._core.search_tree import SearchTree
from optuna_lanas._core.search_tree import TreeCache
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import NO_NODE
from tests.builders import history_of_features
from tests.strategies import rngs


GOLDEN = replace(DEFAULT, exploration=0.1, max_depth=2, min_samples_leaf=2, ridge=1.0)
FIELDS = ("leaf", "y", "visits", "value", "ucb")


def golden_history(pending: np.ndarray | None = None) -> History:
    """Eight points on a line: the greater, the better, but for one."""
    line = np.array([[0.0], [0.125], [0.25], [0.375], [0.625], [0.75], [0.875], [1.0]])
    return history_of_features(line, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0]), pending)


def assert_equal(left: SearchTree, right: SearchTree) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    np.testing.assert_array_equal(left.tree.weights, right.tree.weights)
    np.testing.assert_array_equal(left.tree.children, right.tree.children)
    assert left.n_learned == right.n_learned


@given(rngs(), st.integers(1, 60))
def test_ranks_rise_with_the_values(rng: np.random.Generator, n: int) -> None:
    values = rng.choice([-1e100, -3.0, 0.0, 1e-12, 2.0, 1e100], size=n)
    ranks = learn(history_of_features(rng.random((n, 2)), values), DEFAULT).y
    assert ((ranks > 0) & (ranks < 1)).all()
    first, second = np.triu_indices(n)
    np.testing.assert_array_equal(
        np.sign(ranks[first] - ranks[second]), np.sign(values[first] - values[second])
    )


def test_without_ranks_the_tree_sees_the_values_of_at_most_1() -> None:
    history = golden_history()
    found = learn(history, PUBLISHED)
    assert found.unit == 8.0
    np.testing.assert_array_equal(found.y, history.values / 8.0)
    own = found.in_own_unit()
    np.testing.assert_array_equal(own.y, history.values)
    np.testing.assert_array_equal(own.value, 8.0 * found.value)
    accuracies = history_of_features(history.features, history.values / 10.0)
    np.testing.assert_array_equal(learn(accuracies, PUBLISHED).y, accuracies.values)


@pytest.mark.parametrize("settings", [DEFAULT, PUBLISHED], ids=["default", "published"])
@pytest.mark.parametrize("exponent", [-900, -3, 1, 1000])
def test_a_tree_is_the_same_in_every_unit(settings: Settings, exponent: int) -> None:
    history = golden_history()
    scaled = history_of_features(history.features, np.ldexp(history.values, exponent))
    assert_equal(learn(scaled, settings), learn(history, settings))


def test_a_value_far_above_those_that_were_learned_stays_finite() -> None:
    settings = replace(PUBLISHED, n_first=3, n_select=9)
    history = history_of_features(np.eye(4), np.array([1e-300, 2e-300, 3e-300, 1e308]))
    assert np.isfinite(learn(history, settings).value).all()


def test_golden_selection() -> None:
    grown = learn(golden_history(), GOLDEN)
    assert grown.visits.tolist() == [8, 4, 4, 2, 2, 2, 2]
    means = np.array([4.5, 6.5, 2.5, 7.5, 5.5, 3.5, 1.5]) / 9.0
    np.testing.assert_allclose(grown.value, means)
    # UCB(b) = v(b) + 2 c sqrt(2 ln n(a) / n(b))
    width = [2 * 0.1 * np.sqrt(2 * np.log(n) / m) for n, m in [(8, 4)] * 2 + [(4, 2)] * 4]
    np.testing.assert_allclose(grown.ucb, [np.inf, *(means[1:] + width)])
    assert grown.select() == 3


def test_pending_points_are_visits_without_a_value() -> None:
    grown = learn(golden_history(pending=np.full((6, 1), 0.9)), GOLDEN)
    assert grown.visits.tolist() == [14, 10, 4, 8, 2, 2, 2]
    np.testing.assert_allclose(grown.value, learn(golden_history(), GOLDEN).value)


def test_pending_points_turn_the_selection_to_another_leaf() -> None:
    settings = replace(GOLDEN, exploration=0.5)
    assert learn(golden_history(), settings).select() == 3
    assert learn(golden_history(pending=np.full((20, 1), 0.9)), settings).select() != 3


def test_no_exploration_follows_the_best_value() -> None:
    grown = learn(golden_history(), replace(GOLDEN, exploration=0.0))
    np.testing.assert_allclose(grown.ucb[1:], grown.value[1:])


def test_the_shared_depth_is_the_length_of_the_common_path() -> None:
    grown = learn(golden_history(), GOLDEN)
    assert grown.shared_depth(3).tolist() == [0, 0, 0, 0, 1, 1, 2, 2]


def test_a_closed_leaf_is_never_selected() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((60, 4))
    grown = learn(history_of_features(features, features.sum(axis=1)), GOLDEN)
    closed: list[int] = []
    while (leaf := grown.select(set(closed))) != NO_NODE:
        closed.append(leaf)
    assert closed[0] == grown.select()
    assert sorted(closed) == grown.tree.leaves.tolist()


@given(rngs())
def test_statistics_are_those_of_the_observations_in_each_region(rng: np.random.Generator) -> None:
    features, pending = rng.random((80, 3)), rng.random((7, 3))
    grown = learn(history_of_features(features, rng.random(80), pending), GOLDEN)
    for node in range(grown.tree.n_nodes):
        region = grown.tree.region(node)
        inside = region.contains(features)
        assert grown.visits[node] == inside.sum() + region.contains(pending).sum()
        assert grown.value[node] == pytest.approx(grown.y[inside].mean())


@pytest.mark.parametrize("growth", [0.0, 1.0, 1.02, 1.1, 1.5])
def test_milestones_grow_geometrically(growth: float) -> None:
    reached = sorted({last_milestone(n, growth) for n in range(1, 3000)})
    assert reached[0] == 1
    steps = [max(m + 1, int(m * growth)) for m in reached]
    assert reached[1:] == steps[:-1]
    assert all(last_milestone(m, growth) == m for m in reached)


def test_learning_phases_at_fixed_intervals() -> None:
    settings = replace(DEFAULT, n_select=10, n_first=25)
    assert [n_learned_of(n, settings) for n in (1, 24, 25, 34, 35, 44, 45)] == [
        1, 24, 25, 25, 35, 35, 45
    ]  # fmt: skip


@pytest.mark.parametrize("settings", [DEFAULT, replace(PUBLISHED, n_select=7, n_first=5)])
def test_a_cache_changes_nothing_along_a_history(settings: Settings) -> None:
    rng = np.random.default_rng(0)
    features, values = rng.random((120, 3)), rng.integers(20, size=120).astype(float)
    cache = TreeCache()
    for n in [1, 2, 30, 31, 31, 40, 90, 120]:
        history = history_of_features(features[:n], values[:n])
        assert_equal(learn(history, settings, cache), learn(history, settings))


def test_a_cache_sees_that_values_or_settings_are_others() -> None:
    rng = np.random.default_rng(0)
    features, values = rng.random((100, 3)), rng.random(100)
    cache = TreeCache()
    learn(history_of_features(features, values), DEFAULT, cache)
    changed = history_of_features(features, values[::-1].copy())
    assert_equal(learn(changed, DEFAULT, cache), learn(changed, DEFAULT))
    assert_equal(learn(changed, GOLDEN, cache), learn(changed, GOLDEN))
    shorter = history_of_features(features[:99], values[:99])
    assert_equal(learn(shorter, GOLDEN, cache), learn(shorter, GOLDEN))
    others = history_of_features(features[::-1][:99].copy(), values[:99])
    assert_equal(learn(others, GOLDEN, cache), learn(others, GOLDEN))


def test_new_observations_do_not_move_the_tree_between_learning_phases() -> None:
    rng = np.random.default_rng(0)
    features, values = rng.random((120, 3)), rng.random(120)
    n = last_milestone(119, DEFAULT.tree_growth)
    n_before_next = max(m for m in range(n, 125) if last_milestone(m, DEFAULT.tree_growth) == n)
    early = learn(history_of_features(features[:n], values[:n]), DEFAULT)
    late = learn(history_of_features(features[:n_before_next], values[:n_before_next]), DEFAULT)
    assert late.n_learned == n
    np.testing.assert_array_equal(early.tree.weights, late.tree.weights)
    np.testing.assert_array_equal(early.y, late.y[:n])

"""The tree of latent actions: closed form, the one predicate, a golden tree and its selection."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from optuna_lanas._core.history import History
from optuna_lanas._core.search_tree import partition
from optuna_lanas._core.settings import Config
from optuna_lanas._core.tree import fit_latent_action
from optuna_lanas._core.tree import grow
from optuna_lanas._core.tree import Tree
from tests.strategies import rngs


def history_of(encodings: np.ndarray, values: np.ndarray) -> History:
    return History(
        points=encodings,
        encodings=encodings,
        values=values,
        objectives=None,
        pending=encodings[:0],
        pending_points=encodings[:0],
        keys=frozenset(),
        pending_keys=frozenset(),
    )


@pytest.mark.parametrize(("n", "dim"), [(40, 5), (5, 40), (12, 12), (1, 3)])
@pytest.mark.parametrize("ridge", [1e-3, 1.0, 100.0])
def test_a_latent_action_is_scikit_learns_ridge(n: int, dim: int, ridge: float) -> None:
    rng = np.random.default_rng(0)
    encodings, values = rng.random((n, dim)), rng.random(n)
    weights, offset = fit_latent_action(encodings, values, ridge)
    model = Ridge(alpha=ridge).fit(encodings, values)
    np.testing.assert_allclose(weights, model.coef_, atol=1e-9)
    # The cut lies where the model predicts the mean of its samples.
    assert offset + model.intercept_ == pytest.approx(values.mean())


@given(
    rngs(),
    st.integers(1, 200),
    st.integers(1, 20),
    st.integers(0, 6),
    st.integers(1, 8),
    st.booleans(),
)
def test_a_leafs_region_holds_exactly_its_samples(
    rng: np.random.Generator, n: int, dim: int, max_depth: int, min_leaf: int, is_one_hot: bool
) -> None:
    encodings = rng.random((n, dim))
    if is_one_hot:
        encodings = np.eye(dim)[rng.integers(dim, size=n)]
    values = rng.integers(10, size=n) / 10.0  # with ties
    tree, leaf = grow(encodings, values, max_depth=max_depth, min_samples_leaf=min_leaf, ridge=1.0)
    np.testing.assert_array_equal(tree.route(encodings), leaf)
    assert set(leaf) == set(tree.leaves)
    for node in tree.leaves:
        np.testing.assert_array_equal(tree.region(node).contains(encodings), leaf == node)
        assert (leaf == node).sum() >= min(min_leaf, n)
        assert len(tree.path(node)) - 1 <= max_depth
    elsewhere = rng.random((100, dim))
    inside = np.array([tree.region(node).contains(elsewhere) for node in tree.leaves])
    assert (inside.sum(axis=0) == 1).all()


@given(rngs(), st.integers(1, 60))
def test_ranks_rise_with_the_values(rng: np.random.Generator, n: int) -> None:
    values = rng.choice([-1e100, -3.0, 0.0, 1e-12, 2.0, 1e100], size=n)
    ranks = partition(history_of(rng.random((n, 2)), values), Config(use_ranks=True)).values
    assert ((ranks > 0) & (ranks < 1)).all()
    first, second = np.triu_indices(n)
    np.testing.assert_array_equal(
        np.sign(ranks[first] - ranks[second]), np.sign(values[first] - values[second])
    )


def golden_history() -> History:
    """Eight points on a line: the greater, the better, but for one."""
    encodings = np.array([[0.0], [0.125], [0.25], [0.375], [0.625], [0.75], [0.875], [1.0]])
    return history_of(encodings, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0]))


GOLDEN = Config(exploration=0.1, max_depth=2, min_samples_leaf=2, ridge=1.0)


def test_golden_tree() -> None:
    tree = partition(golden_history(), GOLDEN).tree
    assert tree.parent.tolist() == [-1, 0, 0, 1, 1, 2, 2]
    assert tree.children.tolist() == [
        [1, 2], [3, 4], [5, 6], [-1, -1], [-1, -1], [-1, -1], [-1, -1]
    ]  # fmt: skip
    ranks = np.array([1, 2, 3, 4, 5, 6, 8, 7]) / 9.0
    x = golden_history().encodings[:, 0]
    slopes = [_slope(x[rows], ranks[rows]) for rows in (range(8), range(4, 8), range(4))]
    np.testing.assert_allclose(tree.normals[:3, 0], slopes)
    cuts = tree.offsets[:3] / tree.normals[:3, 0]
    np.testing.assert_allclose(cuts, [0.5, 0.8125, 0.1875])
    assert tree.route(golden_history().encodings).tolist() == [6, 6, 5, 5, 4, 4, 3, 3]


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred + GOLDEN.ridge))


def test_golden_selection() -> None:
    grown = partition(golden_history(), GOLDEN)
    assert grown.visits.tolist() == [8, 4, 4, 2, 2, 2, 2]
    means = np.array([4.5, 6.5, 2.5, 7.5, 5.5, 3.5, 1.5]) / 9.0
    np.testing.assert_allclose(grown.value, means)
    # UCB(b) = v(b) + 2 c sqrt(2 ln n(a) / n(b))
    width = [2 * 0.1 * np.sqrt(2 * np.log(n) / m) for n, m in [(8, 4)] * 2 + [(4, 2)] * 4]
    np.testing.assert_allclose(grown.ucb, [np.inf, *(means[1:] + width)])
    assert grown.select() == 3


def test_pending_samples_are_visits_without_a_value() -> None:
    waiting = np.full((6, 1), 0.9)
    history = replace(golden_history(), pending=waiting)
    grown = partition(history, GOLDEN)
    assert grown.visits.tolist() == [14, 10, 4, 8, 2, 2, 2]
    np.testing.assert_allclose(grown.value, partition(golden_history(), GOLDEN).means)


def test_pending_samples_turn_the_selection_to_another_leaf() -> None:
    config = replace(GOLDEN, exploration=0.5)
    history = golden_history()
    assert partition(history, config).select() == 3
    history = replace(history, pending=np.full((20, 1), 0.9))
    assert partition(history, config).select() != 3


def test_no_exploration_follows_the_best_mean() -> None:
    grown = partition(golden_history(), replace(GOLDEN, exploration=0.0))
    np.testing.assert_allclose(grown.ucb[1:], grown.value[1:])


def test_depth_shared_is_the_length_of_the_common_path() -> None:
    grown = partition(golden_history(), GOLDEN)
    assert grown.shared_depth(3).tolist() == [0, 0, 0, 0, 1, 1, 2, 2]


def test_equal_values_make_a_tree_that_still_holds_its_samples() -> None:
    encodings = np.random.default_rng(0).random((30, 3))
    tree, _ = grow(encodings, np.full(30, 0.5), max_depth=5, min_samples_leaf=3, ridge=1.0)
    assert isinstance(tree, Tree)
    assert np.isin(tree.route(encodings), tree.leaves).all()

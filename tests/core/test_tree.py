"""The tree of latent actions: closed form, the one predicate, a golden tree."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.tree import CHUNK
from optuna_lanas._core.tree import fit_latent_action
from optuna_lanas._core.tree import grow
from optuna_lanas._core.tree import on_good_side
from tests.strategies import rngs


SHAPES = pytest.mark.parametrize(("n", "dim"), [(40, 5), (5, 40), (12, 12), (1, 3)])
RIDGES = pytest.mark.parametrize("ridge", [1e-3, 1.0, 100.0])
LINE = np.array([[0.0], [0.125], [0.25], [0.375], [0.625], [0.75], [0.875], [1.0]])
GOLDEN = replace(DEFAULT, max_depth=2, min_samples_leaf=2, ridge=1.0)


@SHAPES
@RIDGES
def test_a_latent_action_is_scikit_learns_ridge(n: int, dim: int, ridge: float) -> None:
    rng = np.random.default_rng(0)
    features, y = rng.random((n, dim)), rng.random(n)
    weights, offset = fit_latent_action(features, y, ridge)
    model = Ridge(alpha=ridge).fit(features, y)
    np.testing.assert_allclose(weights, model.coef_, atol=1e-9)
    # The cut lies where the model predicts the mean of its observations.
    assert offset + model.intercept_ == pytest.approx(y.mean())


@SHAPES
@RIDGES
def test_a_latent_action_solves_the_normal_equations(n: int, dim: int, ridge: float) -> None:
    rng = np.random.default_rng(1)
    features, y = rng.random((n, dim)), rng.random(n)
    weights, offset = fit_latent_action(features, y, ridge)
    centred, residual = features - features.mean(axis=0), y - y.mean()
    normal = centred.T @ centred + ridge * np.eye(dim)
    np.testing.assert_allclose(normal @ weights, centred.T @ residual, atol=1e-9)
    assert offset == pytest.approx(features.mean(axis=0) @ weights)


def test_without_features_there_is_no_weight() -> None:
    weights, offset = fit_latent_action(np.empty((3, 0)), np.arange(3.0), 1.0)
    assert weights.shape == (0,)
    assert offset == 0.0


@given(
    rngs(),
    st.integers(1, 200),
    st.integers(1, 20),
    st.integers(0, 6),
    st.integers(1, 8),
    st.booleans(),
)
def test_a_leafs_region_holds_exactly_its_observations(
    rng: np.random.Generator, n: int, dim: int, max_depth: int, min_leaf: int, is_one_hot: bool
) -> None:
    features = rng.random((n, dim))
    if is_one_hot:
        features = np.eye(dim)[rng.integers(dim, size=n)]
    y = rng.integers(10, size=n) / 10.0  # with ties
    settings = replace(DEFAULT, max_depth=max_depth, min_samples_leaf=min_leaf)
    tree, leaf = grow(features, y, settings)
    np.testing.assert_array_equal(tree.route(features), leaf)
    assert set(leaf) == set(tree.leaves)
    for node in tree.leaves:
        np.testing.assert_array_equal(tree.region(node).contains(features), leaf == node)
        assert (leaf == node).sum() >= min(min_leaf, n)
        assert len(tree.path(node)) - 1 <= max_depth
    others = rng.random((100, dim))
    inside = np.array([tree.region(node).contains(others) for node in tree.leaves])
    assert (inside.sum(axis=0) == 1).all()


@given(rngs(), st.floats(-1e9, 1e9))
def test_equal_values_are_not_split(rng: np.random.Generator, value: float) -> None:
    tree, leaf = grow(rng.random((60, 4)), np.full(60, value), DEFAULT)
    assert tree.n_nodes == 1
    assert leaf.tolist() == [0] * 60


def test_the_part_of_a_tree_whose_values_are_equal_is_a_leaf() -> None:
    features = np.repeat([0.0, 1.0], 20)[:, None] + np.linspace(0.0, 0.1, 40)[:, None]
    y = np.where(features[:, 0] < 0.5, 0.0, features[:, 0])
    tree, leaf = grow(features, y, replace(DEFAULT, max_depth=5, min_samples_leaf=2))
    flat = set(leaf[:20])
    assert len(flat) == 1
    assert len(tree.path(flat.pop())) == 2


def test_the_side_of_a_point_does_not_depend_on_the_others() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.standard_normal((500, 37)), rng.standard_normal(37)
    for point in features[:50]:
        offset = float((point * weights).sum())  # a point on the cut itself
        assert on_good_side(point[None], weights, offset)[0]
        together = on_good_side(features, weights, offset)
        each = [on_good_side(other[None], weights, offset)[0] for other in features]
        np.testing.assert_array_equal(together, each)


def test_many_points_are_routed_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((2 * CHUNK + 7, 3))
    tree, leaf = grow(features, features.sum(axis=1), DEFAULT)
    np.testing.assert_array_equal(tree.route(features), leaf)
    assert [tree.route(features[[i]])[0] for i in range(0, len(leaf), 300)] == [
        leaf[i] for i in range(0, len(leaf), 300)
    ]


def test_an_invalid_architecture_lies_in_no_region() -> None:
    tree, _ = grow(LINE, LINE[:, 0], GOLDEN)
    for node in range(tree.n_nodes):
        assert not tree.region(node).contains(np.array([[np.nan]]))[0]


def test_a_latent_action_is_fitted_to_observations_equally_spaced_in_the_history() -> None:
    rng = np.random.default_rng(0)
    features, y = rng.random((100, 3)), rng.random(100)
    tree, _ = grow(features, y, replace(DEFAULT, max_fit_observations=30))
    weights, offset = fit_latent_action(features[::4], y[::4], DEFAULT.ridge)
    np.testing.assert_array_equal(tree.weights[0], weights)
    assert tree.offsets[0] == offset


def test_golden_tree() -> None:
    """Eight points on a line: the greater, the better, but for one."""
    y = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0]) / 9.0
    tree, leaf = grow(LINE, y, GOLDEN)
    assert tree.parent.tolist() == [-1, 0, 0, 1, 1, 2, 2]
    assert tree.children.tolist() == [
        [1, 2], [3, 4], [5, 6], [-1, -1], [-1, -1], [-1, -1], [-1, -1]
    ]  # fmt: skip
    x = LINE[:, 0]
    slopes = [_slope(x[part], y[part]) for part in (range(8), range(4, 8), range(4))]
    np.testing.assert_allclose(tree.weights[:3, 0], slopes)
    cuts = tree.offsets[:3] / tree.weights[:3, 0]
    np.testing.assert_allclose(cuts, [0.5, 0.8125, 0.1875])
    assert leaf.tolist() == [6, 6, 5, 5, 4, 4, 3, 3]
    assert tree.path(5) == [0, 2, 5]
    assert tree.name(5) == "5 (bad, good)"
    assert tree.name(0) == "0 (root)"


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred + GOLDEN.ridge))

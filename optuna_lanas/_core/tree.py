"""The tree of latent actions: linear models of the objective that split the domain.

Notation
    X    features, `[n, dim]`
    y    `[n]`, the greater the better (ranks in (0, 1) by default)
    w    a latent action's weights, `[dim]`: ridge regression of y on X
    b    its offset: the good side is where ``x w >= b``
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg.lapack import dposv

from optuna_lanas._core.settings import Settings


NO_NODE = -1
CHUNK = 1024  # features routed at once, which bounds the memory


@dataclass(frozen=True, eq=False)
class Region:
    """The polytope that the latent actions on a path cut out of the space of features.

    Attributes:
        weights: `[n_cuts, dim]`, those of each latent action on the path.
        offsets: `[n_cuts]`, likewise.
        is_good: `[n_cuts]` bools, on which side the region lies.
    """

    weights: np.ndarray
    offsets: np.ndarray
    is_good: np.ndarray

    def contains(self, features: np.ndarray) -> np.ndarray:
        """Return `[n]` bools for `[n, dim]` features; NaN lies in no region."""
        inside = np.ones(len(features), dtype=bool)
        if features.shape[1]:
            inside = ~np.isnan(features[:, 0])
        for weights, offset, is_good in zip(self.weights, self.offsets, self.is_good, strict=True):
            inside &= on_good_side(features, weights, offset) == is_good
        return inside


@dataclass(frozen=True, eq=False)
class Tree:
    """A binary tree as arrays over its `N` nodes, parents before children, node 0 the root.

    Attributes:
        parent: `[N]` ints, -1 for the root.
        children: `[N, 2]` ints, the good and the bad child, -1 for a leaf.
        weights: `[N, dim]`, a latent action's weights; zero for a leaf.
        offsets: `[N]`, its offset.
    """

    parent: np.ndarray
    children: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    @property
    def n_nodes(self) -> int:
        """The number of nodes, leaves included."""
        return len(self.parent)

    @property
    def leaves(self) -> np.ndarray:
        """`[n_leaves]` ints, in node order."""
        return np.flatnonzero(self.children[:, 0] == NO_NODE)

    def path(self, node: int) -> list[int]:
        """Return the nodes from the root to ``node``, both included."""
        nodes = [node]
        while self.parent[nodes[-1]] != NO_NODE:
            nodes.append(int(self.parent[nodes[-1]]))
        return nodes[::-1]

    def name(self, node: int) -> str:
        """Return a node's name: its number, and the sides that its path takes."""
        sides = [
            "good" if self.children[parent, 0] == child else "bad"
            for parent, child in pairwise(self.path(node))
        ]
        return f"{node} ({', '.join(sides)})" if sides else f"{node} (root)"

    def region(self, node: int) -> Region:
        """Return a node's region."""
        path = self.path(node)
        inner = path[:-1]
        is_good = self.children[inner, 0] == path[1:]
        return Region(self.weights[inner], self.offsets[inner], is_good)

    def route(self, features: np.ndarray) -> np.ndarray:
        """Return the leaf `[n]` of each of `[n, dim]` features."""
        leaf = np.zeros(len(features), dtype=np.intp)
        for first in range(0, len(features), CHUNK):
            here = slice(first, first + CHUNK)
            leaf[here] = self._descend(features[here])
        return leaf

    def _descend(self, features: np.ndarray) -> np.ndarray:
        node = np.zeros(len(features), dtype=np.intp)
        while True:
            inner = np.flatnonzero(self.children[node, 0] != NO_NODE)
            if len(inner) == 0:
                return node
            at = node[inner]
            good = on_good_side(features[inner], self.weights[at], self.offsets[at])
            node[inner] = self.children[at, np.where(good, 0, 1)]


def on_good_side(
    features: np.ndarray, weights: np.ndarray, offset: float | np.ndarray
) -> np.ndarray:
    """Return `[n]` bools: the one predicate that splits observations and bounds regions.

    The terms of each point are summed independently of the others: a point's side does not depend
    on the points that are asked with it.

    Args:
        features: `[n, dim]`.
        weights: `[dim]`, or `[n, dim]` for a latent action per point.
        offset: One number, or `[n]`.
    """
    good: np.ndarray = (features * weights).sum(axis=1) >= offset
    return good


def fit_latent_action(
    features: np.ndarray, y: np.ndarray, ridge: float
) -> tuple[np.ndarray, float]:
    """Fit a node's linear model in closed form, and cut where it predicts the node's mean.

    The minimum of ``|y - mean(y) - (X - mean(X)) w|^2 + ridge |w|^2``, in its primal or dual
    form, whichever is the smaller system.

    Points exactly on a cut are common among one-hot features, and rounding decides their side:
    another solver gives another search for the same seed.

    Args:
        features: `[n, dim]`.
        y: `[n]`.
        ridge: The penalty, greater than 0.

    Returns:
        The weights `[dim]`, and the offset at which the prediction is the mean.
    """
    mean = features.mean(axis=0)
    centred, residual = features - mean, y - y.mean()
    n, dim = centred.shape
    if n < dim:
        gram = centred @ centred.T
        gram[np.diag_indices(n)] += ridge
        weights = centred.T @ _solve(gram, residual)
    else:
        gram = centred.T @ centred
        gram[np.diag_indices(dim)] += ridge
        weights = _solve(gram, centred.T @ residual)
    return weights, float((mean * weights).sum())


def grow(features: np.ndarray, y: np.ndarray, settings: Settings) -> tuple[Tree, np.ndarray]:
    """Grow a tree from observations: the learning phase (LaNAS, section 3.1).

    A node is split by its latent action while it is less than `max_depth` cuts deep and both
    children keep at least `min_samples_leaf` observations. A latent action is fitted to at most
    `max_fit_observations` of them, equally spaced in the history.

    Args:
        features: `[n, dim]`.
        y: `[n]`.
        settings: The settings.

    Returns:
        The tree, and the leaf `[n]` of each observation, to which it is also routed.
    """
    parent, children, depth = [NO_NODE], [[NO_NODE, NO_NODE]], [0]
    members = [np.arange(len(y))]
    leaf = np.zeros(len(y), dtype=np.intp)
    weights, offsets = [np.zeros(features.shape[1])], [0.0]
    node = 0
    while node < len(parent):
        inside = members[node]
        members[node] = np.empty(0, dtype=np.intp)
        leaf[inside] = node
        is_deep = depth[node] == settings.max_depth
        split = None if is_deep else _split(features, y, inside, settings)
        if split is not None:
            weights[node], offsets[node], good = split
            children[node] = [len(parent), len(parent) + 1]
            for side in (good, ~good):
                parent.append(node)
                children.append([NO_NODE, NO_NODE])
                depth.append(depth[node] + 1)
                members.append(inside[side])
                weights.append(np.zeros(features.shape[1]))
                offsets.append(0.0)
        node += 1
    tree = Tree(np.array(parent), np.array(children), np.array(weights), np.array(offsets))
    return tree, leaf


def _split(
    features: np.ndarray, y: np.ndarray, inside: np.ndarray, settings: Settings
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Return a node's latent action and its observations' sides, None where it is not split.

    Equal values tell nothing of a good side, and a child must not be too small.

    Args:
        features: `[n, dim]`.
        y: `[n]`.
        inside: `[n_inside]` ints, the observations in the node's region.
        settings: The settings.
    """
    if len(inside) < 2 * settings.min_samples_leaf:
        return None
    own = y[inside]
    if (own == own[0]).all():
        return None
    fitted = inside[:: -(-len(inside) // settings.max_fit_observations)]
    weights, offset = fit_latent_action(features[fitted], y[fitted], settings.ridge)
    good = on_good_side(features[inside], weights, offset)
    if min(good.sum(), (~good).sum()) < settings.min_samples_leaf:
        return None
    return weights, offset, good


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a positive definite system by its Cholesky factor.

    A ridge below the rounding error leaves it singular; the shortest solution is taken then.
    """
    if len(gram) == 0:
        return right
    _, solution, error = dposv(gram, right, lower=True)
    return np.asarray(solution if error == 0 else np.linalg.lstsq(gram, right, rcond=None)[0])

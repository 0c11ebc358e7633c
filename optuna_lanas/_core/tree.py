"""The tree of latent actions, grown from a history.

Notation
    X    encodings `[n, dim]`
    y    values `[n]`, the greater the better (ranks in (0, 1) by default)
    w    a node's latent action: ridge weights `[dim]`
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optuna_lanas._core.region import on_good_side
from optuna_lanas._core.region import Region


NO_NODE = -1
MAX_FIT_SAMPLES = 4096
N_ROUTED = 1024


@dataclass(frozen=True, eq=False)
class Tree:
    """A binary tree as arrays over its `N` nodes, parents before children, node 0 the root.

    Attributes:
        parent: `[N]` ints, -1 for the root.
        children: `[N, 2]` ints, the good and the bad child, -1 for a leaf.
        normals: `[N, dim]`, the latent action's weights; zero for a leaf.
        offsets: `[N]`, the good side is where ``x @ normal >= offset``.
    """

    parent: np.ndarray
    children: np.ndarray
    normals: np.ndarray
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
        """Return a node's name: its number, and the sides on which its path runs."""
        sides = [
            "good" if self.children[parent, 0] == child else "bad"
            for parent, child in pairwise(self.path(node))
        ]
        return f"{node} ({', '.join(sides)})" if sides else f"{node} (root)"

    def region(self, node: int) -> Region:
        """Return the polytope of a node."""
        path = self.path(node)
        inner = path[:-1]
        is_good = self.children[inner, 0] == path[1:]
        return Region(self.normals[inner], self.offsets[inner], is_good)

    def route(self, encodings: np.ndarray) -> np.ndarray:
        """Return the leaf `[n]` of each of `[n, dim]` encodings."""
        node = np.zeros(len(encodings), dtype=np.intp)
        for first in range(0, len(encodings), N_ROUTED):
            here = slice(first, first + N_ROUTED)
            node[here] = self._descend(encodings[here])
        return node

    def _descend(self, encodings: np.ndarray) -> np.ndarray:
        node = np.zeros(len(encodings), dtype=np.intp)
        while True:
            inner = np.flatnonzero(self.children[node, 0] != NO_NODE)
            if len(inner) == 0:
                return node
            at = node[inner]
            good = on_good_side(encodings[inner], self.normals[at], self.offsets[at])
            node[inner] = self.children[at, np.where(good, 0, 1)]


def fit_latent_action(
    encodings: np.ndarray, values: np.ndarray, ridge: float
) -> tuple[np.ndarray, float]:
    """Fit a node's linear model in closed form and cut where it predicts the node's mean.

    The minimum of ``|y - mean(y) - (X - mean(X)) w|^2 + ridge |w|^2``, in its primal or dual
    form, whichever is the smaller system.

    Args:
        encodings: `[n, dim]`.
        values: `[n]`.
        ridge: The penalty, greater than 0.

    Returns:
        The weights `[dim]`, and the offset at which the prediction is the mean.
    """
    mean = encodings.mean(axis=0)
    centred, residual = encodings - mean, values - values.mean()
    n, dim = centred.shape
    if n < dim:
        gram = centred @ centred.T
        gram[np.diag_indices(n)] += ridge
        weights = centred.T @ np.linalg.solve(gram, residual)
    else:
        gram = centred.T @ centred
        gram[np.diag_indices(dim)] += ridge
        weights = np.linalg.solve(gram, centred.T @ residual)
    return weights, float((mean * weights).sum())


def grow(
    encodings: np.ndarray,
    values: np.ndarray,
    *,
    max_depth: int,
    min_samples_leaf: int,
    ridge: float,
) -> tuple[Tree, np.ndarray]:
    """Grow a tree from a history: the learning phase.

    A node is split by its latent action as long as it is less than ``max_depth`` cuts deep and
    both children keep at least ``min_samples_leaf`` samples. A model is fitted to at most
    ``MAX_FIT_SAMPLES`` of its node's samples, evenly spaced in the history.

    Args:
        encodings: `[n, dim]`.
        values: `[n]`.
        max_depth: Greatest number of cuts on a path, 0 for the root alone.
        min_samples_leaf: Least number of samples in a leaf.
        ridge: Penalty of the latent actions.

    Returns:
        The tree, and the leaf `[n]` of each sample, the one that it is routed to.
    """
    parent, children, depth = [NO_NODE], [[NO_NODE, NO_NODE]], [0]
    members = [np.arange(len(values))]
    leaf = np.zeros(len(values), dtype=np.intp)
    normals, offsets = [np.zeros(encodings.shape[1])], [0.0]
    node = 0
    while node < len(parent):
        samples = members[node]
        members[node] = np.empty(0, dtype=np.intp)
        leaf[samples] = node
        if depth[node] < max_depth and len(samples) >= 2 * min_samples_leaf:
            fitted = samples[:: -(-len(samples) // MAX_FIT_SAMPLES)]
            normal, offset = fit_latent_action(encodings[fitted], values[fitted], ridge)
            good = on_good_side(encodings[samples], normal, offset)
            if min(good.sum(), (~good).sum()) >= min_samples_leaf:
                normals[node], offsets[node] = normal, offset
                children[node] = [len(parent), len(parent) + 1]
                for side in (good, ~good):
                    parent.append(node)
                    children.append([NO_NODE, NO_NODE])
                    depth.append(depth[node] + 1)
                    members.append(samples[side])
                    normals.append(np.zeros(encodings.shape[1]))
                    offsets.append(0.0)
        node += 1
    tree = Tree(np.array(parent), np.array(children), np.array(normals), np.array(offsets))
    return tree, leaf

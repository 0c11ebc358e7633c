"""The learning phase: a tree grown from a history, and what its nodes hold.

Notation
    n(a), v(a)    visits and value of node a, recomputed from its samples
    UCB(b) = v(b) + 2 c sqrt(2 ln n(a) / n(b))  for a child b of a    (LaNAS, section 3.1)
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from optuna_lanas._core import tree as trees
from optuna_lanas._core.history import History
from optuna_lanas._core.settings import Config
from optuna_lanas._core.tree import Tree


@dataclass(frozen=True, eq=False)
class Partition:
    """A history's partition into regions.

    Attributes:
        tree: The tree, of `N` nodes.
        n_grown: The number of samples, first in the history, that the tree was grown from.
        leaf: `[n]` ints, the leaf of each sample.
        values: `[n]`, each sample's value as the tree sees it (its rank by default).
        visits: `[N]`, samples in a node's region, pending ones included.
        means: `[N]`, the mean value of a node's samples.
        bounds: `[N]`, upper confidence bounds; infinite for the root and for empty nodes.
    """

    tree: Tree
    n_grown: int
    leaf: np.ndarray
    values: np.ndarray
    visits: np.ndarray
    means: np.ndarray
    bounds: np.ndarray

    def select(self, closed: Set[int] = frozenset()) -> int:
        """Return the leaf that is reached by the greater UCB, the good child on a tie.

        Args:
            closed: Leaves that are not to be selected; -1 is returned where all are.
        """
        bounds = self._bounds_without(closed) if closed else self.bounds
        node = 0 if bounds[0] > -np.inf else trees.NO_NODE
        while self.tree.children[node, 0] != trees.NO_NODE:
            good, bad = self.tree.children[node]
            node = int(good if bounds[good] >= bounds[bad] else bad)
        return node

    def _bounds_without(self, closed: Set[int]) -> np.ndarray:
        """`[N]`: the bounds, -inf for closed leaves and for nodes that have no others."""
        bounds = self.bounds.copy()
        bounds[list(closed)] = -np.inf
        for node in range(self.tree.n_nodes - 1, -1, -1):
            good, bad = self.tree.children[node]
            if good != trees.NO_NODE and max(bounds[good], bounds[bad]) == -np.inf:
                bounds[node] = -np.inf
        return bounds

    def shared_depth(self, leaf: int) -> np.ndarray:
        """Return `[n]` ints: how far each sample's path runs along that of a leaf."""
        shared = np.full(self.tree.n_nodes, -1)
        shared[self.tree.path(leaf)] = np.arange(len(self.tree.path(leaf)))
        for node in range(1, self.tree.n_nodes):
            if shared[node] < 0:
                shared[node] = shared[self.tree.parent[node]]
        return np.asarray(shared[self.leaf])


class Memory:
    """What one call of `partition` leaves for the next. It saves time and changes no result."""

    def __init__(self) -> None:
        self.n_grown = 0
        self.tree: Tree | None = None
        self.ordered = np.empty(0)
        self.seen = np.empty(0)
        self.leaf = np.empty(0, dtype=np.intp)
        self.values = np.empty(0)

    def learn(self, history: History, config: Config) -> Tree:
        """Return the tree of a history, grown anew at milestones and where values have changed."""
        n_grown = config.n_grown(len(history))
        is_known = np.array_equal(self.seen, history.values[: len(self.seen)])
        if self.tree is None or self.n_grown != n_grown or not is_known:
            self.n_grown = n_grown
            self.ordered = np.sort(history.values[:n_grown])
            self.values = _tree_values(history.values[:n_grown], self.ordered, config)
            self.tree, self.leaf = trees.grow(
                history.encodings[:n_grown],
                self.values,
                max_depth=config.max_depth,
                min_samples_leaf=config.min_samples_leaf,
                ridge=config.ridge,
            )
            self.seen = history.values[:n_grown].copy()
        new = slice(len(self.seen), len(history))
        self.leaf = np.append(self.leaf, self.tree.route(history.encodings[new]))
        values = _tree_values(history.values[new], self.ordered, config)
        self.values = np.append(self.values, values)
        self.seen = np.append(self.seen, history.values[new])
        return self.tree


def partition(history: History, config: Config, memory: Memory | None = None) -> Partition:
    """Partition a history of at least one sample."""
    memory = memory or Memory()
    tree = memory.learn(history, config)
    visits, means = _node_statistics(tree, memory.leaf, memory.values)
    visits = visits + _counts(tree, tree.route(history.pending))
    bounds = _upper_confidence_bounds(tree, visits, means, config.exploration)
    return Partition(tree, memory.n_grown, memory.leaf, memory.values, visits, means, bounds)


def _tree_values(values: np.ndarray, ordered: np.ndarray, config: Config) -> np.ndarray:
    if not config.use_ranks:
        return values
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    ranks: np.ndarray = (below + up_to + 1) / (2.0 * (len(ordered) + 1))
    return ranks


def _counts(tree: Tree, leaf: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Sums over each node's samples, `[N]` (backpropagation)."""
    totals = np.bincount(leaf, weights=weights, minlength=tree.n_nodes).astype(float)
    for node in range(tree.n_nodes - 1, 0, -1):
        totals[tree.parent[node]] += totals[node]
    return totals


def _node_statistics(
    tree: Tree, leaf: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    visits = _counts(tree, leaf)
    return visits, _counts(tree, leaf, values) / np.maximum(visits, 1.0)


def _upper_confidence_bounds(
    tree: Tree, visits: np.ndarray, means: np.ndarray, exploration: float
) -> np.ndarray:
    parent_visits = visits[np.maximum(tree.parent, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        width = 2.0 * exploration * np.sqrt(2.0 * np.log(parent_visits) / visits)
    bounds = np.where(visits > 0, means + width, np.inf)
    bounds[0] = np.inf
    return bounds

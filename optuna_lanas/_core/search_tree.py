"""The search tree: a tree of latent actions, and the statistics of its nodes.

Notation
    n(a), v(a)    visits and value of node a, recomputed from its observations (backpropagation)
    UCB(b) = v(b) + 2 c sqrt(2 ln n(a) / n(b))  for a child b of a    (LaNAS, section 3.1)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import replace
from functools import cache

import numpy as np

from optuna_lanas._core import tree as trees
from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.history import History
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Tree


MAX_HISTORY = 2**40
MAX_Y = 1e100  # of a value that exceeds all values of the learning phase


@dataclass(frozen=True, eq=False)
class SearchTree:
    """A tree over a history of `n` observations, with the statistics of its `N` nodes.

    Attributes:
        tree: The tree.
        n_learned: The number of observations, from the first, that the tree was grown from.
        leaf: `[n]` ints, the leaf of each observation.
        y: `[n]`, each observation's value as the tree sees it: its rank by default, otherwise in
            the unit.
        visits: `[N]`, the observations and pending points in a node's region.
        value: `[N]`, the mean y of a node's observations.
        ucb: `[N]`, upper confidence bounds; infinite for the root and for nodes without visits.
        unit: What y, values and bounds are to be multiplied by for the objective's own unit.
    """

    tree: Tree
    n_learned: int
    leaf: np.ndarray
    y: np.ndarray
    visits: np.ndarray
    value: np.ndarray
    ucb: np.ndarray
    unit: float = 1.0

    def select(self, closed: Set[int] = frozenset()) -> int:
        """Return the leaf that the greater UCB leads to at every node, the good child on a tie.

        Args:
            closed: Leaves that must not be selected; -1 is returned if none is left.
        """
        ucb = self._ucb_without(closed) if closed else self.ucb
        node = 0 if ucb[0] > -np.inf else trees.NO_NODE
        while self.tree.children[node, 0] != trees.NO_NODE:
            good, bad = self.tree.children[node]
            node = int(good if ucb[good] >= ucb[bad] else bad)
        return node

    def shared_depth(self, leaf: int) -> np.ndarray:
        """Return `[n]` ints: the depth at which each observation's path leaves the leaf's."""
        depth_of = {node: depth for depth, node in enumerate(self.tree.path(leaf))}
        shared: list[int] = []
        for node, parent in enumerate(self.tree.parent.tolist()):
            depth = depth_of.get(node)
            shared.append(shared[parent] if depth is None else depth)
        return np.asarray(np.array(shared)[self.leaf])

    def in_own_unit(self) -> SearchTree:
        """Return the same tree with y, values and bounds in the objective's own unit."""
        if self.unit == 1.0:
            return self
        with np.errstate(over="ignore"):
            y, value, ucb = (self.unit * each for each in (self.y, self.value, self.ucb))
        return replace(self, y=y, value=value, ucb=ucb, unit=1.0)

    def _ucb_without(self, closed: Set[int]) -> np.ndarray:
        """`[N]`: -inf for closed leaves, and for nodes all of whose leaves are closed."""
        ucb = self.ucb.copy()
        ucb[list(closed)] = -np.inf
        for node in range(self.tree.n_nodes - 1, -1, -1):
            good, bad = self.tree.children[node]
            if good != trees.NO_NODE and max(ucb[good], ucb[bad]) == -np.inf:
                ucb[node] = -np.inf
        return ucb


class TreeCache:
    """The tree of the last call, and the leaves of the observations. It only saves time."""

    def __init__(self) -> None:
        self.tree: Tree | None = None
        self._n_learned = 0
        self._learned_values = np.empty(0)
        self._settings: Settings | None = None
        self._values = np.empty(0)
        self._features = np.empty((0, 0))
        self._leaf = np.empty(0, dtype=np.intp)
        self._y = np.empty(0)

    def learn(self, history: History, settings: Settings) -> tuple[Tree, np.ndarray, np.ndarray]:
        """Return the tree of a history, and each observation's leaf `[n]` and y `[n]`.

        It is rebuilt in each learning phase, and when settings, or y or features that it was
        grown from, have changed. With ranks as y, values may change if their order does not.
        """
        n_learned = n_learned_of(len(history.values), settings)
        is_same = self._n_learned == n_learned and self._settings == settings
        if self.tree is None or not is_same or self._n_known(history, settings) < n_learned:
            self._rebuild(history, n_learned, settings)
        self._append(history, settings)
        assert self.tree is not None, "it has just been built"
        return self.tree, self._leaf, self._y

    def _n_known(self, history: History, settings: Settings) -> int:
        """Keep the first observations that are those of the last call; return their number."""
        values, n = history.values, len(self._values)
        if not starts_with(values, self._values):
            n = min(len(values), n)
            learned = np.sort(values[: self._n_learned])
            y = _to_y(values[:n], learned, settings)
            n = _n_equal(y, self._y[:n])
            self._learned_values, self._values = learned, values[:n].copy()
        if not starts_with(history.features, self._features):
            if history.features.shape[1:] != self._features.shape[1:]:
                return 0
            n = min(n, len(history.features), len(self._features))
            n = _n_equal(history.features[:n], self._features[:n])
        self._values, self._leaf, self._y = self._values[:n], self._leaf[:n], self._y[:n]
        return n

    def _rebuild(self, history: History, n_learned: int, settings: Settings) -> None:
        values = history.values[:n_learned].copy()
        self._n_learned, self._settings = n_learned, settings
        self._values, self._learned_values = values, np.sort(values)
        self._y = _to_y(values, self._learned_values, settings)
        self.tree, self._leaf = trees.grow(history.features[:n_learned], self._y, settings)

    def _append(self, history: History, settings: Settings) -> None:
        self._features = history.features
        new = slice(len(self._values), len(history.values))
        if new.start == new.stop:
            return
        assert self.tree is not None, "it is built before"
        self._leaf = np.append(self._leaf, self.tree.route(history.features[new]))
        y = _to_y(history.values[new], self._learned_values, settings)
        self._y = np.append(self._y, y)
        self._values = np.append(self._values, history.values[new])


def _n_equal(left: np.ndarray, right: np.ndarray) -> int:
    """Return how many of the first entries of two arrays of equal length are equal."""
    is_equal = left == right
    if is_equal.ndim > 1:
        is_equal = is_equal.all(axis=1)
    return len(left) if is_equal.all() else int(np.argmin(is_equal))


def starts_with(longer: np.ndarray, shorter: np.ndarray) -> bool:
    """Return whether the first entries of a history's array are those of an earlier one.

    Two read-only views of the same memory are not compared entry by entry.
    """
    first = longer[: len(shorter)]
    is_same = (first.shape, first.strides) == (shorter.shape, shorter.strides)
    is_frozen = not (first.flags.writeable or shorter.flags.writeable)
    if is_same and is_frozen and first.ctypes.data == shorter.ctypes.data:
        return True
    if first.shape != shorter.shape:
        return False
    is_equal = (first == shorter) | ((first != first) & (shorter != shorter))  # not array_equal,
    return bool(is_equal.all())  # which swallows what a signal handler raises


def learn(history: History, settings: Settings, cache: TreeCache | None = None) -> SearchTree:
    """Return the search tree of a history of at least one observation."""
    tree, leaf, y = (cache or TreeCache()).learn(history, settings)
    n_observed, total = _summed(tree, leaf), _summed(tree, leaf, y)
    value, visits = total / np.maximum(n_observed, 1.0), n_observed
    if len(history.pending_features):
        visits = visits + _summed(tree, tree.route(history.pending_features))
    ucb = _upper_confidence_bounds(tree, visits, value, settings.exploration)
    n_learned = n_learned_of(len(y), settings)
    unit = 1.0 if settings.use_ranks else 2.0 ** exponent_of(history.values[:n_learned])
    return SearchTree(tree, n_learned, leaf, y, visits, value, ucb, unit)


def n_learned_of(n: int, settings: Settings) -> int:
    """Return how many of `n` observations the tree is grown from."""
    if settings.n_select == 0:
        return last_milestone(n, settings.tree_growth)
    n_first = max(settings.n_first, 1)
    if n <= n_first:
        return n
    return n_first + (n - n_first) // settings.n_select * settings.n_select


def last_milestone(n: int, growth: float) -> int:
    """Return the last of the milestones 1, .., m -> max(m + 1, growth m), .. up to ``n``."""
    if growth <= 1.0:
        return n
    milestones = _milestones(growth)
    return milestones[bisect_right(milestones, n) - 1]


@cache
def _milestones(growth: float) -> tuple[int, ...]:
    """All milestones that a history may reach."""
    milestones = [1]
    while milestones[-1] < MAX_HISTORY:
        milestones.append(max(milestones[-1] + 1, int(milestones[-1] * growth)))
    return tuple(milestones)


def _to_y(values: np.ndarray, learned: np.ndarray, settings: Settings) -> np.ndarray:
    """`[n]`: mean ranks in (0, 1) among the sorted values of the learning phase.

    Otherwise the values, divided by the power of two that brings those of the learning phase to
    at most 1 in absolute value.
    """
    if not settings.use_ranks:
        with np.errstate(over="ignore"):
            scaled = np.ldexp(values, -exponent_of(learned))
        return np.asarray(np.clip(scaled, -MAX_Y, MAX_Y))
    below = np.searchsorted(learned, values, side="left")
    up_to = np.searchsorted(learned, values, side="right")
    ranks: np.ndarray = (below + up_to + 1) / (2.0 * (len(learned) + 1))
    return ranks


def _summed(tree: Tree, leaf: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """`[N]`: sums over the points in each node's region, counts by default."""
    totals = np.bincount(leaf, weights=weights, minlength=tree.n_nodes).tolist()
    parent = tree.parent.tolist()
    for node in range(tree.n_nodes - 1, 0, -1):
        totals[parent[node]] += totals[node]
    return np.array(totals, dtype=float)


def _upper_confidence_bounds(
    tree: Tree, visits: np.ndarray, value: np.ndarray, exploration: float
) -> np.ndarray:
    parent_visits = visits[np.maximum(tree.parent, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        width = 2.0 * exploration * np.sqrt(2.0 * np.log(parent_visits) / visits)
    ucb = np.where(visits > 0, value + width, np.inf)
    ucb[0] = np.inf
    return ucb

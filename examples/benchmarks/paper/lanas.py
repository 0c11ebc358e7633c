"""The published LaNAS over the whole table: the sampler's own tree, draws from a list of cells.

From the same history `LaNASSampler.paper(space=NASBench101Space())` selects the same leaf
(tests/examples/benchmarks/test_paper.py). Both draw from the new cells of that leaf. The sampler
finds them by rejection or by a random walk, and keeps a study's record. Here they are listed,
which is a hundred times faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
import math
from typing import Literal

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.leaf import LeafDraws
from examples.benchmarks.paper.outcome import Ledger
from examples.benchmarks.paper.outcome import Outcome
from optuna_lanas._core.axes import Axes
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import NO_KEYS
from optuna_lanas._core.history import History
from optuna_lanas._core.search_tree import learn
from optuna_lanas._core.search_tree import SearchTree
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_INTERIOR


N_MATRIX = len(EDGES)
NO_PARAMS = Domain(Axes(*np.empty((5, 0))))


@dataclass(frozen=True)
class Published:
    """The published settings, and what the diagnostic runs change of them.

    Attributes:
        height: Height of the tree; the root alone has height 1.
        n_select: Cells between two learning phases, and before the first.
        exploration: c of the UCB formula.
        ridge: Penalty of the least squares.
        use_ranks: Whether nodes see ranks instead of accuracies.
        draws_cells: Whether the draw from a leaf is uniform over its cells, else over its
            encodings.
        sees: What the latent actions see of a cell. "counts" are those of
            `NASBench101Space.encode`. "ordinal" is the matrix with operations as numbers,
            "one-hot" has them one-hot, "paths" has the operation paths besides.
    """

    height: int = 5
    n_select: int = 100
    exploration: float = 0.5
    ridge: float = 1e-6
    use_ranks: bool = False
    draws_cells: bool = True
    sees: Literal["counts", "ordinal", "one-hot", "paths"] = "counts"


def run(cells: Cells, seed: int, settings: Published, most: int) -> Outcome:
    """Return how a run ended: at the best cell, or after `most` evaluations."""
    ledger = Ledger(cells, most)
    rows = np.empty(len(cells), dtype=np.int64)
    for n, row in enumerate(propose(cells, seed, settings, ledger.seen, rows)):
        rows[n] = row
        ledger.accuracy(row)
        if ledger.is_over:
            break
    return ledger.outcome()


def propose(
    cells: Cells, seed: int, settings: Published, seen: np.ndarray, rows: np.ndarray
) -> Iterator[int]:
    """Yield the row of each trial's cell, until every cell was evaluated.

    Args:
        cells: The table.
        seed: Seed of all draws.
        settings: The settings.
        seen: `[n]` bools, the evaluated cells; the caller keeps it up to date.
        rows: `[n]`, the rows of the evaluated cells in order; the caller keeps it up to date.
    """
    rng = np.random.default_rng(seed)
    features = visible(cells, settings)
    weights = np.ones(len(cells)) if settings.draws_cells else cells.n_encodings
    draws = LeafDraws(features, weights, seen, rng)
    for _ in range(settings.n_select):
        yield draws.anywhere()
    n = settings.n_select
    while n < len(cells):
        history = history_of(features[rows[:n]].astype(float), cells.accuracies[rows[:n]])
        search_tree = learn(history, core_settings(settings))
        walk = Walk(search_tree, settings.exploration)
        draws.begin(search_tree.tree)
        for _ in range(min(settings.n_select, len(cells) - n)):
            row = None
            while row is None:
                leaf = walk.select()
                row = draws.inside(leaf)
                if row is None:
                    walk.close(leaf)
            yield row
            walk.visit(leaf, float(cells.accuracies[row]))
            n += 1


class Walk:
    """A search phase: nodes' visits and values change, the tree does not.

    A leaf is closed once all its cells were evaluated.
    """

    def __init__(self, search_tree: SearchTree, exploration: float) -> None:
        self._tree = search_tree.tree
        self._children: list[list[int]] = search_tree.tree.children.tolist()
        self._visits: list[float] = search_tree.visits.tolist()
        self._totals: list[float] = (search_tree.visits * search_tree.value).tolist()
        self._is_open = [True] * search_tree.tree.n_nodes
        self._scale = 2.0 * exploration

    def select(self) -> int:
        """Return the leaf that the greater UCB leads to at every node."""
        node = 0
        while self._children[node][0] != NO_NODE:
            good, bad = self._children[node]
            takes_good = self._bound(good, node) >= self._bound(bad, node)
            node = good if takes_good else bad
        return node

    def visit(self, leaf: int, value: float) -> None:
        """Backpropagate a value from a leaf to the root."""
        for node in self._tree.path(leaf):
            self._visits[node] += 1
            self._totals[node] += value

    def close(self, leaf: int) -> None:
        """Close a leaf, and the nodes above it that have no open leaf left."""
        self._is_open[leaf] = False
        for node in self._tree.path(leaf)[-2::-1]:
            self._is_open[node] = any(self._is_open[child] for child in self._children[node])

    def _bound(self, node: int, parent: int) -> float:
        if not self._is_open[node]:
            return -math.inf
        n = self._visits[node]
        width = self._scale * math.sqrt(2.0 * math.log(self._visits[parent]) / n)
        return self._totals[node] / n + width


def core_settings(settings: Published) -> Settings:
    """Return the settings of the core, which are those of `LaNASSampler.paper`."""
    return replace(
        PUBLISHED,
        n_startup_trials=settings.n_select,
        exploration=settings.exploration,
        max_depth=settings.height - 1,
        ridge=settings.ridge,
        use_ranks=settings.use_ranks,
        n_select=settings.n_select,
        n_first=settings.n_select,
    )


def history_of(features: np.ndarray, accuracies: np.ndarray) -> History:
    """Return a history with what a tree is grown from: features and values.

    Args:
        features: `[n, dim]`.
        accuracies: `[n]`.
    """
    return History(
        domain=NO_PARAMS,
        points=np.empty((len(features), 0)),
        features=features,
        values=accuracies,
        objectives=None,
        pending_points=np.empty((0, 0)),
        pending_features=features[:0],
        keys=NO_KEYS,
        pending_keys=frozenset(),
    )


def visible(cells: Cells, settings: Published) -> np.ndarray:
    """Return the features of all cells, `[n, dim]`."""
    if settings.sees == "counts":
        return cells.encodings
    if settings.sees == "paths":
        return cells.matrices
    if settings.sees == "one-hot":
        return cells.one_hot
    one_hot = cells.one_hot[:, N_MATRIX:].reshape(-1, N_INTERIOR, 3)
    numbers = one_hot @ np.arange(1, 4, dtype=np.uint8)  # 0 for a missing vertex
    return np.hstack([cells.matrices[:, :N_MATRIX], numbers])

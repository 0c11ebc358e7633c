"""The published LaNAS over the whole table: the sampler's own tree, draws from a list of cells.

`LaNASSampler.paper(space=NASBench101Space())` walks to the same leaf from the same history
(tests/examples/benchmarks/test_paper.py). Like this, it draws from the new cells of the leaf,
but it finds them by rejection, a random walk where that fails, and keeps a study's records, which
is a hundred times slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import Literal

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.leaf import LeafDraws
from examples.benchmarks.paper.outcome import Ledger
from examples.benchmarks.paper.outcome import Outcome
from optuna_lanas._core.history import History
from optuna_lanas._core.search_tree import Partition
from optuna_lanas._core.search_tree import partition
from optuna_lanas._core.settings import Config
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_INTERIOR


N_MATRIX = len(EDGES)


@dataclass(frozen=True)
class Published:
    """The published settings, and what the diagnostic runs change of them.

    Attributes:
        height: Of the tree, the root alone being 1.
        n_select: Samples between two learning phases, and before the first.
        exploration: c of the UCB formula.
        ridge: Penalty of the least squares.
        use_ranks: Whether nodes see ranks instead of accuracies.
        draws_cells: Whether a leaf is sampled evenly over its cells, else over its encodings.
        sees: What the models see of a cell: the counts of `NASBench101Space.encode`, its matrix
            and operations as numbers, these one-hot, or also which paths of operations it has.
    """

    height: int = 5
    n_select: int = 100
    exploration: float = 0.5
    ridge: float = 1e-6
    use_ranks: bool = False
    draws_cells: bool = True
    sees: Literal["counts", "ordinal", "one-hot", "paths"] = "counts"


def run(cells: Cells, seed: int, settings: Published, most: int) -> Outcome:
    """Returns the run's end at the best cell, or after `most` evaluations."""
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
    """Yields the rows of cells, one trial after the other, until there is none left.

    Args:
        cells: The table.
        seed: Of all draws.
        settings: The settings.
        seen: `[n]` bools, the cells that were evaluated, kept up to date by the caller.
        rows: `[n]`, their rows in order, likewise.
    """
    rng = np.random.default_rng(seed)
    encodings = visible(cells, settings)
    weights = np.ones(len(cells)) if settings.draws_cells else cells.n_encodings
    draws = LeafDraws(encodings, weights, seen, rng)
    for _ in range(settings.n_select):
        yield draws.anywhere()
    n = settings.n_select
    while n < len(cells):
        history = history_of(encodings[rows[:n]].astype(float), cells.accuracies[rows[:n]])
        grown = partition(history, config(settings))
        walk = Walk(grown, settings.exploration)
        draws.begin(grown.tree)
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

    A leaf whose cells were all evaluated is closed; nothing else could be drawn from it.
    """

    def __init__(self, grown: Partition, exploration: float) -> None:
        self._tree = grown.tree
        self._children: list[list[int]] = grown.tree.children.tolist()
        self._visits: list[float] = grown.visits.tolist()
        self._totals: list[float] = (grown.visits * grown.value).tolist()
        self._is_open = [True] * grown.tree.n_nodes
        self._scale = 2.0 * exploration

    def select(self) -> int:
        """Returns the leaf that is reached by the greater UCB."""
        node = 0
        while self._children[node][0] != NO_NODE:
            good, bad = self._children[node]
            takes_good = self._bound(good, node) >= self._bound(bad, node)
            node = good if takes_good else bad
        return node

    def visit(self, leaf: int, value: float) -> None:
        """Backs up a value."""
        for node in self._tree.path(leaf):
            self._visits[node] += 1
            self._totals[node] += value

    def close(self, leaf: int) -> None:
        """Keeps the walk from a leaf, and from nodes all of whose leaves are closed."""
        self._is_open[leaf] = False
        for node in self._tree.path(leaf)[-2::-1]:
            self._is_open[node] = any(self._is_open[child] for child in self._children[node])

    def _bound(self, node: int, parent: int) -> float:
        if not self._is_open[node]:
            return -math.inf
        n = self._visits[node]
        width = self._scale * math.sqrt(2.0 * math.log(self._visits[parent]) / n)
        return self._totals[node] / n + width


def config(settings: Published) -> Config:
    """Returns the settings as the core takes them: those of `LaNASSampler.paper`."""
    return Config(
        exploration=settings.exploration,
        max_depth=settings.height - 1,
        min_samples_leaf=1,
        ridge=settings.ridge,
        use_ranks=settings.use_ranks,
        n_select=settings.n_select,
        n_first=settings.n_select,
        is_uniform=True,
    )


def history_of(encodings: np.ndarray, accuracies: np.ndarray) -> History:
    """Returns the part of a history that a tree is grown from."""
    return History(
        points=np.empty((len(encodings), 0)),
        encodings=encodings,
        values=accuracies,
        objectives=None,
        pending=encodings[:0],
        pending_points=np.empty((0, 0)),
        keys=frozenset(),
        pending_keys=frozenset(),
    )


def visible(cells: Cells, settings: Published) -> np.ndarray:
    """Returns what the models see of the cells, `[n, dim]`."""
    if settings.sees == "counts":
        return cells.encodings
    if settings.sees == "paths":
        return cells.matrices
    if settings.sees == "one-hot":
        return cells.one_hot
    one_hot = cells.one_hot[:, N_MATRIX:].reshape(-1, N_INTERIOR, 3)
    numbers = one_hot @ np.arange(1, 4, dtype=np.uint8)  # 0 for a vertex that there is not
    return np.hstack([cells.matrices[:, :N_MATRIX], numbers])

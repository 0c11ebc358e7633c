"""Plain Monte Carlo tree search that builds a cell one edge or operation at a time.

This is the hand-made action space that the paper compares with: for each vertex its operation,
then its incoming edges. A node is a partly built cell. From the root, the path follows the
greatest

    UCB(child) = value(child) + 2 c sqrt(2 ln n(parent) / n(child)),

with unvisited children first. A rollout draws the rest uniformly at random, at most `N_ROLLOUTS`
times, until the cell is valid and new. If that fails, the accuracy of a known cell is
backpropagated, which costs no sample, or 0 if no draw was valid. A file that holds some cells only
may leave nothing to draw; a run then ends early.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.cells import N_MASKS
from examples.benchmarks.paper.cells import N_OPERATIONS
from examples.benchmarks.paper.cells import VALID_CODES
from examples.benchmarks.paper.outcome import Ledger
from examples.benchmarks.paper.outcome import Outcome
from optuna_lanas.spaces._edge_masks import EDGE_BIT
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import N_VERTICES


N_BATCH = 20
N_ROLLOUTS = 100
MAX_INVALID = 10  # rollouts without a valid cell, per evaluation; reached only in small tables
UNEXPANDED = -1


def _decisions() -> Iterator[tuple[int, int, int]]:
    """Yield, for each decision, what choice 1 adds to mask and code, and the number of choices."""
    for vertex in range(1, N_VERTICES):
        if vertex <= N_INTERIOR:
            yield 0, 4 ** (vertex - 1), N_OPERATIONS
        for source in range(vertex):
            yield 1 << int(EDGE_BIT[source, vertex]), 0, 2


DECISIONS = tuple(_decisions())
# By depth: the bits of mask and code that are still undecided.
FREE = tuple(
    (
        sum(bit for bit, _, _ in DECISIONS[depth:]),
        sum(3 * unit for _, unit, _ in DECISIONS[depth:]),
    )
    for depth in range(len(DECISIONS) + 1)
)


def run(cells: Cells, seed: int, exploration: float, most: int) -> Outcome:
    """Return how a run ended: at the best cell, or after `most` evaluations."""
    rng = np.random.default_rng(seed)
    ledger, tree = Ledger(cells, most), _Tree(exploration)
    n_invalid = 0
    while not ledger.is_over and n_invalid < MAX_INVALID * most:
        path, mask, code = tree.select(rng)
        row = _rollout(cells, ledger.seen, len(path) - 1, mask, code, rng)
        tree.backpropagate(path, ledger.accuracy(row) if row >= 0 else 0.0)
        n_invalid += row < 0
    return ledger.outcome()


class _Tree:
    """Visits and sums of accuracies of nodes; the children of a node are adjacent."""

    def __init__(self, exploration: float) -> None:
        self._exploration = exploration
        self._visits = [0]
        self._totals = [0.0]
        self._first_child = [UNEXPANDED]

    def select(self, rng: np.random.Generator) -> tuple[list[int], int, int]:
        """Return the path to an unvisited node or a whole cell, and the mask and code so far."""
        node, mask, code, path = 0, 0, 0, [0]
        for in_mask, in_code, n_choices in DECISIONS:
            first = self._children(node, n_choices)
            choice = self._choose(node, first, n_choices, rng)
            mask, code = mask + choice * in_mask, code + choice * in_code
            node = first + choice
            path.append(node)
            if self._visits[node] == 0:
                break
        return path, mask, code

    def backpropagate(self, path: list[int], value: float) -> None:
        """Add a visit and its value to the nodes of a path."""
        for node in path:
            self._visits[node] += 1
            self._totals[node] += value

    def _children(self, node: int, n_choices: int) -> int:
        if self._first_child[node] == UNEXPANDED:
            self._first_child[node] = len(self._visits)
            self._visits += [0] * n_choices
            self._totals += [0.0] * n_choices
            self._first_child += [UNEXPANDED] * n_choices
        return self._first_child[node]

    def _choose(self, node: int, first: int, n_choices: int, rng: np.random.Generator) -> int:
        visits, totals = self._visits, self._totals
        children = range(first, first + n_choices)
        unvisited = [child for child in children if not visits[child]]
        if unvisited:
            return unvisited[int(rng.integers(len(unvisited)))] - first
        scale = 2.0 * self._exploration * math.sqrt(2.0 * math.log(visits[node]))
        bounds = [
            totals[child] / visits[child] + scale / math.sqrt(visits[child]) for child in children
        ]
        return bounds.index(max(bounds))


def _rollout(
    cells: Cells, seen: np.ndarray, depth: int, mask: int, code: int, rng: np.random.Generator
) -> int:
    """Return the row of a cell that completes the decisions, -1 if no draw is valid."""
    if depth == len(DECISIONS):
        return cells.row(mask, code)
    free_mask, free_code = FREE[depth]
    known = -1
    for _ in range(N_ROLLOUTS // N_BATCH):
        masks = mask | rng.integers(N_MASKS, size=N_BATCH) & free_mask
        codes = code | VALID_CODES[rng.integers(len(VALID_CODES), size=N_BATCH)] & free_code
        rows = cells.rows_of(masks, codes)
        valid = rows[rows >= 0]
        new = valid[~seen[valid]]
        if len(new):
            return int(new[0])
        known = int(valid[0]) if len(valid) else known
    return known

"""Exact draws from the new cells of a leaf, with given probabilities.

Cells are drawn from the whole table and kept by leaf until they are needed. The cells of a leaf
that such draws rarely hit are listed.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.tree import Tree


N_DRAWS = 1_024
MAX_BATCHES = 16


class LeafDraws:
    """Draw from the leaves of a tree; each learning phase brings another tree.

    Args:
        features: `[n, dim]`, of the table's cells.
        weights: `[n]`, to which the probabilities are proportional.
        seen: `[n]` bools, the cells that must not be drawn; the caller keeps it up to date.
        rng: Source of the draws.
    """

    def __init__(
        self,
        features: np.ndarray,
        weights: np.ndarray,
        seen: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self._features = features
        self._weights = weights
        self._cumulative = np.cumsum(weights)
        self._seen = seen
        self._rng = rng

    def anywhere(self) -> int:
        """Return the row of a new cell of the whole table."""
        while True:
            row = int(self._rows(1)[0])
            if not self._seen[row]:
                return row

    def begin(self, tree: Tree) -> None:
        """Continue with another tree."""
        self._tree = tree
        self._kept: list[list[int]] = [[] for _ in range(tree.n_nodes)]
        self._is_listed = [False] * tree.n_nodes

    def inside(self, leaf: int) -> int | None:
        """Return the row of a new cell of a leaf, None if there is none."""
        for _ in range(MAX_BATCHES):
            row = self._next(leaf)
            if row is not None:
                return row
            if self._is_listed[leaf]:
                return None
            self._draw()
        self._list(leaf)
        return self._next(leaf)

    def _next(self, leaf: int) -> int | None:
        kept = self._kept[leaf]
        while kept:
            row = kept.pop()
            if not self._seen[row]:
                return row
        return None

    def _draw(self) -> None:
        rows = self._rows(N_DRAWS)
        leaves = self._tree.route(self._features[rows].astype(float))
        for leaf, row in zip(leaves.tolist(), rows.tolist(), strict=True):
            if not self._is_listed[leaf]:
                self._kept[leaf].append(row)

    def _rows(self, n: int) -> np.ndarray:
        drawn = self._rng.random(n) * self._cumulative[-1]
        return np.asarray(np.searchsorted(self._cumulative, drawn, side="right"))

    def _list(self, leaf: int) -> None:
        """Keep all new cells of a leaf, in the order of a weighted draw without replacement."""
        region = self._tree.region(leaf)
        rows = np.flatnonzero(~self._seen)
        for weights, offset, is_good in zip(
            region.weights, region.offsets, region.is_good, strict=True
        ):
            scores = self._features[rows].astype(np.float32) @ weights.astype(np.float32)
            slack = 1e-3 if is_good else -1e-3  # for single precision; exact below
            rows = rows[(scores >= offset - slack) == is_good]
        rows = rows[region.contains(self._features[rows].astype(float))]
        first = self._rng.standard_exponential(len(rows)) / self._weights[rows]
        self._kept[leaf] = rows[np.argsort(-first)].tolist()
        self._is_listed[leaf] = True

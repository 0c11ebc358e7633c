"""Draws from the cells of a leaf that are new, with given probabilities, exactly.

Cells are drawn from the whole table and kept by leaf until they are asked for. For a leaf that
this seldom meets, its cells are listed.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.tree import Tree


N_DRAWS = 1_024
MAX_BATCHES = 16


class LeafDraws:
    """Draws from the leaves of one tree after another.

    Args:
        encodings: `[n, dim]` of the table's cells.
        weights: `[n]`, to which the probabilities are proportional.
        seen: `[n]` bools, the cells that are not to be drawn, which the caller keeps up to date.
        rng: Source of the draws.
    """

    def __init__(
        self,
        encodings: np.ndarray,
        weights: np.ndarray,
        seen: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self._encodings = encodings
        self._weights = weights
        self._cumulative = np.cumsum(weights)
        self._seen = seen
        self._rng = rng

    def anywhere(self) -> int:
        """Returns a cell of the whole table."""
        while True:
            row = int(self._rows(1)[0])
            if not self._seen[row]:
                return row

    def begin(self, tree: Tree) -> None:
        """Goes on with another tree."""
        self._tree = tree
        self._kept: list[list[int]] = [[] for _ in range(tree.n_nodes)]
        self._is_listed = [False] * tree.n_nodes

    def inside(self, leaf: int) -> int | None:
        """Returns a cell of a leaf, None if there is no new one."""
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
        leaves = self._tree.route(self._encodings[rows].astype(float))
        for leaf, row in zip(leaves.tolist(), rows.tolist(), strict=True):
            if not self._is_listed[leaf]:
                self._kept[leaf].append(row)

    def _rows(self, n: int) -> np.ndarray:
        drawn = self._rng.random(n) * self._cumulative[-1]
        return np.asarray(np.searchsorted(self._cumulative, drawn, side="right"))

    def _list(self, leaf: int) -> None:
        """Keeps all new cells of a leaf, in the order in which they would be drawn."""
        region = self._tree.region(leaf)
        rows = np.flatnonzero(~self._seen)
        for normal, offset, is_good in zip(
            region.normals, region.offsets, region.is_good, strict=True
        ):
            scores = self._encodings[rows].astype(np.float32) @ normal.astype(np.float32)
            slack = 1e-3 if is_good else -1e-3  # of single precision; settled below
            rows = rows[(scores >= offset - slack) == is_good]
        rows = rows[region.contains(self._encodings[rows].astype(float))]
        first = self._rng.standard_exponential(len(rows)) / self._weights[rows]
        self._kept[leaf] = rows[np.argsort(-first)].tolist()
        self._is_listed[leaf] = True

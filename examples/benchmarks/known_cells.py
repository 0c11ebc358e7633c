"""NAS-Bench-101's space without the cells that a table lacks, for files of some cells only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna

from optuna_lanas.spaces import _cell_graphs
from optuna_lanas.spaces import _edge_masks
from optuna_lanas.spaces import NASBench101Cell
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces._edge_masks import EDGE_BIT
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_VERTICES
from optuna_lanas.spaces.nasbench101 import OPERATIONS


class KnownCells(NASBench101Space):
    """The cells of a table; every other cell is invalid.

    Args:
        graphs: `[n]`, the graph of each known cell.
        codes: `[n]`, the operation code of its canonical form.
    """

    def __init__(self, graphs: np.ndarray, codes: np.ndarray) -> None:
        self._graphs, self._codes = graphs, codes
        self._known = np.sort(graphs.astype(np.int64) << 10 | codes)  # as `key_many` counts

    def suggest(self, trial: optuna.trial.BaseTrial) -> NASBench101Cell:
        cell = super().suggest(trial)
        if self.key(self.params(cell)) is None:
            raise optuna.TrialPruned("The table does not have this cell.")
        return cell

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        encodings = super().encode_many(columns)
        encodings[self.key_many(columns) < 0] = np.nan
        return encodings

    def key(self, params: Mapping[str, Any]) -> str | None:
        columns = {name: np.array([value], dtype=object) for name, value in params.items()}
        return super().key(params) if self.key_many(columns)[0] >= 0 else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        keys = super().key_many(columns)
        return np.where(np.isin(keys, self._known), keys, -1)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        rows = rng.integers(len(self._graphs), size=n)
        masks = _cell_graphs.cell_graphs().graph_masks[self._graphs[rows]]
        names = list(self.distributions)
        columns: dict[str, np.ndarray] = {
            name: (masks >> bit & 1).astype(int) for bit, name in enumerate(names[: len(EDGES)])
        }
        operations = np.array([*OPERATIONS, OPERATIONS[0]], dtype=object)
        for vertex, name in enumerate(names[len(EDGES) :]):
            columns[name] = operations[self._codes[rows] >> 2 * vertex & 3]
        return columns


def canonical(
    n_vertices: np.ndarray, bits: np.ndarray, operations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `[n]` graphs and `[n]` canonical operation codes of a table's cells.

    Raises:
        ValueError: If an entry is not a cell: pruned, with a path from input to output.
    """
    masks = np.zeros(len(bits), dtype=np.uint32)
    for bit, (i, j) in enumerate(EDGES):  # the output becomes vertex 6
        target = np.where(j == n_vertices - 1, N_VERTICES - 1, j)
        moved = np.array([EDGE_BIT.get((i, to), np.uint32(0)) for to in range(N_VERTICES)])
        masks |= (bits >> np.uint32(bit) & 1) << moved[target].astype(np.uint32)
    known = np.where(operations < len(OPERATIONS), operations, 0).astype(np.int64)
    graphs, codes = _cell_graphs.canonical_cells(masks, _edge_masks.encode_operations(known))
    if (graphs < 0).any():
        row = int(np.flatnonzero(graphs < 0)[0])
        raise ValueError(
            f"`NASBENCH101_TABLE` must hold valid cells, but its cell {row} has no path from its "
            f"input to its output, or more than {_cell_graphs.MAX_EDGES} edges. Download the "
            f"official file."
        )
    return graphs, codes

"""NAS-Bench-101 as arrays over its cells, and the cell of any encoding by look-up.

An encoding is a mask of 21 edges and a code of five operations (two bits each), as in
``optuna_lanas.spaces._edge_masks``. Two million masks fall into some thousand graphs. A look-up
takes a microsecond, where the space's `key` takes half a millisecond. Searches of a million
evaluations therefore end in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from functools import lru_cache

import numpy as np

from examples.benchmarks.known_cells import canonical
from examples.benchmarks.nasbench101 import table
from examples.benchmarks.paper.matrices import encode_matrices
from optuna_lanas.spaces import _cell_graphs
from optuna_lanas.spaces import _edge_masks
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_CODES
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import PERMUTATIONS
from optuna_lanas.spaces._nasbench101_encoding import encode_cells


N_MASKS = 1 << len(EDGES)
N_OPERATIONS = 3
N_MOVES = len(PERMUTATIONS)
VALID_CODES = _edge_masks.encode_operations(
    np.stack(np.unravel_index(np.arange(N_OPERATIONS**N_INTERIOR), (N_OPERATIONS,) * N_INTERIOR)).T
)


@dataclass(frozen=True, eq=False)
class Cells:
    """The table's `n` cells by row, and the row of any encoding.

    A file may hold some cells only. Encodings of other cells then have no row, like invalid ones.

    Attributes:
        accuracies: `[n]`, mean test accuracies.
        graphs: `[n]`, the graph of each cell.
        codes: `[n]`, the operation code of its canonical form.
        graph_of_mask: `[2**21]`, the graph of a mask after pruning; a mask without a valid cell
            has the last row of `rows`.
        move_of_mask: `[2**21]`, how pruning and the canonical form move its operations.
        moved_codes: `[n_moves, 1024]`, operation codes after a move.
        rows: `[n_graphs + 1, 1024]`, the table's row of a graph and an operation code, or -1.
    """

    accuracies: np.ndarray
    graphs: np.ndarray
    codes: np.ndarray
    graph_of_mask: np.ndarray
    move_of_mask: np.ndarray
    moved_codes: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.accuracies)

    @cached_property
    def best(self) -> int:
        """The row of the best cell."""
        return int(self.accuracies.argmax())

    @property
    def is_whole(self) -> bool:
        """Whether these are all cells of the space."""
        return len(self) == NASBench101Space.n_architectures

    def encoding(self, row: int) -> tuple[int, int]:
        """Return the mask and the operation code of a cell's canonical form."""
        masks = _cell_graphs.cell_graphs().graph_masks
        return int(masks[self.graphs[row]]), int(self.codes[row])

    def row(self, mask: int, code: int) -> int:
        """Return the row of an encoding, -1 if it is invalid."""
        moved = self.moved_codes[self.move_of_mask[mask], code]
        return int(self.rows[self.graph_of_mask[mask], moved])

    def rows_of(self, masks: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the rows of encodings, -1 for each that is invalid."""
        moved = self.moved_codes[self.move_of_mask[masks], codes]
        return np.asarray(self.rows[self.graph_of_mask[masks], moved])

    @cached_property
    def encodings(self) -> np.ndarray:
        """`[n, 38]` counts: `NASBench101Space.encode` of every cell."""
        return encode_cells(self.graphs, self.codes).astype(np.uint8)

    @cached_property
    def matrices(self) -> np.ndarray:
        """`[n, 76]` zeros and ones: matrix, operations and operation paths of every cell."""
        return encode_matrices(self.graphs, self.codes).astype(np.uint8)

    @cached_property
    def one_hot(self) -> np.ndarray:
        """`[n, 36]` zeros and ones: the matrix and the operations of every cell."""
        return self.matrices[:, : len(EDGES) + N_OPERATIONS * N_INTERIOR]

    @cached_property
    def n_encodings(self) -> np.ndarray:
        """`[n]`: the number of each cell's encodings, of 2^21 x 3^5 in all."""
        pairs = self.graph_of_mask.astype(np.int64) * len(self.moved_codes) + self.move_of_mask
        found, n_masks = np.unique(pairs, return_counts=True)
        graphs, moves = np.divmod(found, len(self.moved_codes))
        rows = self.rows[graphs[:, None], self.moved_codes[moves][:, VALID_CODES]]
        weights = np.broadcast_to(n_masks[:, None], rows.shape)
        return np.bincount(rows[rows >= 0], weights[rows >= 0], minlength=len(self))


@lru_cache(maxsize=1)
def load() -> Cells:
    """Return the cells of the table that the environment names; this takes some seconds.

    Raises:
        ValueError: If the environment names no table.
    """
    found = table()
    graphs, codes = canonical(found.n_vertices, found.bits, found.operations)
    n_graphs = len(_cell_graphs.cell_graphs().graph_masks)
    rows = np.full((n_graphs + 1, N_CODES), -1, dtype=np.int32)
    smallest = _cell_graphs.cell_graphs().canonical_codes
    rows[graphs, codes] = np.arange(len(graphs))
    rows[:-1] = np.take_along_axis(rows[:-1], smallest.astype(np.intp), axis=1)
    graph_of_mask, move_of_mask = _graphs_and_moves(n_graphs)
    return Cells(
        accuracies=found.accuracies,
        graphs=graphs,
        codes=codes,
        graph_of_mask=graph_of_mask,
        move_of_mask=move_of_mask,
        moved_codes=_moved_codes(),
        rows=rows,
    )


def _graphs_and_moves(invalid: int) -> tuple[np.ndarray, np.ndarray]:
    """The graph and the move of every mask, `[2**21]` each."""
    graphs = _cell_graphs.cell_graphs()
    masks, kept = _edge_masks.prune(np.arange(N_MASKS, dtype=np.uint32))
    interior = (kept >> 1) & 31
    compact = _edge_masks.permute_masks(masks, _edge_masks.compaction_tables(), interior)
    place = np.minimum(np.searchsorted(graphs.masks, compact), len(graphs.masks) - 1)
    is_valid = graphs.masks[place] == compact
    graph = np.where(is_valid, graphs.graph[place], invalid)
    move = interior * np.uint32(N_MOVES) + graphs.to_canonical[place].astype(np.uint32)
    return graph.astype(np.int16), np.where(is_valid, move, 0).astype(np.int16)


def _moved_codes() -> np.ndarray:
    """`[32 * 120, 1024]`: codes of the kept vertices, moved to the front and permuted."""
    compact = _edge_masks.code_compaction()
    moved = _edge_masks.code_permutation()[:, compact]  # permutation, kept, code
    return np.asarray(moved.transpose(1, 0, 2).reshape(-1, N_CODES).astype(np.int16))

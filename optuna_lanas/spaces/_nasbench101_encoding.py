"""NAS-Bench-101's cells as counts that no relabelling of vertices changes.

The vertices are sorted into kinds: the input, the three operations, the output. A cell is encoded
by how many of its edges lead from each kind to each other kind, by how many pairs of vertices of
these kinds are joined by a path, and by the number of vertices that the output concatenates,
which decides how many channels each of them has.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from optuna_lanas.spaces._cell_graphs import cell_graphs
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import N_VERTICES
from optuna_lanas.spaces._edge_masks import NO_OPERATION


N_OPERATIONS = 3
INPUT_KIND, OUTPUT_KIND = N_OPERATIONS, N_OPERATIONS + 1
PAIRS = tuple(
    (source, target)
    for source in (INPUT_KIND, *range(N_OPERATIONS))
    for target in (*range(N_OPERATIONS), OUTPUT_KIND)
)


def encode_cells(graph: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return `[n, 38]` encodings of cells in canonical form.

    Args:
        graph: `[n]`, rows of ``cell_graphs().graph_masks``.
        code: `[n]`, operation codes.
    """
    between = _edges_between()[code]
    edges = _counts(cell_graphs().graph_masks[graph][:, None] & between)
    joined = _counts(_joined_pairs()[graph][:, None] & between)
    return np.hstack([edges, joined, _concatenated()[graph]]).astype(float)


def _counts(masks: np.ndarray) -> np.ndarray:
    """Return the number of bits of each mask; by table, for the hot path (see `n_bits`)."""
    table = _n_bits_of()
    return np.asarray(table[masks & 2047] + table[masks >> np.uint32(11)])


@cache
def _n_bits_of() -> np.ndarray:
    return np.array([bin(word).count("1") for word in range(2048)], dtype=np.uint8)


@cache
def _edges_between() -> np.ndarray:
    """`[1024, 16]`: the edges that lead from a kind to a kind under each operation code."""
    codes = np.arange(4**N_INTERIOR)
    kinds = [codes >> 2 * vertex & NO_OPERATION for vertex in range(N_INTERIOR)]
    kinds = [np.full(len(codes), INPUT_KIND), *kinds, np.full(len(codes), OUTPUT_KIND)]
    is_present = np.ones((N_VERTICES, len(codes)), dtype=bool)
    is_present[1:-1] = np.stack(kinds[1:-1]) != NO_OPERATION
    masks = np.zeros((len(codes), len(PAIRS)), dtype=np.uint32)
    for bit, (i, j) in enumerate(EDGES):
        for column, (source, target) in enumerate(PAIRS):
            is_between = (kinds[i] == source) & (kinds[j] == target)
            is_between &= is_present[i] & is_present[j]
            masks[:, column] |= is_between.astype(np.uint32) << np.uint32(bit)
    return masks


@cache
def _joined_pairs() -> np.ndarray:
    """`[n_graphs]`: the pairs of vertices that a path joins, as edge masks."""
    joined = cell_graphs().graph_masks.copy()
    for j in range(N_VERTICES):  # paths through vertex j, after those through earlier ones
        for i in range(j):
            for k in range(j + 1, N_VERTICES):
                into, out_of = EDGES.index((i, j)), EDGES.index((j, k))
                through = joined >> np.uint32(into) & joined >> np.uint32(out_of) & 1
                joined |= through << np.uint32(EDGES.index((i, k)))
    return joined


@cache
def _concatenated() -> np.ndarray:
    """`[n_graphs, 6]`: one-hot number of interior vertices that lead to the output."""
    masks = cell_graphs().graph_masks
    into_output = [EDGES.index((v, N_VERTICES - 1)) for v in range(1, N_INTERIOR + 1)]
    number = sum((masks >> np.uint32(bit) & 1).astype(int) for bit in into_output)
    return np.asarray(np.eye(N_INTERIOR + 1, dtype=np.uint8)[number])

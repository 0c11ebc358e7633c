"""NAS-Bench-101's cells as counts that no relabelling of vertices changes.

A vertex has a *kind*: the input, one of the three operations, or the output. The encoding counts,
for each pair of kinds, the edges between them and the pairs of vertices that a path joins. It also
holds the number of vertices that the output concatenates, which decides their channels.
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
        graph: `[n]`, positions in ``cell_graphs().graph_masks``.
        code: `[n]`, operation codes.
    """
    between = _edges_between()[code]
    edges = _counts(cell_graphs().graph_masks[graph][:, None] & between)
    joined = _counts(_joined_pairs()[graph][:, None] & between)
    return np.hstack([edges, joined, _concatenated()[graph]]).astype(float)


def _counts(masks: np.ndarray) -> np.ndarray:
    """Return the number of edges of each mask, as ``n_bits`` does but faster."""
    table = _n_bits_of()
    return np.asarray(table[masks & 2047] + table[masks >> np.uint32(11)])


@cache
def _n_bits_of() -> np.ndarray:
    return np.array([bin(word).count("1") for word in range(2048)], dtype=np.uint8)


@cache
def _edges_between() -> np.ndarray:
    """Return `[1024, 16]`: under each operation code, the edges of each pair of kinds."""
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
    """Return `[n_graphs]`: the pairs of vertices that a path joins, as edge masks."""
    joined = cell_graphs().graph_masks.copy()
    for j in range(N_VERTICES):  # paths through vertex j; paths through earlier vertices are in
        for i in range(j):
            for k in range(j + 1, N_VERTICES):
                into, out_of = EDGES.index((i, j)), EDGES.index((j, k))
                through = joined >> np.uint32(into) & joined >> np.uint32(out_of) & 1
                joined |= through << np.uint32(EDGES.index((i, k)))
    return joined


@cache
def _concatenated() -> np.ndarray:
    """Return `[n_graphs, 6]`: the number of interior vertices before the output, one-hot."""
    masks = cell_graphs().graph_masks
    into_output = [EDGES.index((v, N_VERTICES - 1)) for v in range(1, N_INTERIOR + 1)]
    number = sum((masks >> np.uint32(bit) & 1).astype(int) for bit in into_output)
    return np.asarray(np.eye(N_INTERIOR + 1, dtype=np.uint8)[number])

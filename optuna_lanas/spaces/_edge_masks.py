"""Edges of a cell as the bits of an integer: pruning and moving vertices, by table.

Notation: a *mask* holds the 21 possible edges of seven vertices, bit k for the k-th pair ``i < j``
of ``EDGES``; vertex 0 is the input and vertex 6 the output, also in cells of fewer vertices, whose
interior vertices are 1, 2, ... An *operation code* holds two bits for each of the vertices 1..5:
the index of the operation, or ``NO_OPERATION`` for a vertex that the cell does not have.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from itertools import permutations

import numpy as np


N_VERTICES = 7
N_INTERIOR = N_VERTICES - 2
NO_OPERATION = 3
EDGES = tuple(combinations(range(N_VERTICES), 2))
PERMUTATIONS = tuple(permutations(range(N_INTERIOR)))
EDGE_BIT = {edge: np.uint32(bit) for bit, edge in enumerate(EDGES)}
N_CODES = 4**N_INTERIOR

_CHUNK = 7  # A mask is three chunks of seven bits, each looked up in a table of 128 rows.


def prune(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the edges that lie on no path from input to output.

    Returns:
        `[n]` pruned masks and `[n]` bit masks of the vertices that stay.
    """
    forward = np.ones(masks.shape, dtype=np.uint32)
    for j in range(1, N_VERTICES):
        reached = np.zeros_like(forward)
        for i in range(j):
            reached |= (masks >> EDGE_BIT[i, j]) & (forward >> np.uint32(i))
        forward |= (reached & 1) << np.uint32(j)
    backward = np.full_like(forward, 1 << (N_VERTICES - 1))
    for i in reversed(range(N_VERTICES - 1)):
        reached = np.zeros_like(backward)
        for j in range(i + 1, N_VERTICES):
            reached |= (masks >> EDGE_BIT[i, j]) & (backward >> np.uint32(j))
        backward |= (reached & 1) << np.uint32(i)
    kept = forward & backward
    return masks & _edges_among()[kept], kept


def encode_operations(operations: np.ndarray) -> np.ndarray:
    """Return `[n]` operation codes for `[n, 5]` operation indices."""
    return np.asarray(operations @ (4 ** np.arange(N_INTERIOR)))


def n_bits(words: np.ndarray) -> np.ndarray:
    bits = [words >> np.uint32(bit) & 1 for bit in range(len(EDGES))]
    return np.asarray(np.sum(bits, axis=0))


def permute_masks(masks: np.ndarray, tables: np.ndarray, which: np.ndarray | int) -> np.ndarray:
    """Move the vertices of masks: `tables` is `[n_moves, 3, 128]`, `which` the move of each."""
    chunks = [tables[which, part, (masks >> (_CHUNK * part)) & 127] for part in range(3)]
    return np.asarray(chunks[0] | chunks[1] | chunks[2])


def _move_tables(targets: list[tuple[int, ...]]) -> np.ndarray:
    """Look-up tables of vertex moves, `[n_moves, 3, 128]`.

    An edge that would point backwards becomes bit 31, so that the result equals no mask.
    """
    bits = np.zeros((len(targets), len(EDGES)), dtype=np.uint32)
    for row, target in enumerate(targets):
        for bit, (i, j) in enumerate(EDGES):
            moved = EDGE_BIT.get((target[i], target[j]), np.uint32(31))
            bits[row, bit] = 1 << int(moved)
    chunk = np.arange(1 << _CHUNK)
    tables = np.zeros((len(targets), 3, 1 << _CHUNK), dtype=np.uint32)
    for bit in range(len(EDGES)):
        part, position = divmod(bit, _CHUNK)
        tables[:, part] |= ((chunk >> position) & 1).astype(np.uint32) * bits[:, bit, None]
    return tables


@cache
def permutation_tables() -> np.ndarray:
    return _move_tables([(0, *(v + 1 for v in p), N_VERTICES - 1) for p in PERMUTATIONS])


@cache
def compaction_tables() -> np.ndarray:
    """Moves of the kept interior vertices (a 5-bit row) to 1, 2, ...; pruned masks only."""
    return _move_tables([(0, *(v + 1 for v in p), N_VERTICES - 1) for p in _compactions()])


def _compactions() -> list[tuple[int, ...]]:
    """Where each interior vertex goes: kept ones first, in their order, then the others."""
    moves = []
    for kept in range(1 << N_INTERIOR):
        order = sorted(range(N_INTERIOR), key=lambda v: (not kept >> v & 1, v))
        moves.append(tuple(order.index(v) for v in range(N_INTERIOR)))
    return moves


@cache
def code_permutation() -> np.ndarray:
    """`[120, 1024]`: operation codes after each permutation of the interior vertices."""
    operations = (np.arange(N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    return np.stack([(operations << (2 * np.array(p))).sum(axis=1) for p in PERMUTATIONS])


@cache
def code_compaction() -> np.ndarray:
    """`[32, 1024]`: operation codes of the kept vertices, moved to the front."""
    operations = (np.arange(N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    rows = []
    for kept, move in enumerate(_compactions()):
        is_kept = (kept >> np.arange(N_INTERIOR)) & 1 == 1
        rows.append((np.where(is_kept, operations, NO_OPERATION) << (2 * np.array(move))).sum(1))
    return np.stack(rows)


@cache
def compositions() -> np.ndarray:
    """`[120, 120]`: row a, column b is the permutation that does a first and then b."""
    index = {p: row for row, p in enumerate(PERMUTATIONS)}
    return np.array([[index[tuple(b[v] for v in a)] for b in PERMUTATIONS] for a in PERMUTATIONS])


@cache
def _edges_among() -> np.ndarray:
    """`[128]`: the edges whose two ends are in a set of vertices."""
    vertices = np.arange(1 << N_VERTICES)
    edges = np.zeros(len(vertices), dtype=np.uint32)
    for bit, (i, j) in enumerate(EDGES):
        edges |= ((vertices >> i) & (vertices >> j) & 1).astype(np.uint32) << np.uint32(bit)
    return edges

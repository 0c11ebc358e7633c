"""Edges of a NAS-Bench-101 cell as the bits of an integer: pruning, and moving vertices.

Notation: a *mask* holds the 21 possible edges of seven vertices, bit k for the k-th pair ``i < j``
of ``EDGES``. Vertex 0 is the input and vertex 6 the output. Cells of fewer vertices have the
interior vertices 1, 2, .. and the output 6. An *operation code* holds two bits for each of the
vertices 1 .. 5: the index of the operation, or ``NO_OPERATION`` for a vertex that the cell does
not have. A *move* sends each interior vertex to a new place.
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

_CHUNK = 7  # A mask is three chunks of seven bits, each looked up in a table of 128 entries.


def prune(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the edges that lie on no path from input to output.

    Returns:
        `[n]` pruned masks and `[n]` bit masks of the vertices that are kept.
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
    """Return `[n]`: the number of edges of each mask."""
    bits = [words >> np.uint32(bit) & 1 for bit in range(len(EDGES))]
    return np.asarray(np.sum(bits, axis=0))


def permute_masks(masks: np.ndarray, tables: np.ndarray, which: np.ndarray | int) -> np.ndarray:
    """Return `[n]` masks whose vertices have moved.

    Args:
        masks: `[n]` masks.
        tables: `[n_moves, 3, 128]`, from ``permutation_tables`` or ``compaction_tables``.
        which: `[n]` positions of moves, or a single position for all masks.
    """
    chunks = [tables[which, part, (masks >> (_CHUNK * part)) & 127] for part in range(3)]
    return np.asarray(chunks[0] | chunks[1] | chunks[2])


def _move_tables(targets: list[tuple[int, ...]]) -> np.ndarray:
    """Return look-up tables of moves, `[n_moves, 3, 128]`.

    An edge that would point backwards becomes bit 31, so that the result equals no mask.
    """
    bits = np.zeros((len(targets), len(EDGES)), dtype=np.uint32)
    for move, target in enumerate(targets):
        for bit, (i, j) in enumerate(EDGES):
            moved = EDGE_BIT.get((target[i], target[j]), np.uint32(31))
            bits[move, bit] = 1 << int(moved)
    chunk = np.arange(1 << _CHUNK)
    tables = np.zeros((len(targets), 3, 1 << _CHUNK), dtype=np.uint32)
    for bit in range(len(EDGES)):
        part, position = divmod(bit, _CHUNK)
        tables[:, part] |= ((chunk >> position) & 1).astype(np.uint32) * bits[:, bit, None]
    return tables


@cache
def permutation_tables() -> np.ndarray:
    """Return `[120, 3, 128]`: the tables of ``PERMUTATIONS``."""
    return _move_tables([(0, *(v + 1 for v in p), N_VERTICES - 1) for p in PERMUTATIONS])


@cache
def compaction_tables() -> np.ndarray:
    """Return `[32, 3, 128]`: the tables that move kept interior vertices to 1, 2, ...

    A table's position is the bit mask of the kept interior vertices. The edge masks must be
    pruned.
    """
    return _move_tables([(0, *(v + 1 for v in p), N_VERTICES - 1) for p in _compactions()])


def _compactions() -> list[tuple[int, ...]]:
    """Return the place of each interior vertex: kept vertices first, in order, then the others."""
    moves = []
    for kept in range(1 << N_INTERIOR):
        order = sorted(range(N_INTERIOR), key=lambda v: (not kept >> v & 1, v))
        moves.append(tuple(order.index(v) for v in range(N_INTERIOR)))
    return moves


@cache
def code_permutation() -> np.ndarray:
    """Return `[120, 1024]`: operation codes after each permutation of the interior vertices."""
    operations = (np.arange(N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    return np.stack([(operations << (2 * np.array(p))).sum(axis=1) for p in PERMUTATIONS])


@cache
def code_compaction() -> np.ndarray:
    """Return `[32, 1024]`: operation codes of the kept vertices, moved to the front."""
    operations = (np.arange(N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    codes = []
    for kept, move in enumerate(_compactions()):
        is_kept = (kept >> np.arange(N_INTERIOR)) & 1 == 1
        codes.append((np.where(is_kept, operations, NO_OPERATION) << (2 * np.array(move))).sum(1))
    return np.stack(codes)


@cache
def compositions() -> np.ndarray:
    """Return `[120, 120]`: entry (a, b) is the permutation that does a first and then b."""
    index = {p: position for position, p in enumerate(PERMUTATIONS)}
    return np.array([[index[tuple(b[v] for v in a)] for b in PERMUTATIONS] for a in PERMUTATIONS])


@cache
def _edges_among() -> np.ndarray:
    """Return `[128]`: for each set of vertices the edges that have both ends in it."""
    vertices = np.arange(1 << N_VERTICES)
    edges = np.zeros(len(vertices), dtype=np.uint32)
    for bit, (i, j) in enumerate(EDGES):
        edges |= ((vertices >> i) & (vertices >> j) & 1).astype(np.uint32) << np.uint32(bit)
    return edges

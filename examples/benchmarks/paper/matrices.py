"""Cells as zeros and ones, the usual input of predictors: edges, operations, operation paths.

The operation paths are the truncated path encoding of White et al. (2021, arXiv 1910.11858).
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from itertools import pairwise
from itertools import product

import numpy as np

from optuna_lanas.spaces._cell_graphs import cell_graphs
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import N_VERTICES
from optuna_lanas.spaces._edge_masks import NO_OPERATION


PATH_OPERATIONS = tuple(p for length in range(4) for p in product(range(3), repeat=length))

_PATHS = tuple(p for length in range(4) for p in combinations(range(1, N_INTERIOR + 1), length))


def encode_matrices(graph: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return `[n, 76]` encodings of cells in canonical form.

    An encoding holds the 21 edges, and five one-hot operations (all zero for a vertex that a
    smaller cell lacks). It also holds, for each of the 40 sequences of up to three operations,
    whether a path from input to output applies it.

    Args:
        graph: `[n]`, rows of ``cell_graphs().graph_masks``.
        code: `[n]`, operation codes.
    """
    adjacency = cell_graphs().graph_masks[graph].astype(np.uint64)
    cell_word = adjacency | _operation_bits()[code] << np.uint64(len(EDGES))
    path_word = np.zeros(len(graph), dtype=np.uint64)
    present = _paths_of_graphs()[graph]
    for path, bits in enumerate(_path_bits()):
        path_word |= bits[code] * ((present >> np.uint64(path)) & np.uint64(1))
    n_cell = len(EDGES) + 3 * N_INTERIOR
    parts = (_unpack(cell_word)[:, :n_cell], _unpack(path_word)[:, : len(PATH_OPERATIONS)])
    return np.concatenate(parts, axis=1).astype(float)


def _unpack(words: np.ndarray) -> np.ndarray:
    """`[n, 64]` bits of `[n]` words, lowest first."""
    octets = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1, bitorder="little")


@cache
def _operation_bits() -> np.ndarray:
    """`[1024]`: fifteen bits, the one-hot operations of each operation code."""
    codes = np.arange(4**N_INTERIOR)
    bits = np.zeros(len(codes), dtype=np.uint64)
    for vertex in range(N_INTERIOR):
        operation = codes >> 2 * vertex & 3
        one_hot = np.where(operation == NO_OPERATION, 0, 1 << (3 * vertex + operation))
        bits |= one_hot.astype(np.uint64)
    return bits


@cache
def _paths_of_graphs() -> np.ndarray:
    """`[n_graphs]`: bit k tells whether ``_PATHS[k]`` runs from input to output."""
    masks = cell_graphs().graph_masks
    present = np.zeros(len(masks), dtype=np.uint64)
    for bit, path in enumerate(_PATHS):
        vertices = (0, *path, N_VERTICES - 1)
        edges = sum(1 << EDGES.index(edge) for edge in pairwise(vertices))
        present |= (masks & edges == edges).astype(np.uint64) << np.uint64(bit)
    return present


@cache
def _path_bits() -> np.ndarray:
    """`[n_paths, 1024]`: the bit of the operation sequence of a path under an operation code."""
    codes = np.arange(4**N_INTERIOR)
    first = [PATH_OPERATIONS.index((0,) * length) for length in range(4)]
    rows = []
    for path in _PATHS:
        sequence = np.zeros_like(codes)
        for vertex in path:
            sequence = 3 * sequence + np.minimum(codes >> 2 * (vertex - 1) & 3, 2)
        rows.append(np.uint64(1) << (first[len(path)] + sequence).astype(np.uint64))
    return np.stack(rows)

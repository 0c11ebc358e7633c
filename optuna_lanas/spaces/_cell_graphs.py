"""NASBench-101 cells as integers: pruning, canonical forms and even draws, all by table.

Notation: a *mask* holds the 21 possible edges of seven vertices, bit k for the k-th pair ``i < j``
of ``EDGES``; vertex 0 is the input and vertex 6 the output, also in cells of fewer vertices, whose
interior vertices are 1, 2, ... An *operation code* holds two bits for each of the vertices 1..5:
the index of the operation, or ``NO_OPERATION`` for a vertex that the cell does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from itertools import permutations

import numpy as np


N_VERTICES = 7
N_INTERIOR = N_VERTICES - 2
MAX_EDGES = 9
N_OPERATIONS = 3
NO_OPERATION = 3
EDGES = tuple(combinations(range(N_VERTICES), 2))
PERMUTATIONS = tuple(permutations(range(N_INTERIOR)))

_EDGE_BIT = {edge: np.uint32(bit) for bit, edge in enumerate(EDGES)}
_N_CODES = 4**N_INTERIOR
_CHUNK = 7  # A mask is three chunks of seven bits, each looked up in a table of 128 rows.


@dataclass(frozen=True)
class CellGraphs:
    """All labelled graphs of pruned cells, and the isomorphism classes of cells over them.

    Attributes:
        masks: `[n_masks]`, ascending; every mask with nothing to prune and at most nine edges.
        graph: `[n_masks]`, the isomorphism class (ignoring operations) of each mask.
        to_canonical: `[n_masks]`, the row of ``PERMUTATIONS`` that leads to the class's form.
        graph_masks: `[n_graphs]`, the canonical mask of each class.
        canonical_codes: `[n_graphs, 1024]`, the smallest code equal to a code under the
            automorphisms of the canonical graph.
        automorphism_graphs: `[n_automorphisms]`, the graph of each automorphism.
        automorphism_cycles: `[n_automorphisms, 5]`, the cycle that holds each interior vertex,
            -1 for a vertex that the graph does not have.
        automorphism_cumulative: `[n_automorphisms]`, running sum of the number of labellings that
            each automorphism fixes, divided by the size of its group.
    """

    masks: np.ndarray
    graph: np.ndarray
    to_canonical: np.ndarray
    graph_masks: np.ndarray
    canonical_codes: np.ndarray
    automorphism_graphs: np.ndarray
    automorphism_cycles: np.ndarray
    automorphism_cumulative: np.ndarray

    @property
    def n_cells(self) -> int:
        """Number of cells up to isomorphism, by Burnside's lemma."""
        return round(float(self.automorphism_cumulative[-1]))


def canonical_cells(masks: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prune cells and bring them to the form that all isomorphic cells share.

    Args:
        masks: `[n]` edge masks, as suggested.
        codes: `[n]` operation codes, as suggested.

    Returns:
        `[n]` row of ``cell_graphs().graph_masks`` (-1 where the cell is invalid) and `[n]`
        canonical operation code.
    """
    graphs = cell_graphs()
    masks, kept = prune(masks)
    interior = (kept >> 1) & 31
    masks = _permute_masks(masks, _compaction_tables(), interior)
    codes = _code_compaction()[interior, codes]
    row = _row_of_mask()[masks]
    graph = np.where(row >= 0, graphs.graph[row], -1)
    codes = _code_permutation()[graphs.to_canonical[row], codes]
    return graph, graphs.canonical_codes[graph, codes]


def sample_cells(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells evenly over isomorphism classes.

    A pair (automorphism a, labelling fixed by a) is drawn evenly over pairs; each class of
    labellings of a graph has as many pairs as the group has elements, so classes come out even.

    Returns:
        `[n]` rows of ``cell_graphs().graph_masks`` and `[n]` canonical operation codes.
    """
    graphs = cell_graphs()
    total = graphs.automorphism_cumulative[-1]
    drawn = np.searchsorted(graphs.automorphism_cumulative, rng.random(n) * total, side="right")
    graph, cycles = graphs.automorphism_graphs[drawn], graphs.automorphism_cycles[drawn]
    operations = rng.integers(N_OPERATIONS, size=(n, N_INTERIOR))
    labels = np.take_along_axis(operations, np.maximum(cycles, 0), axis=1)
    codes = encode_operations(np.where(cycles >= 0, labels, NO_OPERATION))
    return graph, graphs.canonical_codes[graph, codes]


def prune(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the edges that lie on no path from input to output.

    Returns:
        `[n]` pruned masks and `[n]` bit masks of the vertices that stay.
    """
    forward = np.ones(masks.shape, dtype=np.uint32)
    for j in range(1, N_VERTICES):
        reached = np.zeros_like(forward)
        for i in range(j):
            reached |= (masks >> _EDGE_BIT[i, j]) & (forward >> np.uint32(i))
        forward |= (reached & 1) << np.uint32(j)
    backward = np.full_like(forward, 1 << (N_VERTICES - 1))
    for i in reversed(range(N_VERTICES - 1)):
        reached = np.zeros_like(backward)
        for j in range(i + 1, N_VERTICES):
            reached |= (masks >> _EDGE_BIT[i, j]) & (backward >> np.uint32(j))
        backward |= (reached & 1) << np.uint32(i)
    kept = forward & backward
    return masks & _edges_among()[kept], kept


def encode_operations(operations: np.ndarray) -> np.ndarray:
    """Return `[n]` operation codes for `[n, 5]` operation indices."""
    return np.asarray(operations @ (4 ** np.arange(N_INTERIOR)))


@cache
def cell_graphs() -> CellGraphs:
    """Build the tables, once (a tenth of a second)."""
    masks = _pruned_masks()
    largest, to_canonical = _canonical_masks(masks)
    graph_masks, graph = np.unique(largest, return_inverse=True)
    graphs, moves = _automorphisms(graph_masks)
    cycles = _cycles(graph_masks, graphs, moves)
    n_fixed = np.power(N_OPERATIONS, cycles.max(axis=1) + 1)
    group_size = np.bincount(graphs)
    return CellGraphs(
        masks=masks,
        graph=graph,
        to_canonical=to_canonical,
        graph_masks=graph_masks,
        canonical_codes=_canonical_codes(len(graph_masks), graphs, moves),
        automorphism_graphs=graphs,
        automorphism_cycles=cycles,
        automorphism_cumulative=np.cumsum(n_fixed / group_size[graphs]),
    )


def _pruned_masks() -> np.ndarray:
    """Masks whose vertices are 0, 1, .., k and 6, all on a path, with at most nine edges."""
    masks = np.arange(1 << len(EDGES), dtype=np.uint32)
    masks = masks[_n_bits(masks) <= MAX_EDGES]
    pruned, kept = prune(masks)
    interior = (kept >> 1) & 31
    is_compact = (interior & (interior + 1)) == 0
    return np.asarray(masks[(pruned == masks) & (masks > 0) & is_compact])


def _canonical_masks(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest mask of each isomorphism class, and the permutation that leads there.

    Two orders of the same vertices differ by exchanges of neighbours that no edge joins, so the
    largest mask spreads through the class along such exchanges.
    """
    largest, moves = masks.copy(), np.zeros(len(masks), dtype=np.int64)
    exchanges = []
    for position in range(N_INTERIOR - 1):
        order = list(range(N_INTERIOR))
        order[position], order[position + 1] = order[position + 1], order[position]
        edge = _EDGE_BIT[position + 1, position + 2]
        swap = PERMUTATIONS.index(tuple(order))
        neighbour = np.searchsorted(masks, _permute_masks(masks, _permutation_tables(), swap))
        neighbour = np.minimum(neighbour, len(masks) - 1)
        swapped = masks[neighbour] == _permute_masks(masks, _permutation_tables(), swap)
        allowed = ((masks >> edge) & 1 == 0) & swapped
        exchanges.append((neighbour, allowed, _compositions()[swap]))
    is_moving = True
    while is_moving:
        is_moving = False
        for neighbour, allowed, compose in exchanges:
            better = allowed & (largest[neighbour] > largest)
            largest[better] = largest[neighbour[better]]
            moves[better] = compose[moves[neighbour[better]]]
            is_moving |= bool(better.any())
    return largest, moves


def _automorphisms(graph_masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (graph, permutation) where the permutation leaves the graph as it is.

    Only vertices of the graph move: the others stay where they are.
    """
    n_graphs = len(graph_masks)
    n_interior = _n_interior(graph_masks)
    graphs, moves = [], []
    for move, permutation in enumerate(PERMUTATIONS):
        moved = [v for v, to in enumerate(permutation) if v != to]
        same = _permute_masks(graph_masks, _permutation_tables(), move) == graph_masks
        same &= n_interior > max(moved, default=-1)
        graphs.append(np.arange(n_graphs)[same])
        moves.append(np.full(same.sum(), move))
    return np.concatenate(graphs), np.concatenate(moves)


def _cycles(graph_masks: np.ndarray, graphs: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Number the cycles of each automorphism over its graph's interior vertices from 0."""
    of_move = np.empty((len(PERMUTATIONS), N_INTERIOR), dtype=np.int64)
    for move, permutation in enumerate(PERMUTATIONS):
        cycle_of: dict[int, int] = {}
        for start in range(N_INTERIOR):
            number, vertex = len(set(cycle_of.values())), start
            while vertex not in cycle_of:
                cycle_of[vertex] = number
                vertex = permutation[vertex]
        of_move[move] = [cycle_of[vertex] for vertex in range(N_INTERIOR)]
    n_interior = _n_interior(graph_masks)[graphs]
    return np.where(np.arange(N_INTERIOR) < n_interior[:, None], of_move[moves], -1)


def _n_interior(pruned_masks: np.ndarray) -> np.ndarray:
    return _n_bits(prune(pruned_masks)[1]) - 2


def _n_bits(words: np.ndarray) -> np.ndarray:
    bits = [words >> np.uint32(bit) & 1 for bit in range(len(EDGES))]
    return np.asarray(np.sum(bits, axis=0))


def _canonical_codes(n_graphs: int, graphs: np.ndarray, moves: np.ndarray) -> np.ndarray:
    codes = np.tile(np.arange(_N_CODES, dtype=np.int16), (n_graphs, 1))
    for move in np.unique(moves):
        rows = graphs[moves == move]
        codes[rows] = np.minimum(codes[rows], _code_permutation()[move].astype(np.int16))
    return codes


def _permute_masks(masks: np.ndarray, tables: np.ndarray, which: np.ndarray | int) -> np.ndarray:
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
            moved = _EDGE_BIT.get((target[i], target[j]), np.uint32(31))
            bits[row, bit] = 1 << int(moved)
    chunk = np.arange(1 << _CHUNK)
    tables = np.zeros((len(targets), 3, 1 << _CHUNK), dtype=np.uint32)
    for bit in range(len(EDGES)):
        part, position = divmod(bit, _CHUNK)
        tables[:, part] |= ((chunk >> position) & 1).astype(np.uint32) * bits[:, bit, None]
    return tables


@cache
def _permutation_tables() -> np.ndarray:
    return _move_tables([(0, *(v + 1 for v in p), N_VERTICES - 1) for p in PERMUTATIONS])


@cache
def _compaction_tables() -> np.ndarray:
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
def _code_permutation() -> np.ndarray:
    """`[120, 1024]`: operation codes after each permutation of the interior vertices."""
    operations = (np.arange(_N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    return np.stack([(operations << (2 * np.array(p))).sum(axis=1) for p in PERMUTATIONS])


@cache
def _code_compaction() -> np.ndarray:
    """`[32, 1024]`: operation codes of the kept vertices, moved to the front."""
    operations = (np.arange(_N_CODES)[:, None] >> (2 * np.arange(N_INTERIOR))) & 3
    rows = []
    for kept, move in enumerate(_compactions()):
        is_kept = (kept >> np.arange(N_INTERIOR)) & 1 == 1
        rows.append((np.where(is_kept, operations, NO_OPERATION) << (2 * np.array(move))).sum(1))
    return np.stack(rows)


@cache
def _compositions() -> np.ndarray:
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


@cache
def _row_of_mask() -> np.ndarray:
    """`[2**21]`: row of a mask in ``cell_graphs().masks``, -1 for one that is no valid cell."""
    rows = np.full(1 << len(EDGES), -1, dtype=np.int16)
    rows[cell_graphs().masks] = np.arange(len(cell_graphs().masks))
    return rows

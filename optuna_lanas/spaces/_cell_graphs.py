"""NAS-Bench-101's cells up to isomorphism: canonical forms and random draws, by look-up tables.

Masks and operation codes are defined in ``_edge_masks``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from optuna_lanas.spaces._edge_masks import code_compaction
from optuna_lanas.spaces._edge_masks import code_permutation
from optuna_lanas.spaces._edge_masks import compaction_tables
from optuna_lanas.spaces._edge_masks import compositions
from optuna_lanas.spaces._edge_masks import EDGE_BIT
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import encode_operations
from optuna_lanas.spaces._edge_masks import n_bits
from optuna_lanas.spaces._edge_masks import N_CODES
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import NO_OPERATION
from optuna_lanas.spaces._edge_masks import permutation_tables
from optuna_lanas.spaces._edge_masks import PERMUTATIONS
from optuna_lanas.spaces._edge_masks import permute_masks
from optuna_lanas.spaces._edge_masks import prune


MAX_EDGES = 9
N_OPERATIONS = 3


@dataclass(frozen=True)
class CellGraphs:
    """All labelled graphs of pruned cells, and the isomorphism classes of cells over them.

    Attributes:
        masks: `[n_masks]`, ascending: every mask that is pruned and has at most nine edges.
        graph: `[n_masks]`, the isomorphism class (ignoring operations) of each mask.
        to_canonical: `[n_masks]`, the position in ``PERMUTATIONS`` of the permutation that turns a
            mask into the canonical mask of its class.
        graph_masks: `[n_graphs]`, the canonical mask of each class.
        canonical_codes: `[n_graphs, 1024]`, the smallest code that an automorphism of the
            canonical graph makes of each code.
        automorphism_graphs: `[n_automorphisms]`, the graph of each automorphism.
        automorphism_cycles: `[n_automorphisms, 5]`, the cycle that holds each interior vertex;
            -1 for a vertex that the graph does not have.
        automorphism_cumulative: `[n_automorphisms]`, a cumulative sum over the automorphisms: the
            number of labellings that each of them fixes, divided by the size of its group.
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
    """Prune cells and turn them into the form that all isomorphic cells share.

    Args:
        masks: `[n]` edge masks, as suggested.
        codes: `[n]` operation codes, as suggested.

    Returns:
        `[n]` positions in ``cell_graphs().graph_masks``, -1 for an invalid cell, and `[n]`
        canonical operation codes.
    """
    graphs = cell_graphs()
    masks, kept = prune(masks)
    interior = (kept >> 1) & 31
    masks = permute_masks(masks, compaction_tables(), interior)
    codes = code_compaction()[interior, codes]
    position = _position_of_mask()[masks]
    graph = np.where(position >= 0, graphs.graph[position], -1)
    codes = code_permutation()[graphs.to_canonical[position], codes]
    return graph, graphs.canonical_codes[graph, codes]


def sample_cells(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells uniformly at random over isomorphism classes.

    The draw is over pairs (automorphism, labelling that it fixes), each with a weight of one over
    the size of the graph's group. By Burnside's lemma the pairs of every class weigh 1 in total.

    Returns:
        `[n]` positions in ``cell_graphs().graph_masks`` and `[n]` canonical operation codes.
    """
    graphs = cell_graphs()
    total = graphs.automorphism_cumulative[-1]
    drawn = np.searchsorted(graphs.automorphism_cumulative, rng.random(n) * total, side="right")
    graph, cycles = graphs.automorphism_graphs[drawn], graphs.automorphism_cycles[drawn]
    operations = rng.integers(N_OPERATIONS, size=(n, N_INTERIOR))
    labels = np.take_along_axis(operations, np.maximum(cycles, 0), axis=1)
    codes = encode_operations(np.where(cycles >= 0, labels, NO_OPERATION))
    return graph, graphs.canonical_codes[graph, codes]


@cache
def cell_graphs() -> CellGraphs:
    """Return the tables, which are built at the first call (a tenth of a second)."""
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
    """Return the masks of pruned cells: vertices 0, 1, .., k and 6, and at most nine edges."""
    masks = np.arange(1 << len(EDGES), dtype=np.uint32)
    masks = masks[n_bits(masks) <= MAX_EDGES]
    pruned, kept = prune(masks)
    interior = (kept >> 1) & 31
    is_compact = (interior & (interior + 1)) == 0
    return np.asarray(masks[(pruned == masks) & (masks > 0) & is_compact])


def _canonical_masks(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest mask of each mask's class, and the permutation that leads to it.

    Any two topological orders of a graph differ by exchanges of neighbouring vertices that no edge
    joins. The largest mask therefore spreads through its class along such exchanges.
    """
    largest, moves = masks.copy(), np.zeros(len(masks), dtype=np.int64)
    exchanges = []
    for position in range(N_INTERIOR - 1):
        order = list(range(N_INTERIOR))
        order[position], order[position + 1] = order[position + 1], order[position]
        edge = EDGE_BIT[position + 1, position + 2]
        swap = PERMUTATIONS.index(tuple(order))
        neighbour = np.searchsorted(masks, permute_masks(masks, permutation_tables(), swap))
        neighbour = np.minimum(neighbour, len(masks) - 1)
        swapped = masks[neighbour] == permute_masks(masks, permutation_tables(), swap)
        allowed = ((masks >> edge) & 1 == 0) & swapped
        exchanges.append((neighbour, allowed, compositions()[swap]))
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
    """Return all pairs (graph, permutation) where the permutation leaves the graph as it is.

    The permutation moves only vertices that the graph has.
    """
    n_graphs = len(graph_masks)
    n_interior = _n_interior(graph_masks)
    graphs, moves = [], []
    for move, permutation in enumerate(PERMUTATIONS):
        moved = [v for v, to in enumerate(permutation) if v != to]
        same = permute_masks(graph_masks, permutation_tables(), move) == graph_masks
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
    """Return `[n]`: the number of interior vertices of pruned masks."""
    return n_bits(prune(pruned_masks)[1]) - 2


def _canonical_codes(n_graphs: int, graphs: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return `[n_graphs, 1024]`: the smallest code over the automorphisms of each graph."""
    codes = np.tile(np.arange(N_CODES, dtype=np.int16), (n_graphs, 1))
    for move in np.unique(moves):
        moved = graphs[moves == move]
        codes[moved] = np.minimum(codes[moved], code_permutation()[move].astype(np.int16))
    return codes


@cache
def _position_of_mask() -> np.ndarray:
    """Return `[2**21]`: the position of each mask in ``cell_graphs().masks``, -1 if invalid."""
    positions = np.full(1 << len(EDGES), -1, dtype=np.int16)
    positions[cell_graphs().masks] = np.arange(len(cell_graphs().masks))
    return positions

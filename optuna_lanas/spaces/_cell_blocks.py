"""Blocks of NASNet-like cells as arrays: canonical order, number of orders, and random draws.

Notation: a cell of B blocks is `[B, 2]` integers. Block b adds two *terms* and makes state
``2 + b``; states 0 and 1 are the cell's inputs. A term is ``state * n_operations + operation``,
with a state below ``2 + b``. Two cells are isomorphic if renumbering the blocks of the first gives
the second. The order of the two terms of a block does not matter.
"""

from __future__ import annotations

import numpy as np


N_INPUTS = 2


def canonical_blocks(cells: np.ndarray, n_operations: int) -> np.ndarray:
    """Return `[n, B, 2]` cells in the numbering that all isomorphic cells share.

    The next block always has the smallest pair of terms among the blocks whose inputs are already
    numbered. Blocks with equal pairs leave a choice; every choice is then tried.
    """
    n, n_blocks, _ = cells.shape
    states, operations = np.divmod(cells, n_operations)
    number = np.tile(np.arange(N_INPUTS + n_blocks), (n, 1))
    number[:, N_INPUTS:] = -1
    canonical = np.empty_like(cells)
    every = np.arange(n)
    has_tie = np.zeros(n, dtype=bool)
    for position in range(n_blocks):
        pairs, ranks = _pairs(states, operations, number, n_operations)
        chosen = ranks.argmin(axis=1)
        has_tie |= (ranks == ranks[every, chosen][:, None]).sum(axis=1) > 1
        canonical[:, position] = pairs[every, chosen]
        number[every, N_INPUTS + chosen] = N_INPUTS + position
    for i in np.flatnonzero(has_tie):
        canonical[i] = _smallest_numbering(cells[i].tolist(), n_operations)
    return canonical


def n_numberings(cells: np.ndarray, n_operations: int) -> np.ndarray:
    """Return `[n]`: the number of different numberings of the blocks of each cell.

    It is the number of topological orders divided by the number of automorphisms. An automorphism
    other than the identity needs two blocks with equal pairs of terms. Automorphisms are therefore
    counted only in cells with such blocks.
    """
    n, n_blocks, _ = cells.shape
    states = cells // n_operations
    needs = np.zeros((n, n_blocks), dtype=np.int64)
    for block in range(n_blocks):
        for state in states[:, block].T:
            needs[:, block] |= np.where(state >= N_INPUTS, 1 << np.maximum(state - N_INPUTS, 0), 0)
    counts = np.zeros((1 << n_blocks, n), dtype=np.int64)
    counts[0] = 1
    for done in range(1, 1 << n_blocks):
        for last in range(n_blocks):
            if done >> last & 1:
                before = done ^ (1 << last)
                counts[done] += np.where(needs[:, last] & ~before, 0, counts[before])
    orders = counts[-1]
    pairs = np.sort(cells, axis=2)
    codes = np.sort(pairs[:, :, 0] * (cells.max(initial=0) + 1) + pairs[:, :, 1], axis=1)
    for i in np.flatnonzero((np.diff(codes, axis=1) == 0).any(axis=1)):
        orders[i] //= _n_automorphisms(cells[i].tolist(), n_operations)
    return np.asarray(orders)


def sample_blocks(
    n: int,
    n_blocks: int,
    n_operations: int,
    has_distinct_inputs: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return `[n, n_blocks, 2]` cells drawn uniformly at random over isomorphism classes.

    Rejection sampling: unordered pairs of terms are drawn uniformly at random, so the probability
    of a class is proportional to its number of numberings. A cell is then accepted with a
    probability of one over that number.
    """
    accepted = [np.zeros((0, n_blocks, 2), dtype=np.int64)]
    n_accepted = 0
    while n_accepted < n:
        n_drawn = 16 * (n - n_accepted) + 64
        cells = _random_blocks(n_drawn, n_blocks, n_operations, has_distinct_inputs, rng)
        kept = cells[rng.random(n_drawn) * n_numberings(cells, n_operations) < 1]
        accepted.append(kept)
        n_accepted += len(kept)
    return np.concatenate(accepted)[:n]


def _random_blocks(
    n: int,
    n_blocks: int,
    n_operations: int,
    has_distinct_inputs: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    blocks = []
    for block in range(n_blocks):
        first, second = np.triu_indices((N_INPUTS + block) * n_operations)
        if has_distinct_inputs:
            differ = first // n_operations != second // n_operations
            first, second = first[differ], second[differ]
        drawn = rng.integers(len(first), size=n)
        blocks.append(np.stack([first[drawn], second[drawn]], axis=1))
    return np.stack(blocks, axis=1)


def _pairs(
    states: np.ndarray, operations: np.ndarray, number: np.ndarray, n_operations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted terms of every block in the new numbers, and the rank of each block.

    Blocks that are placed already, or whose inputs have no number yet, share the last rank.
    """
    renumbered = np.take_along_axis(
        number, states.reshape(len(states), 2 * states.shape[1]), axis=1
    )
    renumbered = renumbered.reshape(states.shape)
    pairs = np.sort(renumbered * n_operations + operations, axis=2)
    base = number.shape[1] * n_operations
    ranks = pairs[:, :, 0] * base + pairs[:, :, 1]
    is_placed = number[:, N_INPUTS:] >= 0
    is_possible = (renumbered >= 0).all(axis=2) & ~is_placed
    return pairs, np.where(is_possible, ranks, base * base)


def _smallest_numbering(cell: list[list[int]], n_operations: int) -> list[list[int]]:
    """Return the smallest list of pairs; the search branches where blocks have equal pairs."""

    def extend(number: dict[int, int], open_blocks: frozenset[int]) -> list[list[int]]:
        pairs = {}
        for block in open_blocks:
            states = [term // n_operations for term in cell[block]]
            if all(state in number for state in states):
                pairs[block] = _renumbered(cell[block], number, n_operations)
        if not pairs:
            return []
        least = min(pairs.values())
        tied = [block for block, pair in pairs.items() if pair == least]
        new = len(number)
        return [
            least,
            *min(extend({**number, N_INPUTS + b: new}, open_blocks - {b}) for b in tied),
        ]

    return extend({state: state for state in range(N_INPUTS)}, frozenset(range(len(cell))))


def _n_automorphisms(cell: list[list[int]], n_operations: int) -> int:
    """Return the number of renumberings of the blocks that leave the cell as it is."""
    sorted_pairs = [sorted(pair) for pair in cell]

    def count(images: dict[int, int]) -> int:
        block = len(images) - N_INPUTS
        if block == len(cell):
            return 1
        wanted = _renumbered(cell[block], images, n_operations)
        taken = set(images.values())
        return sum(
            count({**images, N_INPUTS + block: N_INPUTS + other})
            for other, pair in enumerate(sorted_pairs)
            if pair == wanted and N_INPUTS + other not in taken
        )

    return count({state: state for state in range(N_INPUTS)})


def _renumbered(pair: list[int], number: dict[int, int], n_operations: int) -> list[int]:
    terms = [divmod(term, n_operations) for term in pair]
    return sorted(number[state] * n_operations + operation for state, operation in terms)

"""Regularized evolution (Real et al., 2019, algorithm 1) over a cell's 21 edges and 5 operations.

The winner of a tournament is mutated until its child is a valid cell; the child replaces the
oldest cell. A repeated cell is evaluated again, as published, or skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.cells import N_MASKS
from examples.benchmarks.paper.cells import VALID_CODES
from examples.benchmarks.paper.outcome import Ledger
from examples.benchmarks.paper.outcome import Outcome
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import N_INTERIOR


N_EDGES = len(EDGES)
MAX_PASSES = 100
MAX_TRIES = 1_000  # where a file holds some cells only


@dataclass(frozen=True)
class Evolution:
    """The settings of a run.

    Attributes:
        population: The number of cells alive.
        tournament: The number of cells drawn with replacement; the best of them is mutated.
        changes_one: Whether a child differs from its parent in one edge or operation. Otherwise
            every edge changes with probability 1/21 and every operation with 1/5, as in
            NAS-Bench-101's own experiments.
        passes_seen: Whether a child that was evaluated before is mutated again instead.
    """

    population: int
    tournament: int
    changes_one: bool = True
    passes_seen: bool = False


def run(cells: Cells, seed: int, settings: Evolution, most: int) -> Outcome:
    """Return how a run ended: at the best cell, or after `most` evaluations."""
    rng = np.random.default_rng(seed)
    ledger = Ledger(cells, most)
    alive = [_random(cells, rng) for _ in range(settings.population)]
    values = np.array([ledger.accuracy(cells.row(*cell)) for cell in alive])
    oldest = 0
    while not ledger.is_over:
        entrants = rng.integers(settings.population, size=settings.tournament)
        child = alive[entrants[values[entrants].argmax()]]
        for _ in range(MAX_PASSES if settings.passes_seen else 1):
            child, row = _valid_child(cells, child, settings, rng)
            if not ledger.seen[row]:
                break
        alive[oldest], values[oldest] = child, ledger.accuracy(row)
        oldest = (oldest + 1) % settings.population
    return ledger.outcome()


def _random(cells: Cells, rng: np.random.Generator) -> tuple[int, int]:
    """Return a valid cell, its edges and operations drawn uniformly."""
    for _ in range(MAX_TRIES):
        mask, code = int(rng.integers(N_MASKS)), int(VALID_CODES[rng.integers(len(VALID_CODES))])
        if cells.row(mask, code) >= 0:
            return mask, code
    return cells.encoding(int(rng.integers(len(cells))))


def _valid_child(
    cells: Cells, parent: tuple[int, int], settings: Evolution, rng: np.random.Generator
) -> tuple[tuple[int, int], int]:
    """Return a cell that differs from its parent, and its row."""
    mutate = with_one_change if settings.changes_one else _with_changes
    for _ in range(MAX_TRIES):
        child = mutate(*parent, rng)
        row = cells.row(*child)
        if row >= 0 and child != parent:
            return child, row
    child = _random(cells, rng)
    return child, cells.row(*child)


def with_one_change(mask: int, code: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return an encoding that differs in one edge or operation."""
    place, other = divmod(int(rng.integers(2 * (N_EDGES + N_INTERIOR))), 2)
    if place < N_EDGES:
        return mask ^ (1 << place), code
    return mask, _replaced(code, place - N_EDGES, other)


def _with_changes(mask: int, code: int, rng: np.random.Generator) -> tuple[int, int]:
    draws = rng.random(N_EDGES + N_INTERIOR)
    for place in np.flatnonzero(draws[:N_EDGES] < 1 / N_EDGES).tolist():
        mask ^= 1 << place
    for vertex in np.flatnonzero(draws[N_EDGES:] < 1 / N_INTERIOR).tolist():
        code = _replaced(code, vertex, int(rng.integers(2)))
    return mask, code


def _replaced(code: int, vertex: int, other: int) -> int:
    """Return a code with one of the two other operations at a vertex."""
    operation = code >> 2 * vertex & 3
    return code + ((operation + 1 + other) % 3 - operation << 2 * vertex)

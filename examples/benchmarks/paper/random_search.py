"""Random search: over cells, or over encodings, which favours small cells."""

from __future__ import annotations

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.outcome import Outcome


def run(cells: Cells, seed: int, most: int) -> Outcome:
    """Return how a run ended that draws cells uniformly without repeats."""
    order = np.random.default_rng(seed).permutation(len(cells))
    place = int(np.flatnonzero(order == cells.best)[0]) + 1
    return _outcome(cells, order[: min(place, most)], place, most)


def run_over_encodings(cells: Cells, seed: int, most: int) -> Outcome:
    """Return how a run ended that draws edges and operations uniformly.

    A cell of w encodings is first drawn after an exponential time of rate w.
    """
    rng = np.random.default_rng(seed)
    first = rng.standard_exponential(len(cells)) / cells.n_encodings
    place = int((first <= first[cells.best]).sum())
    return _outcome(cells, np.argsort(first)[: min(place, most)], place, most)


def expected(cells: Cells) -> float:
    """Return the exact mean of `run`'s samples."""
    return (len(cells) + 1) / 2


def expected_over_encodings(cells: Cells) -> float:
    """Return the exact mean of `run_over_encodings`'s samples.

    A cell of w encodings comes before the best cell, of v encodings, with probability w / (w + v).
    """
    n = cells.n_encodings
    return float(0.5 + (n / (n + n[cells.best])).sum())


def _outcome(cells: Cells, drawn: np.ndarray, place: int, most: int) -> Outcome:
    accuracy = float(cells.accuracies[drawn].max())
    return Outcome(len(drawn), len(drawn), place <= most, accuracy)

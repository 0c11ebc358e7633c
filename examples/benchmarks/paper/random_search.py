"""Random search: cells in random order, or encodings drawn evenly, which favours small cells."""

from __future__ import annotations

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.outcome import Outcome


def run(cells: Cells, seed: int, most: int) -> Outcome:
    """Returns the end of a run that draws cells evenly and without repeats."""
    order = np.random.default_rng(seed).permutation(len(cells))
    return _outcome(int(np.flatnonzero(order == cells.best)[0]) + 1, most)


def run_over_encodings(cells: Cells, seed: int, most: int) -> Outcome:
    """Returns the end of a run that draws edges and operations evenly.

    A cell of w encodings comes up first after an exponential time of rate w.
    """
    rng = np.random.default_rng(seed)
    first = rng.standard_exponential(len(cells)) / cells.n_encodings
    return _outcome(int((first <= first[cells.best]).sum()), most)


def expected(cells: Cells) -> float:
    """Returns the exact mean of `run`'s samples."""
    return (len(cells) + 1) / 2


def expected_over_encodings(cells: Cells) -> float:
    """Returns the exact mean of `run_over_encodings`'s samples.

    A cell of w encodings comes before the best one of v with probability w / (w + v).
    """
    n = cells.n_encodings
    return float(0.5 + (n / (n + n[cells.best])).sum())


def _outcome(place: int, most: int) -> Outcome:
    samples = min(place, most)
    return Outcome(samples, samples, place <= most)

"""What a method's run until the best cell gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.benchmarks.paper.cells import Cells


@dataclass(frozen=True)
class Outcome:
    """A run's end.

    Attributes:
        samples: Distinct valid cells that were evaluated, the last one included.
        evaluations: With those that were evaluated again.
        is_found: Whether the last one is the best; if not, `samples` is a lower bound.
    """

    samples: int
    evaluations: int
    is_found: bool


class Ledger:
    """What a run has evaluated. A cell is one sample, however often it is evaluated.

    Args:
        cells: The table.
        most: Evaluations after which the run ends without the best cell.
    """

    def __init__(self, cells: Cells, most: int) -> None:
        self.seen = np.zeros(len(cells), dtype=bool)
        self._accuracies = cells.accuracies
        self._best = cells.best
        self._most = most
        self._n_samples = 0
        self._n_evaluations = 0

    def accuracy(self, row: int) -> float:
        """Evaluates a cell."""
        self._n_evaluations += 1
        if not self.seen[row]:
            self.seen[row] = True
            self._n_samples += 1
        return float(self._accuracies[row])

    @property
    def is_found(self) -> bool:
        """Whether the best cell has been evaluated."""
        return bool(self.seen[self._best])

    @property
    def is_over(self) -> bool:
        """Whether the run ends."""
        return self.is_found or self._n_evaluations >= self._most

    def outcome(self) -> Outcome:
        """Returns the run's end."""
        return Outcome(self._n_samples, self._n_evaluations, self.is_found)

"""How a method's run ends, and the count of its samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.benchmarks.paper.cells import Cells


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        samples: Distinct valid cells that were evaluated, the last one included.
        evaluations: All evaluations, repeated ones included.
        is_found: Whether the last cell is the best; if not, `samples` is a lower bound.
        accuracy: The greatest mean test accuracy that was evaluated.
    """

    samples: int
    evaluations: int
    is_found: bool
    accuracy: float


class Ledger:
    """The evaluations of a run. A cell counts as one sample, however often it is evaluated.

    Args:
        cells: The table.
        most: The run ends after so many evaluations, even without the best cell.
    """

    def __init__(self, cells: Cells, most: int) -> None:
        self.seen = np.zeros(len(cells), dtype=bool)
        self._accuracies = cells.accuracies
        self._best = cells.best
        self._most = most
        self._n_samples = 0
        self._n_evaluations = 0

    def accuracy(self, row: int) -> float:
        """Evaluate a cell and return its accuracy."""
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
        """Whether the run has ended."""
        return self.is_found or self._n_evaluations >= self._most

    def outcome(self) -> Outcome:
        """Return how the run ended."""
        accuracy = float(self._accuracies[self.seen].max())
        return Outcome(self._n_samples, self._n_evaluations, self.is_found, accuracy)

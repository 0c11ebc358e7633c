"""Local search: unseen one-parameter changes of the current best, with restarts.

A strong baseline on tables without noise (White et al., 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


PATIENCE = 60  # failed changes before a restart, since a float has no end of neighbours


@dataclass
class LocalSearch:
    """Local search; keeps its current configuration and its number of failed changes."""

    task: Task
    current: Sample | None = None
    n_vain: int = 0
    seen: set[object] = field(default_factory=set)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if history:
            self._move(history[-1])
        current = self.current
        if current is not None and self.n_vain < PATIENCE:
            change = self.task.unseen(lambda: self.task.mutate(current.params, rng), self.seen)
            if change is not None:
                return change
        self.current, self.n_vain = None, 0
        return self.task.random(rng)

    def _move(self, last: Sample) -> None:
        self.seen.add(last.key)
        if self.current is None or last.value > self.current.value:
            self.current, self.n_vain = last, 0
        else:
            self.n_vain += 1

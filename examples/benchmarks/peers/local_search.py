"""Local search: unseen one-parameter changes of the current best, restarted when they are used up.

A strong baseline on tables without noise (White et al., 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


PATIENCE = 60  # changes in vain before a restart, where numbers have endless neighbours


@dataclass
class LocalSearch:
    """Local search; remembers where it stands and how many changes were in vain."""

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

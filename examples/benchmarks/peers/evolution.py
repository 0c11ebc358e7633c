"""Regularized evolution (Real et al., 2019): mutate a tournament's winner, drop the oldest.

The original may evaluate a configuration twice. With `avoids_seen`, a configuration is mutated
again until it is new.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


MAX_MUTATIONS = 100


@dataclass
class RegularizedEvolution:
    """Regularized evolution; the population is the last `population_size` samples."""

    task: Task
    population_size: int
    tournament_size: int
    avoids_seen: bool = False
    seen: set[Hashable] = field(default_factory=set)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if history:
            self.seen.add(history[-1].key)
        if len(history) < self.population_size:
            return self.task.random(rng)
        alive = len(history) - self.population_size
        entrants = alive + rng.choice(self.population_size, self.tournament_size, replace=False)
        winner = max((history[i] for i in entrants), key=lambda sample: sample.value).params
        child = self.task.mutate(winner, rng)
        for _ in range(MAX_MUTATIONS if self.avoids_seen else 0):
            if self.task.key(child) not in self.seen:
                break
            child = self.task.mutate(child, rng)
        return child

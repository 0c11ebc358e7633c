"""Regularized evolution (Real et al., 2019): mutate a tournament's winner, the oldest dies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


@dataclass(frozen=True)
class RegularizedEvolution:
    """Regularized evolution; the population is the last `population_size` samples."""

    task: Task
    population_size: int
    tournament_size: int

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if len(history) < self.population_size:
            return self.task.random(rng)
        alive = len(history) - self.population_size
        entrants = alive + rng.choice(self.population_size, self.tournament_size, replace=False)
        winner = max((history[i] for i in entrants), key=lambda sample: sample.value)
        return self.task.mutate(winner.params, rng)

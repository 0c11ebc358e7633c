"""The interface of a peer, which proposes parameters from a task and the samples so far."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
import itertools
from typing import Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution

from examples.benchmarks.problem import Params
from examples.benchmarks.unit import from_unit
from examples.benchmarks.unit import random_value
from examples.benchmarks.unit import to_unit


MUTATION_SCALE = 0.15  # standard deviation of a step, as a share of the range
MAX_TRIES = 1_000


@dataclass(frozen=True)
class Sample:
    """An evaluated configuration; `value` is maximised, `key` identifies it."""

    params: Params
    value: float
    key: Hashable


@dataclass(frozen=True)
class Task:
    """What a peer knows: the parameters, and which configurations are valid (key not None).

    `sample` draws a valid configuration where nearly all draws of parameters are invalid.
    """

    distributions: dict[str, BaseDistribution]
    key: Callable[[Params], Hashable | None]
    sample: Callable[[np.random.Generator], Params] | None = None

    def random(self, rng: np.random.Generator) -> Params:
        """Return valid parameters, each drawn uniformly from its distribution."""
        for n_tries in itertools.count(1):
            params = {name: random_value(d, rng) for name, d in self.distributions.items()}
            if self.key(params) is not None:
                return params
            if self.sample is not None and n_tries >= MAX_TRIES:
                return self.sample(rng)
        raise AssertionError  # the loop has no end

    def mutate(self, params: Params, rng: np.random.Generator) -> Params:
        """Return valid parameters that differ in one parameter."""
        names = list(self.distributions)
        for _ in range(MAX_TRIES):
            name = names[rng.integers(len(names))]
            child = {**params, name: _neighbour(self.distributions[name], params[name], rng)}
            if child != params and self.key(child) is not None:
                return child
        return self.random(rng)

    def unseen(
        self, propose: Callable[[], Params], seen: set[Hashable], n_tries: int = 100
    ) -> Params | None:
        """Return the first of `n_tries` proposals that is not among the seen keys, or None."""
        for _ in range(n_tries):
            params = propose()
            if self.key(params) not in seen:
                return params
        return None


class Peer(Protocol):
    """Proposes the next parameters; called with every sample so far, oldest first."""

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params: ...


def _neighbour(distribution: BaseDistribution, value: object, rng: np.random.Generator) -> object:
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return others[rng.integers(len(others))] if others else value
    position = to_unit(distribution, value)
    for _ in range(MAX_TRIES):
        changed = from_unit(
            distribution, float(np.clip(position + MUTATION_SCALE * rng.normal(), 0, 1))
        )
        if changed != value:
            return changed
    return value

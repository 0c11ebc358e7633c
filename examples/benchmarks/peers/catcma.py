"""CatCMA with margin (Hamano et al., 2025) through `cmaes`: ask and tell, a population at a time.

OptunaHub's sampler of this name draws floats at random with cmaes 0.13, so it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Any

from cmaes import CatCMAwM
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params
from examples.benchmarks.unit import from_unit


@dataclass
class CatCMA:
    """Floats and numbers of a grid by their place in [0, 1], choices by their index.

    An invalid configuration has the worst value so far.
    """

    task: Task
    asked: list[tuple[Any, float]] = field(default_factory=list)
    pending: Any = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        self.rng = rng
        if history:
            self._tell(-history[-1].value)
        while True:
            self.pending = self.optimizer.ask()
            params = self._params(self.pending)
            if self.task.key(params) is not None:
                return params
            self._tell(max((-sample.value for sample in history), default=0.0))

    @cached_property
    def optimizer(self) -> CatCMAwM:
        """The package's own object, made at the first call, when the seed is known."""
        grids = [np.linspace(0, 1, _n_places(d)) for d in self._of_kind("grid")]
        return CatCMAwM(
            x_space=[[0.0, 1.0] for _ in self._of_kind("float")] or None,
            z_space=grids or None,
            c_space=[len(d.choices) for d in self._of_kind("choices")] or None,
            seed=int(self.rng.integers(2**31)),
        )

    def _tell(self, value: float) -> None:
        self.asked.append((self.pending, value))
        if len(self.asked) == self.optimizer.population_size:
            self.optimizer.tell(self.asked)
            self.asked = []

    def _of_kind(self, kind: str) -> list[Any]:
        return [d for d in self.task.distributions.values() if _kind(d) == kind]

    def _params(self, solution: Any) -> Params:
        given = {
            "float": iter(() if solution.x is None else solution.x),
            "grid": iter(() if solution.z is None else solution.z),
            "choices": iter(() if solution.c is None else solution.c),
        }
        return {
            name: _value(d, next(given[_kind(d)])) for name, d in self.task.distributions.items()
        }


def _kind(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return "choices"
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return "float" if distribution.step is None else "grid"


def _n_places(distribution: FloatDistribution | IntDistribution) -> int:
    """Return the number of a grid's values."""
    assert distribution.step is not None
    return round((distribution.high - distribution.low) / distribution.step) + 1


def _value(distribution: BaseDistribution, given: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(np.argmax(given))]
    return from_unit(distribution, float(given))

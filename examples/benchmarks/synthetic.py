"""Problems made of functions: 5 and 10 floats, and eight mixed parameters.

A mixed problem asks for two floats, two log floats, an int, a log int and two categoricals
whose choices lie along the function's axis in a random order. Shift, rotation and order come
from the seed, so all samplers see the same instance at the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.trial import BaseTrial

from examples.benchmarks.functions import FUNCTIONS
from examples.benchmarks.functions import instance
from examples.benchmarks.problem import Problem
from examples.benchmarks.unit import random_value
from examples.benchmarks.unit import to_unit


N_MEDIAN = 10_000
MIXED: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "y": FloatDistribution(-5.0, 5.0),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "weight_decay": FloatDistribution(1e-6, 1e-2, log=True),
    "depth": IntDistribution(1, 10),
    "width": IntDistribution(16, 1024, log=True),
    "operation": CategoricalDistribution(("conv3", "conv5", "sep3", "pool", "skip")),
    "activation": CategoricalDistribution(("relu", "gelu", "tanh", "swish")),
}


def names(family: str) -> list[str]:
    """Return the names of a family: `functions5d`, `functions10d` or `mixed`."""
    prefix = "mixed" if family == "mixed" else family.removeprefix("functions")
    return [f"{prefix}-{function}" for function in FUNCTIONS]


def load(name: str, seed: int) -> Problem:
    """Return an instance of the problem of that name (`5d-sphere`, `mixed-sphere`, ...)."""
    prefix, function = name.split("-", 1)
    if prefix == "mixed":
        return _problem(name, "mixed", function, MIXED, seed)
    floats = {f"x{i}": FloatDistribution(0.0, 1.0) for i in range(int(prefix.removesuffix("d")))}
    return _problem(name, f"functions{prefix}", function, dict(floats), seed)


def _problem(
    name: str, family: str, function: str, space: dict[str, BaseDistribution], seed: int
) -> Problem:
    rng = np.random.default_rng([seed, sum(name.encode())])
    axes = [_axis(distribution, rng) for distribution in space.values()]
    scored = instance(function, np.array([_optimum(axis, rng) for axis in axes]), rng)

    def objective(trial: BaseTrial) -> float:
        u = [axis.position(_suggest(trial, n, axis.distribution)) for n, axis in named]
        return float(scored.score(np.array([u]))[0])

    named = list(zip(space, axes, strict=True))
    points = [[axis.position(random_value(axis.distribution, rng)) for axis in axes]
              for _ in range(N_MEDIAN)]  # fmt: skip
    return Problem(
        name=name,
        family=family,
        direction="minimize",
        objective=objective,
        optimum=0.0,
        median=float(np.median(scored.score(np.array(points)))),
    )


@dataclass(frozen=True)
class _Axis:
    """A parameter along an axis of the function, with its choices in `order`."""

    distribution: BaseDistribution
    order: tuple[Any, ...]

    def position(self, value: Any) -> float:
        if self.order:
            return self.order.index(value) / (len(self.order) - 1)
        return to_unit(self.distribution, value)


def _axis(distribution: BaseDistribution, rng: np.random.Generator) -> _Axis:
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        return _Axis(distribution, tuple(choices[i] for i in rng.permutation(len(choices))))
    return _Axis(distribution, ())


def _optimum(axis: _Axis, rng: np.random.Generator) -> float:
    if isinstance(axis.distribution, FloatDistribution):
        return float(rng.uniform(0.2, 0.8))
    return axis.position(random_value(axis.distribution, rng))  # on the grid, so reachable


def _suggest(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)

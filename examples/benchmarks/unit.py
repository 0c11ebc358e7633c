"""Values of an Optuna distribution as positions in [0, 1] (logarithmic if it is), and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution


def to_unit(distribution: BaseDistribution, value: Any) -> float:
    """Return the position of a value; a choice has the position of its index."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices.index(value) / max(len(distribution.choices) - 1, 1)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _bounds(distribution)
    x = math.log(value) if distribution.log else float(value)
    return (x - low) / (high - low) if high > low else 0.0


def from_unit(distribution: BaseDistribution, position: float) -> Any:
    """Return the value nearest to a position."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[round(position * (len(distribution.choices) - 1))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _bounds(distribution)
    x = low + position * (high - low)
    value = math.exp(x) if distribution.log else x
    if distribution.step is not None:
        steps = round((value - distribution.low) / distribution.step)
        value = distribution.low + steps * distribution.step
    value = min(max(value, distribution.low), distribution.high)
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def random_value(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """Return a value drawn uniformly at random (log-uniformly if the distribution is)."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution) and not distribution.log:
        n_values = (distribution.high - distribution.low) // distribution.step + 1
        return int(distribution.low + rng.integers(n_values) * distribution.step)
    return from_unit(distribution, rng.random())


def _bounds(distribution: FloatDistribution | IntDistribution) -> tuple[float, float]:
    if distribution.log:
        return math.log(distribution.low), math.log(distribution.high)
    return float(distribution.low), float(distribution.high)

"""Parameters as a vector for the peers' predictors: one-hot choices, positions of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution

from examples.benchmarks.problem import Params
from examples.benchmarks.unit import to_unit


def encode(
    batch: Sequence[Params], distributions: dict[str, BaseDistribution]
) -> npt.NDArray[np.float64]:
    """Return the vectors `[n, dim]` of `n` configurations."""
    columns = [_columns([p[name] for p in batch], d) for name, d in distributions.items()]
    return np.concatenate(columns, axis=1)


def _columns(values: list[object], distribution: BaseDistribution) -> npt.NDArray[np.float64]:
    if isinstance(distribution, CategoricalDistribution):
        indices = [distribution.choices.index(value) for value in values]
        return np.eye(len(distribution.choices))[indices]
    return np.array([[to_unit(distribution, value)] for value in values])

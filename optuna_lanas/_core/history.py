"""What the core knows of a study: its observations, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import KnownKeys


@dataclass(frozen=True, eq=False)
class History:
    """The observations of a study, and its pending trials.

    Attributes:
        domain: The domain, in which the points are given.
        points: `[n, n_params]`, NaN for inactive parameters; read-only, as all arrays.
        features: `[n, dim]`.
        values: `[n]`, finite, the greater the better.
        objectives: `[n, m]`, finite, the greater the better; None for a single objective.
        pending_points: `[n_pending, n_params]`, of trials without a value yet.
        pending_features: `[n_pending, dim]`.
        keys: The keys of all trials that have ended.
        pending_keys: The keys of pending trials.
        errors: `[n]`, the standard error of each value: 0 where it is exact, infinite where it
            tells nothing; None if all are exact.
        as_first: From a number to the values that the first observations had among themselves.
            Values of pruned trials, say, depend on those of others. None where none does.
    """

    domain: Domain
    points: np.ndarray
    features: np.ndarray
    values: np.ndarray
    objectives: np.ndarray | None
    pending_points: np.ndarray
    pending_features: np.ndarray
    keys: KnownKeys
    pending_keys: frozenset[Hashable | None]
    errors: np.ndarray | None = None
    as_first: Callable[[int], np.ndarray] | None = None

    def since(self, first: int) -> History:
        """Return the history without its first observations, whose points stay known."""
        return replace(
            self,
            points=self.points[first:],
            features=self.features[first:],
            values=self.values[first:],
            objectives=None if self.objectives is None else self.objectives[first:],
            errors=None if self.errors is None else self.errors[first:],
            as_first=None,
        )

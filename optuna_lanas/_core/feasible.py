"""What a proposal must keep to beyond the domain: given parameters, narrower ranges and grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optuna_lanas._core.domain import Domain


@dataclass(frozen=True, eq=False)
class Limits:
    """What a proposal must keep to beyond the domain.

    Attributes:
        fixed: `[n_params]`, coordinates that are given, NaN where free.
        low: `[n_params]`, least coordinates.
        high: `[n_params]`, greatest coordinates.
        on_grid: Moves `[n, n_params]` points to values that the trial may take, where its grids
            are not the domain's; None where they are.
    """

    fixed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    on_grid: Callable[[np.ndarray], np.ndarray] | None = None

    def sample(self, domain: Domain, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` points drawn from the domain inside the limits."""
        points = domain.sample(n, rng)
        narrowed = ~domain.is_categorical & ((self.low > 0.0) | (self.high < 1.0))
        if narrowed.any():
            bounds = (domain.to_values(np.clip(b, 0.0, 1.0)) for b in (self.low, self.high))
            low, high = domain.half_step_outside(*bounds)
            drawn = domain.snap(low + rng.random(points.shape) * (high - low))
            points = np.where(narrowed, drawn, points)
        return self.settle(points)

    def settle(self, points: np.ndarray) -> np.ndarray:
        """Return points moved inside the limits."""
        settled: np.ndarray = np.clip(points, self.low, self.high)
        if self.on_grid is not None:
            settled = self.on_grid(settled)
        return np.where(np.isnan(self.fixed), settled, self.fixed)

    def enumerate(self, domain: Domain, most: int, rng: np.random.Generator) -> np.ndarray:
        """Return all `[n, n_params]` points inside the limits, in random order.

        No point is returned where there are more than ``most``.
        """
        sizes = np.where(np.isnan(self.fixed), domain.n_values, 1.0)
        with np.errstate(over="ignore"):
            n_points = float(np.prod(sizes))
        if n_points > most:
            return np.empty((0, domain.n_params))
        indices = rng.permutation(int(n_points))
        grid = np.stack(np.unravel_index(indices, tuple(sizes.astype(int))), axis=1)
        return self.settle(domain.from_grid(grid))

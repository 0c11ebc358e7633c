"""What one trial may be: sample, mutate, project and enumerate inside that set.

A trial may ask for a narrower range or another grid than the domain's, and some of its parameters
may be fixed. Only the others are dimensions of the search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import Settings


@dataclass(frozen=True, eq=False)
class FeasibleSet:
    """The points that one trial may be.

    Attributes:
        domain: The domain, in whose coordinates all points are given.
        axes: The axes that the trial asks for, by default those of the domain.
        fixed: `[n_params]`, coordinates that the trial does not choose, NaN where it does.
        settings: How far mutations go.
    """

    domain: Domain
    axes: Axes
    fixed: np.ndarray
    settings: Settings = DEFAULT

    @cached_property
    def free(self) -> np.ndarray:
        """`[n_free]` ints, the columns of parameters that have a choice."""
        return np.flatnonzero(np.isnan(self.fixed) & (self.axes.n_values > 1.0))

    @cached_property
    def n_points(self) -> float:
        """The number of feasible points, infinite if a free parameter is continuous."""
        with np.errstate(over="ignore"):
            return float(np.prod(self._own.n_values))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` feasible points, uniform over architectures if possible."""
        points = self.domain.sample(n, rng)
        if self._is_changed.any():
            drawn = self._from_own(self._own.sample(n, rng))
            points[:, self.free] = np.where(self._is_changed, drawn, points[:, self.free])
        return self._with_fixed(points)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return `[n, n_params]` points moved to the nearest feasible ones."""
        if self._is_changed.any():
            free = points[:, self.free]
            moved = self._from_own(self._own.snap(self._to_own(free)))
            points = points.copy()
            points[:, self.free] = np.where(self._is_changed, moved, free)
        return self._with_fixed(points)

    def mutate(self, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` feasible points, each with some free parameters changed.

        Half of the mutations change one parameter, the others `mutation_rate` more on average. A
        category becomes another category. A coordinate takes a normal step, at least to the next
        value of its grid; its scale is log-uniform between `min_step` and `max_step` for each
        point. Steps over either end of a range are reflected, half a step beyond the last value.
        On a grid such a step may lead back, which keeps a random walk uniform.

        Args:
            parents: `[n, n_params]` feasible points without NaN.
            rng: Source of the draws.
        """
        free, n, n_free = self.free, len(parents), len(self.free)
        if n_free == 0:
            return parents.copy()
        rate = np.where(rng.random((n, 1)) < 0.5, 0.0, self.settings.mutation_rate / n_free)
        is_changed = rng.random((n, n_free)) < rate
        is_changed[np.arange(n), rng.integers(n_free, size=n)] = True
        moved = self._from_own(self._moved(self._to_own(parents[:, free]), rng))
        mutated = parents.copy()
        mutated[:, free] = np.where(is_changed, moved, parents[:, free])
        return mutated

    def enumerate(self, limit: int, rng: np.random.Generator) -> np.ndarray:
        """Return all `[n, n_params]` feasible points in random order, none if above ``limit``."""
        if self.n_points > limit:
            return np.empty((0, self.domain.n_params))
        sizes = self._own.n_values
        order = rng.permutation(int(self.n_points))
        points = np.tile(self._base, (len(order), 1))
        if len(self.free):
            indices = np.stack(np.unravel_index(order, tuple(sizes.astype(int))), axis=1)
            points[:, self.free] = self._from_own(self._own.from_grid(indices))
        return points

    def _moved(self, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`[n, n_free]`: a neighbour in every coordinate, on the trial's own free axes."""
        axes = self._own
        shift = 1.0 + np.floor(rng.random(own.shape) * (axes.n_choices - 1))
        moved: np.ndarray = (own + shift) % np.maximum(axes.n_choices, 1)
        numeric = axes.numeric
        moved[:, numeric] = self._stepped(axes.numeric_part, own[:, numeric], rng)
        return moved

    def _stepped(self, axes: Axes, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        low, high = np.log10(self.settings.min_step), np.log10(self.settings.max_step)
        step = 10.0 ** rng.uniform(low, high, (len(parents), 1))
        step = step * rng.standard_normal(parents.shape)
        least = axes.spacing
        moved = parents + np.where(np.abs(step) < least, np.copysign(least, step), step)
        edge = 0.5 * least
        moved = np.where(moved < -edge, -2.0 * edge - moved, moved)
        moved = axes.snap(np.where(moved > 1.0 + edge, 2.0 + 2.0 * edge - moved, moved))
        uneven = axes.log_grid
        if len(uneven):
            before, after = parents[:, uneven], moved[:, uneven]
            neighbour = axes.log_grid_part.neighbour(before, step[:, uneven])
            moved[:, uneven] = np.where(np.abs(before - after) < 1e-12, neighbour, after)
        return moved

    def _with_fixed(self, points: np.ndarray) -> np.ndarray:
        if len(self.free) == len(self.axes):
            return points
        return np.where(np.isnan(self._base), points, self._base)

    @cached_property
    def _base(self) -> np.ndarray:
        """`[n_params]`: the coordinates that leave no choice, NaN at the free ones."""
        lowest = self.domain.axes.to_unit(self.axes.low)
        lowest = np.where(self.axes.is_categorical, 0.0, lowest)
        base = np.where(np.isnan(self.fixed), lowest, self.fixed)
        base[self.free] = np.nan
        return base

    @cached_property
    def _own(self) -> Axes:
        """The trial's own axes of the free parameters."""
        return self.axes if len(self.free) == len(self.axes) else self.axes.part(self.free)

    @cached_property
    def _domains(self) -> Axes:
        """The domain's axes of the free parameters."""
        axes = self.domain.axes
        return axes if len(self.free) == len(axes) else axes.part(self.free)

    @cached_property
    def _is_changed(self) -> np.ndarray:
        """`[n_free]` bools: whether the trial's own range or grid is not the domain's."""
        mine, theirs = self._own, self._domains
        if mine is theirs:
            return np.zeros(len(self.free), dtype=bool)
        is_same = (mine.low == theirs.low) & (mine.high == theirs.high)
        is_same &= (mine.step == theirs.step) & (mine.is_log == theirs.is_log)
        return np.asarray(~(is_same | mine.is_categorical))

    def _to_own(self, points: np.ndarray) -> np.ndarray:
        """`[n, n_free]` coordinates on the trial's own axes, of coordinates in the domain."""
        if not self._is_changed.any():
            return points
        values = np.clip(self._domains.to_values(points), self._own.low, self._own.high)
        return np.where(self._own.is_categorical, points, self._own.to_unit(values))

    def _from_own(self, points: np.ndarray) -> np.ndarray:
        """`[n, n_free]` coordinates in the domain, of coordinates on the trial's own axes."""
        if not self._is_changed.any():
            return points
        values = self._domains.to_unit(self._own.to_values(points))
        return np.where(self._own.is_categorical, points, values)

"""The axes of a search space: values and coordinates, grids, neighbours.

Notation
    v    values, `[n, n_params]`: a category's index, or a number between low and high
    u    coordinates, `[n, n_params]`: a category's index, or a number in [0, 1]
    logarithmic axes: ``u = (log v - log low) / (log high - log low)``
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import Generic
from typing import overload
from typing import TypeVar

import numpy as np


T = TypeVar("T")


class cached_property(Generic[T]):
    """A property that is computed once for each object.

    Until Python 3.11 the one of `functools` holds a lock meanwhile, the same for all objects. A
    forked child would wait for it for ever if another thread held it then.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object, owner: type) -> cached_property[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


@dataclass(frozen=True, eq=False)
class Axes:
    """One axis per parameter.

    Attributes:
        n_choices: `[n_params]` ints, the choices of a categorical parameter, 0 for a numeric one.
        low: `[n_params]`, the least value of a numeric parameter (categorical: any number).
        high: `[n_params]`, its greatest value.
        step: `[n_params]`, the distance of two neighbours on its grid, 0 if it is continuous.
        is_log: `[n_params]` bools, whether its coordinate is logarithmic.
    """

    n_choices: np.ndarray
    low: np.ndarray
    high: np.ndarray
    step: np.ndarray
    is_log: np.ndarray

    def __len__(self) -> int:
        return len(self.n_choices)

    def part(self, columns: np.ndarray) -> Axes:
        """Return some of the axes."""
        fields = (self.n_choices, self.low, self.high, self.step, self.is_log)
        return Axes(*(field[columns] for field in fields))

    @cached_property
    def is_categorical(self) -> np.ndarray:
        """`[n_params]` bools."""
        return self.n_choices > 0

    @cached_property
    def numeric(self) -> np.ndarray:
        """`[n_numeric]` ints, the columns of numeric parameters."""
        return np.flatnonzero(~self.is_categorical)

    @cached_property
    def numeric_part(self) -> Axes:
        """The numeric axes."""
        return self.part(self.numeric)

    @cached_property
    def n_values(self) -> np.ndarray:
        """`[n_params]` floats: how many values a parameter can take, infinite if continuous."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            levels = np.rint(self.high / self.step - self.low / self.step) + 1.0
        levels = np.where(self.low == self.high, 1.0, np.where(self.step > 0, levels, np.inf))
        return np.where(self.is_categorical, self.n_choices, levels)

    @cached_property
    def spacing(self) -> np.ndarray:
        """`[n_params]` floats: the mean distance of two neighbours' coordinates, or 0."""
        return np.where(
            np.isfinite(self.n_values), 1.0 / np.maximum(self.n_values - 1.0, 1.0), 0.0
        )

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` coordinates; every value of a grid is equally likely."""
        draws = rng.random((n, len(self)))
        points = np.floor(draws * self.n_choices)
        first, last = self._widened
        numeric = self.numeric
        points[:, numeric] = (first + draws * (last - first))[:, numeric]
        return self.snap(points)

    def from_grid(self, indices: np.ndarray) -> np.ndarray:
        """Return `[n, n_params]` coordinates by the indices of values, in ascending order.

        The coordinate of a continuous parameter is 0.
        """
        coordinates = self.to_unit(self.low + indices * self.step)
        return self.snap(np.where(self.is_categorical, indices, coordinates))

    def snap(self, points: np.ndarray) -> np.ndarray:
        """Return coordinates moved to the nearest values that a parameter can take."""
        snapped = points.copy()
        numeric, columns = self.numeric, self._grid_columns
        snapped[:, numeric] = np.clip(points[:, numeric], 0.0, 1.0)
        if len(columns):
            snapped[:, columns] = self._grid_part._nearest(points[:, columns])
        return snapped

    def neighbour(self, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the next coordinates upwards or downwards; every axis must have a step.

        At either end of an axis the neighbour is the value before.

        Args:
            points: `[n, n_params]`.
            directions: `[n, n_params]`, of which only the sign matters.
        """
        values = self.to_values(points)
        moved = values + np.copysign(self.step, directions)
        is_outside = (moved > self.high + 0.5 * self.step) | (moved < self.low - 0.5 * self.step)
        inside = np.where(is_outside, 2.0 * values - moved, moved)
        return self.snap(self.to_unit(np.clip(inside, self.low, self.high)))

    def widened(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinates half a step outside a range.

        A uniform draw between them, snapped to the grid, gives every value the same probability.

        Args:
            low: `[n_params]`, the least values.
            high: `[n_params]`, the greatest values.
        """
        half = 0.5 * np.where(self.is_categorical, 0.0, self.step)
        return self.to_unit(low - half), self.to_unit(high + half)

    def to_values(self, points: np.ndarray) -> np.ndarray:
        """Return the values of coordinates; a category stays its index."""
        values = self._between(points)
        if self._has_log:
            values = np.where(self.is_log, np.exp(np.where(self.is_log, values, 0.0)), values)
        return np.where(self.is_categorical, points, values)

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates of numeric values; 0.5 where a range is a single value."""
        half_low, half_width = self._halves
        scaled = values
        if self._has_log:
            scaled = np.where(self.is_log, np.log(np.where(self.is_log, values, 1.0)), values)
        return np.where(half_width > 0.0, (0.5 * scaled - half_low) / self._divisor, 0.5)

    @cached_property
    def log_grid(self) -> np.ndarray:
        """`[n]` ints, the columns of logarithmic parameters with a step."""
        return np.flatnonzero(self.is_log & (self.step > 0))

    @cached_property
    def log_grid_part(self) -> Axes:
        """The logarithmic axes with a step, whose neighbours are not equally far apart."""
        return self.part(self.log_grid)

    def _nearest(self, points: np.ndarray) -> np.ndarray:
        """Coordinates of the nearest values, of axes that all have a step."""
        values = self.to_values(np.clip(points, *self._widened))
        values = self.low + self.step * np.rint((values - self.low) / self.step)
        return self.to_unit(np.clip(values, self.low, self.high))

    def _between(self, points: np.ndarray) -> np.ndarray:
        """Values between the bounds, from the nearer one, so that large integers are exact."""
        low, high = self._bounds
        if not self._has_finite_widths:
            return np.asarray(low * (1.0 - points) + high * points)
        width = high - low
        near = np.where(points < 0.5, low + points * width, high - (1.0 - points) * width)
        return np.asarray(near)

    @cached_property
    def _grid_columns(self) -> np.ndarray:
        return np.flatnonzero((self.step > 0) & ~self.is_categorical)

    @cached_property
    def _grid_part(self) -> Axes:
        return self.part(self._grid_columns)

    @cached_property
    def _widened(self) -> tuple[np.ndarray, np.ndarray]:
        return self.widened(self.low, self.high)

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = (
            np.where(self.is_log, np.log(np.where(self.is_log, bound, 1.0)), bound)
            for bound in (self.low, self.high)
        )
        return low, high

    @cached_property
    def _has_log(self) -> bool:
        return bool(self.is_log.any())

    @cached_property
    def _has_finite_widths(self) -> bool:
        low, high = self._bounds
        with np.errstate(over="ignore"):
            return bool(np.isfinite(high - low).all())

    @cached_property
    def _halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Half of the least value and of the range, which may be wider than a float."""
        low, high = self._bounds
        half_width = np.where(high > low, 0.5 * high - 0.5 * low, 0.0)
        return 0.5 * low, half_width

    @cached_property
    def _divisor(self) -> np.ndarray:
        half_width = self._halves[1]
        return np.where(half_width > 0.0, half_width, 1.0)


def exponent_of(values: np.ndarray) -> int:
    """Return the least ``e`` for which no value is greater than ``2 ** e``; 0 if all are zero.

    Dividing by that power of two is exact, and what follows cannot overflow or underflow: no
    result depends on the unit of the values.

    Args:
        values: `[n]`, finite.
    """
    fraction, exponent = np.frexp(np.max(np.abs(values), initial=0.0))
    return int(exponent) - int(fraction == 0.5)

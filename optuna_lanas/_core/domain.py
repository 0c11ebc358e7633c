"""The domain of a search: its points, their encodings and embeddings.

Notation
    p    point, `[n_params]`: a category's index, or a coordinate in [0, 1]; NaN where absent
    P    points, `[n, n_params]`
    X    encodings, `[n, dim]`: what latent actions see
    E    embeddings, `[n, k]`: what kernels measure distances in
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


MAX_KNOTS = 9


@dataclass(frozen=True, eq=False)
class Architectures:
    """What an architecture space knows better than its parameters one by one.

    Attributes:
        params: `[n_own]` ints, which of the domain's parameters make the architecture.
        encode: `[n, n_own]` points to `[n, dim]` encodings, rows of NaN for invalid ones.
        keys: Points to `n` hashables, equal for isomorphic architectures, None for invalid ones.
        sample: ``(n, rng)`` to points drawn evenly over architectures; None where unknown.
    """

    params: np.ndarray
    encode: Callable[[np.ndarray], np.ndarray]
    keys: Callable[[np.ndarray], list[Hashable | None]]
    sample: Callable[[int, np.random.Generator], np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Domain:
    """The search space as arrays, one entry a parameter.

    Attributes:
        n_choices: `[n_params]` ints, the choices of a categorical parameter, 0 for a numeric one.
        low: `[n_params]`, the least value of a numeric parameter (categorical: any number).
        high: `[n_params]`, its greatest value.
        step: `[n_params]`, the distance of two neighbours on its grid, 0 where it is continuous.
        is_log: `[n_params]` bools, whether its coordinate is logarithmic.
        architectures: What an architecture space adds.
        presence: Points to `[n, n_params]` bools, the parameters that a point has; None where
            every point has all of them.
    """

    n_choices: np.ndarray
    low: np.ndarray
    high: np.ndarray
    step: np.ndarray
    is_log: np.ndarray
    architectures: Architectures | None = None
    presence: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return len(self.n_choices)

    @cached_property
    def is_categorical(self) -> np.ndarray:
        """`[n_params]` bools."""
        return self.n_choices > 0

    @cached_property
    def n_values(self) -> np.ndarray:
        """`[n_params]` floats: how many values a parameter can take, infinite if continuous."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            levels = np.rint(self.high / self.step - self.low / self.step) + 1.0
        levels = np.where(self.low == self.high, 1.0, np.where(self.step > 0, levels, np.inf))
        return np.where(self.is_categorical, self.n_choices, levels)

    @cached_property
    def spacing(self) -> np.ndarray:
        """`[n_params]` floats: by how much the coordinates of two neighbours differ, or 0."""
        return np.where(
            np.isfinite(self.n_values), 1.0 / np.maximum(self.n_values - 1.0, 1.0), 0.0
        )

    @cached_property
    def n_points(self) -> float:
        """How many points the domain has, infinite if a parameter is continuous."""
        with np.errstate(over="ignore"):
            return float(np.prod(self.n_values))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` points: evenly over architectures if known, else over points."""
        points = self._sample_params(n, rng)
        if self.architectures is not None and self.architectures.sample is not None:
            points[:, self.architectures.params] = self.architectures.sample(n, rng)
        return points

    def _sample_params(self, n: int, rng: np.random.Generator) -> np.ndarray:
        draws = rng.random((n, self.n_params))
        points = np.floor(draws * self.n_choices)
        first, last = self._half_steps
        numeric = self.numeric_columns
        points[:, numeric] = (first + draws * (last - first))[:, numeric]
        return self.snap(points)

    def from_grid(self, indices: np.ndarray) -> np.ndarray:
        """Return `[n, n_params]` points by the indices of their values, in ascending order.

        The index of a continuous parameter is of no account: its coordinate is 0.
        """
        coordinates = self.to_unit(self.low + indices * self.step)
        return self.snap(np.where(self.is_categorical, indices, coordinates))

    def snap(self, points: np.ndarray) -> np.ndarray:
        """Return points, numeric coordinates moved to values that a parameter can take."""
        snapped = points.copy()
        numeric, columns = self.numeric_columns, self._grid_columns
        snapped[:, numeric] = np.clip(points[:, numeric], 0.0, 1.0)
        if len(columns):
            snapped[:, columns] = self._grid_part._nearest_values(points[:, columns])
        return snapped

    def _nearest_values(self, points: np.ndarray) -> np.ndarray:
        """Coordinates of parameters that all have a step, at the nearest values."""
        values = self.to_values(np.clip(points, *self._half_steps))
        values = self.low + self.step * np.rint((values - self.low) / self.step)
        return self.to_unit(np.clip(values, self.low, self.high))

    def beside(self, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the next coordinates upwards or downwards, of parameters that all have a step.

        From the last value the only way is back.
        """
        values = self.to_values(points)
        moved = values + np.copysign(self.step, directions)
        is_outside = (moved > self.high + 0.5 * self.step) | (moved < self.low - 0.5 * self.step)
        inside = np.where(is_outside, 2.0 * values - moved, moved)
        return self.snap(self.to_unit(np.clip(inside, self.low, self.high)))

    def half_step_outside(
        self, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coordinates half a step outside a range, so that every value is drawn as often.

        Args:
            low: `[n_params]`, the least values.
            high: `[n_params]`, the greatest ones.
        """
        half = 0.5 * np.where(self.is_categorical, 0.0, self.step)
        return self.to_unit(low - half), self.to_unit(high + half)

    def part(self, columns: np.ndarray) -> Domain:
        """Return the domain of some of the parameters alone."""
        fields = (self.n_choices, self.low, self.high, self.step, self.is_log)
        return Domain(*(field[columns] for field in fields))

    @cached_property
    def numeric_columns(self) -> np.ndarray:
        """`[n_numeric]` ints, the parameters that are not categorical."""
        return np.flatnonzero(~self.is_categorical)

    @cached_property
    def numeric_part(self) -> Domain:
        """The domain of the parameters that are not categorical."""
        return self.part(self.numeric_columns)

    @cached_property
    def _grid_columns(self) -> np.ndarray:
        return np.flatnonzero((self.step > 0) & ~self.is_categorical)

    @cached_property
    def _grid_part(self) -> Domain:
        return self.part(self._grid_columns)

    @cached_property
    def log_grid_columns(self) -> np.ndarray:
        """`[n]` ints, the logarithmic parameters that have a step."""
        return np.flatnonzero(self.is_log & (self.step > 0))

    @cached_property
    def log_grid_part(self) -> Domain:
        """The domain of the logarithmic parameters that have a step."""
        return self.part(self.log_grid_columns)

    def mask_inactive(self, points: np.ndarray) -> np.ndarray:
        """Return points with NaN for every parameter that they do not have."""
        if self.presence is None:
            return points
        return np.where(self.presence(points), points, np.nan)

    def keys(self, points: np.ndarray) -> list[Hashable | None]:
        """Return `n` hashables, equal for equal points or architectures, None for invalid ones."""
        if self.architectures is None:
            return [row.tobytes() for row in np.round(points, 12) + 0.0]
        own = self.architectures.keys(points[:, self.architectures.params])
        others = np.round(points[:, self._others], 12) + 0.0
        if others.shape[1] == 0:
            return own
        return [
            None if key is None else (key, row.tobytes())
            for key, row in zip(own, others, strict=True)
        ]

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return `[n, dim]` encodings of `[n, n_params]` points.

        A categorical parameter is one-hot. A numeric one is a soft one-hot code over evenly
        spaced knots, so that a linear function of the encoding is piecewise linear in the
        coordinate. A parameter that a point does not have is all zero.
        """
        if self.architectures is None:
            return self._encode_params(points)
        own = self.architectures.encode(points[:, self.architectures.params])
        if len(self._others) == 0:
            return own
        return np.hstack([own, self._encode_params(points)[:, self._is_other_column]])

    def _encode_params(self, points: np.ndarray) -> np.ndarray:
        absent = np.isnan(points)
        position = np.where(absent, 0.0, points)
        position = np.where(self.is_categorical, position, position * (self._n_knots - 1))
        last = np.where(self.is_categorical, self._n_knots - 1, np.maximum(self._n_knots - 2, 0))
        lower = np.minimum(np.floor(position), last).astype(np.intp)
        weight = position - lower
        n_columns = int(self._n_knots.sum())
        codes = np.zeros((len(points), n_columns + 1))
        rows = np.arange(len(points))[:, None]
        codes[rows, self.first_column + lower] = np.where(absent, 0.0, 1.0 - weight)
        upper = np.where(absent | (weight <= 0.0), n_columns, self.first_column + lower + 1)
        codes[rows, upper] = weight
        return codes[:, :-1]

    def embed(self, points: np.ndarray, encodings: np.ndarray) -> np.ndarray:
        """Return `[n, k]` vectors in whose distances kernels measure likeness.

        Two categories are one apart, two values as far as their coordinates. A numeric parameter
        that some points lack has a second column, 1 where it is absent. An architecture's
        encoding is its own embedding, in which all columns share one scale.

        Args:
            points: `[n, n_params]`.
            encodings: `[n, dim]`, their encodings.
        """
        numeric = points[:, self._plain_numeric]
        parts = [self._own_columns(encodings), self._one_hot_columns(encodings), numeric]
        if self.presence is not None:
            absent = np.isnan(numeric)
            parts[-1] = np.where(absent, 0.5, numeric)
            parts.append(absent)
        return np.hstack(parts)

    def embedding_groups(self, dim: int) -> np.ndarray:
        """Return `[k]` ints: the columns of an embedding with one number share their scale.

        Args:
            dim: Length of an encoding.
        """
        one_hot = self.column_param[self._is_plain_one_hot]
        numeric = self._plain_numeric
        own = np.full(dim - self._n_plain_columns, -1)
        parts = [own, one_hot, numeric, *([] if self.presence is None else [numeric])]
        return np.unique(np.concatenate(parts), return_inverse=True)[1].astype(np.intp)

    def n_scales(self, dim: int) -> int:
        """Return the number of dimensions: plain parameters, and an architecture's columns."""
        return len(self._others) + dim - self._n_plain_columns

    def _own_columns(self, encodings: np.ndarray) -> np.ndarray:
        return encodings[:, : encodings.shape[1] - self._n_plain_columns]

    def _one_hot_columns(self, encodings: np.ndarray) -> np.ndarray:
        others = encodings[:, encodings.shape[1] - self._n_plain_columns :]
        one_hot: np.ndarray = others[:, self._is_one_hot_of_others] * np.sqrt(0.5)
        return one_hot

    @cached_property
    def _is_plain(self) -> np.ndarray:
        """`[n_params]` bools: parameters that are not an architecture's."""
        is_plain = np.ones(self.n_params, dtype=bool)
        if self.architectures is not None:
            is_plain[self.architectures.params] = False
        return is_plain

    @cached_property
    def _plain_numeric(self) -> np.ndarray:
        return np.flatnonzero(self._is_plain & ~self.is_categorical)

    @cached_property
    def _n_plain_columns(self) -> int:
        return int(self._is_other_column.sum())

    @cached_property
    def _others(self) -> np.ndarray:
        return np.flatnonzero(self._is_plain)

    @cached_property
    def _is_other_column(self) -> np.ndarray:
        return np.asarray(self._is_plain[self.column_param])

    @cached_property
    def _is_plain_one_hot(self) -> np.ndarray:
        return np.asarray(self._is_other_column & self.is_categorical[self.column_param])

    @cached_property
    def _is_one_hot_of_others(self) -> np.ndarray:
        return np.asarray(self._is_plain_one_hot[self._is_other_column])

    @cached_property
    def first_column(self) -> np.ndarray:
        """`[n_params]` ints: where a parameter's columns begin in the encoding."""
        return np.concatenate([[0], np.cumsum(self._n_knots)[:-1]]).astype(np.intp)

    @cached_property
    def column_param(self) -> np.ndarray:
        """`[dim]` ints: the parameter that a column of the encoding belongs to."""
        return np.repeat(np.arange(self.n_params), self._n_knots)

    @cached_property
    def _n_knots(self) -> np.ndarray:
        knots = np.minimum(self.n_values, MAX_KNOTS)
        return np.where(self.is_categorical, self.n_choices, knots).astype(np.intp)

    @cached_property
    def _half_steps(self) -> tuple[np.ndarray, np.ndarray]:
        return self.half_step_outside(self.low, self.high)

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = (
            np.where(self.is_log, np.log(np.where(self.is_log, bound, 1.0)), bound)
            for bound in (self.low, self.high)
        )
        return low, high

    def to_values(self, points: np.ndarray) -> np.ndarray:
        """Return the values of coordinates; a category stays its index."""
        values = self._between(points)
        if self._has_log:
            values = np.where(self.is_log, np.exp(np.where(self.is_log, values, 0.0)), values)
        return np.where(self.is_categorical, points, values)

    def _between(self, points: np.ndarray) -> np.ndarray:
        """Values between the bounds, from the nearer one, so that large integers are exact."""
        low, high = self._bounds
        if not self._has_finite_widths:
            return np.asarray(low * (1.0 - points) + high * points)
        width = high - low
        near = np.where(points < 0.5, low + points * width, high - (1.0 - points) * width)
        return np.asarray(near)

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates of numeric values; 0.5 where a range is a single value."""
        half_low, half_width = self._halves
        scaled = values
        if self._has_log:
            scaled = np.where(self.is_log, np.log(np.where(self.is_log, values, 1.0)), values)
        return np.where(half_width > 0.0, (0.5 * scaled - half_low) / self._divisor, 0.5)

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

"""The domain of a search: points, their features, kernel inputs and keys.

Notation
    P    points, `[n, n_params]`: coordinates (see `axes`), NaN for an inactive parameter
    X    features, `[n, dim]`: what latent actions see
    E    kernel inputs, `[n, k]`: what the kernel measures distances in
    A    additive inputs, `[n, a]`: what the additive part of the model is linear in
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.settings import DEFAULT


if TYPE_CHECKING:
    from optuna_lanas._core.earlier import Earlier

KEY_DIGITS = 12
N_COARSE, N_FINE = 9, 33  # B-splines of a numeric parameter of more than `N_COARSE` values
MAX_ONE_HOT = 128  # choices of a parameter with a feature for each
CODE_LENGTH = 64  # features of a parameter with more choices
NEXT = np.arange(4)[:, None, None]  # the splines that are not 0 at a place, from the first one
# The splines of a piece by the powers of the position in it, 0 at its left end and 1 at its right.
SPLINES = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6.0


@dataclass(frozen=True, eq=False)
class Architectures:
    """What an architecture space adds to the domain of its parameters.

    Attributes:
        params: `[n_own]` ints, the columns of the parameters that make the architecture.
        encode: `[n, n_own]` points to `[n, dim]` features, rows of NaN for invalid ones.
        keys: Points to `n` hashables, equal for isomorphic architectures, None for invalid ones.
        sample: ``(n, rng)`` to points drawn uniformly over architectures; None if unknown.
        described: `[dim]` ints, the column of the parameter of which a feature tells alone, -1 for
            a feature of several; None if unknown.
    """

    params: np.ndarray
    encode: Callable[[np.ndarray], np.ndarray]
    keys: Callable[[np.ndarray], list[Hashable | None]]
    sample: Callable[[int, np.random.Generator], np.ndarray] | None = None
    described: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SharedChoices:
    """Categorical parameters that have the same choices, such as the operations of a cell's edges.

    Attributes:
        params: `[m]` ints, the columns of the parameters, at least two.
        indices: `[m, k]` ints, the index of each choice among those of each parameter.
    """

    params: np.ndarray
    indices: np.ndarray

    def of(self, columns: np.ndarray) -> SharedChoices:
        """Return them for a domain that has only the parameters of some columns."""
        place = {column: place for place, column in enumerate(columns.tolist())}
        rows = [row for row, param in enumerate(self.params.tolist()) if param in place]
        params = [place[param] for param in self.params[rows].tolist()]
        return SharedChoices(np.array(params, dtype=np.intp), self.indices[rows])


@dataclass(frozen=True, eq=False)
class Domain:
    """The search space as arrays.

    Attributes:
        axes: One for each of the `n_params` parameters.
        architectures: What an architecture space adds.
        activity: `[n, n_params]` points without NaN to `[n, n_params]` bools, the active
            parameters; None if every parameter always is.
        max_knots: The most knots of a numeric parameter's features.
        earlier: What earlier studies foretell of a point; None without any.
        shared: The sets of choices that several parameters have; those of an architecture's
            parameters are not counted, since its features say what isomorphic ones share.
    """

    axes: Axes
    architectures: Architectures | None = None
    activity: Callable[[np.ndarray], np.ndarray] | None = None
    max_knots: int = DEFAULT.max_knots
    earlier: Earlier | None = None
    shared: Sequence[SharedChoices] = ()

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return len(self.axes)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_params]` points without NaN, uniform over architectures if possible."""
        points = self.axes.sample(n, rng)
        if self.architectures is not None and self.architectures.sample is not None:
            points[:, self.architectures.params] = self.architectures.sample(n, rng)
        return points

    def mask_inactive(self, points: np.ndarray) -> np.ndarray:
        """Return points with NaN for every inactive parameter."""
        if self.activity is None:
            return points
        return np.where(self.activity(points), points, np.nan)

    def complete(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return points with a random coordinate for every NaN."""
        is_inactive = np.isnan(points)
        if not is_inactive.any():
            return points
        return np.where(is_inactive, self.sample(len(points), rng), points)

    def keys(self, points: np.ndarray) -> list[Hashable | None]:
        """Return `n` hashables, equal for equal points or architectures, None for invalid ones."""
        plain_points = points if self.architectures is None else points[:, self.plain]
        rounded = np.round(plain_points, KEY_DIGITS) + 0.0
        plain, width = rounded.tobytes(), rounded.itemsize * rounded.shape[1]
        if self.architectures is None:
            return [plain[i * width : (i + 1) * width] for i in range(len(rounded))]
        own = self.architectures.keys(points[:, self.architectures.params])
        if rounded.shape[1] == 0:
            return own
        return [
            None if key is None else (key, plain[i * width : (i + 1) * width])
            for i, key in enumerate(own)
        ]

    def features(self, points: np.ndarray) -> np.ndarray:
        """Return `[n, dim]` features: an architecture's first, then those of plain parameters.

        A categorical parameter is one-hot. One of very many choices has a random code for each
        choice, of length 1 and nearly orthogonal to the others. A numeric parameter is a soft
        one-hot code over equidistant knots: a linear function of the features is piecewise linear
        in the coordinate. The features of an inactive parameter are 0.
        """
        if self.architectures is None:
            return self._plain_features(points)
        own = self.architectures.encode(points[:, self.architectures.params])
        if len(self.plain) == 0:
            return own
        return np.hstack([own, self._plain_features(points[:, self.plain])])

    def kernel_inputs(self, points: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return `[n, k]` kernel inputs.

        Two categories are at distance 1 (coded ones nearly so), two numeric values at that of
        their coordinates. In a conditional space a numeric parameter has a second column, 1 where
        it is inactive. An architecture's features are its kernel inputs. Those that tell of a
        single parameter have its length scale, the others share one. Where several parameters
        have the same choices, the count of each choice is an input, too; one choice more in place
        of another is at distance 1. The last columns are what earlier studies foretell, which the
        kernel does not measure.

        Args:
            points: `[n, n_params]`.
            features: `[n, dim]`, of the points.
        """
        numeric = points[:, self._plain_numeric]
        n_own = features.shape[1] - self.n_plain_features
        one_hot = features[:, n_own:][:, self._is_one_hot] * np.sqrt(0.5)
        parts = [features[:, :n_own], one_hot, numeric]
        if self.activity is not None:
            is_inactive = np.isnan(numeric)
            parts[-1] = np.where(is_inactive, 0.5, numeric)
            parts.append(is_inactive)
        if len(self._count_set):
            parts.append(self._counts(features) * np.sqrt(0.5))
        inputs = np.hstack(parts)
        if self.earlier is None:
            return inputs
        return np.hstack([inputs, self.earlier.means(points, features, inputs)])

    def additive_inputs(self, points: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return `[n, a]` additive inputs.

        They are the counts of shared choices (a choice that is good for one parameter is expected
        to be good for the others), an architecture's features, one-hot categories, and splines.

        A numeric parameter of many values has two rows of cubic B-splines, the coarse ones and the
        fine ones (see `is_fine`): a linear function of them is smooth in the coordinate. That of
        soft one-hot codes has a kink at each knot, and an optimum there that is none. A number of
        few values has none: each value would have an effect of its own, as if they had no order.

        Args:
            points: `[n, n_params]`.
            features: `[n, dim]`, of the points.
        """
        n_own = features.shape[1] - self.n_plain_features
        one_hot = features[:, n_own:][:, self._is_one_hot]
        inputs = np.hstack([self._counts(features), features[:, :n_own], one_hot])
        return _with_splines(inputs, points[:, self._smooth]) if len(self._smooth) else inputs

    def is_fine(self, n_inputs: int) -> np.ndarray:
        """Return `[n_inputs]` bools: which additive inputs are fine splines."""
        return np.arange(n_inputs) >= n_inputs - N_FINE * len(self._smooth)

    def lengthscale_groups(self, dim: int) -> np.ndarray:
        """Return `[k]` ints: kernel inputs with the same number share a length scale.

        Args:
            dim: The number of features.
        """
        own = np.full(dim - self.n_plain_features, -1)
        described = None if self.architectures is None else self.architectures.described
        if described is not None and len(described) == len(own):
            own = described
        one_hot = self.plain[self.feature_param[self._is_one_hot]]
        numeric = self._plain_numeric
        parts = [own, one_hot, numeric, *([] if self.activity is None else [numeric])]
        parts.append(self.n_params + self._count_set)
        return np.unique(np.concatenate(parts), return_inverse=True)[1].astype(np.intp)

    def _counts(self, features: np.ndarray) -> np.ndarray:
        """`[n, n_counts]`: how many of the parameters that share choices have each of them."""
        return np.asarray(features[:, features.shape[1] - self.n_plain_features :] @ self._counted)

    @cached_property
    def _counted(self) -> np.ndarray:
        """`[n_plain_features, n_counts]`, 1 where a feature is counted."""
        counted = np.zeros((self.n_plain_features, len(self._count_set)))
        column = 0
        for each in self._plain_shared:
            n_shared = each.indices.shape[1]
            features = self.first_knot[each.params][:, None] + each.indices
            counted[features, column + np.arange(n_shared)] = 1.0
            column += n_shared
        return counted

    @cached_property
    def _count_set(self) -> np.ndarray:
        """`[n_counts]` ints: the place in `_plain_shared` of each count's set of choices."""
        sizes = [each.indices.shape[1] for each in self._plain_shared]
        return np.repeat(np.arange(len(sizes)), np.array(sizes, dtype=np.intp))

    @cached_property
    def _plain_shared(self) -> list[SharedChoices]:
        """The sets of choices that several plain parameters have, by their places in `plain`."""
        own = [each.of(self.plain) for each in self.shared]
        return [each for each in own if len(each.params) > 1]

    def n_dimensions(self, dim: int) -> int:
        """Return the number of plain parameters and of an architecture's features.

        Args:
            dim: The number of features.
        """
        return len(self.plain) + dim - self.n_plain_features

    @cached_property
    def n_plain_features(self) -> int:
        """The number of features of plain parameters, the last ones."""
        return int(self.n_knots.sum())

    @cached_property
    def feature_param(self) -> np.ndarray:
        """`[n_plain_features]` ints: the place in `plain` of each feature's parameter."""
        return np.repeat(np.arange(len(self.plain)), self.n_knots)

    def _plain_features(self, points: np.ndarray) -> np.ndarray:
        """`[n, n_plain_features]` features of `[n, n_plain]` points."""
        is_categorical = self._plain_axes.is_categorical
        is_inactive = np.isnan(points)
        position = np.where(is_categorical, points, points * (self.n_knots - 1))
        position[is_inactive] = 0.0
        position[:, self.is_coded] = 0.0
        last = np.where(is_categorical, self.n_knots - 1, np.maximum(self.n_knots - 2, 0))
        lower = np.minimum(np.floor(position), last).astype(np.intp)
        weight = position - lower
        n_columns = self.n_plain_features
        features = np.zeros((len(points), n_columns + 1))
        each = np.arange(len(points))[:, None]
        features[each, self.first_knot + lower] = np.where(is_inactive, 0.0, 1.0 - weight)
        upper = np.where(is_inactive | (weight <= 0.0), n_columns, self.first_knot + lower + 1)
        features[each, upper] = weight
        for place, code in self._codes.items():
            first, index = self.first_knot[place], points[:, place]
            chosen = code[np.where(is_inactive[:, place], 0, index).astype(np.intp)]
            features[:, first : first + CODE_LENGTH] = np.where(
                is_inactive[:, [place]], 0.0, chosen / np.sqrt(CODE_LENGTH)
            )
        return features[:, :-1]

    @cached_property
    def plain(self) -> np.ndarray:
        """`[n_plain]` ints, the columns of parameters that are not an architecture's."""
        is_plain = np.ones(self.n_params, dtype=bool)
        if self.architectures is not None:
            is_plain[self.architectures.params] = False
        return np.flatnonzero(is_plain)

    @cached_property
    def _plain_axes(self) -> Axes:
        return self.axes if self.architectures is None else self.axes.part(self.plain)

    @cached_property
    def _plain_numeric(self) -> np.ndarray:
        return np.asarray(self.plain[~self._plain_axes.is_categorical])

    @cached_property
    def _is_smooth(self) -> np.ndarray:
        """`[n_plain]` bools: which plain parameters are numbers of many values."""
        axes = self._plain_axes
        return np.asarray(~axes.is_categorical & (axes.n_values > N_COARSE))

    @cached_property
    def _smooth(self) -> np.ndarray:
        return np.asarray(self.plain[self._is_smooth])

    @cached_property
    def _is_one_hot(self) -> np.ndarray:
        return np.asarray(self._plain_axes.is_categorical[self.feature_param])

    @cached_property
    def n_knots(self) -> np.ndarray:
        """`[n_plain]` ints: how many features each plain parameter has."""
        axes = self._plain_axes
        knots = np.minimum(axes.n_values, self.max_knots)
        n_columns = np.where(self.is_coded, CODE_LENGTH, axes.n_choices)
        return np.where(axes.is_categorical, n_columns, knots).astype(np.intp)

    @cached_property
    def is_coded(self) -> np.ndarray:
        """`[n_plain]` bools: which categorical parameters have too many choices to be one-hot."""
        return np.asarray(self._plain_axes.n_choices > MAX_ONE_HOT)

    @cached_property
    def _codes(self) -> dict[int, np.ndarray]:
        """`[n_choices, CODE_LENGTH]` signs of each coded parameter, by its place in `plain`."""
        sizes = self._plain_axes.n_choices
        return {
            place: np.random.default_rng(0).choice(
                np.array([-1, 1], dtype=np.int8), size=(sizes[place], CODE_LENGTH)
            )
            for place in np.flatnonzero(self.is_coded).tolist()
        }

    @cached_property
    def first_knot(self) -> np.ndarray:
        """`[n_plain]` ints: the place of each plain parameter's first feature among the plain."""
        return np.concatenate([[0], np.cumsum(self.n_knots)[:-1]]).astype(np.intp)


def _with_splines(columns: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Return `[n, a]` columns, then uniform cubic B-splines of `[n, m]` coordinates, 0 of NaN.

    First the `N_COARSE` of each coordinate, then the `N_FINE` of each. Those of a coordinate at
    one resolution sum to 1 (de Boor, 1978, chapter IX).
    """
    (n, n_before), m = columns.shape, coordinates.shape[1]
    inputs = np.zeros((n, n_before + m * (N_COARSE + N_FINE)))
    inputs[:, :n_before] = columns
    first, powers = _pieces(coordinates)
    first += n_before + inputs.shape[1] * np.arange(n)[:, None]
    inputs.reshape(-1)[first + NEXT] = _polynomials(SPLINES, powers)
    return inputs


def _pieces(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where `[n, m]` coordinates lie among the pieces of their coarse and fine splines.

    Returns:
        The place `[n, 2m]` of the first spline that is not 0 there, and the powers `[4, n, 2m]`
        of the position in the piece. It is in [0, 1]. All powers of NaN are 0.
    """
    n_pieces, start = _layout(coordinates.shape[1])
    position = np.hstack([coordinates, coordinates]) * n_pieces
    is_known = ~np.isnan(position)
    position[~is_known] = 0.0
    piece = np.minimum(position.astype(np.intp), n_pieces - 1)
    powers = np.empty((4, *position.shape))
    powers[0] = is_known
    np.subtract(position, piece, out=powers[1])
    np.multiply(powers[1], powers[1], out=powers[2])
    np.multiply(powers[2], powers[1], out=powers[3])
    return start + piece, powers


def _polynomials(coefficients: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Return polynomials' values `[4, n, m]`, from `[4, 4]` and from powers `[4, n, m]`."""
    return np.asarray(coefficients @ powers.reshape(4, -1)).reshape(powers.shape)


@cache
def _layout(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of pieces, and the place of the first spline, of each of `[2m]` rows."""
    n_pieces = np.repeat([N_COARSE - 3, N_FINE - 3], m)
    start = np.append(np.arange(m) * N_COARSE, m * N_COARSE + np.arange(m) * N_FINE)
    return n_pieces, start


@dataclass(frozen=True, eq=False)
class KnownKeys:
    """The first keys of a mapping that may grow; what is added later is not among them.

    Attributes:
        place: The place of each key, in the order in which they were added.
        n: How many keys belong to this object.
    """

    place: Mapping[Hashable | None, int]
    n: int

    def __contains__(self, key: Hashable | None) -> bool:
        return self.place.get(key, self.n) < self.n


NO_KEYS = KnownKeys({}, 0)

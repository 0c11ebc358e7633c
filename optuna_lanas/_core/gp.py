"""A Gaussian process over warped values: its hyperparameters, and their fit.

Notation
    E        kernel inputs `[n, k]` (see `domain`), column j over exp(log_lengthscales[group[j]])
    r        distance of two scaled kernel inputs
    m(r)     Matern-3/2: (1 + sqrt3 r) exp(-sqrt3 r)
    F        linear inputs `[n, a]`: centred additive inputs, scaled to the variance of their part
    K        m(r) + F F' + nugget and each value's noise on the diagonal, `[n, n]`
    v        standardised values `[n]`
    y        warped values `[n]`: the Yeo-Johnson transformation of v with a power
    c        the mean of the process, by generalised least squares: 1'K^-1 y / 1'K^-1 1

F F' is the covariance of an additive function, with a coarse and a fine part, m(r) that of its
residual. All variances are in units of the output scale, which multiplies K.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from threading import get_ident
from threading import Lock
from threading import main_thread
from typing import TypeVar

import numpy as np
from scipy.linalg.lapack import dpotrf
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.settings import Settings


FAR = 1e3  # times its range: distances of columns so far from zero would lose their digits
SQRT3 = np.sqrt(3.0)
MATERN_SLOPE = -1.5  # times exp(-sqrt3 r): the derivative of m(r) by the square of r
T = TypeVar("T")
MAD_TO_DEVIATION = 1.4826  # of normal values
MAX_DEVIATION = 1e3  # of the error of a value, which then tells nothing
MAX_SPREAD = 1e300
MAX_VALUE = 1e4  # of a standardised value, so that no power of it overflows


@dataclass(frozen=True)
class ValueScale:
    """Standardises values: about their median, in units of their spread, at most `MAX_VALUE`.

    The spread is the median distance from the median, of values that differ from it. It hardly
    depends on how bad the worst values are, and what is standardised not at all on their unit.

    Attributes:
        exponent: Values are divided by ``2 ** exponent`` first, which is exact.
        median: Of the divided values.
        spread: Likewise; 0 if all values are equal.
    """

    exponent: int = 0
    median: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, values: np.ndarray) -> ValueScale:
        """Return the scale of `[n]` values."""
        upper = np.sort(values)[(len(values) - 1) // 2 :]
        exponent = exponent_of(upper)
        median = float(np.ldexp(upper[0], -exponent))
        with np.errstate(over="ignore"):  # of values far below the median
            distances = np.abs(np.ldexp(values, -exponent) - median)
        differing = np.sort(distances[distances > 0.0])
        spread = float(differing[(len(differing) - 1) // 2]) if len(differing) else 0.0
        return cls(exponent, median, MAD_TO_DEVIATION * min(spread, MAX_SPREAD))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return `[n]` standardised values."""
        if self.spread == 0.0:
            return np.zeros(len(values))
        with np.errstate(over="ignore"):
            scaled = (np.ldexp(values, -self.exponent) - self.median) / self.spread
        return np.asarray(np.clip(scaled, -MAX_VALUE, MAX_VALUE))

    def noise(self, values: np.ndarray, errors: np.ndarray | None) -> np.ndarray:
        """Return `[n]` variances, in units of standardised values, of values' standard errors."""
        if errors is None or self.spread == 0.0:
            return np.zeros(len(values))
        with np.errstate(over="ignore"):
            deviations = np.ldexp(errors, -self.exponent) / self.spread
        return np.asarray(np.minimum(deviations, MAX_DEVIATION) ** 2)


@dataclass(frozen=True, eq=False)
class Model:
    """The hyperparameters of a Gaussian process.

    Attributes:
        group: `[k]` ints, the length scale of each kernel input.
        origin: `[k]`, subtracted from the kernel inputs.
        widths: `[k]`, their ranges, by which they are divided besides.
        log_lengthscales: `[n_groups]`.
        centre: `[a]`, the mean additive inputs.
        spread: `[a]`, the root mean square distance from the mean of inputs of the same part.
        is_fine: `[a]` bools, the part of each additive input.
        linear: `[2]`, the variance of the coarse and the fine part at that distance.
        nugget: Variance of the part of a value that no other point shares.
        power: Of the transformation of values; 1 leaves them as they are.
        value_scale: Standardises them before.
        earlier: `[n_earlier]`, the weights of what earlier studies foretell, in the mean.
    """

    group: np.ndarray
    origin: np.ndarray
    widths: np.ndarray
    log_lengthscales: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    is_fine: np.ndarray
    linear: np.ndarray
    nugget: float
    power: float = 1.0
    value_scale: ValueScale = ValueScale()
    earlier: np.ndarray | None = None

    @cached_property
    def lengthscales(self) -> np.ndarray:
        """`[k]`, those of the kernel inputs, in their units."""
        scales: np.ndarray = self.widths * np.exp(self.log_lengthscales)[self.group]
        return scales

    def scale(self, kernel_inputs: np.ndarray) -> np.ndarray:
        """Return `[n, k]` kernel inputs divided by the length scales."""
        scaled: np.ndarray = (kernel_inputs - self.origin) / self.lengthscales
        return scaled

    def linear_inputs(self, additive_inputs: np.ndarray) -> np.ndarray:
        """Return `[n, a]` linear inputs, whose inner products are the additive covariance."""
        inputs: np.ndarray = (additive_inputs - self.centre) * self.linear_scale
        return inputs

    def split(self, kernel_inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the `[n, k]` inputs that the kernel sees, and the mean `[n]` besides c."""
        if self.earlier is None:
            return kernel_inputs, np.zeros(len(kernel_inputs))
        k = len(self.group)
        return kernel_inputs[:, :k], kernel_inputs[:, k:] @ self.earlier

    @cached_property
    def linear_scale(self) -> np.ndarray:
        """`[a]`, what centred additive inputs are multiplied by."""
        scale: np.ndarray = np.sqrt(self.linear)[self.is_fine.astype(np.intp)] / self.spread
        return scale


def prior_model(
    kernel_inputs: np.ndarray,
    additive_inputs: np.ndarray,
    is_fine: np.ndarray,
    group: np.ndarray,
    n_dimensions: int,
    settings: Settings,
) -> Model:
    """Return the model before any value is seen.

    Its length scales grow with the square root of the number of dimensions: two random points are
    about as alike in wide spaces as in narrow ones (Hvarfner et al., 2024, arXiv 2402.02229). The
    coarse part varies `prior_linear` times as much as the residual, the fine part `prior_fine`.

    Args:
        kernel_inputs: `[n, k]`.
        additive_inputs: `[n, a]`.
        is_fine: `[a]` bools.
        group: `[k]` ints.
        n_dimensions: The number of plain parameters and of an architecture's features.
        settings: The settings.
    """
    centre, middle = additive_inputs.mean(axis=0), kernel_inputs.mean(axis=0)
    variances = additive_inputs.var(axis=0)
    coarse, fine = np.sqrt([variances[~is_fine].sum(), variances[is_fine].sum()]).tolist()
    widths = np.maximum(np.ptp(kernel_inputs, axis=0), 1.0)
    return Model(
        group=group,
        origin=np.where(np.abs(middle) > FAR * widths, middle, 0.0),
        widths=widths,
        log_lengthscales=np.full(int(group.max()) + 1, 0.5 * np.log(n_dimensions)),
        centre=centre,
        spread=np.where(is_fine, fine or 1.0, coarse or 1.0),
        is_fine=is_fine,
        linear=np.array([settings.prior_linear, settings.prior_fine]),
        nugget=settings.start_nugget,
    )


def spread_out(values: np.ndarray, limit: int) -> np.ndarray:
    """Return the places of at most ``limit`` values: the best half, the rest spread over ranks."""
    order = np.argsort(-values, kind="stable")
    if len(values) <= limit:
        return np.sort(order)
    best, others = order[: limit // 2], order[limit // 2 :]
    ranks = np.linspace(0, len(others) - 1, limit - len(best)).astype(np.intp)
    return np.sort(np.append(best, others[ranks]))


def fit_model(
    kernel_inputs: np.ndarray,
    additive_inputs: np.ndarray,
    values: np.ndarray,
    prior: Model,
    settings: Settings,
    errors: np.ndarray | None = None,
    foretold: np.ndarray | None = None,
) -> Model:
    """Return the model of greatest posterior density; output scale and mean are profiled out.

    The logarithms of the length scales and of the linear variances have normal priors about those
    of ``prior``, the logarithm of the nugget has one about that of `prior_nugget`, the power has
    one about 1. The density is that of the values, not of the warped ones: a power must not gain
    by making all values alike (Snelson et al., 2003).

    Args:
        kernel_inputs: `[n, k]`.
        additive_inputs: `[n, a]`.
        values: `[n]`.
        prior: From `prior_model`.
        settings: The settings.
        errors: `[n]`, standard errors of the values; None if all are exact.
        foretold: `[n, n_earlier]`, what earlier studies foretell, in units of their spread.
    """
    inputs = (kernel_inputs - prior.origin) / prior.widths
    centred = (additive_inputs - prior.centre) / prior.spread
    value_scale = ValueScale.of(values)
    standardised, noise = value_scale(values), value_scale.noise(values, errors)
    parts = centred[:, ~prior.is_fine], centred[:, prior.is_fine]
    linear_grams = np.stack([part @ part.T for part in parts])
    loss = _Loss(inputs, linear_grams, standardised, prior, settings, noise, foretold)
    start = np.concatenate(
        [prior.log_lengthscales, np.log(prior.linear), [np.log(prior.nugget), prior.power]]
    )
    far = settings.max_log_deviation
    bounds = [(mean - far, mean + far) for mean in start[:-2]]
    bounds += [(np.log(settings.jitter), 0.0), (settings.min_power, settings.max_power)]
    if foretold is not None:
        start = np.append(start, loss.earlier_mean)
        bounds += [(0.0, settings.max_earlier)] * len(loss.earlier_mean)
    found = find_minimum(loss, start, bounds, settings.max_fit_iterations)
    found, earlier = np.split(found, [len(prior.log_lengthscales) + 4])
    return replace(
        prior,
        log_lengthscales=found[:-4],
        linear=np.exp(found[-4:-2]),
        nugget=float(np.exp(found[-2])),
        power=float(found[-1]),
        value_scale=value_scale,
        earlier=None if foretold is None else earlier,
    )


class _Loss:
    """The negative log posterior density of ``theta``, and its gradient.

    theta: `[n_groups + 4]`, log length scales, two log linear variances, log nugget, power.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        linear_grams: np.ndarray,
        values: np.ndarray,
        prior: Model,
        settings: Settings,
        noise: np.ndarray | float = 0.0,
        foretold: np.ndarray | None = None,
    ) -> None:
        n_groups = len(prior.log_lengthscales)
        self._inputs, self._values = inputs, values
        self._linear_grams = linear_grams.reshape(2, -1)
        self._group, self._noise = prior.group, settings.jitter + noise
        logs = np.log([settings.prior_linear, settings.prior_fine, settings.prior_nugget])
        self._means = np.append(prior.log_lengthscales, [*logs, 1.0])
        self._variances = np.append(
            np.full(n_groups, settings.lengthscale_variance),
            [
                settings.linear_variance,
                settings.fine_variance,
                settings.nugget_variance,
                settings.power_variance,
            ],
        )
        self._foretold = foretold
        self.earlier_mean = np.empty(0)
        if foretold is not None:
            n_earlier = foretold.shape[1]
            self.earlier_mean = np.full(n_earlier, settings.prior_earlier / n_earlier)
            variances = np.full(n_earlier, settings.earlier_variance / n_earlier)
            self._means = np.append(self._means, self.earlier_mean)
            self._variances = np.append(self._variances, variances)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        deviation = theta - self._means
        penalty = deviation / self._variances
        theta, earlier = np.split(theta, [len(theta) - len(self.earlier_mean)])
        n, power = len(self._values), theta[-1]
        linear, nugget = np.exp(theta[-4:-2]), np.exp(theta[-2])
        y, y_by_power, log_slopes = warp(self._values, power)
        scaled = self._inputs * np.exp(-theta[:-4])[self._group]
        gram, decay = matern(squared_distances(scaled, scaled))
        gram += (linear @ self._linear_grams).reshape(n, n)
        gram[np.diag_indices(n)] += nugget + self._noise
        factor = cholesky(gram)
        inverse = inverse_of(factor)
        sums = inverse.sum(axis=1)
        if self._foretold is not None:
            y = y - self._foretold @ earlier
        residual = y - (sums @ y) / sums.sum()
        weights = inverse @ residual
        outputscale = max(residual @ weights / n, 1e-12)
        log_determinant = 2.0 * np.log(np.diag(factor)).sum()
        inverse -= np.outer(weights / outputscale, weights)
        slope = inverse  # twice that of the loss by K
        by_power = weights @ y_by_power / outputscale - log_slopes.sum()
        gradient = np.concatenate(
            [
                self._slope_of_lengthscales(slope * decay, scaled),
                0.5 * linear * (self._linear_grams @ slope.ravel()),
                [0.5 * nugget * np.trace(slope), by_power],
            ]
        )
        if self._foretold is not None:
            gradient = np.append(gradient, -(weights @ self._foretold) / outputscale)
        total = 0.5 * (n * np.log(outputscale) + log_determinant + deviation @ penalty)
        return float(total - (power - 1.0) * log_slopes.sum()), gradient + penalty

    def _slope_of_lengthscales(self, pull: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """`[n_groups]`: sums over i, j of pull_ij (e_ik - e_jk)^2, by group of k, to scale.

        Expanded, so that no array of `[n, n, k]` is needed.
        """
        stretch = pull.sum(axis=1) @ scaled**2 - (scaled * (pull @ scaled)).sum(axis=0)
        return np.asarray(-2.0 * MATERN_SLOPE * np.bincount(self._group, weights=stretch))


def warp(values: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transform values by Yeo and Johnson (2000), Biometrika 87.

    ``((1 + v)^p - 1) / p`` for ``v >= 0``, and ``-((1 - v)^(2-p) - 1) / (2 - p)`` for ``v < 0``;
    the logarithm where an exponent is 0.

    Args:
        values: `[n]`.
        power: p; above 1 good values are spread, below 1 bad ones.

    Returns:
        The warped values `[n]`, their derivatives by the power `[n]`, and what the logarithm of
        their slope is for each unit of ``p - 1`` `[n]`.
    """
    is_upper = values >= 0.0
    sign = np.where(is_upper, 1.0, -1.0)
    logs = np.log1p(np.abs(values))
    exponents = np.where(is_upper, power, 2.0 - power) * logs
    is_small = np.abs(exponents) < 1e-4
    x = np.where(is_small, 1.0, exponents)
    growth = np.where(is_small, 1.0 + exponents / 2.0, np.expm1(x) / x)
    slope = np.where(is_small, 0.5 + exponents / 3.0, (x * np.exp(x) - np.expm1(x)) / x**2)
    return sign * logs * growth, logs**2 * slope, sign * logs


def cholesky(gram: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of a `[n, n]` matrix, which is overwritten.

    It must be positive definite, as any K is whose nugget or jitter exceeds the rounding error.
    """
    factor, error = dpotrf(gram.T, lower=True, overwrite_a=True)  # it is symmetric
    assert error == 0, "the jitter makes it positive definite"
    return np.asarray(factor)


def inverse_of(factor: np.ndarray) -> np.ndarray:
    """Return the inverse of the `[n, n]` matrix with a Cholesky factor."""
    lower, _ = dpotri(factor, lower=True)
    inverse = lower + lower.T
    inverse[np.diag_indices(len(inverse))] *= 0.5
    return np.asarray(inverse)


def matern(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Matern-3/2 correlation of squared distances, and exp(-sqrt3 r).

    The second is the derivative of the first by the squared distance, over `MATERN_SLOPE`.
    """
    scaled = np.sqrt(squares)
    scaled *= -SQRT3
    decay = np.exp(scaled)
    correlation = np.subtract(1.0, scaled, out=scaled)
    correlation *= decay
    return correlation, decay


def squared_distances(
    left: np.ndarray, right: np.ndarray, norms: np.ndarray | None = None
) -> np.ndarray:
    """Return the `[n, m]` squared distances of `[n, k]` and `[m, k]` points.

    Args:
        left: `[n, k]`.
        right: `[m, k]`.
        norms: `[m]`, the `squared_norms` of ``right`` if they are known.
    """
    squares = np.asarray((-2.0 * left) @ right.T)
    squares += squared_norms(left)[:, None]
    squares += squared_norms(right) if norms is None else norms
    np.maximum(squares, 0.0, out=squares)
    return squares


def squared_norms(points: np.ndarray) -> np.ndarray:
    """Return the `[n]` sums of the squares of `[n, k]` coordinates."""
    return np.asarray(np.einsum("ij,ij->i", points, points))


def find_minimum(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    bounds: Sequence[tuple[float, float]],
    max_iterations: int,
) -> np.ndarray:
    """Return the point `[d]` of a local minimum, by L-BFGS.

    Args:
        loss: From a point to its value and its gradient `[d]`.
        start: `[d]`.
        bounds: `d` pairs of the least and the greatest number.
        max_iterations: The most iterations; twice as many calls of ``loss``.
    """

    def work() -> np.ndarray:
        options = {"maxiter": max_iterations, "maxfun": 2 * max_iterations}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        return np.asarray(np.clip(found.x, *np.transpose(bounds)))

    return uninterrupted(work)


def uninterrupted(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, run in a thread if signal handlers may raise in this one.

    SciPy's minimisers compare points by ``numpy.array_equal``. If a handler raises within it, the
    exception is lost. Handlers run in the main thread alone, and interrupt its waiting. The class
    `Thread` would lose their exceptions too.
    """
    if get_ident() != main_thread().ident:
        return work()
    outcomes: list[T | BaseException] = []
    is_done = Lock()
    is_done.acquire()

    def run() -> None:
        try:
            outcomes.append(work())
        except BaseException as error:
            outcomes.append(error)
        finally:
            is_done.release()

    try:
        start_new_thread(run, ())
    except RuntimeError:  # no more threads, or the interpreter shuts down
        return work()
    is_done.acquire()
    (outcome,) = outcomes
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome

"""The kernel of a Gaussian process, and its fit to a bounded number of observations.

Notation
    E        kernel inputs `[n, k]` (see `domain`), column j over exp(log_lengthscales[group[j]])
    r        distance of two scaled kernel inputs
    m(r)     Matern-5/2: (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r)
    F        linear inputs `[n, dim]`: centred features, scaled to the variance of the linear part
    K        m(r) + F F' + nugget + noise of each value on the diagonal, `[n, n]`
    y        standardised values `[n]`

F F' is the covariance of a latent action's linear model, m(r) that of its residual. All variances
are in units of the output scale, which multiplies K.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from scipy.linalg import cho_factor
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from optuna_lanas._core.settings import Settings


FAR = 1e3  # times its range: distances of columns so far from zero would lose their digits
SQRT5 = np.sqrt(5.0)


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel and its hyperparameters.

    Attributes:
        group: `[k]` ints, the length scale of each kernel input.
        origin: `[k]`, subtracted from the kernel inputs.
        widths: `[k]`, their ranges, by which they are divided besides.
        log_lengthscales: `[n_groups]`.
        centre: `[dim]`, the mean features.
        spread: Root mean square distance of features from the mean.
        linear: Variance of the linear part at that distance.
        nugget: Variance of the part of a value that no other point shares.
    """

    group: np.ndarray
    origin: np.ndarray
    widths: np.ndarray
    log_lengthscales: np.ndarray
    centre: np.ndarray
    spread: float
    linear: float
    nugget: float

    def scale(self, kernel_inputs: np.ndarray) -> np.ndarray:
        """Return `[n, k]` kernel inputs divided by the length scales."""
        lengthscales = self.widths * np.exp(self.log_lengthscales)[self.group]
        scaled: np.ndarray = (kernel_inputs - self.origin) / lengthscales
        return scaled

    def linear_inputs(self, features: np.ndarray) -> np.ndarray:
        """Return `[n, dim]` linear inputs, whose inner products are the linear covariance."""
        inputs: np.ndarray = (features - self.centre) * self.linear_scale
        return inputs

    @property
    def linear_scale(self) -> float:
        """What centred features are multiplied by."""
        return float(np.sqrt(self.linear) / self.spread)


def prior_kernel(
    kernel_inputs: np.ndarray,
    features: np.ndarray,
    group: np.ndarray,
    n_dimensions: int,
    settings: Settings,
) -> Kernel:
    """Return the kernel before any value is seen.

    Its length scales grow with the square root of the number of dimensions: two random points are
    about as alike in wide spaces as in narrow ones (Hvarfner et al., 2024, arXiv 2402.02229). The
    linear part varies `prior_linear` times as much as the residual.

    Args:
        kernel_inputs: `[n, k]`.
        features: `[n, dim]`.
        group: `[k]` ints.
        n_dimensions: The number of plain parameters and of an architecture's features.
        settings: The settings.
    """
    centre, middle = features.mean(axis=0), kernel_inputs.mean(axis=0)
    widths = np.maximum(np.ptp(kernel_inputs, axis=0), 1.0)
    return Kernel(
        group=group,
        origin=np.where(np.abs(middle) > FAR * widths, middle, 0.0),
        widths=widths,
        log_lengthscales=np.full(int(group.max()) + 1, 0.5 * np.log(n_dimensions)),
        centre=centre,
        spread=float(np.sqrt(((features - centre) ** 2).sum(axis=1).mean())) or 1.0,
        linear=settings.prior_linear,
        nugget=settings.start_nugget,
    )


def fit_kernel(
    kernel_inputs: np.ndarray,
    features: np.ndarray,
    y: np.ndarray,
    prior: Kernel,
    settings: Settings,
    noise: np.ndarray | float = 0.0,
) -> Kernel:
    """Return the kernel of greatest posterior density, its output scale profiled out.

    The logarithms of the length scales and of the linear variance have normal priors about those
    of ``prior``, the logarithm of the nugget has one about that of `prior_nugget`.

    Args:
        kernel_inputs: `[n, k]`.
        features: `[n, dim]`.
        y: `[n]`, standardised.
        prior: From `prior_kernel`.
        settings: The settings.
        noise: `[n]`, variances of the errors of y.
    """
    inputs = (kernel_inputs - prior.origin) / prior.widths
    linear_inputs = prior.linear_inputs(features)
    loss = _Loss(inputs, linear_inputs @ linear_inputs.T, y, prior, settings, noise)
    start = np.append(prior.log_lengthscales, np.log([prior.linear, prior.nugget]))
    far = settings.max_log_deviation
    bounds = [(mean - far, mean + far) for mean in start[:-1]]
    bounds.append((np.log(settings.jitter), 0.0))
    options = {"maxiter": settings.max_fit_iterations}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    linear, nugget = (float(variance) for variance in np.exp(found[-2:]))
    return replace(prior, log_lengthscales=found[:-2], linear=linear, nugget=nugget)


class _Loss:
    """The negative log posterior density of ``theta``, and its gradient.

    theta: `[n_groups + 2]`, log length scales, log linear variance, log nugget.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        linear_gram: np.ndarray,
        y: np.ndarray,
        prior: Kernel,
        settings: Settings,
        noise: np.ndarray | float = 0.0,
    ) -> None:
        n_groups = len(prior.log_lengthscales)
        self._inputs, self._linear_gram, self._y = inputs, linear_gram, y
        self._group, self._added = prior.group, settings.jitter + noise
        self._means = np.concatenate(
            [prior.log_lengthscales, np.log([settings.prior_linear, settings.prior_nugget])]
        )
        self._variances = np.append(
            np.full(n_groups, settings.lengthscale_variance),
            [settings.linear_variance, settings.nugget_variance],
        )

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        n = len(self._y)
        linear, nugget = np.exp(theta[-2:])
        scaled = self._inputs * np.exp(-theta[:-2])[self._group]
        squares = squared_distances(scaled, scaled)
        gram = matern(squares) + linear * self._linear_gram
        gram[np.diag_indices(n)] += nugget + self._added
        factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        inverse = cho_solve(factor, np.eye(n), overwrite_b=True, check_finite=False)
        weights = inverse @ self._y
        outputscale = max(self._y @ weights / n, 1e-12)
        log_determinant = 2.0 * np.log(np.diag(factor[0])).sum()
        slope = 0.5 * (inverse - np.outer(weights, weights) / outputscale)  # of the loss by K
        deviation = theta - self._means
        penalty = deviation / self._variances
        gradient = np.append(
            self._slope_of_lengthscales(slope, squares, scaled),
            [linear * (slope * self._linear_gram).sum(), nugget * np.trace(slope)],
        )
        total = 0.5 * (n * np.log(outputscale) + log_determinant + deviation @ penalty)
        return float(total), gradient + penalty

    def _slope_of_lengthscales(
        self, slope: np.ndarray, squares: np.ndarray, scaled: np.ndarray
    ) -> np.ndarray:
        """`[n_groups]`: sums over i, j of slope_ij m'(r_ij) (e_ik - e_jk)^2, by group of k.

        Expanded, so that no array of `[n, n, k]` is needed.
        """
        pull = slope * _matern_slope(squares)
        stretch = pull.sum(axis=1) @ scaled**2 - (scaled * (pull @ scaled)).sum(axis=0)
        return np.asarray(-4.0 * np.bincount(self._group, weights=stretch))


def matern(squares: np.ndarray) -> np.ndarray:
    """Return the Matern-5/2 correlation of squared distances."""
    scaled = np.sqrt(squares)
    scaled *= SQRT5
    correlation = squares * (5.0 / 3.0)
    correlation += scaled
    correlation += 1.0
    correlation *= _exp_minus(scaled)
    return correlation


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the `[n, m]` squared distances of `[n, k]` and `[m, k]` points."""
    squares = np.asarray(-2.0 * (left @ right.T))
    squares += (left**2).sum(axis=1)[:, None]
    squares += (right**2).sum(axis=1)
    np.maximum(squares, 0.0, out=squares)
    return np.asarray(squares)


def _matern_slope(squares: np.ndarray) -> np.ndarray:
    """Derivative of `matern` by the squared distance: -5/6 (1 + sqrt5 r) exp(-sqrt5 r)."""
    scaled = np.sqrt(squares)
    scaled *= SQRT5
    slope = np.asarray(scaled + 1.0)
    slope *= -5.0 / 6.0
    slope *= _exp_minus(scaled)
    return slope


def _exp_minus(exponents: np.ndarray) -> np.ndarray:
    """Overwrite an array with exp(-exponents); a new array would cost more than the values."""
    np.negative(exponents, out=exponents)
    np.exp(exponents, out=exponents)
    return exponents

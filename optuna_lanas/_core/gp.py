"""A Gaussian process on a bounded number of samples, and functions drawn from it.

Notation
    E        embeddings `[n, k]` (see `Domain.embed`), column j over exp(log_lengths[group[j]])
    r        distance of two scaled embeddings
    m(r)     Matern-5/2: (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r)
    F        encodings `[n, dim]`, centred, a row's mean square the variance of the linear part
    K        m(r) + F F' + noise on the diagonal, `[n, n]`
    y        standardised values `[n]`

F F' is the covariance of a latent action's linear model, m(r) that of what it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace

import numpy as np


MIN_NOISE = 1e-6
PRIOR_SAMPLES = 50.0
PRIOR_NOISE = 1e-3
NOISE_VARIANCE = 4.0
LENGTH_VARIANCE = 0.5
LINEAR_VARIANCE = 1.0
FAR = 1e3  # times its range: distances of columns so far from zero would lose their digits
SQRT5 = np.sqrt(5.0)


@dataclass(frozen=True, eq=False)
class Kernel:
    """The scales of a Gaussian process, in units of the variance of m(r).

    Attributes:
        group: `[k]` ints, the length scale that each column of an embedding uses.
        origin: `[k]`, what is subtracted from the columns.
        widths: `[k]`, ranges that the columns are divided by besides.
        log_lengths: `[n_groups]`, logarithms of the length scales.
        centre: `[dim]`, the mean encoding.
        spread: Root mean square distance of encodings from the mean.
        linear: Variance of the linear part at that distance.
        noise: Variance of the noise.
    """

    group: np.ndarray
    origin: np.ndarray
    widths: np.ndarray
    log_lengths: np.ndarray
    centre: np.ndarray
    spread: float
    linear: float
    noise: float

    def scale(self, embeddings: np.ndarray) -> np.ndarray:
        """Return `[n, k]` embeddings divided by the length scales."""
        lengths = self.widths * np.exp(self.log_lengths)[self.group]
        scaled: np.ndarray = (embeddings - self.origin) / lengths
        return scaled

    def features(self, encodings: np.ndarray) -> np.ndarray:
        """Return `[n, dim]` features, whose inner products are the linear part's covariance."""
        centred: np.ndarray = (encodings - self.centre) * (np.sqrt(self.linear) / self.spread)
        return centred

    def covariance(
        self,
        left: np.ndarray,
        left_features: np.ndarray,
        right: np.ndarray,
        right_features: np.ndarray,
    ) -> np.ndarray:
        """Return `[n, m]` covariances without noise of scaled embeddings and their features."""
        covariance = matern(squared_distances(left, right))
        covariance += left_features @ right_features.T
        return covariance


def prior_kernel(
    embeddings: np.ndarray, encodings: np.ndarray, group: np.ndarray, n_scales: int
) -> Kernel:
    """Return the kernel before any value is seen.

    Its length scales grow with the square root of the number of dimensions, so that two random
    points are about as alike in wide spaces as in narrow ones (Hvarfner et al., 2024,
    arXiv 2402.02229). The linear part varies as much as the rest.

    Args:
        embeddings: `[n, k]`.
        encodings: `[n, dim]`.
        group: `[k]` ints.
        n_scales: The number of dimensions: parameters, and an architecture's columns.
    """
    centre, middle = encodings.mean(axis=0), embeddings.mean(axis=0)
    widths = np.maximum(np.ptp(embeddings, axis=0), 1.0)
    return Kernel(
        group=group,
        origin=np.where(np.abs(middle) > FAR * widths, middle, 0.0),
        widths=widths,
        log_lengths=np.full(int(group.max()) + 1, 0.5 * np.log(n_scales)),
        centre=centre,
        spread=float(np.sqrt(((encodings - centre) ** 2).sum(axis=1).mean())) or 1.0,
        linear=1.0,
        noise=10.0 * PRIOR_NOISE,
    )


def fit_kernel(
    embeddings: np.ndarray,
    encodings: np.ndarray,
    values: np.ndarray,
    prior: Kernel,
    max_iterations: int,
) -> Kernel:
    """Return the kernel of greatest posterior density, the overall variance profiled out.

    The logarithms of the length scales and of the linear part's variance have normal priors of
    variance `LENGTH_VARIANCE` and `LINEAR_VARIANCE` about those of ``prior``, that of the noise
    one of variance `NOISE_VARIANCE` about `PRIOR_NOISE`.

    Args:
        embeddings: `[n, k]`.
        encodings: `[n, dim]`.
        values: `[n]`, standardised.
        prior: From `prior_kernel`.
        max_iterations: Of L-BFGS, each of a few times ``n ** 3`` operations.
    """
    from scipy.optimize import minimize

    embeddings = (embeddings - prior.origin) / prior.widths
    features = prior.features(encodings)
    linear_gram = features @ features.T
    n, n_groups = len(values), len(prior.log_lengths)
    means = np.append(prior.log_lengths, [0.0, np.log(PRIOR_NOISE)])
    variances = np.append(np.full(n_groups, LENGTH_VARIANCE), [LINEAR_VARIANCE, NOISE_VARIANCE])

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        linear, noise = np.exp(theta[-2:])
        scaled = embeddings * np.exp(-theta[:-2])[prior.group]
        squares = squared_distances(scaled, scaled)
        gram = matern(squares) + linear * linear_gram
        gram[np.diag_indices(n)] += noise + MIN_NOISE
        log_determinant = 2.0 * np.log(np.diag(np.linalg.cholesky(gram))).sum()
        inverse = np.linalg.inv(gram)
        weights = inverse @ values
        variance = max(values @ weights / n, 1e-12)
        slope = 0.5 * (inverse - np.outer(weights, weights) / variance)
        pull = slope * _matern_slope(squares)
        # sum_ij pull_ij (e_ik - e_jk)^2 for every column k, without an n^2 k array
        stretch = pull.sum(axis=1) @ scaled**2 - (scaled * (pull @ scaled)).sum(axis=0)
        deviation = theta - means
        total = 0.5 * (n * np.log(variance) + log_determinant)
        gradient = np.append(
            -4.0 * np.bincount(prior.group, weights=stretch),
            [linear * (slope * linear_gram).sum(), noise * np.trace(slope)],
        )
        penalty = deviation / variances
        return float(total + 0.5 * deviation @ penalty), gradient + penalty

    start = np.append(prior.log_lengths, np.log([prior.linear, prior.noise]))
    bounds = [(mean - 4.0, mean + 4.0) for mean in start[:-1]] + [(np.log(MIN_NOISE), 0.0)]
    options = {"maxiter": max_iterations}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    linear, noise = (float(v) for v in np.exp(found[-2:]))
    return replace(prior, log_lengths=found[:-2], linear=linear, noise=noise)


def draw_function(
    embeddings: np.ndarray,
    encodings: np.ndarray,
    values: np.ndarray,
    kernel: Kernel,
    n_features: int,
    rng: np.random.Generator,
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Draw a function from the posterior.

    A draw of the prior, linear weights and a sum of random Fourier features, is corrected by the
    kernel's regression of what the samples say against it (Matheron's rule; Wilson et al., 2020,
    arXiv 2002.09309). What the kernel calls noise is, in an objective without noise, each point's
    own part of the value, which no other point tells of: it is drawn afresh for every point asked.

    Samples whose values are still unknown are taken to have those that the others let expect, the
    "kriging believer" (Ginsbourger et al., 2010): they leave the mean as it is, and make the draw
    vary less about them.

    Args:
        embeddings: `[n, k]`.
        encodings: `[n, dim]`.
        values: `[n_known]`, standardised, of the first samples.
        kernel: Its scales.
        n_features: Number of random Fourier features.
        rng: Source of the draw.

    Returns:
        A function from `[m, k]` embeddings and `[m, dim]` encodings to `[m]` values.
    """
    samples, features = kernel.scale(embeddings), kernel.features(encodings)
    gram = kernel.covariance(samples, features, samples, features)
    gram[np.diag_indices(len(gram))] += kernel.noise + MIN_NOISE
    frequencies = rng.standard_normal((samples.shape[1], n_features))
    frequencies *= np.sqrt(5.0 / rng.chisquare(5.0, n_features))
    phases = rng.uniform(0.0, 2.0 * np.pi, n_features)
    amplitudes = rng.standard_normal(n_features) * np.sqrt(2.0 / n_features)
    weights = rng.standard_normal(features.shape[1:])
    noise = rng.standard_normal(len(gram)) * np.sqrt(kernel.noise)
    prior = np.asarray(_waves(samples, frequencies, phases) @ amplitudes + features @ weights)
    mean, shift = _solve(gram, values, prior + noise)
    deviation = _deviation(values, mean[: len(values)])
    correction = mean - deviation * shift
    amplitudes, weights = deviation * amplitudes, deviation * weights + features.T @ correction

    def function(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
        scaled = kernel.scale(points)
        drawn = _waves(scaled, frequencies, phases) @ amplitudes
        drawn += matern(squared_distances(scaled, samples)) @ correction
        drawn += kernel.features(codes) @ weights
        own = rng.standard_normal(len(points)) * deviation * np.sqrt(kernel.noise)
        return np.asarray(drawn + own)

    return function


def _solve(
    gram: np.ndarray, values: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights, `[n]` each, that explain `[n_known]` values and those of a prior draw.

    Expected values of the other samples are explained by no weight of their own.
    """
    if len(values) == len(prior):
        solved = np.linalg.solve(gram, np.stack([values, prior], axis=1))
        return solved[:, 0], solved[:, 1]
    n_known = len(values)
    mean = np.zeros(len(prior))
    mean[:n_known] = np.linalg.solve(gram[:n_known, :n_known], values)
    return mean, np.linalg.solve(gram, prior)


def _deviation(values: np.ndarray, solved: np.ndarray) -> float:
    """Return the standard deviation of a draw in units of m(r)'s, from values and ``K^-1 values``.

    The expected variance under a prior about 1 that weighs as much as `PRIOR_SAMPLES` samples.
    Samples alone tell too small a one: most of them crowd about the best, where the function is
    flat.
    """
    variance = (PRIOR_SAMPLES + float(values @ solved)) / (PRIOR_SAMPLES + len(values))
    return float(np.sqrt(variance))


def standardise(values: np.ndarray) -> np.ndarray:
    """Return `[n]` values with mean 0 and variance 1, the worst ones moved up.

    No value is left farther below the median than the best lies above it: how bad a bad region is
    must not decide how a model sees the good ones. Where half of the values are the best one, none
    is moved.
    """
    median, best = np.median(values), values.max()
    floored = np.maximum(values, 2.0 * median - best) if median < best else values
    spread = floored.std()
    if not spread > 0.0:
        return np.zeros(len(values))
    centred: np.ndarray = (floored - floored.mean()) / spread
    return centred


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
    """Return `[n, m]` squared distances of the rows of `[n, k]` and `[m, k]`."""
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
    """Overwrite an array with exp(-exponents); a new one would cost more than the exponential."""
    np.negative(exponents, out=exponents)
    np.exp(exponents, out=exponents)
    return exponents


def _waves(scaled: np.ndarray, frequencies: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Random Fourier features cos(E frequencies + phases), `[n, n_features]`.

    In single precision, whose cosine is an order of magnitude faster, and its product twice.
    """
    waves = scaled.astype(np.float32) @ frequencies.astype(np.float32)
    waves += phases.astype(np.float32)
    np.cos(waves, out=waves)
    return waves

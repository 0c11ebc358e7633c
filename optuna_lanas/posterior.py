"""A Gaussian process on a bounded number of samples, and functions drawn from it.

Notation
    E        embeddings `[n, k]` (see `Domain.embed`), column j scaled by exp(-log_lengths[group[j]])
    r        distance of two scaled embeddings
    k(r)     Matern-5/2: (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r)
    K        k between the samples, plus the noise on its diagonal, `[n, n]`
    y        standardised values `[n]`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


N_FEATURES = 256
MIN_NOISE = 1e-6
PRIOR_NOISE = 1e-3
NOISE_VARIANCE = 4.0
LENGTH_VARIANCE = 0.5
SQRT5 = np.sqrt(5.0)


@dataclass(frozen=True, eq=False)
class Kernel:
    """The scales of a Gaussian process.

    Attributes:
        group: `[k]` ints, the scale that each column of an embedding uses.
        widths: `[k]`, ranges that columns are divided by.
        log_lengths: `[n_groups]`, logarithms of the length scales.
        noise: Variance of the noise, in units of the signal's variance.
    """

    group: np.ndarray
    widths: np.ndarray
    log_lengths: np.ndarray
    noise: float

    def scale(self, embeddings: np.ndarray) -> np.ndarray:
        """Return `[n, k]` embeddings divided by the length scales."""
        scaled: np.ndarray = embeddings / (self.widths * np.exp(self.log_lengths)[self.group])
        return scaled


def prior_kernel(group: np.ndarray, n_scales: int) -> Kernel:
    """Return the kernel before any sample is seen.

    Its length scales grow with the square root of the number of dimensions, so that two random
    points are about as alike in wide spaces as in narrow ones (Hvarfner et al., 2024,
    arXiv 2402.02229).

    Args:
        group: `[k]` ints.
        n_scales: The number of dimensions: parameters, and an architecture's columns.
    """
    log_lengths = np.full(int(group.max()) + 1, 0.5 * np.log(n_scales))
    return Kernel(group, np.ones(len(group)), log_lengths, 10.0 * PRIOR_NOISE)


def fit_kernel(
    embeddings: np.ndarray,
    values: np.ndarray,
    group: np.ndarray,
    n_scales: int,
    max_iterations: int,
) -> Kernel:
    """Return the kernel of greatest posterior density, the signal's variance profiled out.

    Log length scales have a normal prior of variance `LENGTH_VARIANCE` about `prior_kernel`, the
    log noise one of variance `NOISE_VARIANCE` about `PRIOR_NOISE`.

    Args:
        embeddings: `[n, k]`.
        values: `[n]`, standardised.
        group: `[k]` ints.
        n_scales: As for `prior_kernel`.
        max_iterations: Of L-BFGS, each of a few times ``n ** 3`` operations.
    """
    from scipy.optimize import minimize

    prior = prior_kernel(group, n_scales)
    widths = np.maximum(np.ptp(embeddings, axis=0), 1.0)
    embeddings = embeddings / widths
    n, n_groups = len(values), len(prior.log_lengths)
    to_group = np.zeros((len(group), n_groups))
    to_group[np.arange(len(group)), group] = 1.0

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        log_lengths, noise = theta[:-1], np.exp(theta[-1])
        scaled = embeddings * np.exp(-log_lengths[group])
        squares = squared_distances(scaled, scaled)
        gram = matern(squares)
        gram[np.diag_indices(n)] += noise + MIN_NOISE
        factor = np.linalg.cholesky(gram)
        inverse = np.linalg.inv(gram)
        weights = inverse @ values
        variance = max(values @ weights / n, 1e-12)
        slope = 0.5 * (inverse - np.outer(weights, weights) / variance)
        pull = slope * _matern_slope(squares)
        # d loss / d log_length_g = -2 sum_ij pull_ij (e_ig - e_jg)^2, summed without an n^2 k array
        per_column = pull.sum(axis=1) @ scaled**2 - (scaled * (pull @ scaled)).sum(axis=0)
        deviation = (log_lengths - prior.log_lengths) / LENGTH_VARIANCE
        noise_deviation = (theta[-1] - np.log(PRIOR_NOISE)) / NOISE_VARIANCE
        total = 0.5 * n * np.log(variance) + np.log(np.diag(factor)).sum()
        total += 0.5 * deviation @ (log_lengths - prior.log_lengths)
        total += 0.5 * noise_deviation * (theta[-1] - np.log(PRIOR_NOISE))
        gradient = np.append(
            -4.0 * per_column @ to_group + deviation,
            np.trace(slope) * noise + noise_deviation,
        )
        return float(total), gradient

    start = np.append(prior.log_lengths, np.log(prior.noise))
    bounds = [(mean - 4.0, mean + 4.0) for mean in prior.log_lengths] + [(np.log(MIN_NOISE), 0.0)]
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": max_iterations},
    )
    return Kernel(group, widths, found.x[:-1], float(np.exp(found.x[-1])))


def draw_function(
    embeddings: np.ndarray, values: np.ndarray, kernel: Kernel, rng: np.random.Generator
) -> Callable[[np.ndarray], np.ndarray]:
    """Draw a function from the posterior.

    A draw of the prior, as a sum of random Fourier features, is corrected by the kernel's
    regression of what the samples say against it (Matheron's rule; Wilson et al., 2020,
    arXiv 2002.09309). What the kernel calls noise is, in an objective without noise, each point's
    own part of the value, which no other point tells of: it is drawn afresh for every point asked.

    Args:
        embeddings: `[n, k]`.
        values: `[n]`, standardised.
        kernel: Its scales.
        rng: Source of the draw.

    Returns:
        A function from `[m, k]` embeddings to `[m]` values.
    """
    samples = kernel.scale(embeddings)
    gram = matern(squared_distances(samples, samples))
    gram[np.diag_indices(len(values))] += kernel.noise + MIN_NOISE
    inverse = np.linalg.inv(gram)
    variance = max(values @ inverse @ values / len(values), 1e-6)
    frequencies = rng.standard_normal((samples.shape[1], N_FEATURES))
    frequencies *= np.sqrt(5.0 / rng.chisquare(5.0, N_FEATURES))
    phases = rng.uniform(0.0, 2.0 * np.pi, N_FEATURES)
    amplitudes = rng.standard_normal(N_FEATURES) * np.sqrt(2.0 * variance / N_FEATURES)
    noise = rng.standard_normal(len(values)) * np.sqrt(kernel.noise * variance)
    surprise = values - np.cos(samples @ frequencies + phases) @ amplitudes - noise
    correction = inverse @ surprise

    def function(points: np.ndarray) -> np.ndarray:
        scaled = kernel.scale(points)
        prior = np.cos(scaled @ frequencies + phases) @ amplitudes
        own = rng.standard_normal(len(points)) * np.sqrt(kernel.noise * variance)
        drawn: np.ndarray = prior + matern(squared_distances(scaled, samples)) @ correction + own
        return drawn

    return function


def standardise(values: np.ndarray) -> np.ndarray:
    """Return `[n]` values with mean 0 and variance 1, the worst ones moved up.

    No value is left farther below the median than the best lies above it: how bad a bad region is
    must not decide how a model sees the good ones.
    """
    median, best = np.median(values), values.max()
    floored = np.maximum(values, 2.0 * median - best)
    spread = floored.std()
    if not spread > 0.0:
        return np.zeros(len(values))
    centred: np.ndarray = (floored - floored.mean()) / spread
    return centred


def matern(squares: np.ndarray) -> np.ndarray:
    """Return the Matern-5/2 correlation of squared distances."""
    scaled = SQRT5 * np.sqrt(squares)
    correlation: np.ndarray = (1.0 + scaled + 5.0 / 3.0 * squares) * np.exp(-scaled)
    return correlation


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return `[n, m]` squared distances of the rows of `[n, k]` and `[m, k]`."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2.0 * left @ right.T
    return np.maximum(squares, 0.0)


def _matern_slope(squares: np.ndarray) -> np.ndarray:
    """Derivative of `matern` by the squared distance."""
    scaled = SQRT5 * np.sqrt(squares)
    slope: np.ndarray = -5.0 / 6.0 * (1.0 + scaled) * np.exp(-scaled)
    return slope

"""What the local search climbs: a sample path of the posterior, and a nugget per configuration.

The path is one function drawn from a Gaussian process (Thompson sampling). Once drawn it is
deterministic; so is the nugget of each key.
"""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence
from dataclasses import dataclass
import zlib

import numpy as np
from scipy.linalg import cho_factor
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dposv
from scipy.special import ndtri

from optuna_lanas._core import gp
from optuna_lanas._core.gp import Kernel
from optuna_lanas._core.settings import Budget
from optuna_lanas._core.settings import Settings


MAX_NOISE = 1e6  # a value of that variance tells nothing


@dataclass(frozen=True, eq=False)
class SamplePath:
    """A function drawn from the posterior: prior path plus update (Wilson et al., 2020).

    The prior path is a sum of `m` random Fourier features and a linear function.

    Attributes:
        kernel: The kernel.
        inputs: `[n, k]`, scaled kernel inputs of the observations.
        frequencies: `[k, m]`, of the Fourier features.
        phases: `[m]`.
        amplitudes: `[m]`.
        weights: `[dim]`, of the linear function of features, prior and update.
        offset: Its value where all features are 0.
        update: `[n]`, of each observation's covariance.
    """

    kernel: Kernel
    inputs: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray
    weights: np.ndarray
    offset: float
    update: np.ndarray

    def __call__(self, kernel_inputs: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return `[m]` values for `[m, k]` kernel inputs and `[m, dim]` features."""
        scaled = self.kernel.scale(kernel_inputs)
        values = _waves(scaled, self.frequencies, self.phases) @ self.amplitudes
        values += gp.matern(gp.squared_distances(scaled, self.inputs)) @ self.update
        values += features @ self.weights + self.offset
        return np.asarray(values)


@dataclass(frozen=True)
class Nugget:
    """The part of a value that no other configuration shares, drawn once per key.

    Attributes:
        deviation: Its standard deviation.
        seed: Mixed with each key.
    """

    deviation: float
    seed: int

    def __call__(self, keys: Sequence[Hashable]) -> np.ndarray:
        """Return `[n]` normal draws, equal for equal keys."""
        digests = _digests(keys)
        uniform = (_mixed(digests ^ np.uint64(self.seed)) >> np.uint64(11)) + 0.5
        return np.asarray(self.deviation * ndtri(uniform * 2.0**-53))


@dataclass(frozen=True, eq=False)
class Acquisition:
    """The sum of a sample path and a nugget; the best candidate has the greatest."""

    path: SamplePath
    nugget: Nugget

    def __call__(
        self, kernel_inputs: np.ndarray, features: np.ndarray, keys: Sequence[Hashable]
    ) -> np.ndarray:
        """Return `[m]` scores of candidates."""
        scores: np.ndarray = self.path(kernel_inputs, features) + self.nugget(keys)
        return scores


def draw_acquisition(
    kernel_inputs: np.ndarray,
    features: np.ndarray,
    y: np.ndarray,
    kernel: Kernel,
    budget: Budget,
    settings: Settings,
    rng: np.random.Generator,
    *,
    noise: np.ndarray | None = None,
) -> Acquisition:
    """Draw a function from the posterior by Matheron's rule (Wilson et al., arXiv 2002.09309).

    Args:
        kernel_inputs: `[n, k]`.
        features: `[n, dim]`.
        y: `[n_observed]`, standardised, of the first points; the others are pending.
        kernel: The kernel.
        budget: How many Fourier features.
        settings: The settings.
        rng: Source of the draw.
        noise: `[n_observed]`, variances of the errors of y; None for none.
    """
    inputs, linear_inputs = kernel.scale(kernel_inputs), kernel.linear_inputs(features)
    gram = gp.matern(gp.squared_distances(inputs, inputs)) + linear_inputs @ linear_inputs.T
    variances = np.full(len(gram), kernel.nugget)
    if noise is not None:
        variances[: len(y)] += noise
    gram[np.diag_indices(len(gram))] += variances + settings.jitter
    n_features = budget.n_features
    frequencies = rng.standard_normal((inputs.shape[1], n_features))
    frequencies *= np.sqrt(5.0 / rng.chisquare(5.0, n_features))
    phases = rng.uniform(0.0, 2.0 * np.pi, n_features)
    amplitudes = rng.standard_normal(n_features) * np.sqrt(2.0 / n_features)
    weights = rng.standard_normal(linear_inputs.shape[1:])
    nugget = rng.standard_normal(len(gram)) * np.sqrt(variances)
    prior = _waves(inputs, frequencies, phases) @ amplitudes + linear_inputs @ weights + nugget
    mean, shift = _updates(gram, y, prior)
    deviation = np.sqrt(_outputscale(y, mean[: len(y)], settings))
    update = mean - deviation * shift
    weights = (deviation * weights + linear_inputs.T @ update) * kernel.linear_scale
    path = SamplePath(
        kernel=kernel,
        inputs=inputs,
        frequencies=frequencies,
        phases=phases,
        amplitudes=deviation * amplitudes,
        weights=weights,
        offset=-float(kernel.centre @ weights),
        update=update,
    )
    seed = int(rng.integers(2**63))
    spread = float(deviation * np.sqrt(kernel.nugget)) if settings.draws_nugget else 0.0
    return Acquisition(path, Nugget(spread, seed))


def standardise(values: np.ndarray) -> np.ndarray:
    """Return `[n]` values with mean 0 and variance 1, the worst ones winsorised.

    No value is left farther below the median than the best lies above it: how bad a bad region is
    must not decide how a model sees the good regions. If half of the values equal the best one,
    none is moved.
    """
    ordered = np.sort(values)
    n = len(values)
    median, best = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]), ordered[-1]
    winsorised = np.maximum(values, 2.0 * median - best) if median < best else values
    spread = winsorised.std()
    if not spread > 0.0:
        return np.zeros(n)
    standardised: np.ndarray = (winsorised - winsorised.mean()) / spread
    return standardised


def noise_of(values: np.ndarray, y: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return `[n]` variances, in the unit of standardised values, of the values' errors.

    Args:
        values: `[n]`.
        y: `[n]`, standardised.
        errors: `[n]`, standard errors in the unit of the values.
    """
    order = np.argsort(values, kind="stable")
    best, middle = order[-1], order[(len(order) - 1) // 2]  # neither is ever winsorised
    other = middle if values[middle] < values[best] else order[0]
    gap, distance = float(values[best] - values[other]), float(y[best] - y[other])
    if not (gap > 0.0 and distance > 0.0):
        return np.zeros(len(values))
    with np.errstate(over="ignore"):
        noise = (errors / gap * distance) ** 2
    return np.asarray(np.minimum(noise, MAX_NOISE))


def _updates(gram: np.ndarray, y: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the updates, `[n]` each, that `[n_observed]` values and a prior path require.

    Imputed values are posterior means: they need no update of their own.
    """
    n_observed = len(y)
    if n_observed == len(prior):
        _, both, error = dposv(gram, np.stack([y, prior], axis=1), lower=True, overwrite_a=True)
        assert error == 0, "the jitter makes it positive definite"
        return both[:, 0], both[:, 1]
    factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    mean = np.zeros(len(prior))
    shift = cho_solve(factor, prior, check_finite=False)
    # The leading block of a Cholesky factor is the factor of the leading block.
    observed = (factor[0][:n_observed, :n_observed], True)
    mean[:n_observed] = cho_solve(observed, y, check_finite=False)
    return mean, shift


def _outputscale(y: np.ndarray, solved: np.ndarray, settings: Settings) -> float:
    """Return the output scale from values and ``K^-1 y``, shrunk towards 1.

    The observations alone underestimate it: most of them crowd around the best, where the function
    is flat. The prior weighs as much as `outputscale_observations`.
    """
    n_prior = settings.outputscale_observations
    return (n_prior + float(y @ solved)) / (n_prior + len(y))


def _waves(scaled: np.ndarray, frequencies: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Random Fourier features cos(E frequencies + phases), `[n, m]`.

    In single precision: the cosine is an order of magnitude faster, the product twice as fast.
    """
    waves = scaled.astype(np.float32) @ frequencies.astype(np.float32)
    waves += phases.astype(np.float32)
    np.cos(waves, out=waves)
    return waves


def _digests(keys: Sequence[Hashable]) -> np.ndarray:
    try:  # the keys of plain points are bytes
        return np.fromiter(map(zlib.crc32, keys), np.uint64, len(keys))  # type: ignore[arg-type]
    except TypeError:
        return np.fromiter(map(_digest, keys), np.uint64, len(keys))


def _digest(key: Hashable) -> int:
    """Return 32 bits of a key that are the same in every process, unlike its hash."""
    if isinstance(key, bytes):
        return zlib.crc32(key)
    if isinstance(key, tuple):
        return zlib.crc32(b"".join(_digest(part).to_bytes(4, "little") for part in key))
    if isinstance(key, frozenset):
        return sum(map(_digest, key)) % 2**32
    return zlib.crc32(repr(_built_in(key)).encode(errors="backslashreplace"))


def _built_in(key: Hashable) -> Hashable:
    """Return the number or text that a key equals: True, 1.0 and NumPy's 1 are the int 1."""
    plain: Hashable = key.item() if isinstance(key, np.generic) else key
    if isinstance(plain, bool) or (isinstance(plain, float) and plain.is_integer()):
        return int(plain)
    return plain


def _mixed(words: np.ndarray) -> np.ndarray:
    """Return `[n]` well-mixed 64-bit words (SplitMix64; Steele et al., 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))

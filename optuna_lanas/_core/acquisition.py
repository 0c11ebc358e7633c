"""What the local search climbs: the expected improvement under a Gaussian process.

Notation
    k        covariances `[m, n]` of candidates and observations
    L        the lower Cholesky factor of the observations' K
    w        ``K^-1 (y - c)`` of the observed values (see `gp`), 0 for a pending point
    mu, s    posterior mean and standard deviation of a candidate's warped value
    z        (mu - incumbent) / s; both with what earlier studies foretell, where there are any
    h(z)     phi(z) + z Phi(z), so that the expected improvement is s h(z)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.linalg.blas import dtrsm
from scipy.special import erfcx
from scipy.special import ndtr

from optuna_lanas._core import gp
from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.gp import Model
from optuna_lanas._core.settings import Settings


LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
SMALL_Z = -1e3  # below it, h(z) is phi(z) / z^2 to all digits that count
MIN_VARIANCE = 1e-10  # of a candidate, in units of the output scale


@dataclass(frozen=True, eq=False)
class Acquisition:
    """The logarithm of the expected improvement over the incumbent.

    The incumbent is the greatest posterior mean of an observation: a lucky one among noisy values
    must not end the search.

    Attributes:
        model: The hyperparameters.
        inputs: `[n, k]`, scaled kernel inputs of observations and pending points.
        linear_inputs: `[n, a]`, theirs.
        weights: `[n]`, w.
        factor: `[n, n]`, L.
        outputscale: Multiplies all variances.
        residual: `[n_observed]`, ``y - c``.
        noise: `[n_observed]`, the noise variances of the observed values.
        incumbent: Without the mean c, as `mu` here.
        mean: c.
    """

    model: Model
    inputs: np.ndarray
    linear_inputs: np.ndarray
    weights: np.ndarray
    factor: np.ndarray
    outputscale: float
    residual: np.ndarray
    noise: np.ndarray
    incumbent: float
    mean: float = 0.0

    def __call__(self, kernel_inputs: np.ndarray, additive_inputs: np.ndarray) -> np.ndarray:
        """Return `[m]` scores for `[m, k]` kernel inputs and `[m, a]` additive inputs."""
        if len(kernel_inputs) == 0:
            return np.empty(0)  # BLAS takes no empty array
        z, deviation = self._posterior(kernel_inputs, additive_inputs)
        scores: np.ndarray = log_h(z) + np.log(deviation)
        return scores

    def count_better(
        self, kernel_inputs: np.ndarray, additive_inputs: np.ndarray, values: np.ndarray
    ) -> int:
        """Return how many values exceed the posterior mean of a point, compared as warped.

        Args:
            kernel_inputs: `[1, k]`.
            additive_inputs: `[1, a]`.
            values: `[n]`, as `make_acquisition` takes them.
        """
        z, deviation = self._posterior(kernel_inputs, additive_inputs)
        expected = self.mean + self.incumbent + z * deviation
        y = gp.warp(self.model.value_scale(values), self.model.power)[0]
        return int((y > expected).sum())

    @cached_property
    def _norms(self) -> np.ndarray:
        return gp.squared_norms(self.inputs)

    def _posterior(
        self, kernel_inputs: np.ndarray, additive_inputs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return z `[m]` and s `[m]`."""
        kernel_inputs, foretold = self.model.split(kernel_inputs)
        scaled, linear = self.model.scale(kernel_inputs), self.model.linear_inputs(additive_inputs)
        squares = gp.squared_distances(scaled, self.inputs, self._norms)
        k = gp.matern(squares)[0]
        # Products overwrite what is not needed: a new array costs as much as its values.
        k += np.matmul(linear, self.linear_inputs.T, out=squares)
        mean = k @ self.weights + foretold
        whitened = dtrsm(1.0, self.factor, k.T, lower=True, overwrite_b=True)  # L^-1 k'
        variance = 1.0 + gp.squared_norms(linear) - gp.squared_norms(whitened.T)
        deviation = np.sqrt(self.outputscale * np.maximum(variance, MIN_VARIANCE))
        return (mean - self.incumbent) / deviation, deviation


def make_acquisition(
    kernel_inputs: np.ndarray,
    additive_inputs: np.ndarray,
    values: np.ndarray,
    model: Model,
    settings: Settings,
    errors: np.ndarray | None = None,
) -> Acquisition:
    """Return the acquisition after some observations.

    Args:
        kernel_inputs: `[n, k]`.
        additive_inputs: `[n, a]`.
        values: `[n_observed]`, of the first points; the others are pending. They are imputed with
            their posterior mean, which leaves all means as they are.
        model: The hyperparameters.
        settings: The settings.
        errors: `[n_observed]`, standard errors of the values; None if all are exact.
    """
    kernel_inputs, foretold = model.split(kernel_inputs)
    inputs, linear_inputs = model.scale(kernel_inputs), model.linear_inputs(additive_inputs)
    gram = gp.matern(gp.squared_distances(inputs, inputs))[0] + linear_inputs @ linear_inputs.T
    n, noise = len(values), np.full(len(gram), model.nugget + settings.jitter)
    noise[:n] += model.value_scale.noise(values, errors)
    gram[np.diag_indices(len(gram))] += noise
    factor = gp.cholesky(gram)
    foretold = foretold[:n]
    y = gp.warp(model.value_scale(values), model.power)[0] - foretold
    # The leading block of a Cholesky factor is the factor of the leading block.
    observed = (factor[:n, :n], True)
    both = cho_solve(observed, np.stack([y, np.ones(n)], axis=1), check_finite=False)
    mean = both[:, 0].sum() / both[:, 1].sum()
    residual, solved = y - mean, both[:, 0] - mean * both[:, 1]
    weights = np.zeros(len(gram))
    weights[:n] = solved
    return Acquisition(
        model=model,
        inputs=inputs,
        linear_inputs=linear_inputs,
        weights=weights,
        factor=factor,
        outputscale=_outputscale(residual, solved, settings),
        residual=residual,
        noise=noise[:n],
        incumbent=float((residual - noise[:n] * solved + foretold).max()),
        mean=float(mean),
    )


def log_h(z: np.ndarray) -> np.ndarray:
    """Return log(phi(z) + z Phi(z)) to full accuracy (Ament et al., 2023, arXiv 2310.20708)."""
    high, low = np.maximum(z, -1.0), np.minimum(z, -1.0)
    plain = np.exp(-0.5 * high**2 - LOG_SQRT_2PI) + high * ndtr(high)
    ratio = 1.0 + np.sqrt(0.5 * np.pi) * low * erfcx(-low / np.sqrt(2.0))
    tail = np.where(low > SMALL_Z, np.maximum(ratio, 1e-12), low**-2)
    logs = np.log(np.where(z > -1.0, plain, tail))
    return np.asarray(np.where(z > -1.0, logs, logs - 0.5 * low**2 - LOG_SQRT_2PI))


def _outputscale(residual: np.ndarray, solved: np.ndarray, settings: Settings) -> float:
    """Return the output scale from y - c and ``K^-1 (y - c)``, shrunk towards their variance.

    The observations alone underestimate it: most of them crowd around the best, where the function
    is flat. The prior weighs as much as `outputscale_observations`.
    """
    n_prior = settings.outputscale_observations
    total = n_prior * float(residual.var()) + float(residual @ solved)
    return max(total / (n_prior + len(residual)), 1e-12)

"""A function drawn from the posterior of a Gaussian process, for workers side by side.

Notation
    g        a draw from the prior: random cosine features of the Matern part (Rahimi and Recht,
             2007), and normal weights of the linear inputs
    e        a draw of the observations' noise
    u        ``K^-1 (y - c - g(X) - e)``; then ``g(x) + k(x) u`` is a draw from the posterior
             (Wilson et al., 2020, arXiv 2002.09309)

The spectral density of Matern-3/2 is that of Student's t with 3 degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from scipy.linalg import cho_solve

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import Acquisition


DEGREES_OF_FREEDOM = 3.0


@dataclass(frozen=True, eq=False)
class SamplePath:
    """A function of kernel inputs and additive inputs, which knows nothing of pending points.

    Attributes:
        posterior: The posterior that it is drawn from.
        frequencies: `[k, f]`, of the cosines of scaled kernel inputs.
        phases: `[f]`.
        weights: `[f]`, of the cosines.
        linear_weights: `[a]`, of the linear inputs.
        update: `[n]`, u, of the observations.
    """

    posterior: Acquisition
    frequencies: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    linear_weights: np.ndarray
    update: np.ndarray

    def __call__(self, kernel_inputs: np.ndarray, additive_inputs: np.ndarray) -> np.ndarray:
        """Return `[m]` drawn values less the incumbent, for `[m, k]` and `[m, a]` inputs."""
        model, n = self.posterior.model, len(self.update)
        kernel_inputs, foretold = model.split(kernel_inputs)
        scaled, linear = model.scale(kernel_inputs), model.linear_inputs(additive_inputs)
        inputs, linear_inputs = self.posterior.inputs[:n], self.posterior.linear_inputs[:n]
        k = gp.matern(gp.squared_distances(scaled, inputs))[0] + linear @ linear_inputs.T
        prior = self._prior(scaled, linear)
        return np.asarray(prior + k @ self.update + foretold - self.posterior.incumbent)

    def _prior(self, scaled: np.ndarray, linear: np.ndarray) -> np.ndarray:
        waves = np.cos(scaled @ self.frequencies + self.phases)
        return np.asarray(waves @ self.weights + linear @ self.linear_weights)


def draw_sample_path(
    posterior: Acquisition, n_features: int, rng: np.random.Generator
) -> SamplePath:
    """Return a draw from a posterior.

    Args:
        posterior: The posterior; its pending points are left out.
        n_features: Random features of the prior draw.
        rng: Source of the draw.
    """
    n, k = len(posterior.residual), posterior.inputs.shape[1]
    scale = np.sqrt(posterior.outputscale)
    tails = np.sqrt(DEGREES_OF_FREEDOM / rng.chisquare(DEGREES_OF_FREEDOM, n_features))
    prior = SamplePath(
        posterior=posterior,
        frequencies=rng.standard_normal((k, n_features)) * tails,
        phases=rng.uniform(0.0, 2.0 * np.pi, n_features),
        weights=scale * np.sqrt(2.0 / n_features) * rng.standard_normal(n_features),
        linear_weights=scale * rng.standard_normal(posterior.linear_inputs.shape[1]),
        update=np.zeros(n),
    )
    known = prior._prior(posterior.inputs[:n], posterior.linear_inputs[:n])
    error = scale * np.sqrt(posterior.noise) * rng.standard_normal(n)
    # The leading block of a Cholesky factor is the factor of the leading block.
    factor = (posterior.factor[:n, :n], True)
    update = cho_solve(factor, posterior.residual - known - error, check_finite=False)
    return replace(prior, update=update)

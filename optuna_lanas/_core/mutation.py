"""Points near other points: what a search inside a region is made of."""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.domain import Domain


LEAST_LOG_SCALE = -2.5
GREATEST_LOG_SCALE = -0.3


def mutate(domain: Domain, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `[n, n_params]` points, each with some of its parent's parameters changed.

    Half of the points change one parameter, the others two more on average. A category is
    replaced by another one. A coordinate moves by a normal step, at least to the next value of
    its grid; the step's scale is drawn for each point between 0.003 and 0.5, evenly on a
    logarithmic scale. What leaves the range, half a step beyond its last values, is reflected
    into it.

    Args:
        domain: The domain.
        parents: `[n, n_params]`, without NaN.
        rng: Source of the draws.
    """
    n, n_params = parents.shape
    rate = np.where(rng.random((n, 1)) < 0.5, 0.0, 2.0 / n_params)
    changed = rng.random((n, n_params)) < rate
    changed[np.arange(n), rng.integers(n_params, size=n)] = True
    other = _other_category(domain, parents, rng)
    numeric = domain.numeric_columns
    other[:, numeric] = _moved(domain.numeric_part, parents[:, numeric], rng)
    return np.where(changed, other, parents)


def _other_category(domain: Domain, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shift = 1.0 + np.floor(rng.random(parents.shape) * (domain.n_choices - 1))
    other: np.ndarray = (parents + shift) % np.maximum(domain.n_choices, 1)
    return other


def _moved(domain: Domain, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return neighbours of points whose parameters are all numeric."""
    scale = 10.0 ** rng.uniform(LEAST_LOG_SCALE, GREATEST_LOG_SCALE, (len(parents), 1))
    step = scale * rng.standard_normal(parents.shape)
    least = domain.spacing
    moved = parents + np.where(np.abs(step) < least, np.copysign(least, step), step)
    edge = 0.5 * least
    moved = np.where(moved < -edge, -2.0 * edge - moved, moved)
    moved = domain.snap(np.where(moved > 1.0 + edge, 2.0 + 2.0 * edge - moved, moved))
    uneven = domain.log_grid_columns  # where the least step differs from value to value
    if len(uneven):
        own, to = parents[:, uneven], moved[:, uneven]
        beside = domain.log_grid_part.beside(own, step[:, uneven])
        moved[:, uneven] = np.where(np.abs(own - to) < 1e-12, beside, to)
    return moved

"""Uniform draws from a region: the published algorithm's proposal.

The paper samples a leaf's polytope by Markov chain Monte Carlo (section 3.2). Here points are
drawn from the whole domain and kept if they lie in the region, which is exact; where the region
is too small for that, a random walk from its own samples takes over: a change of one point at a
time, accepted when it stays inside, whose stationary distribution is uniform.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits
from optuna_lanas._core.history import History
from optuna_lanas._core.mutation import mutate
from optuna_lanas._core.region import Region


N_FIRST_DRAWS = 64
N_DRAWS = 256
N_BATCHES = 16
N_STEPS = 50


def draw_uniform(
    domain: Domain,
    region: Region,
    history: History,
    limits: Limits,
    starts: Callable[[], np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Return a point `[n_params]` of the region that is not in the history, None if none is met.

    Args:
        domain: The domain.
        region: The leaf's region.
        history: What is not to be drawn again.
        limits: What the point must keep to besides.
        starts: Finds `[n, n_params]` points inside the region, where a walk may begin.
        rng: Source of the draws.
    """
    for batch in range(N_BATCHES):
        n_draws = N_DRAWS if batch else N_FIRST_DRAWS
        found = _first_new(domain, region, history, limits.sample(domain, n_draws, rng))
        if found is not None:
            return found
    begin = starts()
    return _walk(domain, region, history, limits, begin, rng) if len(begin) else None


def _walk(
    domain: Domain,
    region: Region,
    history: History,
    limits: Limits,
    starts: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray | None:
    walkers = starts[rng.integers(len(starts), size=N_DRAWS)]
    for _ in range(N_STEPS):
        steps = limits.settle(mutate(domain, walkers, rng))
        inside = region.contains(domain.encode(domain.mask_inactive(steps)))
        walkers = np.where(inside[:, None], steps, walkers)
    return _first_new(domain, region, history, walkers)


def _first_new(
    domain: Domain, region: Region, history: History, points: np.ndarray
) -> np.ndarray | None:
    present = domain.mask_inactive(points)
    inside = np.flatnonzero(region.contains(domain.encode(present)))
    new = inside[history.is_new(domain, present[inside])]
    return points[new[0]] if len(new) else None

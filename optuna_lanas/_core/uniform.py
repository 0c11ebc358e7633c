"""Uniform draws: of the start-up from the feasible set, and of the published search from a leaf.

The paper samples a leaf's polytope by Markov chain Monte Carlo (section 3.2). Here points are
drawn from the feasible set and kept if they lie in the region, which is exact. Where that fails,
a small feasible set is listed. In a large one a random walk starts at the region's observations:
it changes one point at a time and accepts what stays inside.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np

from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.history import History
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Region


def sample_new(
    history: History, feasible: FeasibleSet, settings: Settings, rng: np.random.Generator
) -> np.ndarray:
    """Draw a point `[n_params]` that is new to the history, or any valid point if none is found.

    Raises:
        ValueError: If no point is valid.
    """
    valid: np.ndarray | None = None
    for points in _batches(feasible, settings, rng):
        keys = feasible.domain.keys(feasible.domain.mask_inactive(points))
        new = _new(history, keys)
        if len(new):
            return np.asarray(points[new[0]])
        is_valid = [key is not None for key in keys]
        if valid is None and any(is_valid):
            valid = points[is_valid.index(True)]
    if valid is None:
        raise ValueError(
            f"`space.key` must return a key for some params, got None for all of "
            f"{settings.n_tries * settings.n_batch} draws. Check that it returns None for invalid "
            f"architectures only, or give the space a `sample(rng)` that draws valid ones."
        )
    return valid


def draw_repeat(
    history: History, feasible: FeasibleSet, settings: Settings, rng: np.random.Generator
) -> np.ndarray | None:
    """Draw a point `[n_params]` of a small set in which none is new, None for other sets."""
    everything = feasible.enumerate(settings.max_listed, rng)
    keys = feasible.domain.keys(feasible.domain.mask_inactive(everything))
    is_valid = [key is not None for key in keys]
    if len(_new(history, keys)) or not any(is_valid):
        return None
    return np.asarray(everything[is_valid.index(True)])


def draw_uniform(
    feasible: FeasibleSet,
    region: Region,
    history: History,
    starts: Callable[[], np.ndarray],
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Return a point `[n_params]` of a region that is new to the history, None if none is found.

    Args:
        feasible: The points that the trial may be.
        region: The leaf's region.
        history: Its points must not be drawn again.
        starts: Finds `[n, n_params]` feasible points inside the region, where a walk may start.
        settings: The settings.
        rng: Source of the draws.
    """
    n_draws = settings.n_uniform_first
    n_drawn = 0
    while n_drawn < min(feasible.n_points, settings.n_uniform_batches * settings.n_uniform_batch):
        points = feasible.sample(n_draws, rng)
        new = _new_inside(feasible, region, history, points)
        if len(new):
            return np.asarray(points[new[0]])
        n_drawn += n_draws
        n_draws = settings.n_uniform_batch
    if feasible.n_points <= settings.max_listed:
        return _draw_listed(feasible, region, history, settings, rng)
    begin = starts()
    return _walk(feasible, region, history, begin, settings, rng) if len(begin) else None


def _draw_listed(
    feasible: FeasibleSet,
    region: Region,
    history: History,
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Draw from the list of all feasible points; each architecture is as likely as any other."""
    points = feasible.enumerate(settings.max_listed, rng)
    new = _new_inside(feasible, region, history, points)
    if len(new) == 0:
        return None
    keys = feasible.domain.keys(feasible.domain.mask_inactive(points[new]))
    first_of = dict(zip(reversed(keys), reversed(new.tolist()), strict=True))
    places = list(first_of.values())
    return np.asarray(points[places[rng.integers(len(places))]])


def _walk(
    feasible: FeasibleSet,
    region: Region,
    history: History,
    starts: np.ndarray,
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray | None:
    walkers = starts[rng.integers(len(starts), size=settings.n_uniform_batch)]
    for _ in range(settings.n_walk_steps):
        steps = feasible.mutate(walkers, rng)
        features = feasible.domain.features(feasible.domain.mask_inactive(steps))
        walkers = np.where(region.contains(features)[:, None], steps, walkers)
    new = _new_inside(feasible, region, history, walkers)
    return np.asarray(walkers[new[0]]) if len(new) else None


def _new_inside(
    feasible: FeasibleSet, region: Region, history: History, points: np.ndarray
) -> np.ndarray:
    """Return the places of the points inside a region that the history does not hold."""
    masked = feasible.domain.mask_inactive(points)
    inside = np.flatnonzero(region.contains(feasible.domain.features(masked)))
    return np.asarray(inside[_new(history, feasible.domain.keys(masked[inside]))])


def _new(history: History, keys: Sequence[Hashable | None]) -> np.ndarray:
    """Return the places of keys that are valid and that the history does not hold."""
    return np.array(
        [
            place
            for place, key in enumerate(keys)
            if key is not None and key not in history.keys and key not in history.pending_keys
        ],
        dtype=np.intp,
    )


def _batches(
    feasible: FeasibleSet, settings: Settings, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    for _ in range(settings.n_tries):
        yield feasible.sample(settings.n_batch, rng)
    everything = feasible.enumerate(settings.max_listed, rng)
    for first in range(0, len(everything), settings.n_batch):
        yield everything[first : first + settings.n_batch]

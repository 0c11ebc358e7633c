"""The local search: candidates inside a region, and mutations of the best of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.history import History
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Region


Score: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of kernel and additive inputs


@dataclass(frozen=True, eq=False)
class Candidates:
    """Feasible points inside a region.

    Attributes:
        points: `[n, n_params]`, without NaN.
        keys: `n` keys.
        scores: `[n]`, their acquisition values.
    """

    points: np.ndarray
    keys: list[Hashable]
    scores: np.ndarray

    def best(self, n: int) -> np.ndarray:
        """Return the points `[up to n, n_params]` of the greatest scores, the best one first."""
        return self.points[np.argsort(-self.scores, kind="stable")[:n]]

    def best_new(self, history: History) -> int | None:
        """Return the place of the best candidate that the history does not hold, if any."""
        return next(self.ranked_new(history), None)

    def ranked_new(self, history: History) -> Iterator[int]:
        """Yield the places of candidates that the history does not hold, the best one first."""
        for place in np.argsort(-self.scores, kind="stable").tolist():
            key = self.keys[place]
            if key not in history.keys and key not in history.pending_keys:
                yield place


def local_search(
    feasible: FeasibleSet,
    region: Region,
    starts: np.ndarray,
    acquisition: Score,
    settings: Settings,
    rng: np.random.Generator,
) -> Candidates:
    """Return candidates inside a region.

    The first ones are random points and mutations of the starts. Each round then mutates the
    candidates of the greatest acquisition.

    Args:
        feasible: The points that the trial may be.
        region: The searched region.
        starts: `[n_starts, n_params]` feasible points to mutate, the best one first.
        acquisition: The function to climb, of `[m, k]` kernel and `[m, a]` additive inputs.
        settings: The settings.
        rng: Source of the draws.
    """
    place = rng.geometric(settings.parent_share, settings.n_near) - 1
    near = feasible.mutate(starts[np.minimum(place, len(starts) - 1)], rng)
    first = np.vstack([feasible.sample(settings.n_random, rng), near])
    found = _inside(feasible, region, acquisition, first)
    for _ in range(settings.n_rounds):
        parents = found.best(settings.n_parents)
        parents = parents if len(parents) else starts[: settings.n_parents]
        chosen = parents[rng.integers(len(parents), size=settings.n_round)]
        mutated = _inside(feasible, region, acquisition, feasible.mutate(chosen, rng))
        found = _joined(found, mutated)
    return found


def _inside(
    feasible: FeasibleSet, region: Region, acquisition: Score, points: np.ndarray
) -> Candidates:
    """Return the valid points inside a region as candidates."""
    domain = feasible.domain
    masked = domain.mask_inactive(points)
    features = domain.features(masked)
    inside = np.flatnonzero(region.contains(features))
    keys = domain.keys(masked[inside])
    if None in keys:  # of invalid architectures whose encoding is finite nonetheless
        inside = inside[[key is not None for key in keys]]
        keys = [key for key in keys if key is not None]
    masked, features = masked[inside], features[inside]
    inputs = domain.kernel_inputs(masked, features)
    scores = acquisition(inputs, domain.additive_inputs(masked, features))
    return Candidates(points[inside], keys, scores)


def _joined(left: Candidates, right: Candidates) -> Candidates:
    return Candidates(
        np.vstack([left.points, right.points]),
        left.keys + right.keys,
        np.append(left.scores, right.scores),
    )

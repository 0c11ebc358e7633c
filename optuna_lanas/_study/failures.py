"""Which failed trials tell of a region that fails, and which failed by chance.

A trial fails by chance if most of its nearest neighbours did not fail, or if its own configuration
did not, as when it was tried again. It then has the value of the nearest trial that did not fail,
with an error so great that it tells nothing.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.settings import Settings


N_CHUNK = 256
CERTAIN = -1


class Failures:
    """The neighbours of failed trials, kept until the next milestone to save time."""

    def __init__(self) -> None:
        self._n_seen, self._features, self._is_failed = 0, np.empty((0, 0)), np.empty(0, bool)
        self._stand_in = np.empty(0, dtype=np.intp)

    def read(self, features: np.ndarray, is_failed: np.ndarray, settings: Settings) -> np.ndarray:
        """Return `[n]` places: whose value a trial that failed by chance has, -1 for the others.

        Up to the last milestone, neighbours are those up to it; later trials have earlier ones.

        Args:
            features: `[n, dim]`, in the order in which trials ended.
            is_failed: `[n]` bools.
            settings: The settings.
        """
        from optuna_lanas._core.search_tree import last_milestone  # with SciPy
        from optuna_lanas._core.search_tree import starts_with

        n, n_known = len(features), len(self._features)
        n_seen = last_milestone(n, settings.tree_growth)
        is_known = n_seen == self._n_seen and n >= n_known
        is_known = is_known and starts_with(is_failed, self._is_failed)
        if not (is_known and starts_with(features, self._features)):
            failed = np.flatnonzero(is_failed[:n_seen])
            self._stand_in = np.full(n_seen, CERTAIN)
            for first in range(0, len(failed), N_CHUNK):
                chunk = failed[first : first + N_CHUNK]
                self._stand_in[chunk] = _stand_ins(
                    chunk, features[:n_seen], is_failed[:n_seen], settings.n_failed_neighbours
                )
            self._n_seen, n_known = n_seen, n_seen
        new = np.full(n - n_known, CERTAIN)
        for place in np.flatnonzero(is_failed[n_known:]) + n_known:
            before = slice(0, place + 1)
            new[place - n_known] = _stand_ins(
                np.array([place]),
                features[before],
                is_failed[before],
                settings.n_failed_neighbours,
            )[0]
        self._features, self._is_failed = features, is_failed.copy()
        self._stand_in = np.append(self._stand_in, new)
        return self._stand_in


def _stand_ins(
    failed: np.ndarray, features: np.ndarray, is_failed: np.ndarray, n_neighbours: int
) -> np.ndarray:
    """The places `[m]` of the nearest trials that did not fail, -1 where most neighbours did."""
    from optuna_lanas._core.gp import squared_distances

    distances = squared_distances(features[failed], features)
    distances[np.arange(len(failed)), failed] = np.inf
    nearest = np.argsort(distances, axis=1, kind="stable")[
        :, : min(n_neighbours, len(features) - 1)
    ]
    is_chance = is_failed[nearest].sum(axis=1) * 2 < nearest.shape[1]
    distances[:, is_failed] = np.inf
    succeeded = distances.argmin(axis=1)
    is_same = (features[succeeded] == features[failed]).all(axis=1) & ~is_failed[succeeded]
    return np.where(is_chance | is_same, succeeded, CERTAIN)

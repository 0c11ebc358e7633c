"""Which parameters are active at a point of a conditional space."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.domain import MAX_ONE_HOT
from optuna_lanas._core.gp import uninterrupted


MAX_GROUPS = 32  # of parameters that are always active together
MAX_PATTERNS = 128  # of parameters that were active together in an observation


def fit_activity(points: np.ndarray, axes: Axes) -> Callable[[np.ndarray], np.ndarray]:
    """Learn from observations which parameters are active together with which values.

    In a define-by-run objective, the values of some parameters decide whether others are asked
    for. A decision tree over the values therefore predicts which are active. Inactive values are
    filled in at random, since they cannot have decided anything.

    A tree's cost grows with its inputs, its classes and the observations together. Where names
    are many, such as a new one in each trial, the least often active ones are left out. Where
    patterns are many, the tree learns from those that were seen most often.

    Args:
        points: `[n, n_params]`, NaN for inactive parameters.
        axes: Their axes.

    Returns:
        A function from `[m, n_params]` points without NaN to `[m, n_params]` bools.
    """
    # An interrupted import can leave the lock of its module held.
    sklearn_tree = uninterrupted(lambda: import_module("sklearn.tree"))
    is_inactive = np.isnan(points)
    filled = np.where(is_inactive, axes.sample(len(points), np.random.default_rng(0)), points)
    columns = _most_active(~is_inactive, MAX_GROUPS)
    inputs = axes.part(columns)
    pattern, latest = _patterns(~is_inactive[:, columns])
    patterns, chosen = ~is_inactive[latest], _most_frequent(pattern, latest, MAX_PATTERNS)
    model = sklearn_tree.DecisionTreeClassifier(random_state=0)
    model.fit(_one_hot_categories(filled[:, columns], inputs)[chosen], pattern[chosen])

    def activity(candidates: np.ndarray) -> np.ndarray:
        found: np.ndarray = patterns[
            model.predict(_one_hot_categories(candidates[:, columns], inputs))
        ]
        return found

    return activity


def _most_active(is_active: np.ndarray, limit: int) -> np.ndarray:
    """Return the columns of the groups of equal columns that are active most often."""
    groups, group = np.unique(is_active, axis=1, return_inverse=True)
    kept = np.argsort(-groups.sum(axis=0), kind="stable")[:limit]
    return np.flatnonzero(np.isin(group.reshape(-1), kept))


def _patterns(is_active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each row's pattern `[n]`, and each pattern's latest row."""
    backwards = is_active[::-1]  # the first index that is found is the latest one
    _, latest, pattern = np.unique(backwards, axis=0, return_index=True, return_inverse=True)
    return pattern.reshape(-1)[::-1], len(is_active) - 1 - latest


def _most_frequent(pattern: np.ndarray, latest: np.ndarray, limit: int) -> np.ndarray:
    """Return the rows of the most frequent patterns, the latest ones where they are equal.

    Each row comes twice where most patterns differ: scikit-learn would warn of so many classes.
    """
    order = np.lexsort((-latest, -np.bincount(pattern)))[:limit]
    chosen = np.flatnonzero(np.isin(pattern, order))
    return np.repeat(chosen, 2) if 2 * len(order) > len(chosen) else chosen


def _one_hot_categories(points: np.ndarray, axes: Axes) -> np.ndarray:
    """Coordinates, and the one-hot codes of categories, so that one cut isolates a category.

    The places of very many choices are numbers.
    """
    is_one_hot = axes.is_categorical & (axes.n_choices <= MAX_ONE_HOT)
    codes = [
        points[:, [column]] == np.arange(axes.n_choices[column])
        for column in np.flatnonzero(is_one_hot)
    ]
    return np.hstack([points[:, ~is_one_hot], *codes])

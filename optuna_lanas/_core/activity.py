"""Which parameters are active at a point of a conditional space."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.domain import MAX_ONE_HOT
from optuna_lanas._core.gp import uninterrupted


def fit_activity(points: np.ndarray, axes: Axes) -> Callable[[np.ndarray], np.ndarray]:
    """Learn from observations which parameters are active together with which values.

    In a define-by-run objective, the values of some parameters decide whether others are asked
    for. A decision tree over the values therefore predicts which are active. Inactive values are
    filled in at random, since they cannot have decided anything.

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
    patterns, pattern = np.unique(~is_inactive, axis=0, return_inverse=True)
    model = sklearn_tree.DecisionTreeClassifier(random_state=0)
    model.fit(_one_hot_categories(filled, axes), pattern.reshape(-1))

    def activity(candidates: np.ndarray) -> np.ndarray:
        found: np.ndarray = patterns[model.predict(_one_hot_categories(candidates, axes))]
        return found

    return activity


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

"""Which parameters a point has, in a study whose trials do not all ask for the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_lanas._core.domain import Domain


def fit_activity(points: np.ndarray, domain: Domain) -> Callable[[np.ndarray], np.ndarray] | None:
    """Learn from samples which parameters go together with which values.

    A define-by-run objective decides by the values of some parameters whether it asks for others,
    so a decision tree over the values tells which are present. Absent values are filled in at
    random, since they cannot have decided anything.

    Args:
        points: `[n, n_params]`, NaN where absent.
        domain: Their domain.

    Returns:
        A function from `[m, n_params]` points without NaN to `[m, n_params]` bools; None if no
        parameter is ever absent.
    """
    absent = np.isnan(points)
    if not absent.any():
        return None
    from sklearn.tree import DecisionTreeClassifier

    filled = np.where(absent, domain.sample(len(points), np.random.default_rng(0)), points)
    patterns, pattern = np.unique(~absent, axis=0, return_inverse=True)
    features = _split_categories(filled, domain)
    classifier = DecisionTreeClassifier(random_state=0).fit(features, pattern.reshape(-1))

    def presence(candidates: np.ndarray) -> np.ndarray:
        found: np.ndarray = patterns[classifier.predict(_split_categories(candidates, domain))]
        return found

    return presence


def _split_categories(points: np.ndarray, domain: Domain) -> np.ndarray:
    """Coordinates, and the one-hot codes of categories, so that a tree can tell one apart."""
    numeric = points[:, ~domain.is_categorical]
    codes = [
        points[:, [column]] == np.arange(domain.n_choices[column])
        for column in np.flatnonzero(domain.is_categorical)
    ]
    return np.hstack([numeric, *codes])

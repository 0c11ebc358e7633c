"""Several objectives as one number: dominance for the tree, a random weighting for the path.

As in LaMOO (Zhao et al., 2022, arXiv 2110.03173), an observation's value for the tree is minus the
number of observations that dominate it: the good regions are those around the Pareto front.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.settings import Settings


MIN_SPAN = 1e-9
FAR = 2.0**100  # times the range of the front: farther below it all values are alike


def count_dominating(
    counts: np.ndarray, objectives: np.ndarray, max_pairs: int = 1_000_000
) -> np.ndarray:
    """Return `[n]` counts: how many observations dominate each.

    Args:
        counts: `[n_earlier]`, of the first observations among themselves.
        objectives: `[n, m]`, the greater the better; may be infinite.
        max_pairs: So many pairs are compared at once, which bounds the memory.
    """
    n_earlier, n = len(counts), len(objectives)
    updated = np.concatenate([counts, np.zeros(n - n_earlier)])
    n_at_once = max(max_pairs // max(n, 1), 1)
    for first in range(n_earlier, n, n_at_once):
        new = objectives[first : first + n_at_once]
        pairs = [(new[:, [k]], objectives[:, k]) for k in range(objectives.shape[1])]
        at_least = np.logical_and.reduce([left >= right for left, right in pairs])
        at_most = np.logical_and.reduce([left <= right for left, right in pairs])
        updated[:n_earlier] += (at_least & ~at_most)[:, :n_earlier].sum(axis=0)
        updated[first : first + n_at_once] = (at_most & ~at_least).sum(axis=1)
    return updated


def weighted_values(
    objectives: np.ndarray, is_front: np.ndarray, settings: Settings, rng: np.random.Generator
) -> np.ndarray:
    """Return `[n]` values under weights drawn uniformly from the simplex (ParEGO; Knowles, 2006).

    The augmented Chebyshev function of the objectives, scaled by the range of the front: a draw
    aims at one part of it. Where that range is next to nothing, the range of all observations
    scales them.

    Args:
        objectives: `[n, m]`, finite, the greater the better.
        is_front: `[n]` bools, the observations that are not dominated.
        settings: The settings.
        rng: Source of the weights.
    """
    weights = rng.dirichlet(np.ones(objectives.shape[1]))
    scaled = weights * np.stack([_below_best(own, is_front) for own in objectives.T], axis=1)
    values: np.ndarray = scaled.min(axis=1) + settings.chebyshev_augmentation * scaled.sum(axis=1)
    return values


def _below_best(objective: np.ndarray, is_front: np.ndarray) -> np.ndarray:
    """`[n]`: how far an objective is below the best of the front, in units of its range."""
    n, front, ordered = len(objective), objective[is_front], np.sort(objective)
    middle = ordered[[(n - 1) // 2, n // 2]]
    central = np.array([front.max(), front.min(), *middle])
    exponent = exponent_of(central if central.any() else objective) + 2
    with np.errstate(over="ignore"):  # of values far from the front
        below = np.ldexp(objective, -exponent) - np.ldexp(front.max(), -exponent)
    below = np.clip(below, -FAR, FAR)
    ordered = np.sort(below)
    span = -min(below[is_front].min(), 0.5 * ordered[[(n - 1) // 2, n // 2]].sum())
    whole = -ordered[n // 4]  # a few huge penalties must not make the front's range look small
    span = span if span > MIN_SPAN * whole else ordered[-1] - ordered[0]
    return np.asarray(below / span if span > 0.0 else below)

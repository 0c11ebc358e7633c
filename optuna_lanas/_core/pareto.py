"""Several objectives as one number: dominance for the tree, a random weighting for the draw.

As in LaMOO (Zhao et al., 2022, arXiv 2110.03173), the tree is grown from how many samples dominate
a sample, so that its good regions are those around the Pareto front.
"""

from __future__ import annotations

import numpy as np


AUGMENTATION = 0.05
LEAST_SPAN = 1e-9
TINY = 1e-100
MAX_PAIRS = 1_000_000  # compared at once


def add_dominance(n_dominating: np.ndarray, objectives: np.ndarray, n_new: int = 1) -> None:
    """Bring counts of dominating samples up to date with the last samples, in place.

    Args:
        n_dominating: `[n]`, the last `n_new` entries to be set.
        objectives: `[n, m]`, the greater the better; may be infinite.
        n_new: How many samples are new.
    """
    n_earlier = len(objectives) - n_new
    n_rows = max(MAX_PAIRS // max(len(objectives), 1), 1)
    for first in range(n_earlier, len(objectives), n_rows):
        new = objectives[first : first + n_rows]
        pairs = [(new[:, [k]], objectives[:, k]) for k in range(objectives.shape[1])]
        at_least = np.logical_and.reduce([left >= right for left, right in pairs])
        at_most = np.logical_and.reduce([left <= right for left, right in pairs])
        n_dominating[:n_earlier] += (at_least & ~at_most)[:, :n_earlier].sum(axis=0)
        n_dominating[first : first + n_rows] = (at_most & ~at_least).sum(axis=1)


def weighted_scores(
    objectives: np.ndarray, is_front: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return `[n]` scores under weights drawn evenly from the simplex (ParEGO; Knowles, 2006).

    The augmented Chebyshev function of the objectives, scaled by the range of the samples that no
    other one dominates, so that a draw aims at one part of the front; by that of all samples,
    where the former is next to nothing.

    Args:
        objectives: `[n, m]`, finite, the greater the better.
        is_front: `[n]` bools, which samples are not dominated.
        rng: Source of the weights.
    """
    weights = rng.dirichlet(np.ones(objectives.shape[1]))
    best = objectives[is_front].max(axis=0)
    worst = np.minimum(objectives[is_front].min(axis=0), np.median(objectives, axis=0))
    whole = np.ptp(objectives, axis=0)
    span = np.where(best - worst > LEAST_SPAN * whole, best - worst, whole)
    scaled = (objectives - best) / np.where(span > TINY, span, 1.0) * weights
    scores: np.ndarray = scaled.min(axis=1) + AUGMENTATION * scaled.sum(axis=1)
    return scores

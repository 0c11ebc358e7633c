"""Several objectives as one number: dominance for the tree, a random weighting for the draw.

As in LaMOO (Zhao et al., 2022, arXiv 2110.03173), the tree is grown from how many samples dominate
a sample, so that its good regions are those around the Pareto front.
"""

from __future__ import annotations

import numpy as np


AUGMENTATION = 0.05
LEAST_SPAN = 1e-9
TINY = 1e-100


def add_dominance(n_dominating: np.ndarray, objectives: np.ndarray) -> None:
    """Bring counts of dominating samples up to date with the last sample, in place.

    Args:
        n_dominating: `[n]`, the last entry to be set.
        objectives: `[n, m]`, the greater the better; may be infinite.
    """
    earlier, last = objectives[:-1], objectives[-1]
    dominated = (last >= earlier).all(axis=1) & (last > earlier).any(axis=1)
    dominating = (earlier >= last).all(axis=1) & (earlier > last).any(axis=1)
    n_dominating[:-1] += dominated
    n_dominating[-1] = dominating.sum()


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

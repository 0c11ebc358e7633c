"""The default proposal: the best point of a region under a function drawn from the posterior.

A Gaussian process is fitted to a bounded number of samples, those whose paths run farthest along
the searched node's first. One function is drawn from it (Thompson sampling), and climbed inside
the node's region: from random points and from changes of the best samples there, a few rounds of
changes to the points that the draw likes best.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from optuna_lanas._core import gp as posterior
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits
from optuna_lanas._core.history import History
from optuna_lanas._core.mutation import mutate
from optuna_lanas._core.pareto import weighted_scores
from optuna_lanas._core.region import Region
from optuna_lanas._core.settings import Budget
from optuna_lanas._core.settings import Config


N_PARENTS = 20
SHARE_OF_BEST = 0.2

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Points inside a region.

    Attributes:
        points: `[n, n_params]`, without NaN.
        embeddings: `[n, k]`.
        scores: `[n]`, the drawn function's values.
    """

    points: np.ndarray
    embeddings: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


class KernelMemory:
    """The kernel of the last milestone. It saves time and changes no result."""

    def __init__(self) -> None:
        self.domain: Domain | None = None
        self.values = np.empty(0)
        self.kernel: posterior.Kernel | None = None


def draw_scores(
    history: History,
    domain: Domain,
    closeness: np.ndarray,
    least: int,
    config: Config,
    memory: KernelMemory,
    rng: np.random.Generator,
) -> Score:
    """Draw a function of embeddings `[m, k]` and encodings `[m, dim]` from a node's posterior.

    Args:
        history: The history.
        domain: Its domain.
        closeness: `[n]` ints, how far each sample's path runs along that of the node.
        least: Samples that are less close tell nothing.
        config: The settings.
        memory: Of an earlier call.
        rng: Source of the draw.
    """
    kernel = _fitted_kernel(history, domain, config, memory)
    effort = config.effort(len(history))
    chosen = _nearest(closeness, history.values, effort.n_samples)
    chosen = chosen[closeness[chosen] >= least]
    embeddings = domain.embed(history.points[chosen], history.encodings[chosen])
    values = history.values[chosen]
    if history.objectives is not None:
        values = weighted_scores(history.objectives[chosen], values == values.max(), rng)
    encodings, values = history.encodings[chosen], posterior.standardise(values)
    if len(history.pending):
        pending = _pending(history, domain, effort.n_samples)
        embeddings = np.vstack([embeddings, pending[0]])
        encodings = np.vstack([encodings, pending[1]])
    return posterior.draw_function(embeddings, encodings, values, kernel, effort.n_features, rng)


def _pending(history: History, domain: Domain, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings and encodings of at most ``limit`` pending samples."""
    encodings = history.pending[:limit]
    embeddings = domain.embed(history.pending_points[:limit], encodings)
    is_known = ~np.isnan(embeddings).any(axis=1)
    return embeddings[is_known], encodings[is_known]


def climb(
    domain: Domain,
    region: Region,
    best: np.ndarray,
    score: Score,
    limits: Limits,
    effort: Budget,
    rng: np.random.Generator,
) -> Candidates:
    """Return candidates inside a region.

    Args:
        domain: The domain.
        region: The searched node's.
        best: `[n, n_params]`, the samples in it without NaN, the best one first.
        score: From embeddings and encodings to scores.
        limits: Fixed parameters and narrower ranges.
        effort: How many candidates.
        rng: Source of the draws.
    """
    likely = np.minimum(rng.geometric(SHARE_OF_BEST, effort.n_near) - 1, len(best) - 1)
    near = limits.settle(mutate(domain, best[likely], rng))
    first = np.vstack([limits.sample(domain, effort.n_random, rng), near])
    known: set[Hashable] = set()
    found = _inside(domain, region, score, first, known)
    for _ in range(effort.n_rounds):
        order = np.argsort(-found.scores, kind="stable")[:N_PARENTS]
        parents = found.points[order] if len(found) else best[:N_PARENTS]
        changed = mutate(domain, parents[rng.integers(len(parents), size=effort.n_round)], rng)
        found = _joined(found, _inside(domain, region, score, limits.settle(changed), known))
    return found


def _inside(
    domain: Domain,
    region: Region,
    score: Score,
    points: np.ndarray,
    known: set[Hashable],
) -> Candidates:
    """Return the points inside a region, of each architecture that is not known yet one.

    One made by many params would else be scored as often, each time with another draw of its own
    part, and be chosen the oftener. What is met becomes known.
    """
    present = domain.mask_inactive(points)
    encodings = domain.encode(present)
    inside = np.flatnonzero(region.contains(encodings))
    if domain.architectures is not None:
        inside = inside[_first_met(domain.keys(present[inside]), known)]
    embeddings = domain.embed(present[inside], encodings[inside])
    return Candidates(points[inside], embeddings, score(embeddings, encodings[inside]))


def _first_met(keys: list[Hashable | None], known: set[Hashable]) -> np.ndarray:
    """Return the places of the keys that are not known where they stand, and make them known."""
    places = []
    for place, key in enumerate(keys):
        if key not in known:
            known.add(key)
            places.append(place)
    return np.array(places, dtype=np.intp)


def _joined(left: Candidates, right: Candidates) -> Candidates:
    return Candidates(
        np.vstack([left.points, right.points]),
        np.vstack([left.embeddings, right.embeddings]),
        np.append(left.scores, right.scores),
    )


def _fitted_kernel(
    history: History, domain: Domain, config: Config, memory: KernelMemory
) -> posterior.Kernel:
    values = history.values[: config.n_fitted(len(history))]
    kernel = memory.kernel
    is_known = memory.domain is domain and np.array_equal(memory.values, values)
    if kernel is None or not is_known:
        n_samples = config.effort(len(values)).n_samples
        chosen = _nearest(np.zeros(len(values), dtype=np.intp), values, n_samples)
        embeddings = domain.embed(history.points[chosen], history.encodings[chosen])
        encodings = history.encodings[chosen]
        group = domain.embedding_groups(encodings.shape[1])
        n_scales = domain.n_scales(encodings.shape[1])
        prior = posterior.prior_kernel(embeddings, encodings, group, n_scales)
        kernel = posterior.fit_kernel(
            embeddings,
            encodings,
            posterior.standardise(values[chosen]),
            prior,
            config.max_iterations,
        )
        memory.domain, memory.values, memory.kernel = domain, values.copy(), kernel
    return kernel


def _nearest(closeness: np.ndarray, values: np.ndarray, limit: int) -> np.ndarray:
    """Return the indices of at most ``limit`` samples: the closest, the best first among these."""
    if len(values) <= limit:
        return np.arange(len(values))
    n_deeper = np.cumsum(np.bincount(closeness)[::-1])[::-1]
    level = int(np.flatnonzero(n_deeper >= limit)[-1])
    nearer = np.flatnonzero(closeness > level)
    there = np.flatnonzero(closeness == level)
    n_left = limit - len(nearer)
    best = there[np.argsort(-values[there], kind="stable")[:n_left]]
    return np.sort(np.append(nearer, best))

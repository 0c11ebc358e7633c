"""The search phase: choose a leaf, propose a point inside it.

``suggest`` is a function of its arguments alone; a memory only saves time.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from optuna_lanas.config import Config
from optuna_lanas.domain import Domain
from optuna_lanas.history import History
from optuna_lanas.partition import Memory
from optuna_lanas.partition import Partition
from optuna_lanas.partition import partition
from optuna_lanas.thompson import Candidates
from optuna_lanas.thompson import climb
from optuna_lanas.thompson import draw_scores
from optuna_lanas.thompson import KernelMemory
from optuna_lanas.uniform import draw_uniform


N_TRIES = 20
N_BATCH = 256
N_ENUMERATED = 4096


@dataclass(frozen=True, eq=False)
class Limits:
    """What a proposal must keep to beyond the domain.

    Attributes:
        fixed: `[n_params]`, coordinates that are given, NaN where free.
        low: `[n_params]`, least coordinates.
        high: `[n_params]`, greatest coordinates.
    """

    fixed: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def settle(self, points: np.ndarray) -> np.ndarray:
        """Return points moved inside the limits."""
        settled: np.ndarray = np.where(
            np.isnan(self.fixed), np.clip(points, self.low, self.high), self.fixed
        )
        return settled


@dataclass(frozen=True, eq=False)
class Proposal:
    """A proposed point and how it was found.

    Attributes:
        point: `[n_params]`, without NaN.
        partition: The partition that it was searched in; None for a random point.
        leaf: The leaf that was selected; -1 for a random point.
        candidates: What was compared; None for a uniform or random draw.
        chosen: Index among the candidates; -1 where there are none.
    """

    point: np.ndarray
    partition: Partition | None = None
    leaf: int = -1
    candidates: Candidates | None = None
    chosen: int = -1


@dataclass
class Memories:
    """What a call of `suggest` leaves for the next."""

    partition: Memory = field(default_factory=Memory)
    kernel: KernelMemory = field(default_factory=KernelMemory)


def suggest(
    history: History,
    domain: Domain,
    config: Config,
    limits: Limits,
    rng: np.random.Generator,
    memories: Memories | None = None,
) -> Proposal:
    """Propose a point from a history of at least one sample.

    A point that the history does not hold is proposed as long as there is one.
    """
    memories = memories or Memories()
    grown = partition(history, config, memories.partition)
    leaf = grown.select()
    region = grown.tree.region(leaf)
    inside = np.flatnonzero(grown.leaf == leaf)
    best = inside[np.argsort(-history.values[inside], kind="stable")]
    starts = limits.settle(_complete(domain, history.points[best[:100]], rng))
    if config.is_uniform:
        point = draw_uniform(domain, region, history, starts, rng)
        if point is None:
            return sample_new(history, domain, limits, rng)
        return Proposal(limits.settle(point), grown, leaf)
    score = draw_scores(history, domain, grown, leaf, config, memories.kernel, rng)
    candidates = climb(domain, region, starts, score, limits.settle, rng)
    for chosen in np.argsort(-candidates.scores, kind="stable"):
        point = candidates.points[chosen]
        if history.is_new(domain, domain.without_absent(point[None]))[0]:
            return Proposal(point, grown, leaf, candidates, int(chosen))
    return sample_new(history, domain, limits, rng)


def sample_new(
    history: History, domain: Domain, limits: Limits, rng: np.random.Generator
) -> Proposal:
    """Draw a point that the history does not hold, or any point where none is found."""
    valid = None
    for points in _batches(domain, rng):
        settled = limits.settle(points)
        present = domain.without_absent(settled)
        new = history.is_new(domain, present)
        if new.any():
            return Proposal(settled[np.argmax(new)])
        if valid is None:
            keys = domain.keys(present)
            valid = next(
                (p for p, key in zip(settled, keys, strict=True) if key is not None), None
            )
    if valid is None:
        valid = settled[0]
    return Proposal(valid)


def _batches(domain: Domain, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    for _ in range(N_TRIES):
        yield domain.sample(N_BATCH, rng)
    if domain.n_points <= N_ENUMERATED**2:
        order = rng.permutation(int(domain.n_points))
        for first in range(0, len(order), N_ENUMERATED):
            yield domain.enumerate(order[first : first + N_ENUMERATED])


def _complete(domain: Domain, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return points with a random value for every parameter that they lack."""
    absent = np.isnan(points)
    if not absent.any():
        return points
    return np.where(absent, domain.sample(len(points), rng), points)

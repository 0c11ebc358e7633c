"""The search phase: choose a leaf, propose a point inside it.

``suggest`` is a function of its arguments alone; a memory only saves time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from functools import partial

import numpy as np

from optuna_lanas._core.acquisition import Candidates
from optuna_lanas._core.acquisition import climb
from optuna_lanas._core.acquisition import draw_scores
from optuna_lanas._core.acquisition import KernelMemory
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits
from optuna_lanas._core.history import History
from optuna_lanas._core.search_tree import Memory
from optuna_lanas._core.search_tree import Partition
from optuna_lanas._core.search_tree import partition
from optuna_lanas._core.settings import Config
from optuna_lanas._core.stagnation import looks_elsewhere
from optuna_lanas._core.stagnation import N_LEVELS
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas._core.uniform import draw_uniform


N_TRIES = 20
N_BATCH = 256
N_ENUMERATED = 65_536
N_KEYS = 32
N_BEST = 100


@dataclass(frozen=True, eq=False)
class Proposal:
    """A proposed point and how it was found.

    Attributes:
        point: `[n_params]`, without NaN.
        partition: The partition that it was searched in; None for a random point.
        leaf: The leaf that was selected or, elsewhere, drawn; -1 for a random point.
        node: The node on its path whose region was searched; -1 for a random point.
        candidates: What was compared; None for a uniform or random draw.
        chosen: Index among the candidates; -1 where there are none.
        is_elsewhere: Whether the leaf was drawn evenly, and not selected by UCB.
    """

    point: np.ndarray
    partition: Partition | None = None
    leaf: int = -1
    node: int = -1
    candidates: Candidates | None = None
    chosen: int = -1
    is_elsewhere: bool = False


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

    A leaf is selected by UCB, and the region of a node searched that is drawn evenly from the
    leaf's path: near the root a draw may leave what the tree takes for bad, near the leaf it may
    not. With several objectives it is the leaf's own region: a front has many best points, so
    that none of them holds the search. A search that has stagnated looks elsewhere at times: in
    a leaf drawn evenly, by the samples of the node `N_LEVELS` above it. A point that the history
    does not hold is proposed as long as there is one: from a region that has none left, the search
    goes on to that of the parent.
    """
    memories = memories or Memories()
    grown = partition(history, config, memories.partition)
    if config.is_uniform:
        return _draw_from_leaf(history, domain, grown, limits, rng)
    elsewhere = looks_elsewhere(history, rng)
    leaf = int(rng.choice(grown.tree.leaves)) if elsewhere else grown.select()
    path = grown.tree.path(leaf)
    is_leafs = elsewhere or history.objectives is not None
    drawn = draw_depth(len(path), is_leafs, rng)
    effort = config.effort(len(history))
    shared = grown.shared_depth(leaf)
    closeness = np.minimum(shared, drawn)
    least = drawn - N_LEVELS if elsewhere else 0
    score = draw_scores(history, domain, closeness, least, config, memories.kernel, rng)
    for depth in range(drawn, -1, -1):
        region = grown.tree.region(path[depth])
        starts = _best_inside(history, domain, shared >= depth, limits, rng)
        candidates = climb(domain, region, starts, score, limits, effort, rng)
        chosen = _best_new(history, domain, candidates)
        if chosen is not None:
            point = candidates.points[chosen]
            return Proposal(point, grown, leaf, path[depth], candidates, chosen, elsewhere)
    return sample_new(history, domain, limits, rng)


def draw_depth(n_nodes: int, is_leafs: bool, rng: np.random.Generator) -> int:
    """Return the depth of the node whose region is searched.

    Args:
        n_nodes: On the leaf's path.
        is_leafs: Whether it is the leaf's.
        rng: Source of the draw.
    """
    return n_nodes - 1 if is_leafs else int(rng.integers(n_nodes))


def _best_new(history: History, domain: Domain, candidates: Candidates) -> int | None:
    """Return the index of the best candidate that the history does not hold."""
    order = np.argsort(-candidates.scores, kind="stable")
    for first in range(0, len(order), N_KEYS):
        batch = order[first : first + N_KEYS]
        new = history.is_new(domain, domain.mask_inactive(candidates.points[batch]))
        if new.any():
            return int(batch[np.argmax(new)])
    return None


def _draw_from_leaf(
    history: History, domain: Domain, grown: Partition, limits: Limits, rng: np.random.Generator
) -> Proposal:
    """Draw evenly from the selected leaf, from the next one by UCB where nothing new is met."""
    closed: set[int] = set()
    while (leaf := grown.select(closed)) != NO_NODE:
        depth = len(grown.tree.path(leaf)) - 1
        is_inside = grown.shared_depth(leaf) >= depth
        starts = partial(_best_inside, history, domain, is_inside, limits, rng)
        point = draw_uniform(domain, grown.tree.region(leaf), history, limits, starts, rng)
        if point is not None:
            return Proposal(point, grown, leaf, leaf)
        closed.add(leaf)
    return sample_new(history, domain, limits, rng)


def _best_inside(
    history: History,
    domain: Domain,
    is_inside: np.ndarray,
    limits: Limits,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the best of the samples `[n]` that are inside a region, without NaN."""
    inside = np.flatnonzero(is_inside)
    best = inside[np.argsort(-history.values[inside], kind="stable")]
    return limits.settle(_complete(domain, history.points[best[:N_BEST]], rng))


def sample_new(
    history: History, domain: Domain, limits: Limits, rng: np.random.Generator
) -> Proposal:
    """Draw a point that the history does not hold, or any valid point where none is found.

    Raises:
        ValueError: If no point is valid.
    """
    valid: np.ndarray | None = None
    for points in _batches(domain, limits, rng):
        present = domain.mask_inactive(points)
        new = history.is_new(domain, present)
        if new.any():
            return Proposal(points[np.argmax(new)])
        if valid is None:
            is_valid = np.array([key is not None for key in domain.keys(present)])
            valid = points[np.argmax(is_valid)] if is_valid.any() else None
    if valid is None:
        raise ValueError(
            f"`space.key` must return a key for some params, got None for all of "
            f"{N_TRIES * N_BATCH} draws. Check that it returns None for invalid architectures "
            f"only, or give the space a `sample(rng)` that draws valid ones."
        )
    return Proposal(valid)


def _batches(domain: Domain, limits: Limits, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(N_TRIES):
        yield limits.sample(domain, N_BATCH, rng)
    everything = limits.enumerate(domain, N_ENUMERATED, rng)
    for first in range(0, len(everything), N_BATCH):
        yield everything[first : first + N_BATCH]


def _complete(domain: Domain, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return points with a random value for every parameter that they lack."""
    absent = np.isnan(points)
    if not absent.any():
        return points
    return np.where(absent, domain.sample(len(points), rng), points)

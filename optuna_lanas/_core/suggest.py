"""The search phase: choose a leaf, then a region on its path, then a point inside it.

A search that has stalled is restarted: every other block of trials is a search of its own.

`suggest` is a function of its arguments alone; the caches only save time.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import Acquisition
from optuna_lanas._core.acquisition import make_acquisition
from optuna_lanas._core.axes import Axes
from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.gp import Model
from optuna_lanas._core.gp import ValueScale
from optuna_lanas._core.history import History
from optuna_lanas._core.local_search import Candidates
from optuna_lanas._core.local_search import local_search
from optuna_lanas._core.local_search import Score
from optuna_lanas._core.pareto import weighted_values
from optuna_lanas._core.sample_path import draw_sample_path
from optuna_lanas._core.search_tree import last_milestone
from optuna_lanas._core.search_tree import learn
from optuna_lanas._core.search_tree import SearchTree
from optuna_lanas._core.search_tree import starts_with
from optuna_lanas._core.search_tree import TreeCache
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas._core.uniform import draw_repeat
from optuna_lanas._core.uniform import draw_uniform
from optuna_lanas._core.uniform import sample_new


if TYPE_CHECKING:
    from optuna_lanas._core.earlier import Earlier


@dataclass(frozen=True, eq=False)
class Proposal:
    """A proposed point and how it was found.

    Attributes:
        point: `[n_params]`, without NaN.
        search_tree: The tree of the search phase; None for a point drawn from the feasible set.
        leaf: The leaf that was chosen; -1 without a tree.
        node: The node on the leaf's path whose region was searched; -1 without a tree.
        candidates: The candidates of the local search; None for a uniform draw.
        chosen: The proposed candidate's place; -1 without candidates.
        acquisition: The posterior that scored the candidates; None without candidates.
        is_sample_path: Whether a sample path scored them instead of the expected improvement.
        first: The first observation that the search knew; not 0 in a restart.
    """

    point: np.ndarray
    search_tree: SearchTree | None = None
    leaf: int = NO_NODE
    node: int = NO_NODE
    candidates: Candidates | None = None
    chosen: int = -1
    acquisition: Acquisition | None = None
    is_sample_path: bool = False
    first: int = 0


class ModelCache:
    """The model of the last fit. It only saves time."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._asked: tuple[Settings, Axes, bool, Earlier | None] | None = None
        self._arrays: tuple[np.ndarray, ...] = ()

    def fitted(self, history: History, settings: Settings, n_known: int | None = None) -> Model:
        """Return the model of the first observations, all by default, refitted at milestones."""
        n_known, domain = n_known or len(history.values), history.domain
        n = last_milestone(n_known, settings.model_growth)
        asked = settings, domain.axes, domain.activity is not None, domain.earlier
        values, errors = _first_values(history, n), _errors(history)[:n]
        arrays = values, errors, history.points[:n], history.features[:n]
        is_known = asked == self._asked and all(map(_is_equal, arrays, self._arrays))
        if self._model is None or not is_known:
            self._model = _fitted(history, n, settings)
            self._asked, self._arrays = asked, arrays
        return self._model


@dataclass
class Caches:
    """What a call of `suggest` remembers for the next call; of a restart, apart."""

    tree: TreeCache = field(default_factory=TreeCache)
    model: ModelCache = field(default_factory=ModelCache)
    before: ModelCache = field(default_factory=ModelCache)
    restart: Caches | None = None


def suggest(
    history: History,
    feasible: FeasibleSet,
    settings: Settings,
    rng: np.random.Generator,
    caches: Caches | None = None,
) -> Proposal:
    """Propose a point from a history of at least one observation.

    A leaf is selected by UCB. The searched region is that of a node drawn from the leaf's path:
    near the root the search may enter what the tree rates as bad, near the leaf it may not. With
    several objectives the leaf's region is always searched: a front has many best points, so no
    single point holds the search.

    The proposed point is new to the history as long as there are new points: where a region has
    none left, the search continues in the parent's region. Where all feasible points are known,
    one is drawn without a model. A restart begins with uniform draws, as a study does.
    """
    if feasible.n_points <= history.keys.n + len(history.pending_keys):
        repeat = draw_repeat(history, feasible, settings, rng)
        if repeat is not None:
            return Proposal(repeat)
    caches, first = caches or Caches(), restart_of(history, settings)
    if first > 0:
        # The best value of noisy ones may be luck, and is waited for in vain. What was known
        # before the restart decides for all of it: one that began midway would know other trials.
        model = caches.before.fitted(history, settings, first)
        first = 0 if model.nugget > settings.max_stalled_nugget else first
    if first > 0:
        if len(history.values) - first < max(settings.n_startup_trials, 1):
            return Proposal(sample_new(history, feasible, settings, rng), first=first)
        history = history.since(first)
        caches.restart = caches.restart or Caches()
        caches = caches.restart
    proposal = _search(history, feasible, settings, rng, caches)
    return replace(proposal, first=first)


def restart_of(history: History, settings: Settings) -> int:
    """Return the place of the first observation of the present restart; 0 outside of one.

    The search has stalled once many observations have followed the best one. Then restarts take
    turns with the search that knows everything, which uses what they find. Earlier studies would
    lead a restart to the same place, so there is none with them.
    """
    n = len(history.values)
    if not has_restarts(history, settings):
        return 0
    factor = 1 + len(history.pending_points) // settings.n_workers
    n_first = place_of_best(history) + 1
    n_first += factor * max(settings.n_stalled, int(settings.stalled_share * n_first))
    block, place = divmod(n - n_first, factor * settings.n_restart)
    return n - place if block >= 0 and block % 2 == 0 else 0


def has_restarts(history: History, settings: Settings) -> bool:
    """Whether the search is restarted once it has stalled, unless its values are noisy."""
    is_single = history.objectives is None and history.domain.earlier is None
    return settings.n_stalled > 0 and is_single


def place_of_best(history: History) -> int:
    """Return the place of the first best observation, by its own value.

    What a failed or pruned trial is taken for may change as soon as another one ends.
    """
    values = history.values
    if history.errors is not None:
        values = np.where(history.errors == 0.0, values, -np.inf)
    return int(np.argmax(values))


def _search(
    history: History,
    feasible: FeasibleSet,
    settings: Settings,
    rng: np.random.Generator,
    caches: Caches,
) -> Proposal:
    search_tree = learn(history, settings, caches.tree)
    if settings.is_uniform:
        return _draw_from_leaf(history, feasible, search_tree, settings, rng)
    tree, leaf = search_tree.tree, search_tree.select()
    path, shared = tree.path(leaf), search_tree.shared_depth(leaf)
    draws = settings.draws_depth and history.objectives is None
    drawn = int(rng.integers(len(path))) if draws else len(path) - 1
    nearness = np.minimum(shared, drawn)
    acquisition = _make_acquisition(history, nearness, settings, caches.model, rng)
    score: Score = acquisition
    is_sample_path = _climbs_path(history, settings, rng)
    if is_sample_path:
        score = draw_sample_path(acquisition, settings.n_path_features, rng)
    for depth in range(drawn, -1, -1):
        region = tree.region(path[depth])
        starts = _best_inside(history, feasible, shared >= depth, settings, rng)
        candidates = local_search(feasible, region, starts, score, settings, rng)
        chosen = candidates.best_new(history)
        if chosen is not None:
            point = candidates.points[chosen]
            node = path[depth]
            return Proposal(
                point, search_tree, leaf, node, candidates, chosen, acquisition, is_sample_path
            )
    return Proposal(sample_new(history, feasible, settings, rng))


def _climbs_path(history: History, settings: Settings, rng: np.random.Generator) -> bool:
    """Draw whether the search climbs a posterior sample path instead of the expected improvement.

    Workers side by side see nearly the same expected improvement, but their draws differ.
    """
    is_beside_others = len(history.pending_points) > 0 and history.objectives is None
    return is_beside_others and bool(rng.random() < settings.path_share)


def _make_acquisition(
    history: History,
    shared_depth: np.ndarray,
    settings: Settings,
    cache: ModelCache,
    rng: np.random.Generator,
) -> Acquisition:
    """Return the expected improvement, as the observations nearest to a node see it.

    Pending points are imputed with their posterior mean (kriging believer; Ginsbourger et al.,
    2010): the mean is unchanged, the variance near them shrinks.

    Args:
        history: The history.
        shared_depth: `[n]` ints, the depth at which each observation's path leaves the node's.
        settings: The settings.
        cache: Of an earlier call.
        rng: Source of the weights of several objectives.
    """
    model = cache.fitted(history, settings)
    chosen = _nearest(shared_depth, history.values, settings.n_observations)
    chosen = _informative(history, chosen)
    features, values = history.features[chosen], history.values[chosen]
    inputs = history.domain.kernel_inputs(history.points[chosen], features)
    additive = history.domain.additive_inputs(history.points[chosen], features)
    if history.objectives is not None:
        is_front = values == values.max()
        values = weighted_values(history.objectives[chosen], is_front, settings, rng)
        model = replace(model, power=1.0, value_scale=ValueScale.of(values))
    if len(history.pending_points):
        pending = _pending(history, settings.n_observations)
        inputs, additive = np.vstack([inputs, pending[0]]), np.vstack([additive, pending[1]])
    errors = None if history.errors is None else history.errors[chosen]
    return make_acquisition(inputs, additive, values, model, settings, errors)


def _is_equal(left: np.ndarray, right: np.ndarray) -> bool:
    return len(left) == len(right) and starts_with(left, right)


def _fitted(history: History, n: int, settings: Settings) -> Model:
    """Fit a model to some of the first observations, over all values from the best to the worst.

    The best ones alone crowd in places where no length scale can be seen.
    """
    values, errors = _first_values(history, n), _errors(history)[:n]
    chosen = gp.spread_out(values, settings.n_fit_observations)
    chosen = _informative(history, chosen)
    features, domain = history.features[chosen], history.domain
    inputs = domain.kernel_inputs(history.points[chosen], features)
    additive = domain.additive_inputs(history.points[chosen], features)
    dim, is_fine = features.shape[1], domain.is_fine(additive.shape[1])
    group, n_dimensions = domain.lengthscale_groups(dim), domain.n_dimensions(dim)
    if domain.earlier is not None:
        inputs, foretold = np.split(inputs, [len(group)], axis=1)
        prior = gp.prior_model(inputs, additive, is_fine, group, n_dimensions, settings)
        own = values[chosen], errors[chosen]
        return domain.earlier.fit(inputs, additive, *own, foretold, prior, settings)
    prior = gp.prior_model(inputs, additive, is_fine, group, n_dimensions, settings)
    return gp.fit_model(inputs, additive, values[chosen], prior, settings, errors[chosen])


def _first_values(history: History, n: int) -> np.ndarray:
    return history.values[:n] if history.as_first is None else history.as_first(n)


def _informative(history: History, chosen: np.ndarray) -> np.ndarray:
    """Return the chosen places whose values tell something; all if none does."""
    if history.errors is None:
        return chosen
    is_told = np.isfinite(history.errors[chosen])
    return chosen[is_told] if is_told.any() else chosen


def _errors(history: History) -> np.ndarray:
    return np.zeros(len(history.values)) if history.errors is None else history.errors


def _pending(history: History, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and additive inputs of at most ``limit`` pending points.

    A point without some of its parameters, categorical or numeric, is left out, unless parameters
    may be inactive.
    """
    points, features = history.pending_points, history.pending_features
    if history.domain.activity is None:
        is_known = ~np.isnan(points).any(axis=1)
        points, features = points[is_known], features[is_known]
    points, features, domain = points[:limit], features[:limit], history.domain
    return domain.kernel_inputs(points, features), domain.additive_inputs(points, features)


def _nearest(shared_depth: np.ndarray, values: np.ndarray, limit: int) -> np.ndarray:
    """Return the places of at most ``limit`` observations: the nearest, then the best."""
    if len(values) <= limit:
        return np.arange(len(values))
    n_deeper = np.cumsum(np.bincount(shared_depth)[::-1])[::-1]
    level = int(np.flatnonzero(n_deeper >= limit)[-1])
    nearer = np.flatnonzero(shared_depth > level)
    there = np.flatnonzero(shared_depth == level)
    n_left = limit - len(nearer)
    best = there[np.argsort(-values[there], kind="stable")[:n_left]]
    return np.sort(np.append(nearer, best))


def _draw_from_leaf(
    history: History,
    feasible: FeasibleSet,
    search_tree: SearchTree,
    settings: Settings,
    rng: np.random.Generator,
) -> Proposal:
    """Draw uniformly from the selected leaf, or from the next by UCB if nothing new is found."""
    closed: set[int] = set()
    while (leaf := search_tree.select(closed)) != NO_NODE:
        depth = len(search_tree.tree.path(leaf)) - 1
        is_inside = search_tree.shared_depth(leaf) >= depth
        starts = partial(_best_inside, history, feasible, is_inside, settings, rng)
        region = search_tree.tree.region(leaf)
        point = draw_uniform(feasible, region, history, starts, settings, rng)
        if point is not None:
            return Proposal(point, search_tree, leaf, leaf)
        closed.add(leaf)
    return Proposal(sample_new(history, feasible, settings, rng))


def _best_inside(
    history: History,
    feasible: FeasibleSet,
    is_inside: np.ndarray,
    settings: Settings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the best observations `[n, n_params]` inside a region, made feasible, without NaN."""
    inside = np.flatnonzero(is_inside)
    best = inside[np.argsort(-history.values[inside], kind="stable")]
    points = history.points[best[: settings.n_walk_starts]]
    return feasible.project(history.domain.complete(points, rng))

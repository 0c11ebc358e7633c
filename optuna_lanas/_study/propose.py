"""From a study's record and a trial to a proposal, and what the trial publishes of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import pairwise
import json
import os
from threading import RLock
from typing import Any
from typing import TYPE_CHECKING
import weakref
import zlib

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from optuna_lanas._core.history import History
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import JSON_TYPES
from optuna_lanas._study.published import MAX_BYTES
from optuna_lanas._study.published import published_params
from optuna_lanas._study.published import Step
from optuna_lanas._study.record import holding
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line


if TYPE_CHECKING:
    from optuna_lanas._core.axes import Axes
    from optuna_lanas._core.feasible import FeasibleSet
    from optuna_lanas._core.search_tree import SearchTree
    from optuna_lanas._core.settings import Settings
    from optuna_lanas._core.suggest import Proposal

MAX_AGAIN = 1  # further proposals of a trial whose values were outside their ranges
N_TERMS = 3
N_RUNNER_UP = 20
MAX_LABEL = 80
GOOD_SHARE = 0.25  # of the observations, among which a trial's parent is found
NEAR = 0.02  # of its range, by which a number may differ and count as kept
FAR = 1 / 3  # of its range, the mean distance of two random numbers
MAX_EXACT = 2**53
MAX_DECISION_BYTES = 8_000


def propose(
    record: Record,
    trial: FrozenTrial,
    search_space: Mapping[str, BaseDistribution],
    seed: int,
) -> tuple[dict[str, Any], Decision]:
    """Return a trial's params for a search space, and how they were found.

    Args:
        record: What is known of the study.
        trial: The trial, unfinished.
        search_space: What it asks for.
        seed: The sampler's, which is mixed with the trial's number and the names.
    """
    from optuna_lanas._core import suggest as search  # with SciPy, when it is first needed
    from optuna_lanas._core.uniform import sample_new

    record.expect(search_space)
    history = record.history(trial.number)
    feasible = record.feasible(trial, search_space)
    rng = make_rng(seed, trial.number, *search_space)
    if history.domain.earlier is not None:
        planned = _planned(history, feasible, record.settings, rng)
        if planned is not None:
            point, name = planned
            params = record.transform.to_params(point, search_space)
            asked = {name: params[name] for name in search_space}
            return asked, Decision("earlier", len(history.values), earlier=name)
    if record.is_startup:
        point = sample_new(history, feasible, record.settings, rng)
        proposal = search.Proposal(point)
    else:
        record.caches = record.caches or search.Caches()
        with single_threaded_blas():
            proposal = search.suggest(history, feasible, record.settings, rng, record.caches)
    params = record.transform.to_params(proposal.point, search_space)
    asked = {name: params[name] for name in search_space}
    return asked, _decision(record, history, proposal, asked)


def _planned(
    history: History, feasible: FeasibleSet, settings: Settings, rng: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    """Return the first new point of the plan, and the earlier study's name; None to try none.

    A single earlier study has a longer start-up: only the new trials tell how good it is.
    """
    earlier = history.domain.earlier
    assert earlier is not None, "there is a plan"
    n, n_first = len(history.values), max(settings.n_startup_trials, 1)
    n_most = 2 * settings.n_startup_trials + 1 if len(earlier) == 1 else 0
    if n >= max(n_first, n_most) or not _is_plan_next(history, feasible, rng):
        return None
    points = feasible.project(history.domain.complete(earlier.plan, rng))
    keys = history.domain.keys(history.domain.mask_inactive(points))
    for point, key, study in zip(points, keys, earlier.plan_of.tolist(), strict=True):
        if key is not None and key not in history.keys and key not in history.pending_keys:
            return point, earlier.names[study]
    return None


def _is_plan_next(history: History, feasible: FeasibleSet, rng: np.random.Generator) -> bool:
    """Whether to try a point of the earlier studies next, not to draw one.

    One of each is tried first. Then the earlier points go on as long as their median is no worse
    than the best drawn point.
    """
    earlier, domain = history.domain.earlier, history.domain
    assert earlier is not None, "there is a plan"
    elites = feasible.project(domain.complete(earlier.elites, rng))
    is_open = np.isnan(earlier.elites)
    observed = _is_among(history.points, elites, is_open)
    pending = _is_among(history.pending_points, elites, is_open)
    values = history.values
    if history.errors is not None:
        values = np.where(np.isfinite(history.errors), values, -np.inf)
    if observed.any() and not observed.all():
        return bool(np.median(values[observed]) >= values[~observed].max())
    n_tried = int(observed.sum()) + int(pending.sum())
    return 2 * n_tried <= len(observed) + len(pending)


def _is_among(points: np.ndarray, others: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """`[n]` bools: whether points are one of others, which may have any value where it is open."""
    is_equal = np.isclose(points[:, None], others) | is_open
    return np.asarray(is_equal.all(axis=2).any(axis=1))


def propose_again(
    record: Record, trial: FrozenTrial, name: str, distribution: BaseDistribution, seed: int
) -> dict[str, Any]:
    """Return a param whose proposed value is outside the range that the trial asks for.

    The first one of a trial is found as its first params were. Any other one is the value of its
    range that is nearest to the proposed one, if the trial then is new.
    """
    asked = {name: distribution}
    record.expect(asked)
    if name not in record.transform.distributions:  # equal choices alone
        return {}
    published = published_params(trial)
    n_before = sum(_differ(value, trial.params.get(n)) for n, value in published.items())
    if n_before >= MAX_AGAIN and name in published:
        point = record.transform.to_point(published)[None]
        nearest = record.feasible(trial, asked).project(point)
        history, key = record.history(trial.number), record.domain.keys(nearest)[0]
        found = record.transform.to_params(nearest[0], asked)
        is_known = key is None or key in history.keys or key in history.pending_keys
        if name in found and not is_known:
            return {name: found[name]}
    return propose(record, trial, asked, seed)[0]


def make_rng(seed: int, number: int, *names: str) -> np.random.Generator:
    """Return the source of a trial's draws for some parameters."""
    purpose = zlib.crc32("\n".join(map(str, names)).encode(errors="backslashreplace"))
    return np.random.default_rng([seed, number, purpose])


def to_json(record: Record, params: Mapping[str, Any], decision: Decision) -> str:
    """Return the content of a trial's attribute: its active params, and the decision.

    Params that are not JSON, or too long for an attribute, are left out. Other workers then learn
    a param once the trial has asked for it.
    """
    shown = dict(params)
    if record.domain.activity is not None:
        point = record.domain.mask_inactive(record.transform.to_point(params)[None])[0]
        shown = {name: params[name] for name in record.transform.to_params(point)}
    content = _decision_json(decision)
    is_json = all(isinstance(value, JSON_TYPES) for value in shown.values())
    if is_json and all(isinstance(name, str) for name in shown):
        with suppress(ValueError):  # an int of thousands of digits
            whole = f'{{"params":{_json(shown)},"decision":{content}}}'
            if len(_json(whole)) <= MAX_BYTES:  # a storage encodes it once more
                return whole
    return f'{{"params":null,"decision":{content}}}'


def grow(record: Record, history: History) -> SearchTree:
    """Return the search tree of a history, as a proposal would see it."""
    from optuna_lanas._core import suggest as search
    from optuna_lanas._core.search_tree import learn

    record.caches = record.caches or search.Caches()
    with single_threaded_blas():
        return learn(history, record.settings, record.caches.tree)


def describe_path(
    record: Record,
    tree: SearchTree,
    leaf: int,
    node: int,
    features: np.ndarray,
    params: Mapping[str, Any],
) -> tuple[Step, ...]:
    """Return the latent actions on the path to a leaf, as they see a point.

    Args:
        record: What is known of the study.
        tree: The search tree.
        leaf: The leaf.
        node: The node whose region the point had to lie in.
        features: `[dim]`, of the point.
        params: Of the point.
    """
    path, required = tree.tree.path(leaf), tree.tree.path(node)
    inner, shown = path[:-1], tree.in_own_unit()
    products = tree.tree.weights[inner] * features
    scores = products.sum(axis=1).tolist()
    return tuple(
        Step(
            node=parent,
            child=child,
            is_good=bool(tree.tree.children[parent, 0] == child),
            is_required=child in required,
            terms=terms,
            score=_rounded(score),
            offset=_rounded(tree.tree.offsets[parent]),
            visits=int(tree.visits[child]),
            value=_rounded(shown.value[child]),
            ucb=_rounded(shown.ucb[child]),
            sibling_ucb=_rounded(shown.ucb[tree.tree.children[parent].sum() - child]),
        )
        for (parent, child), terms, score in zip(
            pairwise(path), _terms(record, products, params), scores, strict=True
        )
    )


def feature_names(record: Record, dim: int) -> tuple[str, ...]:
    """Return the names of `dim` features on one line each, the space's own features first."""
    return tuple(one_line(_feature_name(record, dim, place)) for place in range(dim))


def _differ(left: Any, right: Any) -> bool:
    """Whether two values are different numbers."""
    return isinstance(left, int | float) and isinstance(right, int | float) and left != right


def _decision(
    record: Record, history: History, proposal: Proposal, params: Mapping[str, Any]
) -> Decision:
    n, first, tree = len(history.values), proposal.first, proposal.search_tree
    if tree is None:
        is_startup = n - first < max(record.settings.n_startup_trials, 1)
        return Decision("start-up" if is_startup else "random", n, first=first)
    point = history.domain.mask_inactive(proposal.point[None])
    features = history.domain.features(point)[0]
    leaf, node = proposal.leaf, proposal.node
    return Decision(
        found="uniform" if proposal.candidates is None else "model",
        n_observations=n,
        first=first,
        leaf=leaf,
        leaf_name=tree.tree.name(leaf),
        node=node,
        path=describe_path(record, tree, leaf, node, features, params),
        is_selected=tree.select() == leaf,
        is_sample_path=proposal.is_sample_path,
        earlier=_shares(history, proposal),
        **_comparison(record, history, proposal, point[0]),
        **_origin(record, history, proposal, point[0], params),
    )


def _shares(history: History, proposal: Proposal) -> str:
    """The weights of earlier studies in the proposal's model, in words."""
    earlier, acquisition = history.domain.earlier, proposal.acquisition
    weights = None if acquisition is None else acquisition.model.earlier
    if earlier is None or weights is None:
        return ""
    found = zip(earlier.names, weights.tolist(), strict=True)
    ranked = sorted(found, key=lambda pair: -pair[1])[:N_TERMS]
    return ", ".join(f"{name} (weight {weight:.2g})" for name, weight in ranked)


def _comparison(
    record: Record, history: History, proposal: Proposal, point: np.ndarray
) -> dict[str, Any]:
    """How the proposed candidate compares with the others, as fields of a decision."""
    candidates = proposal.candidates
    if candidates is None:
        return {}
    score, key = candidates.scores[proposal.chosen], candidates.keys[proposal.chosen]
    found = {
        "score": _rounded(score),
        "rank": 1 + int((candidates.scores > score).sum()),
        "n_candidates": len(candidates.scores),
    }
    if proposal.acquisition is not None and history.objectives is None:
        domain, points = history.domain, point[None]
        features = domain.features(points)
        inputs = domain.kernel_inputs(points, features)
        additive = domain.additive_inputs(points, features)
        found["n_better"] = proposal.acquisition.count_better(inputs, additive, history.values)
    second = next((c for c in candidates.ranked_new(history) if candidates.keys[c] != key), None)
    if second is None:
        return found
    other = history.domain.mask_inactive(candidates.points[[second]])[0]
    differing = record.transform.to_params(np.where(other == point, np.nan, other))
    shown = {str(name): _plain(differing[name]) for name in list(differing)[:N_RUNNER_UP]}
    return found | {"runner_up": shown, "runner_up_score": _rounded(candidates.scores[second])}


def _origin(
    record: Record,
    history: History,
    proposal: Proposal,
    point: np.ndarray,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """The good observation that a point is nearest to in some params, as fields of a decision."""
    names = record.transform.names
    columns = np.array([i for i, name in enumerate(names) if name in params], dtype=np.intp)
    good = _good_observations(history.since(proposal.first) if proposal.first else history)
    good += proposal.first
    if proposal.candidates is None or len(columns) == 0 or len(good) == 0:
        return {}
    changes = _changes(history.domain.axes.part(columns), point, history.points[good], columns)
    n_active = np.maximum((~np.isnan(changes)).sum(axis=1), 1)
    changes = np.nan_to_num(changes)
    distances = changes.sum(axis=1) / n_active
    nearest = int(np.argmin(distances))
    own, place = changes[nearest], int(good[nearest])
    theirs = record.transform.to_params(history.points[place])
    order = [i for i in np.argsort(-own, kind="stable").tolist() if own[i] > 0.0]
    differing = [names[columns[i]] for i in order[:N_RUNNER_UP]]
    return {
        "parent": record.observed_trials[place].number,
        "parent_params": {str(n): _plain(theirs[n]) if n in theirs else None for n in differing},
        "n_changed": int((own > NEAR / FAR).sum()),
        "distance": _rounded(distances[nearest]),
    }


def _good_observations(history: History) -> np.ndarray:
    """Return the places of the best quarter of the observations, the best one first."""
    values = history.values
    n_good = int(np.ceil(GOOD_SHARE * len(values)))
    is_good = values >= np.partition(values, -n_good)[-n_good]
    if history.errors is not None:
        is_good &= np.isfinite(history.errors)
    good = np.flatnonzero(is_good)
    return good[np.argsort(-values[good], kind="stable")]


def _changes(axes: Axes, point: np.ndarray, others: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """`[n, n_columns]`: from 0, kept, to 1, changed entirely; NaN where both are inactive."""
    own, theirs = point[columns], others[:, columns]
    with np.errstate(invalid="ignore"):
        moved = np.minimum(np.abs(theirs - own) / FAR, 1.0)
    changes = np.where(axes.is_categorical, (theirs != own).astype(float), moved)
    is_one_inactive = np.isnan(theirs) ^ np.isnan(own)
    is_none_active = np.isnan(theirs) & np.isnan(own)
    return np.where(is_none_active, np.nan, np.where(is_one_inactive, 1.0, changes))


def _plain(value: Any) -> Any:
    """Return a param's value as JSON of a few bytes, never null."""
    if type(value) is float and np.isfinite(value):
        return _rounded(value)
    if type(value) is bool or (type(value) is int and abs(value) <= MAX_EXACT):
        return value
    return format_value(value)[:MAX_LABEL]


def _terms(
    record: Record, products: np.ndarray, params: Mapping[str, Any]
) -> list[tuple[tuple[str, float], ...]]:
    """The greatest terms of each of `[n, dim]` products, summed over each plain parameter."""
    domain = record.domain
    n_own = products.shape[1] - domain.n_plain_features
    sums = products[:, :n_own]
    if len(domain.plain):
        plain = np.add.reduceat(products[:, n_own:], domain.first_knot, axis=1)
        sums = np.hstack([sums, plain])
    order = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :N_TERMS]

    def term(place: int, added: float) -> tuple[str, float]:
        if place < n_own:
            return _feature_name(record, products.shape[1], place)[:MAX_LABEL], _rounded(added)
        name = record.transform.names[domain.plain[place - n_own]]
        value = f"={format_value(params[name])}" if name in params else ""
        return f"{name}{value}"[:MAX_LABEL], _rounded(added)

    return [
        tuple(term(i, own[i]) for i in places.tolist() if own[i] != 0.0)
        for places, own in zip(order, sums, strict=True)
    ]


def _feature_name(record: Record, dim: int, place: int) -> str:
    n_own = dim - record.domain.n_plain_features
    if place >= n_own:
        return record.transform.feature_name(place - n_own)
    declared = getattr(record.space, "encoding_names", ())
    declared = declared if isinstance(declared, list | tuple) else ()
    return str(declared[place]) if len(declared) == n_own else f"encoding[{place}]"


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _decision_json(decision: Decision) -> str:
    """A decision as JSON, shortened to `MAX_DECISION_BYTES`."""
    bare = replace(decision, path=tuple(replace(s, terms=()) for s in decision.path))
    short = replace(bare, runner_up=None)
    shorter = replace(short, path=())
    for each in (decision, short, shorter, replace(shorter, parent_params=None)):
        content = _json(each)
        if len(content) <= MAX_DECISION_BYTES:
            break
    return content


def _json(content: object) -> str:
    return _ENCODER.encode(content)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=vars)


class single_threaded_blas:
    """Limit NumPy's and SciPy's BLAS to one thread while the context lasts.

    A small product on several threads waits longer for a busy core than it computes. The limit
    applies to the whole process: the first user sets it and the last user lifts it. No user waits
    for another. It is no generator: the garbage collector would run the rest of an interrupted
    one, and lose an interrupt that came meanwhile.
    """

    def __enter__(self) -> None:
        _blas_limit.enter(self)

    def __exit__(self, *_: object) -> None:
        _blas_limit.leave(self)


class _BlasLimit:
    """The limit, and its users in all threads; without effect while another limit lasts.

    An exception may be raised anywhere, by a signal handler. A user that was interrupted before
    it could leave is not alive any more.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._users: list[weakref.ref[single_threaded_blas]] = []
        self._before: list[int] = []  # empty if nothing was changed

    def enter(self, user: single_threaded_blas) -> None:
        """Set the limit if there was no user."""
        holding(self._lock, lambda: self._add(user))

    def leave(self, user: single_threaded_blas) -> None:
        """Lift the limit after the last user."""
        holding(self._lock, lambda: self._remove(user))

    def reset(self) -> None:
        """Lift the limit in a forked child, in which no proposal is under way."""
        self._lock = RLock()
        self._users = []
        self._lift()

    def _add(self, user: single_threaded_blas) -> None:
        if not self._others(user):
            before = self._before or _blas_threads()
            if any(number > 1 for number in before):
                self._before = before
                _set_blas_threads([1] * len(before))
                self._before = before if _blas_threads() != before else []
        self._users.append(weakref.ref(user))

    def _remove(self, user: single_threaded_blas) -> None:
        self._users = self._others(user)
        if not self._users:
            self._lift()

    def _others(self, user: single_threaded_blas) -> list[weakref.ref[single_threaded_blas]]:
        return [known for known in self._users if known() not in (None, user)]

    def _lift(self) -> None:
        if self._before:
            _release_blas()
            _set_blas_threads(self._before)
            _release_blas()
            self._before = []


_blas_limit = _BlasLimit()


def _blas_threads() -> list[int]:
    return [library.num_threads for library in _blas_libraries()]


def _set_blas_threads(numbers: list[int]) -> None:
    for library, number in zip(_blas_libraries(), numbers, strict=True):
        library.set_num_threads(number)


def _release_blas() -> None:
    """Let another thread change the number; threadpoolctl 3.8 otherwise allows only the first."""
    for library in _blas_libraries():
        release = getattr(library, "clear_controlling_thread", None)
        if release is not None:
            release(force=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_blas_limit.reset)


@cache
def _blas_libraries() -> list[Any]:
    """Return the loaded BLAS libraries, found once because that takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    libraries: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries

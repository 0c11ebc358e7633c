"""What a trial publishes: its params for other workers, and its decision for explanations.

Both are written at once, as JSON in one system attribute. It holds the whole decision: an
explanation needs neither the sampler nor its settings.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
import json
import re
from typing import Any

from optuna.trial import FrozenTrial


KEY = "lanas:relative_params"
MAX_BYTES = 60_000  # as JSON in a storage; MySQL's TEXT holds 65,535
MAX_READ = 1_000_000  # a longer text is foreign
MAX_INT = 2**63
_FOUND = re.compile(r'"decision":\{"found":"([a-z-]{1,20})"')  # in a text, quotes are escaped
JSON_TYPES = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Step:
    """One latent action on the path to a leaf: which side the search took, and why.

    Attributes:
        node: The node of the latent action.
        child: The child that was entered.
        is_good: Whether it is the good child.
        is_required: Whether the trial had to lie on that side; if not, a node above was searched.
        terms: The greatest contributions of the trial's choices to the score, in absolute value.
        score: The sum of the latent action's weighted features.
        offset: The least score on the good side.
        visits: Trials in the child's region at that time, pending ones included.
        value: The mean y of the child's observations (their ranks by default).
        ucb: The child's upper confidence bound.
        sibling_ucb: The other child's.
    """

    node: int
    child: int
    is_good: bool
    is_required: bool
    terms: tuple[tuple[str, float], ...]
    score: float
    offset: float
    visits: int
    value: float
    ucb: float
    sibling_ucb: float


@dataclass(frozen=True)
class Decision:
    """How a trial's params were found, with numbers rounded to six digits.

    Attributes:
        found: "start-up" is a draw from the whole space before the first tree, of a search or of
            its restart. "earlier" is a point of an earlier study instead, "random" a draw
            because no region held a new point. "model" is the best candidate, "uniform" the
            published draw. "other" and "enqueued" are trials that LaNAS did not propose.
        n_observations: Finished trials with a value that were known at that time.
        first: How many of them, the first ones, a restart of a stalled search left out.
        leaf: The leaf that was chosen; -1 without a tree.
        leaf_name: Its number and path in words.
        node: The node on the leaf's path whose region was searched; -1 if none was.
        path: The latent actions from the root to the leaf.
        is_selected: Whether the upper confidence bounds lead to the leaf.
        is_sample_path: Whether the candidates were scored by a draw from the posterior.
        score: The candidate's score: the logarithm of the expected improvement, or the drawn value
            less the incumbent; None without candidates.
        rank: Its rank among the candidates, 1 for the best; better candidates were not new.
        n_candidates: The number of candidates.
        runner_up: The params in which the next new candidate differs; None if there is none.
        runner_up_score: Its acquisition value.
        n_better: Observations whose value exceeds the value that the model expects of the trial.
        parent: The number of the trial that this one is nearest to, among the best quarter of
            the observations; None without candidates.
        parent_params: The parent's params that differ, the greatest changes first, at most 20.
            None stands for a param that the parent does not have.
        n_changed: How many params differ by more than 2 % of their range.
        distance: The mean change of a param, at most 1. A number that moves by a third of its
            range counts as changed entirely.
        earlier: The earlier studies that the params come from, with their weights; empty if none.
    """

    found: str
    n_observations: int
    first: int = 0
    leaf: int = -1
    leaf_name: str = ""
    node: int = -1
    path: tuple[Step, ...] = ()
    is_selected: bool = False
    is_sample_path: bool = False
    score: float | None = None
    rank: int | None = None
    n_candidates: int = 0
    runner_up: Mapping[str, Any] | None = None
    runner_up_score: float | None = None
    n_better: int | None = None
    parent: int | None = None
    parent_params: Mapping[str, Any] | None = None
    n_changed: int = 0
    distance: float | None = None
    earlier: str = ""


def published_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the params that a trial's worker has published, empty where there are none."""
    params = _content(trial).get("params")
    return params if isinstance(params, dict) else {}


def published_decision(trial: FrozenTrial) -> Decision | None:
    """Return the decision that a trial's worker has published, None where there is none."""
    content = _content(trial).get("decision")
    try:
        decision = Decision(**_read(Decision, content))
    except (KeyError, OverflowError, TypeError, ValueError):  # none, foreign, of another version
        return None
    is_scored = decision.score is not None and decision.rank is not None
    has_second = decision.runner_up is not None and decision.runner_up_score is not None
    is_whole = is_scored or decision.score is decision.rank is None
    is_whole &= 0 <= decision.first <= max(decision.n_observations, 0)
    return decision if is_whole and (has_second or decision.runner_up is None) else None


def published_found(trial: FrozenTrial) -> str:
    """Return how a trial's params were found, as in `Decision`; "other" without a record."""
    text = trial.system_attrs.get(KEY)
    if isinstance(text, str):  # the whole decision would take ten times as long to read
        found = _FOUND.search(text)
        if found is not None:
            return found[1]
    decision = published_decision(trial)
    return "other" if decision is None else decision.found


def known_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the known params of an unfinished trial: published, enqueued or suggested."""
    return {**published_params(trial), **enqueued_params(trial), **trial.params}


def enqueued_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the params that a trial was enqueued with."""
    enqueued = trial.system_attrs.get("fixed_params")
    return enqueued if isinstance(enqueued, dict) else {}


def _content(trial: FrozenTrial) -> dict[str, Any]:
    """The attribute's content, empty where it is no JSON object: half-written, or foreign."""
    text = trial.system_attrs.get(KEY)
    if not isinstance(text, str) or len(text) > MAX_READ:
        return {}
    try:
        content = json.loads(text)
    except (RecursionError, ValueError):  # nested too deeply, or no JSON
        return {}
    return content if isinstance(content, dict) else {}


def _read(kind: type[Decision | Step], content: Any) -> dict[str, Any]:
    """Return the fields of a decision or step, or raise an error where one is of another type."""
    if not isinstance(content, dict):
        raise TypeError("it must be a JSON object")
    types = {field.name: str(field.type) for field in fields(kind)}
    return {name: _READERS[types[name]](value) for name, value in content.items()}


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it must be a bool")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("it must be an int")
    if abs(value) > MAX_INT:
        raise ValueError("it must be a number of trials, nodes or candidates")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("it must be a number")
    return float(value)


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it must be a text")
    return value


def _path(value: Any) -> tuple[Step, ...]:
    return tuple(Step(**_read(Step, content)) for content in _list(value))


def _terms(value: Any) -> tuple[tuple[str, float], ...]:
    return tuple((_str(label), _float(number)) for label, number in _list(value))


def _params(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(v, JSON_TYPES) for v in value.values()):
        raise TypeError("it must be a JSON object of plain values")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("it must be a list")
    return value


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


_READERS: dict[str, Callable[[Any], Any]] = {  # by the type of a field
    "bool": _bool,
    "int": _int,
    "float": _float,
    "str": _str,
    "int | None": _or_none(_int),
    "float | None": _or_none(_float),
    "tuple[Step, ...]": _path,
    "tuple[tuple[str, float], ...]": _terms,
    "Mapping[str, Any] | None": _or_none(_params),
}

"""What the sampler knew when it proposed a trial, and what it proposed then.

The sampler's draws depend on the seed, the trial's number and the study as it was. The storage
keeps when trials started and ended, so the study as it was can be made again, up to the moment at
which a trial that ran beside others asked for its params. A replay therefore checks itself: it is
exact if it proposes the very params that the sampler published for the trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import copy
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
import json
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas.history import History
from optuna_lanas.limits import Limits
from optuna_lanas.objective import FAILED
from optuna_lanas.objective import outcome_of
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.search import Proposal
from optuna_lanas.search import sample_new
from optuna_lanas.search import suggest
from optuna_lanas.study_record import PARAMS_KEY
from optuna_lanas.study_record import StudyRecord


MAX_MOMENTS = 8


@dataclass(frozen=True, eq=False)
class Replay:
    """The study as a trial's sampler saw it.

    Attributes:
        record: The study's trials at that time.
        history: Their samples.
        proposal: What the sampler proposed then; None where it was not asked.
        is_exact: Whether the proposal is the one that the trial got.
    """

    record: StudyRecord
    history: History
    proposal: Proposal | None
    is_exact: bool


def choose_sampler(
    study: optuna.Study, sampler: LaNASSampler | None, space: Any | None
) -> LaNASSampler:
    """Return the sampler whose settings are used: the given one, the study's, or the default.

    Raises:
        TypeError: If ``sampler`` is not a LaNASSampler.
        ValueError: If both are given.
    """
    if sampler is not None and space is not None:
        raise ValueError(
            f"`space` must be None where a `sampler` is given, got {type(space).__name__}. "
            f"Make the sampler with it: LaNASSampler(space=...)."
        )
    if sampler is not None and not isinstance(sampler, LaNASSampler):
        raise TypeError(
            f"`sampler` must be a LaNASSampler, got {type(sampler).__name__}. Leave it out to use "
            f"the study's own, or the default settings for a study of another sampler."
        )
    own = study.sampler if isinstance(study.sampler, LaNASSampler) else None
    if space is not None:
        return LaNASSampler(space=space)
    return sampler or own or LaNASSampler()


def live_record(
    study: optuna.Study, sampler: LaNASSampler
) -> contextlib.AbstractContextManager[StudyRecord]:
    """Return a sampler's record of a study as it is now, which is locked while in use."""
    record: contextlib.AbstractContextManager[StudyRecord] = sampler._records.of(study, sampler)
    return record


def sample_trials(
    study: optuna.Study,
    trials: Sequence[FrozenTrial],
    record: StudyRecord,
    sampler: LaNASSampler,
) -> list[FrozenTrial]:
    """Return the trial `[n]` of each sample of a record's history."""
    ended = [t for t in trials if t.state.is_finished() and t.params]
    ended.sort(key=lambda t: (t.datetime_complete or datetime.min, t.number))
    outcomes = [outcome_of(t, study.directions) for t in ended]
    with_failed = sampler._consider_failed_trials
    samples = [
        trial
        for trial, outcome in zip(ended, outcomes, strict=True)
        if outcome is not None and (outcome.kind != FAILED or with_failed)
    ]
    if len(samples) == record.n_valued:
        return samples
    points = record.encoding.to_points([trial.params for trial in samples])
    is_valid = ~np.isnan(record.encoding.domain.encode(points)).any(axis=1)
    return [trial for trial, valid in zip(samples, is_valid, strict=True) if valid]


def replay(study: optuna.Study, trial: FrozenTrial, sampler: LaNASSampler) -> Replay:
    """Return the study as it was when a trial asked for its params, and what was proposed.

    Moments from the trial's start on are tried, the later ones at which others ended, until a
    proposal is the trial's own. If none is, the moment of its start is returned.
    """
    trials = study.get_trials(deepcopy=False)
    first = None
    for past in _pasts(trials, trial):
        found = _replay(study, past, trial, sampler)
        first = first or found
        if found.is_exact or found.proposal is None:
            break
    assert first is not None, "there is a past at the trial's start"
    return found if found.is_exact else first


def _pasts(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> Iterator[list[FrozenTrial]]:
    """Yield what the study may have looked like, the likeliest first."""
    start, end = trial.datetime_start or datetime.max, trial.datetime_complete or datetime.max
    ends = sorted(t.datetime_complete for t in trials if t.datetime_complete is not None)
    moments = [start, *[moment for moment in ends if start < moment < end][:MAX_MOMENTS]]
    seen = []
    for moment in moments:
        started = [t.number for t in trials if (t.datetime_start or datetime.max) <= moment]
        for last in (max([*started, trial.number]), trial.number):
            if (moment, last) not in seen:
                seen.append((moment, last))
                yield [_as_of(t, moment, trial.number) for t in trials[: last + 1]]


def _as_of(trial: FrozenTrial, moment: datetime, asking: int) -> FrozenTrial:
    """Return a trial as it was at a moment; the one that asks has no params yet."""
    if trial.number == asking:
        return _unfinished(trial, TrialState.RUNNING, has_params=False)
    if trial.state.is_finished() and (trial.datetime_complete or datetime.min) <= moment:
        return trial
    has_started = (trial.datetime_start or datetime.max) <= moment
    state = TrialState.RUNNING if has_started else TrialState.WAITING
    return _unfinished(trial, state, has_params=has_started)


def _unfinished(trial: FrozenTrial, state: TrialState, *, has_params: bool) -> FrozenTrial:
    earlier = copy.copy(trial)
    earlier.values, earlier.datetime_complete, earlier.state = None, None, state
    if not has_params:
        earlier.params, earlier.distributions = {}, {}
        attributes = trial.system_attrs.items()
        earlier.system_attrs = {key: v for key, v in attributes if key != PARAMS_KEY}
    return earlier


def _replay(
    study: optuna.Study, past: list[FrozenTrial], trial: FrozenTrial, sampler: LaNASSampler
) -> Replay:
    record = sampler._new_record(study)
    record.read(past)
    history = record.history(trial.number)
    got = published_params(trial)
    space = _search_space(record, trial, got)
    if not space:
        return Replay(record, history, None, is_exact=False)
    proposal = _propose(record, history, past[trial.number], space, sampler)
    params = record.encoding.to_params(proposal.point)
    expected = trial.params if got is None else got
    is_exact = all(_is_same(params[name], expected[name]) for name in space if name in expected)
    return Replay(record, history, proposal, is_exact)


def published_params(trial: FrozenTrial) -> dict[str, Any] | None:
    """Return the params that LaNAS proposed for a trial, None where none were published."""
    try:
        published = json.loads(trial.system_attrs.get(PARAMS_KEY, "null"))
    except (TypeError, json.JSONDecodeError):
        return None
    return published if isinstance(published, dict) else None


def _search_space(
    record: StudyRecord, trial: FrozenTrial, published: Mapping[str, Any] | None
) -> dict[str, BaseDistribution]:
    """What the trial's params were drawn from, empty where the sampler did not draw them."""
    known = {n: d for n, d in record.encoding.distributions.items() if not d.single()}
    if published is not None:
        return {name: known[name] for name in published} if set(published) <= set(known) else {}
    enqueued = trial.system_attrs.get("fixed_params", {})
    return known if any(name in known and name not in enqueued for name in trial.params) else {}


def _propose(
    record: StudyRecord,
    history: History,
    trial: FrozenTrial,
    space: dict[str, BaseDistribution],
    sampler: LaNASSampler,
) -> Proposal:
    if not sampler._avoid_duplicates:
        history = replace(history, keys=frozenset(), pending_keys=frozenset())
    limits = Limits(record.fixed_point(trial, space), *record.encoding.limits(space))
    rng = sampler._rng(trial, *space)
    if len(history) < max(sampler._n_startup_trials, 1):
        return sample_new(history, record.domain(), limits, rng)
    return suggest(history, record.domain(), sampler._config, limits, rng, record.memories)


def _is_same(left: Any, right: Any) -> bool:
    return bool(left == right or (left != left and right != right))

"""What the sampler knew when it proposed a trial, and what it proposed then.

A trial's publication holds the moment of its proposal and the seed; the study as it was is made
again from the trials as they are, and the sampler's own function proposes again. A replay checks
itself: it is exact if it proposes the very params that were published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.pruners import HyperbandPruner
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._core.history import History
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._study.propose import known_history
from optuna_lanas._study.propose import new_record
from optuna_lanas._study.propose import propose
from optuna_lanas._study.propose import Settings
from optuna_lanas._study.published import Moment
from optuna_lanas._study.published import Publication
from optuna_lanas._study.published import publication_of
from optuna_lanas._study.record import Record
from optuna_lanas.sampler import LaNASSampler


@dataclass(frozen=True, eq=False)
class Replay:
    """The study as a trial's sampler saw it.

    Attributes:
        record: The study's trials at that time.
        history: Their samples.
        proposal: What the sampler proposes then; None where no moment was published.
        is_exact: Whether the proposal is the one that the trial got.
    """

    record: Record
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


def replay(study: optuna.Study, trial: FrozenTrial, settings: Settings) -> Replay:
    """Return the study as it was when a trial asked for its params, and what is proposed then.

    Without a published moment it is the study as it was when the trial started.
    """
    published = publication_of(trial)
    past = None if published.moment is None else _past(study, trial, published.moment)
    record = new_record(study.directions, settings)
    if past is None:
        record.read(_ended_before(study.get_trials(deepcopy=False), trial))
        return Replay(record, known_history(record, trial, settings), None, is_exact=False)
    record.read(past)
    return _proposed(record, past, trial, published, settings)


def _proposed(
    record: Record,
    past: Sequence[FrozenTrial],
    trial: FrozenTrial,
    published: Publication,
    settings: Settings,
) -> Replay:
    newest = {n: d for n, d in record.encoding.distributions.items() if not d.single()}
    known = {**newest, **published.changed}
    names = list(known) if published.params is None else list(published.params)
    asking = next((t for t in past if t.number == trial.number), None)
    if published.seed is None or asking is None or not set(names) <= set(known):
        return Replay(record, known_history(record, trial, settings), None, is_exact=False)
    space = {name: known[name] for name in names}
    record.expect(space)
    proposal = propose(record, asking, space, settings, published.seed)
    params = record.encoding.to_params(proposal.point, space)
    got = trial.params if published.params is None else published.params
    is_exact = all(_is_same(params[name], got[name]) for name in names if name in got)
    return Replay(record, known_history(record, trial, settings), proposal, is_exact)


def _past(study: optuna.Study, trial: FrozenTrial, moment: Moment) -> list[FrozenTrial] | None:
    trials: Sequence[FrozenTrial] = study.get_trials(deepcopy=False)
    if moment.n_seen < moment.n_trials:
        trials = _seen_by_pruner(study, trial)
    return moment.past(trials)


def _seen_by_pruner(study: optuna.Study, trial: FrozenTrial) -> Sequence[FrozenTrial]:
    """Return the trials that Optuna shows to the sampler: under Hyperband, those of a bracket."""
    listener = _Listener()
    listening = optuna.Study(study.study_name, study._storage, listener, study.pruner)
    if isinstance(study.pruner, HyperbandPruner):  # one just made has no brackets before it prunes
        study.pruner.prune(listening, optuna.trial.create_trial(state=TrialState.RUNNING))
    optuna.Trial(listening, trial._trial_id)
    return listener.trials


class _Listener(optuna.samplers.RandomSampler):
    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.trials = study.get_trials(deepcopy=False)


def _ended_before(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> list[FrozenTrial]:
    start = trial.datetime_start or datetime.max
    return [t for t in trials if t.state.is_finished() and (t.datetime_complete or start) < start]


def _is_same(left: Any, right: Any) -> bool:
    return bool(left == right or (left != left and right != right))

"""A sampler that keeps what it was asked, and whether the record of a trial is what it did."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
import copy
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas._study.propose import propose
from optuna_lanas._study.published import Decision
from optuna_lanas._study.record import Record
from optuna_lanas.explanation import Explanation
from tests.strategies import contains


@dataclass(frozen=True)
class Request:
    """All that a proposal depends on, as it was then.

    Attributes:
        directions: The study's.
        trials: The trials that the sampler was shown.
        trial: The trial that asked.
        search_space: What it asked for.
    """

    directions: Sequence[StudyDirection]
    trials: Sequence[FrozenTrial]
    trial: FrozenTrial
    search_space: Mapping[str, BaseDistribution]

    def repeated(self, sampler: LaNASSampler, seed: int) -> tuple[dict[str, Any], Decision]:
        """Return the params and the decision of a record that has read nothing else."""
        record = Record(self.directions, sampler.settings, sampler.space)
        record.read(self.trials)
        return propose(record, self.trial, self.search_space, seed)


class Witness(LaNASSampler):
    """A LaNASSampler that keeps each trial's request; from any thread."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.requests: dict[int, Request] = {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        if search_space:
            trials = study._storage.get_all_trials(study._study_id)  # those of all brackets
            self.requests[trial.number] = Request(
                list(study.directions), trials, copy.deepcopy(trial), search_space
            )
        return super().sample_relative(study, trial, search_space)


def check_record(study: optuna.Study, number: int, request: Request, seed: int) -> None:
    """Compare what a trial holds with what a fresh record proposes from the same request."""
    assert isinstance(study.sampler, LaNASSampler)
    params, decision = request.repeated(study.sampler, seed)
    explained = explain(study, number)
    assert decision_of(explained) == decision
    trial = study.get_trials()[number]
    enqueued = trial.system_attrs.get("fixed_params", {})
    for name in (params.keys() & trial.params.keys()) - enqueued.keys():
        if contains(trial.distributions[name], params[name]):
            assert repr(trial.params[name]) == repr(params[name])


def decision_of(explained: Explanation) -> Decision:
    """The decision that an explanation tells of."""
    return Decision(**{field.name: getattr(explained, field.name) for field in fields(Decision)})


def check_laws(explained: Explanation) -> None:
    """What holds for every recorded explanation, whatever the study."""
    assert explained.is_recorded
    assert str(explained).startswith(f"Trial {explained.number} ")
    if explained.leaf < 0:
        assert explained.found in ("start-up", "random")
        assert (explained.node, explained.path, explained.score) == (-1, (), None)
        assert explained.runner_up is None
        return
    assert explained.found in ("model", "uniform")
    _check_path(explained)
    assert (explained.score is None) == (explained.found == "uniform")
    if explained.score is not None:
        assert explained.rank is not None
        assert 1 <= explained.rank <= explained.n_candidates
        _check_parent(explained)
    if explained.runner_up is not None:
        assert explained.score is not None
        assert explained.runner_up_score is not None
        assert explained.runner_up_score <= explained.score


def _check_parent(explained: Explanation) -> None:
    assert explained.n_better is None or 0 <= explained.n_better <= explained.n_observations
    if explained.parent is not None:
        assert explained.parent != explained.number
        assert explained.parent_params is not None
        assert explained.distance is not None
        assert 0 <= explained.distance <= 1
        assert len(explained.parent_params) <= 20
        assert f"trial {explained.parent}" in explained.summary


def _check_path(explained: Explanation) -> None:
    nodes = [0, *(step.child for step in explained.path)]
    assert [step.node for step in explained.path] == nodes[:-1]
    assert nodes[-1] == explained.leaf
    required = nodes[: nodes.index(explained.node) + 1]  # the searched node is on the path
    for step in explained.path:
        assert step.is_required == (step.child in required)
        if step.is_required:  # numbers have six digits, so that unequal ones may become equal
            assert step.score >= step.offset if step.is_good else step.score <= step.offset
        if explained.is_selected:
            assert step.ucb >= step.sibling_ucb
        assert step.ucb >= step.value
    visits = [step.visits for step in explained.path]
    assert visits == sorted(visits, reverse=True)


def check_terms(explained: Explanation) -> None:
    """What holds where a point has at most three terms, so that none is left out."""
    for step in explained.path:
        size = sum(abs(added) for _, added in step.terms)
        added = sum(added for _, added in step.terms)
        assert step.score == pytest.approx(added, rel=1e-5, abs=1e-5 * size)

"""A search that has found nothing better for long looks elsewhere in some of its trials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core import gp as posterior
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.history import History
from optuna_lanas._core.stagnation import LEAST
from optuna_lanas._core.stagnation import looks_elsewhere
from optuna_lanas._core.stagnation import N_LEVELS
from optuna_lanas._core.stagnation import SHARE_OF_HISTORY
from optuna_lanas._core.stagnation import SHARE_OF_TRIALS
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._core.suggest import suggest
from tests.core.test_domain import limits_of
from tests.proposals import Recorder


N_SAMPLES = 90
N_RECENT = round(SHARE_OF_HISTORY * N_SAMPLES)
SPACE = {name: CategoricalDistribution([0, 1, 2, 3]) for name in "abcdef"}


@contextmanager
def search_of(values: np.ndarray, directions: int = 1) -> Iterator[tuple[History, Domain]]:
    """The history of random trials with given values, and its domain."""
    rng = np.random.default_rng(0)
    study = optuna.create_study(directions=["maximize"] * directions)
    for value in values:
        params = {name: int(rng.integers(4)) for name in SPACE}
        results = [float(value)] * directions
        study.add_trial(create_trial(params=params, distributions=dict(SPACE), values=results))
    sampler = LaNASSampler()
    with sampler.records.of(study, sampler.settings) as record:
        yield record.history(len(values)), record.domain()


def values_with_best_at(index: int) -> np.ndarray:
    values = np.random.default_rng(1).uniform(size=N_SAMPLES)
    values[index] = 2.0
    return values


def share_elsewhere(history: History, n: int = 400) -> float:
    return float(np.mean([looks_elsewhere(history, np.random.default_rng(i)) for i in range(n)]))


@pytest.mark.parametrize("index", [0, N_SAMPLES - N_RECENT - 2])
def test_some_trials_look_elsewhere_once_the_search_has_stagnated(index: int) -> None:
    with search_of(values_with_best_at(index)) as (history, _):
        assert share_elsewhere(history) == pytest.approx(SHARE_OF_TRIALS, abs=0.1)


@pytest.mark.parametrize("index", [N_SAMPLES - N_RECENT - 1, N_SAMPLES - 1])
def test_no_trial_does_while_better_ones_are_found_and_nothing_is_drawn(index: int) -> None:
    with search_of(values_with_best_at(index)) as (history, _):
        rng = np.random.default_rng(0)
        assert not looks_elsewhere(history, rng)
        assert rng.random() == np.random.default_rng(0).random()


def test_a_short_search_has_not_stagnated() -> None:
    with search_of(-np.arange(float(LEAST + 1))) as (history, _):
        assert share_elsewhere(history) == 0
    with search_of(-np.arange(float(LEAST + 2))) as (history, _):
        assert share_elsewhere(history) > 0


def test_trials_that_could_not_know_of_the_best_one_do_not_count() -> None:
    with search_of(values_with_best_at(N_SAMPLES - 40)) as (history, _):
        assert share_elsewhere(history) > 0
        for n_pending, is_stagnant in ((12, False), (11, True)):
            pending = history.encodings[:n_pending]
            busy = replace(history, pending=pending)
            assert (share_elsewhere(busy) > 0) == is_stagnant


def test_several_objectives_have_no_best_sample() -> None:
    with search_of(values_with_best_at(0), directions=2) as (history, _):
        assert history.objectives is not None
        assert share_elsewhere(history) == 0


@pytest.fixture
def n_known() -> Iterator[list[int]]:
    """How many samples each drawn function was told of."""
    seen: list[int] = []
    draw_function: Any = posterior.draw_function

    def spy(embeddings: np.ndarray, *args: Any) -> Any:
        seen.append(len(embeddings))
        return draw_function(embeddings, *args)

    with patch.object(posterior, "draw_function", spy):
        yield seen


def test_elsewhere_is_any_leaf_seen_by_its_neighbours_alone(n_known: list[int]) -> None:
    with search_of(values_with_best_at(0)) as (history, domain):
        config = LaNASSampler().settings.config
        free = limits_of(domain)
        proposals = [
            suggest(history, domain, config, free, np.random.default_rng(i)) for i in range(300)
        ]
    grown = proposals[0].partition
    assert grown is not None
    elsewhere = [p.is_elsewhere for p in proposals]
    assert sum(elsewhere) == pytest.approx(SHARE_OF_TRIALS * len(proposals), rel=0.4)
    for proposal, known in zip(proposals, n_known, strict=True):
        if proposal.is_elsewhere:
            assert proposal.node == proposal.leaf
            assert known == n_near(proposal)
        else:
            assert proposal.leaf == grown.select()
            assert known == N_SAMPLES
    assert {p.leaf for p in proposals if p.is_elsewhere} == set(grown.tree.leaves.tolist())


def n_near(proposal: Proposal) -> int:
    """The number of samples in the region of the node `N_LEVELS` above a proposal's leaf."""
    assert proposal.partition is not None
    path = proposal.partition.tree.path(proposal.leaf)
    return int(proposal.search_tree.visits[path[max(len(path) - 1 - N_LEVELS, 0)]])


def test_a_study_says_which_trials_looked_elsewhere() -> None:
    def objective(trial: optuna.Trial) -> float:  # a needle at the start, then a slope
        params = [trial.suggest_float(name, 0, 1) for name in "xy"]
        return 10.0 if trial.number == 0 else params[0] - abs(params[1] - 0.5)

    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    with Recorder().recording() as recorder:
        study.optimize(objective, n_trials=70)
    recorder.check(study)
    looked = {number for number, p in recorder.proposals.items() if p.is_elsewhere}
    assert min(looked) > LEAST
    assert len(looked) > 5

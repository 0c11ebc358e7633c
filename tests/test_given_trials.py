"""Trials that LaNAS did not propose: enqueued, fixed, added, of another sampler or study."""

from __future__ import annotations

from collections.abc import Mapping
import logging
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import PartialFixedSampler
from optuna.samplers import RandomSampler
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.trial import create_trial
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas._study.record import Record
from tests.proposals import Request
from tests.proposals import Witness
from tests.studies import configurations
from tests.studies import default
from tests.studies import Make
from tests.studies import mixed
from tests.studies import study_of
from tests.workers.storages import grpc_proxy


def proposed(study: optuna.Study) -> dict[str, Any]:
    """What the study's sampler would propose now, to a trial that is not stored."""
    sampler = study.sampler
    assert isinstance(sampler, LaNASSampler)
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = len(study.trials)
    space = sampler.infer_relative_search_space(study, trial)
    return Request(study.directions, study.trials, trial, space).repeated(sampler, 0)[0]


# Enqueued and fixed parameters


def test_enqueued_params_are_used_and_the_others_proposed(
    make: Make, storage: BaseStorage
) -> None:
    study = study_of(make(), storage)
    study.enqueue_trial({"x": 0.25, "n": 3})
    study.optimize(mixed, n_trials=4)
    study.enqueue_trial({"x": 0.5, "rate": 1e-3, "n": 6, "width": 64, "op": "conv"})
    study.enqueue_trial({"op": None})
    study.optimize(mixed, n_trials=4)
    assert (study.trials[0].params["x"], study.trials[0].params["n"]) == (0.25, 3)
    assert study.trials[4].params["width"] == 64
    assert study.trials[5].params["op"] is None
    assert len(study.trials) == 8


def test_params_that_wait_in_the_queue_are_not_proposed() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=3)
    rest = sorted(set(range(10)) - {trial.params["x"] for trial in study.trials})
    for x in rest[1:]:
        study.enqueue_trial({"x": x})
    assert proposed(study) == {"x": rest[0]}


@pytest.mark.filterwarnings("ignore:Fixed parameter .* is out of range:UserWarning")
@pytest.mark.parametrize(
    "mistake", [{"x": 7.0}, {"x": -1e30}, {"rate": 0.0}, {"n": 100}, {"n": "q"}]
)
def test_an_enqueued_mistake_disturbs_no_other_trial(mistake: dict[str, Any]) -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=4)
    study.enqueue_trial(mistake)
    assert set(proposed(study)) == set(study.trials[0].params)
    study.optimize(mixed, n_trials=2, catch=ValueError)  # Optuna's, of 'q' and of log(0)
    assert study.trials[-1].state == TrialState.COMPLETE


def test_fixed_params_are_used_and_the_others_proposed(make: Make, storage: BaseStorage) -> None:
    sampler = PartialFixedSampler({"x": 0.5, "op": None}, make())
    study = optuna.create_study(storage=storage, sampler=sampler)
    study.optimize(mixed, n_trials=8)
    assert all(t.params["x"] == 0.5 and t.params["op"] is None for t in study.trials)
    assert len(set(configurations(study))) == 8


# Other studies and samplers


def test_added_trials_are_not_repeated(make: Make, storage: BaseStorage) -> None:
    other = optuna.create_study(sampler=RandomSampler(seed=0))
    other.optimize(mixed, n_trials=8)
    study = study_of(make(), storage)
    study.add_trials(other.trials)
    study.add_trial(
        create_trial(
            params={"x": 0.1, "foreign": 3},
            distributions={"x": FloatDistribution(-2, 2), "foreign": IntDistribution(0, 5)},
            value=-1.0,
        )
    )
    study.optimize(mixed, n_trials=3)
    assert len(set(configurations(study))) == 12


def test_the_trials_of_another_sampler_are_learned_from(make: Make, storage: BaseStorage) -> None:
    optuna.create_study(storage=storage, study_name="s", sampler=TPESampler(seed=0)).optimize(
        mixed, n_trials=6
    )
    study = optuna.load_study(storage=storage, study_name="s", sampler=make())
    study.optimize(mixed, n_trials=4)
    assert len(set(configurations(study))) == 10
    assert explain(study, 6).n_observations == 6


def test_one_finished_trial_tells_the_space(storage: BaseStorage) -> None:
    study = study_of(default(n_startup_trials=0), storage)
    study.optimize(mixed, n_trials=2)
    space = study.sampler.infer_relative_search_space(study, study.trials[1])
    assert set(space) == set(study.trials[0].params)
    assert explain(study, 1).found == "model"


def test_a_second_study_of_a_sampler_changes_nothing_in_the_first(
    make: Make, storage: BaseStorage
) -> None:
    shared = make()
    studies = [study_of(shared, storage, direction=d) for d in ("minimize", "maximize")]
    alone = optuna.create_study(sampler=make())
    for _ in range(8):
        studies[0].optimize(mixed, n_trials=1)
        studies[1].optimize(
            lambda t: t.suggest_int("x", 0, 99) / t.suggest_int("k", 1, 5), n_trials=1
        )
        alone.optimize(mixed, n_trials=1)
    assert configurations(studies[0]) == configurations(alone)


def test_a_new_study_under_the_number_of_a_deleted_one_is_read_anew(storage: BaseStorage) -> None:
    _check_a_study_made_again(storage)


@pytest.mark.slow
def test_a_new_study_under_the_number_of_a_deleted_one_is_read_anew_through_a_proxy(
    tmp_path: Path,
) -> None:
    with grpc_proxy(tmp_path) as open_storage:
        _check_a_study_made_again(open_storage())


def _check_a_study_made_again(storage: BaseStorage) -> None:
    sampler = default()
    study_of(sampler, storage, study_name="s").optimize(mixed, n_trials=4)
    optuna.delete_study(study_name="s", storage=storage)
    study = study_of(sampler, storage, study_name="s")
    other = optuna.create_study(sampler=RandomSampler(seed=1))
    other.optimize(lambda trial: trial.suggest_int("other", 0, 5), n_trials=5)
    study.add_trials(other.trials)
    space = sampler.infer_relative_search_space(study, study.trials[-1])
    assert set(space) == {"other"}


# What a trial is shown of the study


@pytest.mark.usefixtures("log")
def test_hyperband_shows_no_trial_its_own_as_pending_and_warns_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def objective(trial: Trial) -> float:
        value = trial.suggest_float("x", 0, 1) + trial.suggest_float(f"late{trial.number}", 0, 1)
        for step in range(9):
            trial.report(value, step)
            trial.should_prune()
        return value

    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    sampler = Witness(n_startup_trials=2, seed=0)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        for i in range(10):
            study.enqueue_trial({"x": 0.1 * i})
            study.optimize(objective, n_trials=2)
    assert len(sampler.requests) > 10
    for number, request in sampler.requests.items():
        record = Record(request.directions, sampler.settings, None)
        record.read(request.trials)
        assert len(record.history(number).pending_points) == 0
    assert sum("drawn at random" in record.message for record in caplog.records) == 1


class Interruptible:
    """A space whose keys are interrupted by the user, once."""

    is_interrupted = False

    def suggest(self, trial: Trial) -> int:
        return trial.suggest_int("n", 0, 99)

    def encode(self, params: Mapping[str, Any]) -> list[float]:
        return [float(params["n"])]

    def key(self, params: Mapping[str, Any]) -> int:
        return int(params["n"])

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        if self.is_interrupted:
            self.is_interrupted = False
            raise KeyboardInterrupt
        return columns["n"].astype(int)


def test_an_interrupted_reading_loses_no_trial() -> None:
    space = Interruptible()
    study = optuna.create_study(sampler=default(space=space))
    study.optimize(space.suggest, n_trials=10)
    space.is_interrupted = True
    with pytest.raises(KeyboardInterrupt):
        study.optimize(space.suggest, n_trials=2)
    study.optimize(space.suggest, n_trials=3)
    n_complete = sum(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert explain(study, study.trials[-1].number).n_observations == n_complete - 1
    assert n_complete == 13

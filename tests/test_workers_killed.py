"""Many processes on one study, two of which are killed and replaced, on every storage."""

from __future__ import annotations

from collections import Counter
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from examples.benchmarks import tables
from optuna_lanas import LaNASSampler
from optuna_lanas._study.published import publication_of
from optuna_lanas._study.record import known_params
from tests.workers import storages
from tests.workers.storages import Opener
from tests.workers.storages import Starter
from tests.workers.worker import cell_accuracy
from tests.workers.worker import create_study
from tests.workers.worker import grid_value
from tests.workers.worker import Logs
from tests.workers.worker import Objective
from tests.workers.worker import PROBLEM
from tests.workers.worker import run_workers
from tests.workers.worker import SEED


STORAGES = [storages.journal, storages.sqlite, storages.postgresql, storages.grpc_proxy]


def test_three_processes_on_a_small_space_of_which_one_is_killed(tmp_path: Path) -> None:
    with storages.journal(tmp_path) as open_storage:
        _check_workers(open_storage, tmp_path, 3, 16, 1, grid_value)  # at most 64 of 80 points


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_eight_processes_of_which_two_are_killed(storage: Starter[Opener], tmp_path: Path) -> None:
    with storage(tmp_path) as open_storage:
        best = _check_workers(open_storage, tmp_path, 8, 50, 2, cell_accuracy)
    assert best >= _best_of_sequential(n_trials=240)


def _check_workers(
    open_storage: Opener,
    folder: Path,
    n_workers: int,
    n_trials: int,
    n_kills: int,
    objective: Objective,
) -> float:
    study = create_study(open_storage)
    rng = np.random.default_rng()
    logs = run_workers(open_storage, folder, n_workers, n_trials, n_kills, rng, objective)
    trials = study.get_trials()
    _check_processes(logs, n_trials)
    _check_numbers(trials, logs)
    _check_duplicates(trials)
    return study.best_value


def _check_processes(logs: Logs, n_trials: int) -> None:
    for worker, (numbers, code) in enumerate(zip(logs.numbers, logs.exit_codes, strict=True)):
        if worker in logs.killed:
            assert code == -9, "a worker that is still at work when it is killed"
        else:
            assert (code, len(numbers)) == (0, n_trials), "the others end without an exception"


def _check_numbers(trials: list[FrozenTrial], logs: Logs) -> None:
    assert [trial.number for trial in trials] == list(range(len(trials)))
    times_run = Counter(number for numbers in logs.numbers for number in numbers)
    assert set(times_run.values()) == {1}, "no number is given to two workers"
    left = [trial.number for trial in trials if trial.state != TrialState.COMPLETE]
    assert all(trials[number].state == TrialState.RUNNING for number in left)
    of_killed = {n for worker in logs.killed for n in logs.numbers[worker][-1:]}
    assert len(left) <= len(logs.killed)
    assert set(left) <= of_killed | (set(range(len(trials))) - set(times_run))
    assert set(times_run) <= set(range(len(trials))), "no trial is lost"


def _check_duplicates(trials: list[FrozenTrial]) -> None:
    """No trial repeats another of which its worker knew, running or ended, when it proposed."""
    by_params = defaultdict(list)
    for trial in trials:
        if trial.state == TrialState.COMPLETE:  # those of dead workers are given up some day
            by_params[tuple(sorted(trial.params.items()))].append(trial)
    for same in by_params.values():
        for one, other in permutations(same, 2):
            known = known_params(_as_seen_by(one, other, trials))
            assert known != one.params, (one.number, other.number, one.params)


def _as_seen_by(one: FrozenTrial, other: FrozenTrial, trials: list[FrozenTrial]) -> FrozenTrial:
    """Another trial as it was when one was proposed."""
    moment = publication_of(one).moment
    past = [] if moment is None else moment.past(trials)
    assert past is not None, "the trials of the study are those that were seen"
    unknown = create_trial(state=TrialState.RUNNING)
    return next((trial for trial in past if trial.number == other.number), unknown)


def _best_of_sequential(n_trials: int) -> float:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=SEED))
    study.optimize(tables.load(PROBLEM).objective, n_trials=n_trials)
    return study.best_value

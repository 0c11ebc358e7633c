"""Many processes on one study, two of which are killed and replaced, on every storage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from examples.benchmarks import tables
from optuna_lanas import LaNASSampler
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


@pytest.mark.slow
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
    assert not any(logs.repeats), "no trial repeats another that its worker knows"
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


def _best_of_sequential(n_trials: int) -> float:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=SEED))
    study.optimize(tables.load(PROBLEM).objective, n_trials=n_trials)
    return study.best_value

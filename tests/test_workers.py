"""Many trials at once on one study: batches, threads, pending and stale trials."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import combinations
import json
from pathlib import Path
import sys
import time
from types import FrameType
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.distributions import IntDistribution
from optuna.storages import fail_stale_trials
from optuna.storages import InMemoryStorage
from optuna.storages import RDBStorage
from optuna.storages import RetryFailedTrialCallback
from optuna.trial import create_trial
from optuna.trial import TrialState
import pytest

from examples.benchmarks import tables
from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from tests.studies import with_less_work
from tests.workers import storages


PARAMS_KEY = "lanas:relative_params"
CELL = tables.load("nasbench201-cifar100").objective
OPERATIONS = 5
EDGES = 6


def grid(trial: optuna.Trial, n_x: int, n_y: int) -> float:
    """`n_x * n_y` configurations, whose values are all different."""
    return trial.suggest_int("x", 0, n_x - 1) + 0.1 * trial.suggest_int("y", 0, n_y - 1)


def study_of(seed: int = 0, n_startup_trials: int = 10, **changes: Any) -> optuna.Study:
    sampler = LaNASSampler(n_startup_trials=n_startup_trials)
    settings = replace(with_less_work(sampler.settings), **changes)
    sampler = LaNASSampler.from_settings(settings, seed=seed)
    return optuna.create_study(direction="maximize", sampler=sampler, storage=Listening())


class Listening(InMemoryStorage):
    """Keeps what is written into the attributes of trials."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[str, Any]] = []

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.writes.append((key, value))
        super().set_trial_system_attr(trial_id, key, value)


def params_of(study: optuna.Study) -> list[tuple[Any, ...]]:
    return [tuple(sorted(t.params.items())) for t in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize("n_ended", [0, 20])
def test_a_batch_is_distinct_and_diverse(n_ended: int) -> None:
    study = study_of()
    study.optimize(CELL, n_trials=n_ended)
    for _ in range(50):
        CELL(study.ask())
    params = params_of(study)
    assert len(set(params)) == n_ended + 50
    batch = params[n_ended:]
    differences = [
        sum(a != b for a, b in zip(*pair, strict=True)) for pair in combinations(batch, 2)
    ]
    at_random = EDGES * (1 - 1 / OPERATIONS)
    assert np.mean(differences) > 0.5 * at_random


def test_a_batch_takes_what_a_finite_space_has_left() -> None:
    study = study_of()
    study.optimize(partial(grid, n_x=6, n_y=5), n_trials=15)
    for _ in range(15):
        grid(study.ask(), 6, 5)
    assert len(set(params_of(study))) == 30


@pytest.mark.parametrize("n_jobs", [2, 4])
def test_threads_exhaust_a_finite_space_without_a_repeat(n_jobs: int) -> None:
    study = study_of()
    study.optimize(partial(grid, n_x=6, n_y=5), n_trials=1)  # later ones know the parameters
    study.optimize(partial(grid, n_x=6, n_y=5), n_trials=29, n_jobs=n_jobs)
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(30))
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    assert len(set(params_of(study))) == 30


def test_threads_complete_all_trials_of_a_conditional_space() -> None:
    def objective(trial: optuna.Trial) -> float:
        depth = trial.suggest_int("depth", 1, 3)
        return sum(trial.suggest_float(f"width_{i}", 0, i + 1) for i in range(depth))

    study = study_of()
    study.optimize(objective, n_trials=20, n_jobs=4)
    assert all(trial.state == TrialState.COMPLETE for trial in study.get_trials())


def test_params_are_published_whole_in_one_write() -> None:
    study = study_of()
    study.optimize(partial(grid, n_x=9, n_y=9), n_trials=12)
    assert isinstance(study._storage, Listening)
    writes = study._storage.writes
    writes.clear()
    trial = study.ask()
    trial.suggest_int("x", 0, 8)
    assert [key for key, _ in writes] == [PARAMS_KEY]
    published = json.loads(writes[0][1])
    assert published["params"] == {"x": trial.params["x"], "y": trial.suggest_int("y", 0, 8)}
    assert len(writes) == 1


def test_a_parameter_that_only_an_unfinished_trial_has_leaves_scores_finite() -> None:
    study = study_of()
    study.optimize(partial(grid, n_x=9, n_y=9), n_trials=12)
    running = study.ask()
    grid(running, 9, 9)
    running.suggest_float("new", 0, 1)
    study.optimize(partial(grid, n_x=9, n_y=9), n_trials=1)
    score = explain(study, 13).score
    assert score is not None
    assert np.isfinite(score)


def test_another_worker_sees_params_that_are_not_yet_suggested(tmp_path: Path) -> None:
    with storages.journal(tmp_path) as open_storage:
        optuna.create_study(study_name="s", storage=open_storage())
        one, other = (
            optuna.load_study(
                study_name="s", storage=open_storage(), sampler=LaNASSampler(seed=seed)
            )
            for seed in (1, 2)
        )
        one.optimize(partial(grid, n_x=7, n_y=2), n_trials=12)
        started = one.ask()
        started.suggest_int("x", 0, 6)
        grid(other.ask(), 7, 2)  # the fourteenth of 14 points
        started.suggest_int("y", 0, 1)
        assert len(set(params_of(one))) == 14


@pytest.mark.parametrize(
    "garbage",
    [
        *[
            '{"x": 3, "y"',
            "",
            "null",
            "[1, 2]",
            "3",
            '{"x": "conv"}',
            '{"x": null}',
            '{"z": 1}',
            7,
        ],
        '{"params":{"x":"conv"},"decision":[]}',
        '{"params":{"z":1},"decision":"now"}',
        '{"params":3,"decision":{"path":[9]}}',
        '{"params":[1],"decision":{}}',
    ],
)
def test_half_written_params_of_others_are_tolerated(garbage: str | int) -> None:
    study = study_of(n_startup_trials=5)
    study.optimize(partial(grid, n_x=5, n_y=5), n_trials=10)
    broken = study.ask()
    study._storage.set_trial_system_attr(broken._trial_id, PARAMS_KEY, garbage)
    study.optimize(partial(grid, n_x=5, n_y=5), n_trials=3)
    assert len(set(params_of(study))) == 14  # 13, and the broken one's empty params


def test_workers_with_one_seed_begin_with_different_trials(tmp_path: Path) -> None:
    with storages.journal(tmp_path) as open_storage:
        optuna.create_study(study_name="s", storage=open_storage())
        workers = [
            optuna.load_study(study_name="s", storage=open_storage(), sampler=LaNASSampler(seed=0))
            for _ in range(8)
        ]
        trials = [worker.ask() for worker in workers]
        for trial in trials:
            CELL(trial)
        assert len({tuple(sorted(trial.params.items())) for trial in trials}) == 8


def test_a_study_resumed_from_a_file_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    def make() -> LaNASSampler:
        return LaNASSampler(seed=3)

    uninterrupted = optuna.create_study(direction="maximize", sampler=make())
    uninterrupted.optimize(CELL, n_trials=16)
    with storages.journal(tmp_path) as open_storage:
        optuna.create_study(study_name="s", storage=open_storage(), direction="maximize")
        for n_trials in (4, 7, 5):
            resumed = optuna.load_study(study_name="s", storage=open_storage(), sampler=make())
            resumed.optimize(CELL, n_trials=n_trials)
        assert params_of(resumed) == params_of(uninterrupted)


def test_stale_trials_do_not_bias() -> None:
    assert params_of(_after_stale(300, True))[1:] == params_of(_after_stale(300, False))[1:]


def test_a_stale_trial_makes_no_work() -> None:
    without, with_one = (_n_calls(_after_stale(500, is_running)) for is_running in (False, True))
    assert with_one < 1.1 * without


@pytest.mark.slow
def test_stale_trials_do_not_block_their_configuration() -> None:
    study = study_of(min_stale_age=0.0)
    study.optimize(partial(grid, n_x=12, n_y=10), n_trials=1)
    stale = study.ask()
    grid(stale, 12, 10)
    study.optimize(partial(grid, n_x=12, n_y=10), n_trials=119)
    study.optimize(partial(grid, n_x=12, n_y=10), n_trials=1)
    ended = {tuple(sorted(t.params.items())) for t in study.trials if t.state.is_finished()}
    assert len(ended) == 120
    assert tuple(sorted(stale.params.items())) in ended


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*RetryFailedTrialCallback:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*failed_trial_callback:FutureWarning")
@pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning")
def test_a_trial_without_heartbeat_fails_and_is_tried_again(tmp_path: Path) -> None:
    storage = RDBStorage(
        f"sqlite:///{tmp_path}/heartbeat.sqlite3",
        heartbeat_interval=1,
        grace_period=2,
        failed_trial_callback=RetryFailedTrialCallback(),
    )
    study = optuna.create_study(storage=storage, sampler=LaNASSampler(seed=0))
    study.optimize(partial(grid, n_x=6, n_y=6), n_trials=12)
    dead = study.ask()
    storage.record_heartbeat(dead._trial_id)
    grid(dead, 6, 6)
    time.sleep(4)
    fail_stale_trials(study)
    assert study.trials[dead.number].state == TrialState.FAIL
    study.optimize(partial(grid, n_x=6, n_y=6), n_trials=24)
    trials = study.trials
    assert trials[dead.number + 1].params == dead.params
    ended = [t.params for t in trials if t.state == TrialState.COMPLETE]
    assert len(ended) == len({tuple(sorted(params.items())) for params in ended}) == 36


def _after_stale(n_trials: int, is_running: bool) -> optuna.Study:
    """A study whose first trial still runs or has failed, and three proposed ones at the end."""
    study = study_of(min_stale_age=0.0)
    first = study.ask()
    if is_running:
        first.suggest_int("number", 0, 99)
        first.suggest_categorical("kind", ["a", "b", "c"])
    else:
        study.tell(first, state=TrialState.FAIL)
    rng = np.random.default_rng(0)
    study.add_trials([_ended(rng) for _ in range(n_trials)])
    for _ in range(3):
        study.tell(*_evaluated(study.ask()))
    return study


def _ended(rng: np.random.Generator) -> optuna.trial.FrozenTrial:
    params = {"number": int(rng.integers(100)), "kind": str(rng.choice(["a", "b", "c"]))}
    return create_trial(
        params=params,
        distributions={
            "number": IntDistribution(0, 99),
            "kind": CategoricalDistribution(["a", "b", "c"]),
        },
        value=_value(params),
    )


def _evaluated(trial: optuna.Trial) -> tuple[optuna.Trial, float]:
    trial.suggest_int("number", 0, 99)
    trial.suggest_categorical("kind", ["a", "b", "c"])
    return trial, _value(trial.params)


def _value(params: dict[str, Any]) -> float:
    distance = abs(params["number"] - 40) + 10 * (params["kind"] != "b")
    return -float(distance)


def _n_calls(study: optuna.Study) -> int:
    """How many functions the suggestion of one more trial calls, C functions included."""
    n_calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        _evaluated(study.ask())
    finally:
        sys.setprofile(before)
    return n_calls

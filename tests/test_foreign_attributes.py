"""Attributes that others wrote to a trial end no other worker's search, and take no memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import create_trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import partition
from optuna_lanas._study.published import KEY
from optuna_lanas._study.published import published_decision
from tests.builders import running_trial
from tests.studies import default


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "nested list": {KEY: "[" * 50_000},
    "nested object": {KEY: '{"params":' * 20_000},
    "nested value": {KEY: '{"params":{"x":' + "[" * 400 + "]" * 400 + "}}"},
    "giant int": {KEY: '{"params":{"x":1,"n":' + "9" * 4_000 + "}}"},
    "infinite": {KEY: '{"params":{"x":Infinity,"n":NaN,"c":1e999}}'},
    "other types": {KEY: '{"params":{"x":"a","n":[1],"c":{"a":1}}}'},
    "other names": {KEY: '{"params":{"":2,"\\ud800":3,"1":{}}}'},
    "not text": {KEY: {"params": {"x": 1}}},
    "enqueued": {"fixed_params": [1, 2]},
    "constraints": {"constraints": "text"},
    "constraint": {"constraints:a": [None]},
}


def objective(trial: optuna.Trial) -> float:
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 0, 9)
    return x + n + (trial.suggest_categorical("c", ["a", "b"]) == "a")


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_other_workers_and_views_continue(kind: str) -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(objective, n_trials=4)
    foreign, known = ATTRIBUTES[kind], study.trials[0]
    study.add_trial(create_trial(state=TrialState.RUNNING, system_attrs=foreign))
    given: dict[str, Any] = {"params": known.params, "distributions": known.distributions}
    study.add_trial(create_trial(**given, value=1.0, system_attrs=foreign))
    study.sampler = default()
    study.optimize(objective, n_trials=2)
    assert [trial.state for trial in study.trials[6:]] == [TrialState.COMPLETE] * 2
    for number in range(8):
        assert str(explain(study, number))
    assert len(partition(study).numbers) == 7


def test_a_long_attribute_is_not_parsed() -> None:
    trial = running_trial(0, system_attrs={KEY: '{"params":{"x":"' + "a" * 20_000_000 + '"}}'})
    tracemalloc.start()
    try:
        assert published_decision(trial) is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()

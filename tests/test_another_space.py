"""A sampler or a view with another space than the objective's is told early."""

from __future__ import annotations

from collections.abc import Callable
import logging
from typing import Any

import optuna
from optuna.samplers import RandomSampler
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace


OURS, OTHER = NASBench201Space(), NASBenchGraphSpace()


def ours(trial: optuna.Trial) -> float:
    return OURS.suggest(trial).count("none")


@pytest.mark.parametrize("objective", [ours, lambda trial: trial.suggest_float("x", 0, 1)])
def test_an_objective_that_does_not_use_the_space_is_told_after_its_first_trial(
    objective: Callable[[optuna.Trial], float],
) -> None:
    study = optuna.create_study(sampler=LaNASSampler(space=OTHER, seed=0))
    with pytest.raises(
        ValueError, match=r"`space` must be the objective's, got NASBenchGraph.*\."
    ):
        study.optimize(objective, n_trials=5)
    assert len(study.trials) == 1


@pytest.mark.usefixtures("log")
def test_an_objective_that_uses_a_part_of_the_space_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = optuna.create_study(sampler=LaNASSampler(space=CellSpace.nasnet(3), seed=0))
    smaller = CellSpace.nasnet(2)
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study.optimize(lambda trial: len(set(smaller.suggest(trial).normal)), n_trials=4)
    assert [record.args for record in caplog.records] == [()]
    assert "CellSpace asks for 24 parameters" in caplog.text
    assert "lacks normal_3_input_a" in caplog.text


@pytest.mark.usefixtures("log")
def test_a_space_that_some_trial_uses_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(ours, n_trials=2)
    study.sampler = LaNASSampler(space=OURS, seed=0)
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        study.optimize(lambda trial: 1.0, n_trials=1)
        study.optimize(ours, n_trials=2)
    assert not caplog.records


@pytest.mark.parametrize(
    "given", [{"space": OTHER}, {"sampler": LaNASSampler(space=OTHER)}], ids=["space", "sampler"]
)
def test_a_view_with_another_space_than_the_studys(given: dict[str, Any]) -> None:
    study = optuna.create_study(sampler=LaNASSampler(space=OURS, seed=0))
    with pytest.raises(ValueError, match="`study` must have a finished trial"):
        partition(study, **given)
    study.optimize(ours, n_trials=4)
    with pytest.raises(ValueError, match=r"`space` must be the study's.* lacks op_1, .*\. Pass"):
        partition(study, **given)
    assert partition(study).numbers.tolist() == [0, 1, 2, 3]

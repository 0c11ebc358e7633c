"""The same seed gives the same study, whatever happened to the sampler object meanwhile."""

from __future__ import annotations

from collections.abc import Callable
import copy
import os
from pathlib import Path
import pickle
import subprocess
import sys
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler


Params = list[dict[str, Any]]
Objective = Callable[[Trial], float]

SAMPLERS: dict[str, Callable[[int | None], LaNASSampler]] = {
    "default": lambda seed: LaNASSampler(seed=seed, n_startup_trials=4),
    "paper": lambda seed: LaNASSampler.paper(seed=seed, n_startup_trials=4, n_select=5),
}


@pytest.fixture(params=SAMPLERS)
def make(request: pytest.FixtureRequest) -> Callable[[int | None], LaNASSampler]:
    return SAMPLERS[request.param]


def objective(trial: Trial) -> float:
    a = trial.suggest_float("a", 1, 9)
    b = trial.suggest_float("b", 1, 9, log=True)
    c = trial.suggest_float("c", 1, 9, step=1)
    d = trial.suggest_int("d", 1, 9)
    e = trial.suggest_int("e", 1, 9, log=True)
    f = trial.suggest_int("f", 1, 9, step=2)
    g = trial.suggest_categorical("g", [8, 9, 10])
    return a * b + c - d * e + f * (g - 8)


def constant_objective(trial: Trial) -> float:
    objective(trial)
    return 0.0


def conditional_objective(trial: Trial) -> float:
    if trial.suggest_categorical("which", ["x", "y"]) == "x":
        return trial.suggest_float("x", 0, 1)
    return trial.suggest_int("y", 0, 9) / 9


def params_of(sampler: LaNASSampler, objective: Objective, n_trials: int = 9) -> Params:
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("of", [objective, constant_objective, conditional_objective])
def test_the_same_seed_gives_the_same_study(
    make: Callable[[int | None], LaNASSampler], of: Objective
) -> None:
    assert params_of(make(1), of) == params_of(make(1), of)


def test_another_seed_gives_another_study(make: Callable[[int | None], LaNASSampler]) -> None:
    assert params_of(make(1), objective) != params_of(make(2), objective)
    assert params_of(make(None), objective) != params_of(make(None), objective)


def test_reseeding_changes_the_draws(make: Callable[[int | None], LaNASSampler]) -> None:
    sampler = make(1)
    sampler.reseed_rng()
    assert params_of(sampler, objective) != params_of(make(1), objective)


class Listening(RandomSampler):
    """Keeps the names of its hooks in the order in which they were called."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.calls: list[str] = []
        self.told: list[tuple[TrialState, Any]] = []

    def reseed_rng(self) -> None:
        self.calls.append("reseed")
        super().reseed_rng()

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.calls.append("before")

    def sample_independent(self, *arguments: Any) -> Any:
        self.calls.append("sample")
        return super().sample_independent(*arguments)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any
    ) -> None:
        self.calls.append("after")
        self.told.append((state, values))


def test_reseeding_reaches_the_independent_sampler() -> None:
    independent = Listening()
    LaNASSampler(independent_sampler=independent).reseed_rng()
    assert independent.calls == ["reseed"]


PROCESS = """
import optuna
from optuna_lanas import LaNASSampler
from tests.test_reproducible import SAMPLERS, objective, params_of
optuna.logging.set_verbosity(optuna.logging.ERROR)
for name in SAMPLERS:
    print(params_of(SAMPLERS[name](1), objective))
"""


@pytest.mark.slow
def test_the_same_seed_gives_the_same_study_in_another_process() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROCESS],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env=environment,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate()[0] for process in processes]
    here = [params_of(make(1), objective) for make in SAMPLERS.values()]
    for output in outputs:
        assert output.splitlines() == [str(params) for params in here]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copied_or_pickled_sampler_suggests_the_same(
    make: Callable[[int | None], LaNASSampler], duplicate: Callable[[LaNASSampler], LaNASSampler]
) -> None:
    sampler = make(3)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=8)
    twin = optuna.create_study(sampler=duplicate(sampler))
    twin.add_trials(study.trials)
    for each in (study, twin):
        each.optimize(objective, n_trials=4)
    assert [t.params for t in study.trials] == [t.params for t in twin.trials]


def test_a_resumed_study_equals_an_uninterrupted_one(
    make: Callable[[int | None], LaNASSampler], storage: optuna.storages.BaseStorage
) -> None:
    study = optuna.create_study(storage=storage, study_name="s", sampler=make(3))
    study.optimize(objective, n_trials=7)
    resumed = optuna.load_study(storage=storage, study_name="s", sampler=make(3))
    resumed.optimize(objective, n_trials=3)
    assert [t.params for t in resumed.trials] == params_of(make(3), objective, 10)


def test_hooks_of_the_independent_sampler_are_called() -> None:
    independent = Listening()
    study = optuna.create_study(sampler=LaNASSampler(independent_sampler=independent))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    # x was new to the first trial alone
    assert independent.calls == ["before", "sample", "after", *(2 * ["before", "after"])]
    assert independent.told == [(TrialState.COMPLETE, [trial.value]) for trial in study.trials]

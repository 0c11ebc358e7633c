"""What a sampler remembers of a study only saves time: forgetting it changes no suggestion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import gc
import math
import pickle
import random
from typing import Any
import weakref

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import optuna
from optuna.study import StudyDirection
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from tests.studies import default


N_TRIALS = 12
Objective = Callable[[Trial, random.Random], Any]


def single(trial: Trial, rng: random.Random) -> float:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_int("y", 0, 20)
    return x * y + (trial.suggest_categorical("c", "abc") == "b") + rng.choice([0.0, 0.5])


def several(trial: Trial, rng: random.Random) -> tuple[float, float]:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return x + rng.random(), (1 - x) ** 2 + y


def infinite(trial: Trial, rng: random.Random) -> float:
    x = trial.suggest_float("x", 0, 1)
    return rng.choice([math.inf, -math.inf, math.nan, x, x + 1e200, 1.0])


def pruned(trial: Trial, rng: random.Random) -> float:
    x = trial.suggest_float("x", 0, 1)
    trial.report(x, rng.randrange(3))
    if rng.random() < 0.5:
        raise optuna.TrialPruned
    return x * rng.random()


def constrained(trial: Trial, rng: random.Random) -> float:
    x = trial.suggest_float("x", 0, 1)
    constraints = [rng.random() - 0.6]
    trial.study._storage.set_trial_system_attr(trial._trial_id, "constraints", constraints)
    return x


def conditional(trial: Trial, rng: random.Random) -> float:
    if trial.suggest_categorical("which", "ab") == "a":
        return trial.suggest_float("x", 0, 1)
    return sum(trial.suggest_int(f"n{i}", 0, 5) for i in range(trial.suggest_int("n", 1, 3)))


def changing(trial: Trial, rng: random.Random) -> float:
    x = trial.suggest_float("x", 0, rng.choice([0.5, 1.0, 2.0]))
    return x + trial.suggest_int("i", 0, 3 + trial.number // 8)


OBJECTIVES: dict[str, Objective] = {
    "single": single,
    "several": several,
    "infinite": infinite,
    "pruned": pruned,
    "constrained": constrained,
    "conditional": conditional,
    "changing": changing,
}
SAMPLERS: dict[str, Callable[[], LaNASSampler]] = {
    "default": lambda: default(n_startup_trials=2, min_samples_leaf=2),
    "paper": lambda: LaNASSampler.paper(seed=0, n_startup_trials=2, n_select=3),
}


def params(
    make: Callable[[], LaNASSampler], objective: Objective, forgets: list[bool], seed: int
) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    directions = [StudyDirection.MINIMIZE] * (2 if objective is several else 1)
    study = optuna.create_study(directions=directions, sampler=make())
    running: list[Trial] = []
    for forget in forgets:
        if forget:
            study.sampler = make()
        running.append(study.ask())
        trial = running.pop(rng.randrange(len(running)))  # others go on running
        try:
            study.tell(trial, objective(trial, rng), skip_if_finished=True)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except ValueError:  # Optuna's, of a result that is not a number
            study.tell(trial, state=TrialState.FAIL)
        if rng.random() < 0.3:
            running.append(study.ask())
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@settings(max_examples=1)
@given(
    forgets=st.lists(st.booleans(), min_size=N_TRIALS, max_size=N_TRIALS),
    seed=st.integers(0, 1000),
)
def test_forgetting_changes_no_suggestion(
    objective: str, make: str, forgets: list[bool], seed: int
) -> None:
    check(objective, make, forgets, seed)


@pytest.mark.slow
@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@settings(max_examples=30)
@given(forgets=st.lists(st.booleans(), min_size=60, max_size=60), seed=st.integers(0, 1000))
def test_forgetting_changes_no_suggestion_in_longer_studies(
    objective: str, make: str, forgets: list[bool], seed: int
) -> None:
    check(objective, make, forgets, seed)


def check(objective: str, make: str, forgets: list[bool], seed: int) -> None:
    of, sampler = OBJECTIVES[objective], SAMPLERS[make]
    remembered = params(sampler, of, [False] * len(forgets), seed)
    assert params(sampler, of, forgets, seed) == remembered


def interleaved(make: Callable[[], LaNASSampler], sharing: bool) -> list[list[dict[str, Any]]]:
    """Params of two studies of different objectives, one trial each in turn."""
    shared = make()
    studies = [optuna.create_study(sampler=shared if sharing else make()) for _ in range(2)]
    rngs = [random.Random(0), random.Random(1)]
    objectives = [partial(single, rng=rngs[0]), partial(conditional, rng=rngs[1])]
    for _ in range(N_TRIALS):
        for study, objective in zip(studies, objectives, strict=True):
            study.optimize(objective, n_trials=1)
    return [[trial.params for trial in study.trials] for study in studies]


@pytest.mark.parametrize("make", SAMPLERS)
def test_a_sampler_of_two_studies_suggests_to_each_as_one_of_its_own(make: str) -> None:
    assert interleaved(SAMPLERS[make], sharing=True) == interleaved(SAMPLERS[make], sharing=False)


def test_what_is_remembered_is_not_pickled() -> None:
    sampler = LaNASSampler(seed=0)
    fresh = len(pickle.dumps(sampler))
    optuna.create_study(sampler=sampler).optimize(lambda t: t.suggest_float("x", 0, 1), 15)
    assert len(pickle.dumps(sampler)) == fresh


def test_a_sampler_keeps_nothing_of_a_study_that_is_gone() -> None:
    sampler = LaNASSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), 12)
    storage = weakref.ref(study._storage)
    trial = weakref.ref(study.get_trials(deepcopy=False)[5])
    assert storage() is not None
    assert trial() is not None
    del study
    gc.collect()
    assert storage() is None
    assert trial() is None

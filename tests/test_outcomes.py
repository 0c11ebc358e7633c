"""What the results of trials teach: objectives, constraints, pruned, failed and infinite ones."""

from __future__ import annotations

import math
import warnings

import numpy as np
import optuna
from optuna.storages import BaseStorage
from optuna.storages import RetryFailedTrialCallback
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from tests.studies import configurations
from tests.studies import default
from tests.studies import Make
from tests.studies import study_of


# Several objectives


def test_several_objectives_share_a_study_without_repeats(
    make: Make, storage: BaseStorage
) -> None:
    study = study_of(make(), storage, directions=["minimize", "maximize"])
    study.optimize(
        lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("n", 0, 9) - t.params["x"]),
        n_trials=10,
    )
    assert study.best_trials
    assert len(set(configurations(study))) == 10


@pytest.mark.slow
def test_a_front_is_spread() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x + y, (1 - x) ** 2 + y

    study = optuna.create_study(sampler=default(), directions=["minimize", "minimize"])
    study.optimize(objective, n_trials=50)
    front = np.array([trial.params["x"] for trial in study.best_trials])
    assert len(front) > 8
    assert np.ptp(front) > 0.5


# Constraints


@pytest.mark.skipif(
    not hasattr(Trial, "set_constraint"), reason="`set_constraint` is new in Optuna 5"
)
def test_constraints_of_the_trial_are_kept(storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("least", 0.5 - x)
        return x

    study = study_of(default(), storage)
    study.optimize(objective, n_trials=20)
    assert np.mean([trial.params["x"] >= 0.5 for trial in study.trials[5:]]) > 0.6
    assert study.best_value < 0.6


def test_the_answers_of_constraints_func_are_stored_and_kept(storage: BaseStorage) -> None:
    sampler = default(constraints_func=lambda trial: (0.5 - trial.params["x"],))
    study = study_of(sampler, storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    for trial in study.trials:
        assert trial.system_attrs["constraints"] == [0.5 - trial.params["x"]]
    assert np.mean([trial.params["x"] >= 0.5 for trial in study.trials[5:]]) > 0.6


def test_a_constraint_that_is_not_a_number_is_told() -> None:
    study = optuna.create_study(sampler=default(constraints_func=lambda trial: (math.nan,)))
    with pytest.raises(ValueError, match="`constraints_func` must return numbers"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


@pytest.mark.slow
def test_several_objectives_find_what_is_feasible_as_soon_as_one() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        xs = [trial.suggest_int(f"x{i}", 0, 9) for i in range(8)]
        trial.set_user_attr("violation", float(sum(xs) - 9))
        return float(sum(xs[:4])), float(sum(xs[4:]))

    least = []
    for seed in range(6):
        sampler = LaNASSampler(seed=seed, constraints_func=lambda t: [t.user_attrs["violation"]])
        study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        study.optimize(objective, n_trials=35)
        least.append(min(t.user_attrs["violation"] for t in study.trials))
    assert np.median(least) <= 0  # a random draw is feasible with probability 0.0002


# Pruned trials


@pytest.mark.parametrize(
    "pruner",
    [
        optuna.pruners.MedianPruner(n_startup_trials=2),
        optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9),
        optuna.pruners.SuccessiveHalvingPruner(),
    ],
    ids=lambda pruner: type(pruner).__name__,
)
def test_trials_are_pruned_or_complete_and_none_fails(
    make: Make, pruner: optuna.pruners.BasePruner
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 5:
            trial.suggest_float("late", 0, 1)
        for step in range(1, 4):
            trial.report(x / step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    name = "pruned"  # by which Hyperband draws the brackets
    study = optuna.create_study(sampler=make(), pruner=pruner, study_name=name)
    study.optimize(objective, n_trials=20)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_what_is_pruned_is_left(storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x > 0.3:
            trial.report(x, 1)
            raise optuna.TrialPruned
        return x

    study = study_of(default(), storage)
    study.optimize(objective, n_trials=25)
    assert np.mean([trial.params["x"] < 0.3 for trial in study.trials[-15:]]) > 0.7


@pytest.mark.slow
def test_pruned_trials_are_ordered_by_their_violation() -> None:
    def objective(trial: optuna.Trial) -> float:
        size = sum(trial.suggest_int(f"x{i}", 0, 9) for i in range(6))
        trial.set_user_attr("size", size)
        if size > 10:
            raise optuna.TrialPruned
        return -size

    n_complete = []
    for seed in range(6):
        sampler = LaNASSampler(seed=seed, constraints_func=lambda t: [t.user_attrs["size"] - 10])
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=40)
        n_complete.append(sum(t.state == TrialState.COMPLETE for t in study.trials))
    assert np.median(n_complete) >= 5  # of random draws one in 125 is


@pytest.mark.slow
@pytest.mark.parametrize(
    "pruner",
    [optuna.pruners.SuccessiveHalvingPruner(1, 3), optuna.pruners.HyperbandPruner(1, 27, 3)],
    ids=lambda pruner: type(pruner).__name__,
)
def test_early_pruning_leaves_the_lead_over_tpe(pruner: optuna.pruners.BasePruner) -> None:
    def best(sampler: optuna.samplers.BaseSampler, seed: int) -> float:
        def objective(trial: Trial) -> float:
            loss = sum((trial.suggest_float(f"x{i}", 0, 1) - 0.4) ** 2 for i in range(4))
            for step in range(1, 28):
                trial.report(2.0 * loss + 1.0 / step, step)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return loss

        study = optuna.create_study(sampler=sampler, pruner=pruner, study_name=f"seed {seed}")
        study.optimize(objective, n_trials=100)
        return study.best_value

    ours = [best(LaNASSampler(seed=seed), seed) for seed in range(6)]
    theirs = [best(optuna.samplers.TPESampler(seed=seed), seed) for seed in range(6)]
    assert np.median(ours) < 0.5 * np.median(theirs)


# Failed trials, infinite values


@pytest.mark.slow
def test_crashes_at_random_do_no_harm() -> None:
    def best(sampler: optuna.samplers.BaseSampler, seed: int) -> float:
        def objective(trial: Trial) -> float:
            xs = [trial.suggest_float(f"x{i}", 0, 1) for i in range(4)]
            if np.random.default_rng([seed, trial.number]).random() < 0.2:
                raise MemoryError
            return sum((x - 0.4) ** 2 for x in xs)

        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=70, catch=MemoryError)
        return study.best_value

    ours = [best(LaNASSampler(seed=seed), seed) for seed in range(6)]
    theirs = [best(optuna.samplers.TPESampler(seed=seed), seed) for seed in range(6)]
    assert np.median(ours) < 0.5 * np.median(theirs)


@pytest.mark.slow
def test_failed_trials_are_left_if_they_count_as_the_worst() -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x < 0.5:
            raise MemoryError
        return x

    shares = []
    for consider in (True, False):
        study = optuna.create_study(sampler=default(consider_failed_trials=consider))
        study.optimize(objective, n_trials=40, catch=MemoryError)
        late = study.trials[-25:]
        shares.append(np.mean([trial.state == TrialState.FAIL for trial in late]))
    assert shares[0] < 0.4
    assert shares[0] < shares[1]


@pytest.mark.parametrize("consider", [True, False])
def test_failures_alone_are_not_repeated(storage: BaseStorage, consider: bool) -> None:
    study = study_of(default(consider_failed_trials=consider), storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * math.nan, n_trials=8)
    assert len(set(configurations(study))) == 8


VALUES = [math.inf, -math.inf, 1e308, -1e308, 0.0, 1e-320, 1.0, 1.0, 1.0, math.nan]


def test_infinite_huge_and_equal_values_warn_of_nothing(make: Make, storage: BaseStorage) -> None:
    study = study_of(make(), storage)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        study.optimize(
            lambda trial: (trial.suggest_float("x", 0, 1), VALUES[trial.number % 10])[1],
            n_trials=14,
        )
    assert len(set(configurations(study))) == 14


def test_infinite_objectives_warn_of_nothing(make: Make) -> None:
    study = optuna.create_study(sampler=make(), directions=["minimize", "maximize"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        study.optimize(
            lambda t: (VALUES[t.number % 9], -VALUES[t.number % 4] * t.suggest_float("x", 0, 1)),
            n_trials=15,
        )
    assert len(set(configurations(study))) == 15


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:RetryFailedTrialCallback:FutureWarning")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_trials_that_are_tried_again_after_their_worker_died_are_no_failures() -> None:
    """Each is tried with its old params, and the search is no worse than one without deaths."""
    retry = RetryFailedTrialCallback(max_retry=2)

    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        return (x - 0.3) ** 2 + 0.3 * trial.suggest_categorical("k", [2, 1, 0])

    study = optuna.create_study(sampler=default())
    for number in range(45):
        trial = study.ask()
        value = objective(trial)
        if number % 3 == 1:  # its worker dies
            failed = study.tell(trial, state=TrialState.FAIL)
            retry(study, failed)
        else:
            study.tell(trial, value)
    again = [(t, retry.retried_trial_number(t)) for t in study.trials]
    retried = [(t, study.trials[n]) for t, n in again if n is not None]
    assert len(retried) >= 14
    assert all(trial.params == first.params for trial, first in retried if trial.params)
    assert study.best_value < 1e-3

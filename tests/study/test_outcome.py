"""What results are worth: one number per trial, in the order of the outcomes."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import FAILED
from optuna_lanas._study.outcome import INFEASIBLE
from optuna_lanas._study.outcome import LIMIT
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.outcome import PRUNED
from optuna_lanas._study.outcome import to_values
from optuna_lanas._study.outcome import total_violation


MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
ANY_FLOAT = st.floats(allow_nan=False)


def pruned(reports: dict[int, float]) -> FrozenTrial:
    return create_trial(state=TrialState.PRUNED, intermediate_values=reports)


def values_of(trials: list[FrozenTrial], direction: StudyDirection) -> np.ndarray:
    outcomes = [outcome_of(trial, [direction]) for trial in trials]
    values = np.zeros((len(trials), 2))
    for own, outcome in zip(values, outcomes, strict=True):
        assert outcome is not None
        own[: len(outcome.values)] = outcome.values
    kinds = np.array([outcome.kind for outcome in outcomes if outcome is not None])
    return to_values(kinds, values[:, 0], values)


@pytest.mark.parametrize("direction", [MINIMIZE, MAXIMIZE])
def test_outcomes_from_best_to_worst(direction: StudyDirection) -> None:
    sign = 1.0 if direction == MAXIMIZE else -1.0
    violated = {"constraints": [0.0, -5.0, 1.0]}
    trials = [
        create_trial(value=sign * 3.0),
        create_trial(value=sign * 2.0, system_attrs={"constraints": [0.0, -1.0]}),
        create_trial(value=sign * -9.0),
        pruned({1: 0.0, 7: sign * 2.0}),
        pruned({7: sign * 1.0, 1: sign * 99.0}),
        pruned({7: math.nan}),
        pruned({3: sign * 50.0}),
        pruned({}),
        create_trial(value=sign * 99.0, system_attrs=violated),
        create_trial(value=sign * 100.0, system_attrs={"constraints": [1.0, 1.0]}),
        create_trial(value=sign * 100.0, system_attrs={"constraints": [math.inf]}),
        create_trial(state=TrialState.FAIL),
    ]
    result = values_of(trials, direction)
    assert (np.diff(result) < 0).all()
    assert np.isfinite(result).all()


@given(st.lists(ANY_FLOAT, min_size=1, max_size=20), st.booleans())
def test_complete_outcomes_keep_the_order_of_values(values: list[float], maximize: bool) -> None:
    trials = [create_trial(value=value) for value in values]
    result = values_of(trials, MAXIMIZE if maximize else MINIMIZE)
    assert np.isfinite(result).all()
    assert (np.abs(result) <= LIMIT).all()
    order = np.argsort(values, kind="stable")
    steps = np.diff(result[order]) * (1.0 if maximize else -1.0)
    assert (steps >= 0).all()
    moderate = np.abs(np.array(values)) < LIMIT
    np.testing.assert_array_equal(
        result[moderate], np.array(values)[moderate] * (1.0 if maximize else -1.0)
    )


@given(st.lists(st.tuples(st.integers(0, 3), ANY_FLOAT, ANY_FLOAT), min_size=1, max_size=20))
def test_values_are_finite_and_ordered_by_kind(outcomes: list[tuple[int, float, float]]) -> None:
    kinds = np.array([kind for kind, _, _ in outcomes])
    values = np.array([own[1:] for own in outcomes])
    result = to_values(kinds, values[:, 0], values)
    assert np.isfinite(result).all()
    for better in (COMPLETE, PRUNED, INFEASIBLE):
        if (kinds == better).any() and (kinds > better).any():
            assert result[kinds == better].min() > result[kinds > better].max()


def test_constraints_are_summed_where_they_are_violated() -> None:
    assert total_violation(create_trial(value=0.0)) == 0.0
    old = create_trial(value=0.0, system_attrs={"constraints": [-3.0, 0.5, 2.0]})
    assert total_violation(old) == 2.5
    assert total_violation(create_trial(value=0.0, system_attrs={"constraints": None})) == 0.0
    unknown = create_trial(value=0.0, system_attrs={"constraints": [math.nan]})
    assert total_violation(unknown) == math.inf


@pytest.mark.skipif(not hasattr(optuna.trial.Trial, "set_constraint"), reason="new in Optuna 5")
def test_constraints_of_optuna_5() -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.set_constraint("a", -1.0)
        trial.set_constraint("b", 0.75)
        return 0.0

    study = optuna.create_study()
    study.optimize(objective, n_trials=1)
    assert total_violation(study.trials[0]) == 0.75


@pytest.mark.parametrize(
    ("trial", "kind"),
    [
        (create_trial(value=1.0), COMPLETE),
        (create_trial(state=TrialState.PRUNED), PRUNED),
        (create_trial(state=TrialState.FAIL), FAILED),
        (create_trial(value=1.0, system_attrs={"constraints": [1e-9]}), INFEASIBLE),
    ],
)
def test_kinds(trial: FrozenTrial, kind: int) -> None:
    outcome = outcome_of(trial, [MINIMIZE])
    assert outcome is not None
    assert outcome.kind == kind


def test_a_complete_trial_without_a_value_has_no_outcome() -> None:
    trial = create_trial(value=1.0)
    trial.values = None
    assert outcome_of(trial, [MINIMIZE]) is None


def test_several_objectives_are_all_to_be_maximised() -> None:
    outcome = outcome_of(create_trial(values=[1.0, 2.0]), [MINIMIZE, MAXIMIZE])
    assert outcome is not None
    assert outcome.values == (-1.0, 2.0)


@pytest.mark.parametrize("key", ["constraints", "constraints:a"])
@pytest.mark.parametrize("foreign", ["abc", None, 3, [None], ["a"], {"a": "b"}, [[1.0]], [{}]])
def test_foreign_attributes_are_no_constraints(key: str, foreign: Any) -> None:
    is_number = key == "constraints:a" and foreign == 3 and hasattr(FrozenTrial, "constraints")
    trial = create_trial(value=1.0, system_attrs={key: foreign})
    assert total_violation(trial) == (3.0 if is_number else 0.0)


def test_giant_constraints_are_infinite() -> None:
    trial = create_trial(value=1.0, system_attrs={"constraints": [-(10**400), 10**400]})
    assert total_violation(trial) == math.inf

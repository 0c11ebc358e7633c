"""What results are worth: one number per trial, in the order of the outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from datetime import timezone
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

from optuna_lanas._study.outcome import Clock
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import FAILED
from optuna_lanas._study.outcome import INFEASIBLE
from optuna_lanas._study.outcome import LIMIT
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.outcome import PRUNED
from optuna_lanas._study.outcome import to_values
from optuna_lanas._study.outcome import total_violation
from optuna_lanas._study.published import KEY


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


BEGIN = datetime(2026, 3, 8)


def stored(
    starts: Sequence[float | None], seconds: float = 1.0, is_asked: bool = True
) -> list[FrozenTrial]:
    """Trials whose workers stored these starts, in seconds, and ends."""
    trials = []
    for number, start in enumerate(starts):
        trial = create_trial(value=0.0, system_attrs={KEY: "{}"} if is_asked else {})
        trial.number = number
        trial.datetime_start = None if start is None else BEGIN + timedelta(seconds=start)
        end = None if start is None else BEGIN + timedelta(seconds=start + seconds)
        trial.datetime_complete = end
        trials.append(trial)
    return trials


def starts_by_one_clock(starts: Sequence[float]) -> list[float]:
    """The starts that a clock takes these to be, from the first one on."""
    clock, trials = Clock(), stored(starts)
    assert all(clock.read(trial) for trial in trials)
    found = [clock.times(trial)[1] for trial in trials]
    return [start - found[0] + starts[0] for start in found]


def test_starts_in_order_are_taken_as_they_are_stored() -> None:
    starts = [0.0, 0.0, 1.0, 0.99, 5.0, 86400.0]
    assert starts_by_one_clock(starts) == pytest.approx(starts, abs=1e-5)


@pytest.mark.parametrize("ahead", [3600.0, 0.5, 43200.0])
def test_a_clock_behind_another_is_set_by_it(ahead: float) -> None:
    true = [float(i) for i in range(40)]
    starts = [start + ahead * (i % 2) for i, start in enumerate(true)]
    found = starts_by_one_clock(starts)[2:]
    assert found == pytest.approx([start + ahead for start in true[2:]], abs=1.001)
    assert found == sorted(found)


@given(
    starts=st.lists(st.tuples(st.floats(0, 100), st.sampled_from([-3600, 0, 7200])), max_size=50)
)
def test_no_start_lies_before_that_of_a_lower_number(starts: list[tuple[float, int]]) -> None:
    clock, trials = Clock(), stored([start + ahead for start, ahead in starts])
    assert all(clock.read(trial) for trial in trials)
    found = np.array([clock.times(trial)[1] for trial in trials])
    assert (found >= np.maximum.accumulate(found) - 0.021).all()
    again = [clock.times(trial) for trial in trials]
    assert all(clock.read(trial) for trial in trials)  # once only
    assert [clock.times(trial) for trial in trials] == again


def test_a_start_that_is_known_late_is_not_read() -> None:
    clock, trials = Clock(), stored([None, 5.0])
    assert all(clock.read(trial) for trial in trials)
    assert clock.times(trials[0]) == (0, 0.0, 0.0, 0.0)
    assert not clock.read(stored([6.0])[0])
    assert clock.read(trials[1])


def test_the_place_of_a_trial_is_its_end_if_it_was_asked_for() -> None:
    for is_asked, seconds in ((True, 7.0), (False, 0.0)):
        (trial,) = stored([5.0], 7.0, is_asked)
        clock = Clock()
        clock.read(trial)
        _, start, end, place = clock.times(trial)
        assert end - start == 7.0
        assert place == start + seconds


def test_a_trial_does_not_end_before_its_start() -> None:
    """As it may where summer time ends."""
    (trial,) = stored([5.0], -3000.0)
    clock = Clock()
    clock.read(trial)
    _, start, end, _ = clock.times(trial)
    assert start == end


def test_times_may_name_their_zone() -> None:
    (trial,) = stored([5.0])
    assert trial.datetime_start is not None
    trial.datetime_start = trial.datetime_start.replace(tzinfo=timezone.utc)
    clock = Clock()
    clock.read(trial)
    _, start, end, _ = clock.times(trial)
    assert end - start == 1.0

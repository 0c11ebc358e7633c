"""What results are worth: order of outcomes, dominance, weights."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas._core.pareto import add_dominance
from optuna_lanas._core.pareto import weighted_scores
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import FAILED
from optuna_lanas._study.outcome import INFEASIBLE
from optuna_lanas._study.outcome import LIMIT
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.outcome import PRUNED
from optuna_lanas._study.outcome import scores
from optuna_lanas._study.outcome import total_violation


MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
ANY_FLOAT = st.floats(allow_nan=False)


def pruned(reports: dict[int, float]) -> FrozenTrial:
    return create_trial(state=TrialState.PRUNED, intermediate_values=reports)


def score_all(trials: list[FrozenTrial], direction: StudyDirection) -> np.ndarray:
    outcomes = [outcome_of(trial, [direction]) for trial in trials]
    values = np.zeros((len(trials), 2))
    for row, outcome in zip(values, outcomes, strict=True):
        assert outcome is not None
        row[: len(outcome.values)] = outcome.values
    kinds = np.array([outcome.kind for outcome in outcomes if outcome is not None])
    return scores(kinds, values[:, 0], values)


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
    result = score_all(trials, direction)
    assert (np.diff(result) < 0).all()
    assert np.isfinite(result).all()


@given(st.lists(ANY_FLOAT, min_size=1, max_size=20), st.booleans())
def test_complete_scores_keep_the_order_of_values(values: list[float], maximize: bool) -> None:
    trials = [create_trial(value=value) for value in values]
    result = score_all(trials, MAXIMIZE if maximize else MINIMIZE)
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
def test_scores_are_finite_and_ordered_by_kind(rows: list[tuple[int, float, float]]) -> None:
    kinds = np.array([kind for kind, _, _ in rows])
    values = np.array([row[1:] for row in rows])
    result = scores(kinds, values[:, 0], values)
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


@given(
    rows=st.lists(st.tuples(*[st.sampled_from([-math.inf, 0.0, 1.0, 2.0])] * 2), max_size=12),
    n_at_once=st.integers(0, 12),
    max_pairs=st.sampled_from([1, 30]),
)
def test_dominance_is_counted_as_defined(rows: Any, n_at_once: int, max_pairs: int) -> None:
    objectives = np.array(rows, dtype=float).reshape(-1, 2)
    counts = np.zeros(len(rows))
    n_at_once = min(n_at_once, len(rows))
    with patch("optuna_lanas._core.pareto.MAX_PAIRS", max_pairs):
        add_dominance(counts[:n_at_once], objectives[:n_at_once], n_at_once)
        for n in range(n_at_once + 1, len(rows) + 1):
            add_dominance(counts[:n], objectives[:n])
    for i, row in enumerate(objectives):
        dominating = [(other >= row).all() and (other > row).any() for other in objectives]
        assert counts[i] == sum(dominating)


def test_weighted_scores_rise_with_every_objective() -> None:
    rng = np.random.default_rng(0)
    objectives = rng.random((30, 3))
    is_front = np.array([
        not ((objectives >= row).all(axis=1) & (objectives > row).any(axis=1)).any()
        for row in objectives
    ])  # fmt: skip
    for seed in range(20):
        weighted = weighted_scores(objectives, is_front, np.random.default_rng(seed))
        for i, row in enumerate(objectives):
            dominated = (objectives <= row).all(axis=1)
            assert (weighted[dominated] <= weighted[i] + 1e-12).all()


def test_different_weights_favour_different_parts_of_the_front() -> None:
    x = np.linspace(0.0, 1.0, 21)
    objectives = np.column_stack([x, 1.0 - x**2])
    best = {
        int(np.argmax(weighted_scores(objectives, np.ones(21, bool), np.random.default_rng(seed))))
        for seed in range(50)
    }
    assert len(best) > 8
    assert min(best) < 5
    assert max(best) > 15


@pytest.mark.parametrize("tiny", [5e-324, 1e-200, 0.0])
def test_objectives_next_to_each_other_are_no_danger(tiny: float) -> None:
    objectives = np.array([[0.0, tiny], [-1.0, 0.0], [0.0, -5.0], [-2.0, -LIMIT]])
    is_front = np.array([True, False, False, False])
    for seed in range(5):
        weighted = weighted_scores(objectives, is_front, np.random.default_rng(seed))
        assert np.isfinite(weighted).all()
        assert np.argmax(weighted) == 0

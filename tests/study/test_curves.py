"""What pruned trials are expected to have ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import math
import warnings

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.curves import fit_curves
from optuna_lanas._study.curves import Forecasts
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import PRUNED


Reports = Mapping[int, float]


def complete(value: float, reports: Reports) -> FrozenTrial:
    return create_trial(value=value, intermediate_values=dict(reports))


def pruned(reports: Reports) -> FrozenTrial:
    return create_trial(state=TrialState.PRUNED, intermediate_values=dict(reports))


def forecast(
    trials: list[FrozenTrial],
    *,
    sign: float = 1.0,
    forecasts: Forecasts | None = None,
    max_rungs: int = DEFAULT.max_rungs,
) -> tuple[np.ndarray, np.ndarray]:
    is_complete = [trial.state == TrialState.COMPLETE for trial in trials]
    kinds = np.where(is_complete, COMPLETE, PRUNED)
    finals = [sign * trial.value if ok else 0.0 for trial, ok in zip(trials, is_complete)]  # type: ignore[operator] # noqa: B905
    settings = replace(DEFAULT, max_rungs=max_rungs)
    return (forecasts or Forecasts()).read(trials, kinds, np.array(finals), sign, settings)


def curve(final: float, n_steps: int, slope: float = 1.0) -> dict[int, float]:
    """Reports that lie on a line of the final value at each step."""
    return {step: final / slope - 1.0 / step for step in range(1, n_steps + 1)}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("n_complete", [1, 4])
def test_curves_that_differ_by_a_constant_are_foretold_exactly(
    sign: float, n_complete: int
) -> None:
    """Though no two trials were pruned at the same step."""
    trials = [
        complete(sign * final, {s: sign * v for s, v in curve(final, 9).items()})
        for final in (3.0, 1.0, 2.0, 2.5)[:n_complete]
    ]
    trials += [
        pruned({s: sign * v for s, v in curve(final, n).items()})
        for n, final in enumerate([0.5, -1.0, 0.7, 0.1], start=1)
    ]
    expected, _ = forecast(trials, sign=sign)
    assert np.isnan(expected[:n_complete]).all()
    np.testing.assert_allclose(expected[n_complete:], [0.5, -1.0, 0.7, 0.1])


def test_more_trials_teach_the_slope_and_that_it_is_certain() -> None:
    finals = np.random.default_rng(0).uniform(0.0, 1.0, 400)

    def of(n: int) -> tuple[float, float]:
        trials = [complete(final, curve(final, 9, slope=10.0)) for final in finals[:n]]
        expected, error = forecast([pruned(curve(0.4, 2, slope=10.0)), *trials])
        return abs(expected[0] - 0.4), error[0]

    few, many = of(5), of(400)
    assert many[0] < 0.02
    assert many[0] < few[0]
    assert many[1] < 0.05
    assert many[1] < few[1]


def test_reports_that_tell_nothing_are_worth_the_mean_and_its_spread() -> None:
    rng = np.random.default_rng(0)
    finals = rng.standard_normal(400)
    trials = [complete(final, {1: rng.standard_normal()}) for final in finals]
    expected, error = forecast([pruned({1: 2.0}), pruned({1: -2.0}), *trials])
    np.testing.assert_allclose(expected[:2], finals.mean(), atol=0.3)
    np.testing.assert_allclose(error[:2], finals.std(), rtol=0.1)


def test_what_is_far_below_at_a_step_does_not_bend_the_line() -> None:
    finals = np.linspace(0.0, 1.0, 20)
    trials = [complete(final, {1: final}) for final in finals]
    trials += [complete(-1.0, {1: -1e9}), complete(-2.0, {1: -1e12})]
    expected, _ = forecast([pruned({1: 0.3}), *trials])
    assert expected[0] == pytest.approx(0.3, abs=0.01)


def test_no_trial_is_expected_to_exceed_the_best() -> None:
    trials = [complete(1.0, {1: 0.0}), complete(2.0, {1: 1.0}), pruned({1: 9.0})]
    assert forecast(trials)[0][-1] == 2.0


@pytest.mark.parametrize(
    "trials",
    [
        [pruned({1: 1.0}), pruned({2: 1.0})],
        [complete(1.0, {}), pruned({1: 1.0})],
        [complete(1.0, {5: 1.0}), pruned({1: 1.0})],
        [complete(1.0, {1: 1.0}), pruned({})],
        [complete(1.0, {1: 1.0}), pruned({1: math.nan}), pruned({1: -math.inf})],
        [complete(math.inf, {1: 1.0}), pruned({1: 1.0})],
        [complete(1.0, {1: math.nan}), pruned({1: 1.0})],
    ],
)
def test_nothing_is_expected_where_no_trial_went_further_or_nothing_was_reported(
    trials: list[FrozenTrial],
) -> None:
    assert np.isnan(forecast(trials)).all()


def test_reports_at_other_steps_count_from_the_step_before() -> None:
    trials = [complete(final, {4: final - 3.0, 90: final}) for final in (1.0, 2.0)]
    expected, _ = forecast([*trials, pruned({7: -4.0})])
    assert expected[-1] == pytest.approx(-1.0)


def test_steps_may_be_greater_than_every_float() -> None:
    far = 10**400
    trials = [complete(1.0, {0: 0.5, far: 0.7}), pruned({0: 0.0, far: 0.2}), pruned({0: 0.1})]
    np.testing.assert_allclose(forecast(trials)[0][1:], [0.5, 0.6])


def test_many_steps_share_a_bounded_number_of_rungs() -> None:
    trials = [complete(1.0, curve(1.0, 200)), *(pruned(curve(0.5, n)) for n in range(1, 150))]
    kinds = np.array([COMPLETE] + [PRUNED] * 149)
    settings = replace(DEFAULT, max_rungs=7)
    curves = fit_curves(trials, kinds, np.array([1.0] + [0.0] * 149), 1.0, settings)
    assert len(curves.rungs) == len(curves.lines) == 7
    assert curves.rungs[0] == 1
    expected, _ = forecast(trials, max_rungs=7)
    np.testing.assert_allclose(expected[1:], 0.5)


numbers = st.floats(-1e3, 1e3)
reports = st.dictionaries(st.integers(0, 5), numbers, max_size=4)
many = st.lists(st.tuples(st.booleans(), numbers, reports), min_size=1, max_size=25)


def trials_of(
    drawn: list[tuple[bool, float, dict[int, float]]], unit: float = 1.0
) -> list[FrozenTrial]:
    return [
        (complete(unit * value, scaled) if is_complete else pruned(scaled))
        for is_complete, value, told in drawn
        for scaled in [{step: unit * number for step, number in told.items()}]
    ]


@given(many, st.data())
def test_forecasts_read_step_by_step_are_those_read_at_once(
    drawn: list[tuple[bool, float, dict[int, float]]], data: st.DataObject
) -> None:
    """Also where a trial came late, before those that were read."""
    trials, forecasts = trials_of(drawn), Forecasts()
    shown: list[FrozenTrial] = []
    for trial in trials:
        shown.insert(data.draw(st.integers(0, len(shown))), trial)
        np.testing.assert_array_equal(forecast(shown, forecasts=forecasts), forecast(shown))


@given(many, st.sampled_from([2.0**-900, 0.5, 2.0**900]))
def test_forecasts_do_not_depend_on_the_unit(
    drawn: list[tuple[bool, float, dict[int, float]]], unit: float
) -> None:
    told = np.array(forecast(trials_of(drawn)))
    np.testing.assert_allclose(np.array(forecast(trials_of(drawn, unit))) / unit, told, rtol=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.floats(), st.dictionaries(
    st.integers(0, 3), st.floats(), max_size=3)), min_size=1, max_size=12))  # fmt: skip
def test_whatever_is_reported_no_expected_value_is_better_than_the_best(
    drawn: list[tuple[bool, float, dict[int, float]]],
) -> None:
    trials = trials_of([each for each in drawn if not (each[0] and math.isnan(each[1]))])
    if trials:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            expected, errors = forecast(trials)
        best = [t.value for t in trials if t.value is not None and math.isfinite(t.value)]
        assert (np.isnan(expected) == np.isnan(errors)).all()
        assert (errors[~np.isnan(errors)] >= 0.0).all()
        assert (expected[~np.isnan(expected)] <= max(best, default=0.0)).all()

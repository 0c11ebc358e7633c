"""Failed trials among failed ones tell of a region; those among others failed by chance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.failures import Failures


def stand_ins(features: np.ndarray, is_failed: np.ndarray) -> np.ndarray:
    return Failures().read(features, is_failed, DEFAULT)


def test_failures_of_a_region_are_certain_and_random_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((90, 3))
    in_region = stand_ins(features, features[:, 0] > 0.5)
    at_random = rng.random(90) < 0.2
    assert np.mean(in_region[features[:, 0] > 0.7] == -1) > 0.9
    assert np.mean(stand_ins(features, at_random)[at_random] >= 0) > 0.85


def test_a_configuration_that_succeeded_when_it_was_tried_again_failed_by_chance() -> None:
    features = np.random.default_rng(0).random((60, 3))
    again = np.vstack([features, features[:20]])
    is_failed = np.arange(80) < 60
    places = stand_ins(again, is_failed)
    assert places[:20].tolist() == list(range(60, 80))
    assert (places[40:60] == -1).mean() > 0.8


@given(st.integers(0, 9), st.integers(1, 60), st.floats(0.0, 1.0))
def test_the_stand_in_is_the_nearest_trial_that_did_not_fail(
    seed: int, n: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    features, is_failed = rng.random((n, 2)), rng.random(n) < share
    places = stand_ins(features, is_failed)
    assert (places[~is_failed] == -1).all()
    for place in np.flatnonzero(places >= 0):
        distances = np.linalg.norm(features - features[place], axis=1)
        assert places[place] == np.argmin(np.where(is_failed, np.inf, distances))


@given(st.integers(0, 9), st.integers(0, 3))
def test_failures_read_step_by_step_are_those_read_at_once(seed: int, n_late: int) -> None:
    """Also where the last trials came late, before those that were read."""
    rng = np.random.default_rng(seed)
    features, is_failed, failures = rng.random((150, 2)), rng.random(150) < 0.4, Failures()
    for n in range(90, 150, 3):
        order = np.append(np.arange(n - n_late, n), np.arange(n - n_late))
        read = failures.read(features[order], is_failed[order], DEFAULT)
        np.testing.assert_array_equal(read, stand_ins(features[order], is_failed[order]))


def test_a_lone_trial_and_failures_alone_are_certain() -> None:
    assert stand_ins(np.zeros((1, 2)), np.array([True])).tolist() == [-1]
    assert stand_ins(np.zeros((7, 2)), np.ones(7, dtype=bool)).tolist() == [-1] * 7

"""Several objectives as one number: dominance, weights."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from optuna_lanas._core.pareto import count_dominating
from optuna_lanas._core.pareto import weighted_values
from optuna_lanas._core.settings import DEFAULT


@given(
    pairs=st.lists(st.tuples(*[st.sampled_from([-math.inf, 0.0, 1.0, 2.0])] * 2), max_size=12),
    n_at_once=st.integers(0, 12),
    max_pairs=st.sampled_from([1, 30]),
)
def test_dominance_is_counted_as_defined(pairs: Any, n_at_once: int, max_pairs: int) -> None:
    objectives = np.array(pairs, dtype=float).reshape(-1, 2)
    n_at_once = min(n_at_once, len(pairs))
    counts = count_dominating(np.empty(0), objectives[:n_at_once], max_pairs)
    for n in range(n_at_once + 1, len(pairs) + 1):
        before = counts.copy()
        updated = count_dominating(counts, objectives[:n], max_pairs)
        np.testing.assert_array_equal(counts, before)
        counts = updated
    for i, own in enumerate(objectives):
        dominating = [(other >= own).all() and (other > own).any() for other in objectives]
        assert counts[i] == sum(dominating)


def test_weighted_values_rise_with_every_objective() -> None:
    rng = np.random.default_rng(0)
    objectives = rng.random((30, 3))
    is_front = count_dominating(np.empty(0), objectives) == 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        weighted = weighted_values(objectives, is_front, DEFAULT, rng)
        for i, own in enumerate(objectives):
            dominated = (objectives <= own).all(axis=1)
            assert (weighted[dominated] <= weighted[i] + 1e-12).all()


def test_different_weights_favour_different_parts_of_the_front() -> None:
    x = np.linspace(0.0, 1.0, 21)
    objectives = np.column_stack([x, 1.0 - x**2])
    is_front = np.ones(21, dtype=bool)
    best = {
        int(np.argmax(weighted_values(objectives, is_front, DEFAULT, np.random.default_rng(seed))))
        for seed in range(50)
    }
    assert len(best) > 8
    assert min(best) < 5
    assert max(best) > 15


@pytest.mark.parametrize("tiny", [5e-324, 1e-200, 0.0])
def test_objectives_next_to_each_other_are_no_danger(tiny: float) -> None:
    objectives = np.array([[0.0, tiny], [-1.0, 0.0], [0.0, -5.0], [-2.0, -1e100]])
    is_front = np.array([True, False, False, False])
    for seed in range(5):
        weighted = weighted_values(objectives, is_front, DEFAULT, np.random.default_rng(seed))
        assert np.isfinite(weighted).all()
        assert np.argmax(weighted) == 0


@pytest.mark.parametrize("exponents", [(0, -1000), (900, 3), (-1000, 1000)])
def test_weighted_values_do_not_depend_on_unit_and_origin(exponents: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    objectives = rng.integers(-1000, 1000, (30, 2)).astype(float)
    is_front = count_dominating(np.empty(0), objectives) == 0
    scaled = np.ldexp(objectives + np.array([7.0, -4096.0]), exponents)
    left, right = (
        weighted_values(own, is_front, DEFAULT, np.random.default_rng(1))
        for own in (objectives, scaled)
    )
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("penalty", [-1e10, -1e100, -1.7e308])
def test_a_few_penalties_do_not_hide_the_front(penalty: float) -> None:
    x = np.linspace(0.0, 1.0, 21)
    objectives = np.column_stack([x, 1.0 - x**2])
    objectives[:3] = penalty
    is_front = np.arange(21) >= 3
    weighted = weighted_values(objectives, is_front, DEFAULT, np.random.default_rng(0))
    assert np.isfinite(weighted).all()
    assert len(set(weighted[3:].tolist())) == 18
    assert weighted[:3].max() < weighted[3:].min()

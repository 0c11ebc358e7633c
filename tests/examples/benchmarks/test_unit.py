"""Values of a distribution as positions in [0, 1], and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from examples.benchmarks.unit import from_unit
from examples.benchmarks.unit import random_value
from examples.benchmarks.unit import to_unit


DISTRIBUTIONS: list[BaseDistribution] = [
    FloatDistribution(-3.0, 5.0),
    FloatDistribution(1e-5, 1e-1, log=True),
    FloatDistribution(0.0, 1.0, step=0.25),
    IntDistribution(1, 10),
    IntDistribution(0, 20, step=5),
    IntDistribution(16, 1024, log=True),
    CategoricalDistribution(("a", "b", None)),
    IntDistribution(4, 4),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@given(seed=st.integers(0, 1000))
def test_a_value_comes_back_from_its_position(distribution: BaseDistribution, seed: int) -> None:
    value = random_value(distribution, np.random.default_rng(seed))
    assert distribution._contains(distribution.to_internal_repr(value))
    position = to_unit(distribution, value)
    assert 0 <= position <= 1
    back = from_unit(distribution, position)
    assert back == (pytest.approx(value) if isinstance(value, float) else value)


def test_the_ends_of_a_range_are_zero_and_one() -> None:
    learning_rate = FloatDistribution(1e-5, 1e-1, log=True)
    assert from_unit(learning_rate, 0.0) == pytest.approx(1e-5)
    assert from_unit(learning_rate, 0.5) == pytest.approx(1e-3)
    assert from_unit(learning_rate, 1.0) == pytest.approx(1e-1)

"""Hypothesis strategies: distributions, values in them, domains, histories."""

from __future__ import annotations

from typing import Any
import warnings

from hypothesis import strategies as st
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._core.domain import Domain
from optuna_lanas._study.transform import make_transform


CHOICES = [None, True, 1, 1.0, 0, False, float("nan"), "1", "a", "", -3, 2.5, "True"]


@st.composite
def floats(draw: st.DrawFn) -> FloatDistribution:
    """Plain ranges up to 1e300, logarithmic ones over up to 600 orders, grids."""
    kind = draw(st.sampled_from(["plain", "log", "step"]))
    if kind == "log":
        low, high = sorted(draw(st.lists(st.floats(-300, 300), min_size=2, max_size=2)))
        return FloatDistribution(10.0**low, 10.0**high, log=True)
    if kind == "plain":
        low, high = sorted(draw(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=2)))
        return FloatDistribution(low, high)
    low = draw(st.floats(-100, 100))
    step = draw(st.sampled_from([0.1, 0.3, 0.25, 1.0, 7.0, 1e-3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the range is not divisible by the step
        return FloatDistribution(low, low + step * draw(st.integers(0, 40)), step=step)


@st.composite
def ints(draw: st.DrawFn) -> IntDistribution:
    """Small and huge ranges, logarithmic ones, grids."""
    kind = draw(st.sampled_from(["small", "huge", "log", "step"]))
    if kind == "log":
        low = draw(st.integers(1, 2**62))
        return IntDistribution(low, draw(st.integers(low, 2**62)), log=True)
    bound = 2**62 if kind == "huge" else 50
    low = draw(st.integers(-bound, bound))
    step = draw(st.integers(1, 9)) if kind == "step" else 1
    return IntDistribution(low, low + step * draw(st.integers(0, bound // step)), step=step)


def categoricals() -> st.SearchStrategy[CategoricalDistribution]:
    """One to eight choices, some of them equal to each other."""
    some = st.lists(st.sampled_from(range(len(CHOICES))), min_size=1, max_size=8, unique=True)
    return some.map(lambda places: CategoricalDistribution([CHOICES[i] for i in places]))


def distributions() -> st.SearchStrategy[BaseDistribution]:
    """Any of Optuna's."""
    return st.one_of(floats(), ints(), categoricals())


def spaces(max_size: int = 4) -> st.SearchStrategy[dict[str, BaseDistribution]]:
    """Distributions by name."""
    return st.dictionaries(
        st.sampled_from("abcdef"), distributions(), min_size=1, max_size=max_size
    )


def domains() -> st.SearchStrategy[Domain]:
    """The domain of a space."""
    return spaces().map(lambda space: make_transform({n: [d] for n, d in space.items()}).domain)


def rngs() -> st.SearchStrategy[np.random.Generator]:
    """Seeded generators."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value lies in a distribution."""
    return bool(distribution._contains(distribution.to_internal_repr(value)))

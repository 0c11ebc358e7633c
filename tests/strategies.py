"""Hypothesis strategies: distributions, values in them, domains, what a trial asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
import warnings

from hypothesis import strategies as st
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform
from tests.builders import transform_of


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
    return spaces().map(lambda space: transform_of(space).domain)


def rngs() -> st.SearchStrategy[np.random.Generator]:
    """Seeded generators."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


@dataclass(frozen=True)
class Asked:
    """What a trial asks for in a study whose parameters had other distributions before.

    Attributes:
        transform: Of all distributions.
        distributions: What the trial asks for, by name.
        fixed: Params that it does not choose.
        feasible: The feasible set.
    """

    transform: ParamTransform
    distributions: dict[str, BaseDistribution]
    fixed: dict[str, Any]
    feasible: FeasibleSet


@st.composite
def asked(draw: st.DrawFn, max_size: int = 4, max_values: int | None = None) -> Asked:
    """What a trial asks for: moderate ranges, which floats resolve well.

    Args:
        draw: Hypothesis's.
        max_size: The greatest number of parameters.
        max_values: The greatest number of values of a parameter; None for continuous ones too.
    """
    versions: dict[str, list[BaseDistribution]] = {}
    for name in "abcdef"[: draw(st.integers(1, max_size))]:
        kinds = [categoricals().map(lambda d: (d, d)), st.tuples(_few(), _few())]
        if max_values is None:
            kinds += [st.tuples(_moderate(), _moderate()), st.tuples(_numbers(), _numbers())]
        versions[name] = list(draw(st.one_of(kinds)))
    transform = make_transform(versions, kept=list(versions))
    newest = {name: each[-1] for name, each in versions.items()}
    fixed: dict[str, Any] = {}
    rng = draw(rngs())
    for name, distribution in newest.items():
        if draw(st.integers(0, 3)) == 0:
            own = transform_of({name: distribution})
            fixed |= own.to_params(own.domain.sample(1, rng)[0])
    point = transform.to_point(fixed)
    feasible = FeasibleSet(transform.domain, transform.asked_axes(newest), point)
    return Asked(transform, newest, fixed, feasible)


@st.composite
def _few(draw: st.DrawFn) -> IntDistribution:
    """At most eight ints."""
    low, step = draw(st.integers(-20, 20)), draw(st.integers(1, 3))
    return IntDistribution(low, low + step * draw(st.integers(0, 7)), step=step)


@st.composite
def _moderate(draw: st.DrawFn) -> IntDistribution:
    """Up to thousands of ints, on a grid or logarithmic."""
    low = draw(st.integers(1, 1_000))
    if draw(st.booleans()):
        return IntDistribution(low, draw(st.integers(low, 5_000)), log=True)
    step = draw(st.integers(1, 9))
    return IntDistribution(low, low + step * draw(st.integers(0, 500)), step=step)


@st.composite
def _numbers(draw: st.DrawFn) -> FloatDistribution:
    """Floats between 1e-3 and 1e3: plain, logarithmic, on a grid."""
    kind = draw(st.sampled_from(["plain", "log", "step"]))
    low, high = sorted(draw(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2)))
    if kind == "step":
        step = draw(st.sampled_from([0.1, 0.25, 7.0]))
        n_steps = draw(st.integers(0, 40))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the range is not divisible by the step
            return FloatDistribution(low, low + step * n_steps, step=step)
    return FloatDistribution(low, max(high, 1.01 * low), log=kind == "log")


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value lies in a distribution."""
    return bool(distribution._contains(distribution.to_internal_repr(value)))

"""Optuna's distributions as axes: the union of all that a parameter has had, in a study."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence
import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._core.axes import Axes


Numeric = FloatDistribution | IntDistribution
PLAIN_TYPES = frozenset((str, int, float, bool, type(None)))
_NAN = object()  # the key of every NaN
_FROZEN = object()  # no choice holds it


def make_axes(versions: Sequence[Sequence[BaseDistribution]]) -> Axes:
    """Return one axis per parameter, which holds all values of its distributions.

    The axis of a range that has changed is somewhat wider, so that it rarely changes again.

    Args:
        versions: The distributions of each parameter.
    """
    bounds = np.array([_axis(each) for each in versions], dtype=float).reshape(-1, 4)
    return Axes(
        n_choices=np.array([n_choices(each[-1]) for each in versions], dtype=np.intp),
        low=bounds[:, 0],
        high=bounds[:, 1],
        step=bounds[:, 2],
        is_log=bounds[:, 3] > 0,
    )


def merge_versions(
    versions: Sequence[BaseDistribution], distribution: BaseDistribution, *, is_newest: bool
) -> list[BaseDistribution]:
    """Return as few distributions as have the same axis as all of them, the newest one last.

    Two are left where there were several, since a range that has changed has another axis.

    Args:
        versions: The distributions of a parameter, the newest one last.
        distribution: Another one, or one of them.
        is_newest: Whether it is the newest one from now on.
    """
    others = [each for each in versions if each != distribution]
    merged = [*others, distribution] if is_newest or not others else [distribution, *others]
    if not is_newest and len(others) < len(versions) and versions[-1] == distribution:
        merged = [*others, distribution]
    union = _union(merged)
    for each in merged[:-1]:
        fewer = [other for other in merged if other is not each]
        if len(fewer) > 1 and _union(fewer) == union:
            merged = fewer
    return merged


def axis_of(versions: Sequence[BaseDistribution]) -> tuple[object, ...]:
    """Return what tells the axes of two lists of distributions apart, of the same parameter."""
    newest = versions[-1]
    if isinstance(newest, CategoricalDistribution):
        return (len(newest.choices),)
    return (*_axis(versions), is_constant(versions))


def is_constant(versions: Sequence[BaseDistribution]) -> bool:
    """Whether a parameter has the same single value in all its distributions."""
    first = versions[0]
    if isinstance(first, CategoricalDistribution):
        return n_choices(first) == 1
    return all(d.single() and _low(d) == _low(first) for d in versions)


def distinct_choices(distribution: CategoricalDistribution) -> list[Any]:
    """Return the choices that Optuna tells apart: of equal ones (True, 1, 1.0) the first."""
    distinct: dict[Hashable, Any] = {}
    for choice in distribution.choices:
        distinct.setdefault(choice_key(choice), choice)
    return list(distinct.values())


def n_choices(distribution: BaseDistribution) -> int:
    """Return the number of choices, 0 for a numeric distribution."""
    if not isinstance(distribution, CategoricalDistribution):
        return 0
    return len(distinct_choices(distribution))


def choice_key(choice: Any) -> Hashable:
    """Return a key that is equal for equal choices, also for lists, dicts, sets and NaN.

    A tuple and a list of equal entries have one key, since storages turn the one into the other.
    The key of an unhashable object of another type is its identity.
    """
    if type(choice) not in PLAIN_TYPES:  # the others cannot fail, nor lose an interrupt
        if isinstance(choice, tuple):
            return _frozen(choice)
        try:
            hash(choice)
        except Exception:
            return _frozen(choice)
    return _NAN if choice != choice else choice


def has_list(distribution: BaseDistribution) -> bool:
    """Whether a choice is or holds a list, which a storage may have made of a tuple."""
    if not isinstance(distribution, CategoricalDistribution):
        return False
    choices: Sequence[Any] = distribution.choices
    return any(isinstance(choice, list | dict) and _holds_list(choice) for choice in choices)


def _axis(versions: Sequence[BaseDistribution]) -> tuple[float, float, float, bool]:
    """The union of distributions; where there are several, with bounds on a coarse grid."""
    low, high, step, is_log = _union(versions)
    if len(versions) == 1 or isinstance(versions[0], CategoricalDistribution):
        return low, high, step, is_log
    try:
        if is_log:
            least, greatest = map(math.exp, _rounded_outward(math.log(low), math.log(high)))
        else:
            least, greatest = _rounded_outward(low, high)
    except OverflowError:
        return low, high, step, is_log
    if step > 0.0:
        least = low - math.floor((low - least) / step) * step
        greatest = high + math.floor((greatest - high) / step) * step
    if not (math.isfinite(least) and math.isfinite(greatest)) or (is_log and least <= 0.0):
        return low, high, step, is_log
    return min(least, low), max(greatest, high), step, is_log


def _rounded_outward(low: float, high: float) -> tuple[float, float]:
    """Bounds moved outward to multiples of a power of two, an eighth to a quarter of the width."""
    if not 0.0 < high - low < math.inf:
        return low, high
    unit = math.ldexp(1.0, math.frexp(high - low)[1] - 3)
    return math.floor(low / unit) * unit, math.ceil(high / unit) * unit


def _union(versions: Sequence[BaseDistribution]) -> tuple[float, float, float, bool]:
    """The least low, the greatest high, the common step or 0, and whether all are logarithmic."""
    numeric = [d for d in versions if isinstance(d, Numeric)]
    if not numeric:
        return 0.0, 1.0, 0.0, False
    step = _common_step(numeric)
    low, high = min(d.low for d in numeric), max(d.high for d in numeric)
    return float(low), float(high), step, all(d.log for d in numeric) and low > 0


def _common_step(versions: Sequence[Numeric]) -> float:
    """The step of the coarsest grid that holds all values, 0 if there is none."""
    ints = [d for d in versions if isinstance(d, IntDistribution)]
    if len(ints) == len(versions):
        return float(math.gcd(*(d.step for d in ints), *(d.low - ints[0].low for d in ints)))
    steps = {float(d.step or 0.0) for d in versions}
    step = steps.pop() if len(steps) == 1 else 0.0
    is_grid = step > 0.0 and all(_is_aligned(d.low, versions[0].low, step) for d in versions)
    return step if is_grid else 0.0


def _is_aligned(low: float, other: float, step: float) -> bool:
    n_steps = (low - other) / step
    return math.isfinite(n_steps) and abs(n_steps - round(n_steps)) < 1e-9


def _low(distribution: BaseDistribution) -> float:
    assert isinstance(distribution, Numeric), "a parameter's distributions are of one kind"
    return distribution.low


def _frozen(choice: Any) -> Hashable:
    try:
        if isinstance(choice, list | tuple):
            return _FROZEN, list, tuple(map(choice_key, choice))
        if isinstance(choice, dict):
            pairs = ((key, choice_key(value)) for key, value in choice.items())
            return _FROZEN, dict, frozenset(pairs)
        if isinstance(choice, set):
            return frozenset(choice)
    except RecursionError:  # nested too deeply
        pass
    return _FROZEN, id(choice)


def _holds_list(choice: Any) -> bool:
    if isinstance(choice, dict):
        return any(map(_holds_list, choice.values()))
    return isinstance(choice, list)

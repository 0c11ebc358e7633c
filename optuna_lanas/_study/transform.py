"""Optuna's params and the core's points: the only place where both meet."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import cached_property
import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._core.domain import Architectures
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits


_ABSENT = object()  # no choice of any categorical parameter


@dataclass(frozen=True, eq=False)
class ParamTransform:
    """The mapping of params to points.

    Attributes:
        distributions: By name, sorted; what a param of the next trial may be.
        domain: The union of all ranges that were seen.
    """

    distributions: dict[str, BaseDistribution]
    domain: Domain

    @cached_property
    def names(self) -> list[str]:
        """`n_params` names, in the order of a point's entries."""
        return list(self.distributions)

    def to_point(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the point `[n_params]` of params.

        NaN where a param is missing or, in an enqueued trial, was never in its range.
        """
        point: np.ndarray = self.to_points([params])[0]
        return point

    def to_points(self, many: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the points `[n, n_params]` of several params."""
        internal = np.empty((len(many), len(self.names)))
        for column, name in enumerate(self.names):
            internal[:, column] = self._internal(name, [p.get(name, _ABSENT) for p in many])
        return self._to_points(internal)

    def to_params(
        self, point: np.ndarray, distributions: Mapping[str, BaseDistribution] | None = None
    ) -> dict[str, Any]:
        """Return the params of a point, each within its distribution; NaN is left out.

        Args:
            point: `[n_params]`.
            distributions: By name, where they are not the newest ones.
        """
        values = self.domain.to_values(point)
        asked = {**self.distributions, **(distributions or {})}
        return {
            name: self._external(name, asked[name], float(value))
            for name, value in zip(self.names, values, strict=True)
            if not np.isnan(value)
        }

    def limits(self, distributions: Mapping[str, BaseDistribution], fixed: np.ndarray) -> Limits:
        """Return what a trial must keep to.

        Args:
            distributions: By name, what the trial asks for.
            fixed: `[n_params]`, coordinates that it does not choose, NaN where it does.
        """
        low, high = np.full(len(self.names), -np.inf), np.full(len(self.names), np.inf)
        for column, name in enumerate(self.names):
            distribution = distributions.get(name)
            if isinstance(distribution, FloatDistribution | IntDistribution):
                low[column], high[column] = distribution.low, distribution.high
        unit_low, unit_high = (
            self.domain.to_unit(np.where(np.isinf(bound), fallback, bound))
            for bound, fallback in ((low, self.domain.low), (high, self.domain.high))
        )
        is_categorical = self.domain.is_categorical
        return Limits(
            fixed=fixed,
            low=np.where(is_categorical, -np.inf, unit_low),
            high=np.where(is_categorical, np.inf, unit_high),
            on_grid=self._other_grids(distributions),
        )

    def _other_grids(
        self, distributions: Mapping[str, BaseDistribution]
    ) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return what moves points to the grids of distributions, None where the domain's do."""
        other = {
            column: distributions[name]
            for column, name in enumerate(self.names)
            if name in distributions and not self._has_grid_of(column, distributions[name])
        }
        if not other:
            return None
        columns = np.array(list(other), dtype=np.intp)
        part = self.domain.part(columns)
        low, high, step = np.array([_grid(d) for d in other.values()]).T

        def on_grid(points: np.ndarray) -> np.ndarray:
            moved = points.copy()
            values = low + step * np.rint((part.to_values(points[:, columns]) - low) / step)
            moved[:, columns] = part.to_unit(np.clip(values, low, high))
            return moved

        return on_grid

    def _has_grid_of(self, column: int, distribution: BaseDistribution) -> bool:
        if not isinstance(distribution, FloatDistribution | IntDistribution):
            return True
        step = _step(distribution)
        if step == 0.0:
            return True
        is_alike = bool(step == self.domain.step[column])
        return is_alike and _is_aligned(distribution.low, self.domain.low[column], step)

    def columns(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Return params as columns, `[n]` each, of `[n, n_params]` points."""
        values = self.domain.to_values(points)
        return {
            name: self._external_column(name, values[:, column])
            for column, name in enumerate(self.names)
        }

    def from_columns(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, n_params]` points of params given as columns."""
        internal = [self._internal(n, columns[n].tolist()) for n in self.names]
        return self._to_points(np.array(internal).T)

    def with_architectures(
        self, make: Callable[[ParamTransform], Architectures]
    ) -> ParamTransform:
        """Return the same encoding with what an architecture space adds to its domain."""
        return replace(self, domain=replace(self.domain, architectures=make(self)))

    def narrowed(self, names: Sequence[str]) -> ParamTransform:
        """Return the encoding of some of the parameters alone."""
        chosen = [column for column, name in enumerate(self.names) if name in names]
        return ParamTransform(
            {self.names[c]: self.distributions[self.names[c]] for c in chosen},
            self.domain.part(np.array(chosen, dtype=np.intp)),
        )

    def _internal(self, name: str, values: Sequence[Any]) -> np.ndarray:
        """`[n]`: indices of categories, or numbers; NaN for what is absent or out of range."""
        distribution = self.distributions[name]
        if isinstance(distribution, CategoricalDistribution):
            return _category_indices(distribution, self._categories[name], values)
        column = self._column[name]
        numbers = _numbers(distribution, values)
        is_inside = (self.domain.low[column] <= numbers) & (numbers <= self.domain.high[column])
        return np.where(is_inside, numbers, np.nan)

    def _external(self, name: str, distribution: BaseDistribution, value: float) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return self._choices[name][int(value)]
        return _numeric(distribution, value)

    def _external_column(self, name: str, values: np.ndarray) -> np.ndarray:
        """`[n]` objects; each distinct value is looked up once."""
        distinct, place = np.unique(values, return_inverse=True)
        distribution = self.distributions[name]
        column = np.empty(len(distinct), dtype=object)
        for i, value in enumerate(distinct.tolist()):  # a choice may be a sequence itself
            column[i] = self._external(name, distribution, value)
        return np.asarray(column[place])

    @cached_property
    def _column(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.distributions)}

    @cached_property
    def _choices(self) -> dict[str, list[Any]]:
        return {
            name: _distinct(distribution)
            for name, distribution in self.distributions.items()
            if isinstance(distribution, CategoricalDistribution)
        }

    @cached_property
    def _categories(self) -> dict[str, dict[Any, int]]:
        return {
            name: {choice: i for i, choice in enumerate(choices) if _is_hashable(choice)}
            for name, choices in self._choices.items()
        }

    def _to_points(self, internal: np.ndarray) -> np.ndarray:
        return np.where(self.domain.is_categorical, internal, self.domain.to_unit(internal))


def make_transform(versions: Mapping[str, Sequence[BaseDistribution]]) -> ParamTransform:
    """Return the encoding of parameters whose distributions may have changed from trial to trial.

    Args:
        versions: By name, the distributions seen, the newest one last.
    """
    newest = {name: versions[name][-1] for name in sorted(versions)}
    bounds = np.array([_union(versions[name]) for name in newest], dtype=float).reshape(-1, 4)
    domain = Domain(
        n_choices=np.array([_n_choices(d) for d in newest.values()], dtype=np.intp),
        low=bounds[:, 0],
        high=bounds[:, 1],
        step=bounds[:, 2],
        is_log=bounds[:, 3] > 0,
    )
    return ParamTransform(newest, domain)


def _distinct(distribution: CategoricalDistribution) -> list[Any]:
    """The choices that Optuna tells apart: of equal ones (True, 1, 1.0) it stores the first."""
    seen: set[Any] = set()
    distinct = []
    for place, choice in enumerate(distribution.choices):
        if not _is_hashable(choice):
            is_new = distribution.to_internal_repr(choice) == place
        else:
            is_new = choice not in seen
            seen.add(choice)
        if is_new:
            distinct.append(choice)
    return distinct


def _is_hashable(choice: Any) -> bool:
    try:
        hash(choice)
    except TypeError:
        return False
    return True


def _category_indices(
    distribution: CategoricalDistribution, indices: Mapping[Any, int], values: Sequence[Any]
) -> np.ndarray:
    try:
        return np.array([indices[value] for value in values], dtype=float)
    except (KeyError, TypeError):  # one is absent, a NaN, or a choice that is not hashable
        return np.array([_category(distribution, indices, value) for value in values], dtype=float)


def _category(
    distribution: CategoricalDistribution, indices: Mapping[Any, int], value: Any
) -> float:
    if value is _ABSENT:
        return np.nan
    if _is_hashable(value) and value in indices:
        return indices[value]
    try:
        choice = distribution.choices[int(distribution.to_internal_repr(value))]
    except ValueError:
        return np.nan
    return _distinct(distribution).index(choice)


def _numbers(distribution: BaseDistribution, values: Sequence[Any]) -> np.ndarray:
    if {type(value) for value in values} <= {float, int}:
        return np.array(values, dtype=float)
    return np.array([_number(distribution, value) for value in values], dtype=float)


def _number(distribution: BaseDistribution, value: Any) -> float:
    if value is _ABSENT:
        return np.nan
    try:
        return float(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return np.nan


def _union(versions: Sequence[BaseDistribution]) -> tuple[float, float, float, bool]:
    """The least low, the greatest high, the common step or 0, and whether all are logarithmic."""
    numeric = [d for d in versions if isinstance(d, FloatDistribution | IntDistribution)]
    if not numeric:
        return 0.0, 1.0, 0.0, False
    step = _common_step(numeric)
    low, high = min(d.low for d in numeric), max(d.high for d in numeric)
    return float(low), float(high), step, all(d.log for d in numeric) and low > 0


def _common_step(versions: Sequence[FloatDistribution | IntDistribution]) -> float:
    """The step of the coarsest grid that holds the values of all, 0 where none does."""
    ints = [d for d in versions if isinstance(d, IntDistribution)]
    if len(ints) == len(versions):
        return float(math.gcd(*(d.step for d in ints), *(d.low - ints[0].low for d in ints)))
    steps = {_step(d) for d in versions}
    step = steps.pop() if len(steps) == 1 else 0.0
    is_grid = step > 0.0 and all(_is_aligned(d.low, versions[0].low, step) for d in versions)
    return step if is_grid else 0.0


def _is_aligned(low: float, other: float, step: float) -> bool:
    n_steps = (low - other) / step
    return math.isfinite(n_steps) and abs(n_steps - round(n_steps)) < 1e-9


def _grid(distribution: BaseDistribution) -> tuple[float, float, float]:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return float(distribution.low), float(distribution.high), _step(distribution)


def _n_choices(distribution: BaseDistribution) -> int:
    if not isinstance(distribution, CategoricalDistribution):
        return 0
    return len(_distinct(distribution))


def _step(distribution: FloatDistribution | IntDistribution) -> float:
    return float(distribution.step or 0.0)


def _numeric(distribution: BaseDistribution, value: float) -> float:
    if isinstance(distribution, IntDistribution):
        low, high, step = distribution.low, distribution.high, distribution.step
        return min(max(low + round((value - low) / step) * step, low), high)
    assert isinstance(distribution, FloatDistribution)
    value = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        n_steps = round((value - distribution.low) / distribution.step)
        value = distribution.low + n_steps * distribution.step
    return float(min(max(value, distribution.low), distribution.high))

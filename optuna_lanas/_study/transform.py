"""The transform of Optuna's params to the core's points and back: the only place for both."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.domain import Architectures
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import MAX_ONE_HOT
from optuna_lanas._core.domain import SharedChoices
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.distributions import choice_key
from optuna_lanas._study.distributions import distinct_choices
from optuna_lanas._study.distributions import has_list
from optuna_lanas._study.distributions import is_constant
from optuna_lanas._study.distributions import make_axes


MAX_BITS = 2_000  # of an int that has a decimal text whatever the interpreter's limit is
_ABSENT = object()  # no choice of any categorical parameter


@dataclass(frozen=True, eq=False)
class ParamTransform:
    """The transform of params to points.

    Attributes:
        distributions: The newest distributions, by name, sorted.
        domain: The union of all ranges that were seen.
    """

    distributions: Mapping[str, BaseDistribution]
    domain: Domain

    @cached_property
    def names(self) -> list[str]:
        """`n_params` names, in the order of a point's coordinates."""
        return list(self.distributions)

    def to_point(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the point `[n_params]` of params.

        NaN where a param is missing, or outside its range, as in an enqueued trial.
        """
        point: np.ndarray = self.to_points([params])[0]
        return point

    def to_points(self, many: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the points `[n, n_params]` of several params."""
        values = np.full((len(many), len(self.names)), np.nan)
        if 2 * sum(map(len, many)) < values.size:  # few of very many names
            rows_of = _rows_of(many)
            for column, name in enumerate(self.names):
                rows = rows_of.get(name, [])
                values[rows, column] = self._values(column, [many[row][name] for row in rows])
        else:
            for column, name in enumerate(self.names):
                values[:, column] = self._values(column, [p.get(name, _ABSENT) for p in many])
        return self._to_points(values)

    def to_params(
        self, point: np.ndarray, distributions: Mapping[str, BaseDistribution] | None = None
    ) -> dict[str, Any]:
        """Return the params of a point, each within its distribution; NaN is left out.

        Args:
            point: `[n_params]`.
            distributions: By name, where they are not the newest ones.
        """
        asked = {**self.distributions, **(distributions or {})}
        return {
            name: self._param(column, asked[name], value)
            for column, (name, value) in enumerate(
                zip(self.names, self.domain.axes.to_values(point).tolist(), strict=True)
            )
            if value == value
        }

    def asked_axes(self, distributions: Mapping[str, BaseDistribution]) -> Axes:
        """Return the axes of a trial that asks for distributions, by name; else the domain's."""
        changed = {
            column: distributions[name]
            for column, name in enumerate(self.names)
            if name in distributions and self._is_changed(column, distributions[name])
        }
        axes = self.domain.axes
        if not changed:
            return axes
        own, columns = make_axes([[d] for d in changed.values()]), list(changed)
        fields = {}
        for name in ("low", "high", "step", "is_log"):
            fields[name] = getattr(axes, name).copy()
            fields[name][columns] = getattr(own, name)
        return replace(axes, **fields)

    def columns(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Return params as columns, `[n]` each, of `[n, n_params]` points."""
        values = self.domain.axes.to_values(points)
        return {
            name: self._param_column(column, values[:, column])
            for column, name in enumerate(self.names)
        }

    def from_columns(self, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> np.ndarray:
        """Return `[n, n_params]` points of params given as columns."""
        own = [columns[name] for name in self.names]
        lists = [c.tolist() if isinstance(c, np.ndarray) else c for c in own]
        values = [self._values(i, column) for i, column in enumerate(lists)]
        return self._to_points(np.array(values).T)

    def with_architectures(
        self, make: Callable[[ParamTransform], Architectures]
    ) -> ParamTransform:
        """Return the same transform with what an architecture space adds to its domain."""
        return replace(self, domain=replace(self.domain, architectures=make(self)))

    def narrowed(self, names: Collection[str]) -> ParamTransform:
        """Return the transform of some of the parameters alone."""
        chosen = [column for column, name in enumerate(self.names) if name in names]
        axes = self.domain.axes.part(np.array(chosen, dtype=np.intp))
        return ParamTransform(
            {self.names[c]: self.distributions[self.names[c]] for c in chosen}, Domain(axes)
        )

    def feature_name(self, place: int) -> str:
        """Return what a plain feature stands for: ``kernel=3``, or ``rate≈0.01`` for a knot.

        Args:
            place: Among the features of plain parameters.
        """
        domain = self.domain
        param = int(domain.feature_param[place])
        column, n_knots = int(domain.plain[param]), int(domain.n_knots[param])
        knot = place - int(np.searchsorted(domain.feature_param, param))
        axis = domain.axes.part(np.array([column]))
        if domain.is_coded[param]:
            return f"{self.names[column]} (code {knot})"
        is_categorical = bool(axis.is_categorical[0])
        is_exact = is_categorical or (axis.n_values[0] == n_knots and not axis.is_log[0])
        coordinate = knot if is_categorical else knot / max(n_knots - 1, 1)
        value = float(axis.to_values(np.array([coordinate]))[0])
        name = self.names[column]
        shown = format_value(self._param(column, self.distributions[name], value))
        return f"{name}{'=' if is_exact else '≈'}{shown}"

    def _values(self, column: int, params: Sequence[Any]) -> np.ndarray:
        """`[n]`: indices of categories, or numbers; NaN for what is missing or out of range."""
        distribution = self.distributions[self.names[column]]
        if isinstance(distribution, CategoricalDistribution):
            return _category_indices(distribution, self._category_index[column], params)
        axes, numbers = self.domain.axes, _numbers(distribution, params)
        is_inside = (axes.low[column] <= numbers) & (numbers <= axes.high[column])
        return np.where(is_inside, numbers, np.nan)

    def _param(self, column: int, distribution: BaseDistribution, value: float) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            own = self.distributions[self.names[column]]
            is_own = distribution is own or vars(distribution) == vars(own)
            choices = self._choices[column] if is_own else distinct_choices(distribution)
            return choices[int(value)]
        return _number_in(distribution, value)

    def _param_column(self, column: int, values: np.ndarray) -> np.ndarray:
        """`[n]` objects; each distinct value is looked up once."""
        distinct, place = np.unique(values, return_inverse=True)
        distribution = self.distributions[self.names[column]]
        params = np.empty(len(distinct), dtype=object)
        for i, value in enumerate(distinct.tolist()):  # a choice may be a sequence itself
            params[i] = self._param(column, distribution, value)
        return np.asarray(params[place])

    def _is_changed(self, column: int, distribution: BaseDistribution) -> bool:
        if isinstance(distribution, CategoricalDistribution):
            return False
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        axes = self.domain.axes
        mine = (distribution.low, distribution.high, float(distribution.step or 0.0))
        theirs = (axes.low[column], axes.high[column], axes.step[column])
        return mine != theirs or distribution.log != axes.is_log[column]

    def _to_points(self, values: np.ndarray) -> np.ndarray:
        axes = self.domain.axes
        return np.where(axes.is_categorical, values, axes.to_unit(values))

    @cached_property
    def _choices(self) -> dict[int, list[Any]]:
        return {
            column: distinct_choices(distribution)
            for column, distribution in enumerate(self.distributions.values())
            if isinstance(distribution, CategoricalDistribution)
        }

    @cached_property
    def _category_index(self) -> dict[int, dict[Any, int]]:
        return {
            column: {choice_key(choice): i for i, choice in enumerate(choices)}
            for column, choices in self._choices.items()
        }


def make_transform(
    versions: Mapping[str, Sequence[BaseDistribution]],
    kept: Collection[str] = (),
    max_knots: int = DEFAULT.max_knots,
) -> ParamTransform:
    """Return the transform of parameters whose distributions may change from trial to trial.

    Parameters of one value are no dimensions, so that no point holds them.

    Args:
        versions: By name, the distributions seen, the newest one last.
        kept: Names that points hold even with one value: those of an architecture space.
        max_knots: See `Settings`.
    """
    names = sorted(versions, key=_text)  # Optuna takes ints and the like for names, too
    names = [name for name in names if name in kept or not is_constant(versions[name])]
    axes = make_axes([versions[name] for name in names])
    newest = {name: versions[name][-1] for name in names}
    domain = Domain(axes, max_knots=max_knots, shared=_shared_choices(newest))
    return ParamTransform(newest, domain)


def _shared_choices(distributions: Mapping[str, BaseDistribution]) -> list[SharedChoices]:
    """Return the sets of choices that several parameters have, in any order."""
    members: dict[Hashable, list[tuple[int, dict[Hashable, int]]]] = {}
    for column, distribution in enumerate(distributions.values()):
        if not isinstance(distribution, CategoricalDistribution):
            continue
        if len(distribution.choices) <= MAX_ONE_HOT:  # more may be slow to compare
            keys = map(choice_key, distinct_choices(distribution))
            index = {key: place for place, key in enumerate(keys)}
            members.setdefault(frozenset(index), []).append((column, index))
    return [
        SharedChoices(
            params=np.array([column for column, _ in own]),
            indices=np.array([[index[key] for key in own[0][1]] for _, index in own]),
        )
        for own in members.values()
        if len(own) > 1
    ]


def _text(name: Any) -> tuple[str, str]:
    return str(name), type(name).__name__


def with_newest(transform: ParamTransform, name: str, newest: BaseDistribution) -> ParamTransform:
    """Return the transform once a parameter's newest distribution is another known one."""
    if name not in transform.distributions or is_alike(transform.distributions[name], newest):
        return transform
    return replace(transform, distributions={**transform.distributions, name: newest})


def is_alike(left: BaseDistribution, right: BaseDistribution) -> bool:
    """Whether two distributions are equal, without Optuna's loop over choices where they are."""
    if (type(left) is type(right) and vars(left) == vars(right)) or left == right:
        return True
    if not (isinstance(left, CategoricalDistribution) and has_list(left) | has_list(right)):
        return False
    assert isinstance(right, CategoricalDistribution), "a parameter's distributions are of a kind"
    return list(map(choice_key, left.choices)) == list(map(choice_key, right.choices))


def format_value(value: Any) -> str:
    """Return a param's value as it is shown."""
    if type(value) is float:
        return f"{value:.3g}"
    if type(value) in (str, bool) or (type(value) is int and value.bit_length() <= MAX_BITS):
        return str(value)  # these cannot fail, nor lose an interrupt
    try:
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    except Exception:  # an int of thousands of digits, or a choice that has no text
        return f"<{type(value).__name__}>"


def one_line(text: str) -> str:
    """Return a user's text with line breaks and other unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _rows_of(many: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return the places of the params that hold each name."""
    rows: dict[str, list[int]] = {}
    for row, params in enumerate(many):
        for name in params:
            rows.setdefault(name, []).append(row)
    return rows


def _category_indices(
    distribution: CategoricalDistribution, index: Mapping[Any, int], params: Sequence[Any]
) -> np.ndarray:
    try:
        return np.array([index[param] for param in params], dtype=float)
    except (KeyError, TypeError):  # one is missing, a NaN, or a choice that is not hashable
        return np.array([_category(distribution, index, param) for param in params], dtype=float)


def _category(
    distribution: CategoricalDistribution, index: Mapping[Any, int], param: Any
) -> float:
    if param is _ABSENT:
        return np.nan
    try:
        key = choice_key(param)
        if key not in index:  # no choice, or equal to one in a way that its key does not tell
            key = choice_key(distribution.choices[int(distribution.to_internal_repr(param))])
        return index[key]
    except Exception:  # no choice, or what cannot be compared with one
        return np.nan


def _numbers(distribution: BaseDistribution, params: Sequence[Any]) -> np.ndarray:
    if {type(param) for param in params} <= {float, int}:
        with suppress(OverflowError):  # an enqueued int may be greater than every float
            return np.array(params, dtype=float)
    return np.array([_number(distribution, param) for param in params], dtype=float)


def _number(distribution: BaseDistribution, param: Any) -> float:
    if param is _ABSENT:
        return np.nan
    if type(param) in (float, int):
        with suppress(OverflowError):
            return float(param)
        return np.nan
    try:
        return float(distribution.to_internal_repr(param))
    except Exception:  # no number, or one beyond every float
        return np.nan


def _number_in(distribution: BaseDistribution, value: float) -> int | float:
    """Return the number of a distribution that is nearest to a value."""
    if isinstance(distribution, IntDistribution):
        low, high, step = distribution.low, distribution.high, distribution.step
        return min(max(low + round((value - low) / step) * step, low), high)
    assert isinstance(distribution, FloatDistribution)
    value = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        n_steps = round((value - distribution.low) / distribution.step)
        value = distribution.low + n_steps * distribution.step
    return float(min(max(value, distribution.low), distribution.high))

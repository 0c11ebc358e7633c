"""Earlier studies: their trials, read once, as points of a new study.

Parameters are those of the same name. A choice is known by its value, a number lies on the new
study's scale. What an earlier study tells depends on nothing but its trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.earlier import Earlier
from optuna_lanas._core.earlier import EarlierStudy
from optuna_lanas._core.earlier import learn_earlier
from optuna_lanas._core.earlier import make_plan
from optuna_lanas._core.earlier import View
from optuna_lanas._core.settings import Settings
from optuna_lanas._study.architecture import make_architectures
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.distributions import choice_key
from optuna_lanas._study.distributions import distinct_choices
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform


MAX_OUTSIDE = 1.0  # of a range: an earlier number farther outside tells nothing of it
MAX_NAME = 40
MAX_SHOWN = 200
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_Params = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class EarlierTrials:
    """The finished trials of an earlier study.

    Attributes:
        name: Of the study; its place in the list if it has none.
        direction: None for that of the new study.
        trials: Those that have ended.
    """

    name: str
    direction: StudyDirection | None
    trials: tuple[FrozenTrial, ...]


@dataclass(frozen=True, eq=False)
class _Results:
    """An earlier study's observations: `n` params, values and standard errors."""

    params: Sequence[_Params]
    values: np.ndarray
    errors: np.ndarray

    @property
    def best_first(self) -> list[int]:
        """The places of the observations."""
        order: list[int] = np.argsort(-self.values, kind="stable").tolist()
        return order


def read_earlier(earlier: Any) -> tuple[EarlierTrials, ...]:
    """Return the trials of the argument ``earlier``.

    Raises:
        TypeError: If it is no list of studies or of lists of trials.
        ValueError: If one has several objectives, or no complete trial.
    """
    if not isinstance(earlier, list | tuple):
        raise _error(TypeError, "studies or of lists of their trials", earlier, None)
    return tuple(_read_one(place, each) for place, each in enumerate(earlier))


class EarlierStudies:
    """What a sampler learns from earlier studies; not copied with what it remembers.

    Args:
        sources: The trials of each.
        settings: The sampler's.
        space: The sampler's architecture space, or None.
    """

    def __init__(
        self, sources: Sequence[EarlierTrials], settings: Settings, space: Any | None
    ) -> None:
        self._sources, self._settings, self._space = sources, settings, space
        self._read: dict[StudyDirection, list[_Results]] = {}

    def __reduce__(self) -> tuple[type[EarlierStudies], tuple[Any, ...]]:
        return EarlierStudies, (self._sources, self._settings, self._space)

    def __repr__(self) -> str:
        return f"[{', '.join(source.name for source in self._sources)}]"

    def check(self, directions: Sequence[StudyDirection]) -> None:
        """Raise a ValueError for a new study of several objectives."""
        if len(directions) > 1:
            raise ValueError(
                f"`earlier` must be None in a study of several objectives, got one of "
                f"{len(directions)} objectives. Leave it out, or search one objective."
            )

    def foretell(
        self, transform: ParamTransform, direction: StudyDirection, *, has_inactive: bool
    ) -> Earlier | None:
        """Return what the earlier studies foretell of a new study's points.

        None if no earlier study shares a parameter with it.

        Args:
            transform: The new study's.
            direction: The new study's.
            has_inactive: Whether a parameter of the new study was ever inactive.
        """
        results, limit = self._results(direction), self._settings.n_elites
        shared = [_Shared.of(transform, own.params) for own in results]
        elites = [
            transform.to_points([own.params[place] for place in own.best_first[:limit]])
            for own in results
        ]
        has_inactive |= any(np.isnan(points).any() for points in elites)
        has_inactive |= any(np.isnan(own.points).any() for own in shared if own is not None)
        views: dict[tuple[object, ...], View] = {}
        studies, names, tried_first = [], [], []
        for place, own in enumerate(shared):
            study = None
            if own is not None:
                if own.key not in views:
                    views[own.key] = own.view(
                        transform, self._space, self._settings.max_knots, has_inactive=has_inactive
                    )
                study = self._learn(views[own.key], own.points, results[place])
            if study is not None:
                studies.append(study)
                names.append(self._sources[place].name)
                tried_first.append(elites[place])
        if not studies:
            return None
        plan, of = make_plan(transform.domain, studies, tried_first, self._settings)
        return Earlier(studies, tuple(names), plan, of, np.vstack(tried_first))

    def first_param(
        self, direction: StudyDirection, number: int, name: str, distribution: BaseDistribution
    ) -> list[Any]:
        """Return the value that a study's first trials take for a parameter, in a list.

        They take the best trials of each earlier study in turn, since nothing is known yet of the
        parameters that belong together. The list is empty where that trial has no such value.
        """
        results = self._results(direction)
        own = results[number % len(results)]
        place = number // len(results)
        if place >= min(len(own.params), self._settings.n_elites):
            return []
        transform = make_transform({name: [distribution]}, kept={name})
        point = transform.to_point(own.params[own.best_first[place]])
        return [] if np.isnan(point).any() else [transform.to_params(point)[name]]

    def _results(self, direction: StudyDirection) -> list[_Results]:
        if direction not in self._read:
            self._read[direction] = [self._observe(s, direction) for s in self._sources]
        return self._read[direction]

    def _observe(self, source: EarlierTrials, direction: StudyDirection) -> _Results:
        record = Record([source.direction or direction], self._settings, None)
        record.read(source.trials)
        history = record.history(-1)
        n = len(history.values)
        errors = np.zeros(n) if history.errors is None else history.errors
        return _Results([t.params for t in record.observed_trials], history.values, errors)

    def _learn(self, view: View, points: np.ndarray, results: _Results) -> EarlierStudy | None:
        is_known = np.isfinite(results.errors) & ~np.isnan(view.domain.features(points)).any(
            axis=1
        )
        is_known &= ~np.isnan(points).all(axis=1)
        if not is_known.any():
            return None
        limit = self._settings.n_earlier_observations // len(self._sources)
        limit = min(max(limit, 1), self._settings.n_fit_observations)
        return learn_earlier(
            view,
            points[is_known],
            results.values[is_known],
            results.errors[is_known],
            limit,
            self._settings,
        )


@dataclass(frozen=True, eq=False)
class _Shared:
    """The parameters that an earlier and a new study share.

    Attributes:
        columns: `[n_shared]` ints, the new study's columns.
        axes: `[n_shared]` axes that hold the values of both.
        points: `[n, n_shared]` points of the earlier trials, NaN for what they lack.
        new: The new study's axes of these parameters.
    """

    columns: np.ndarray
    axes: Axes
    points: np.ndarray
    new: Axes

    @classmethod
    def of(cls, transform: ParamTransform, params: Sequence[_Params]) -> _Shared | None:
        """Return what is shared; None if that is nothing.

        A parameter that had one value in all earlier trials tells nothing of the others.
        """
        axes, columns, found = transform.domain.axes, [], []
        for column, name in enumerate(transform.names):
            distribution = transform.distributions[name]
            own = axes.part(np.array([column]))
            if isinstance(distribution, CategoricalDistribution):
                values, bounds = _places(distribution, name, params), (0.0, 1.0, 0.0)
            else:
                values, bounds = _numbers(own, name, params)
            known = values[~np.isnan(values)]
            is_alien = own.n_choices[0] > 0 and not (known < own.n_choices[0]).any()
            if len(known) and (known != known[0]).any() and not is_alien:
                n_choices = max(int(known.max()) + 1, int(own.n_choices[0]))
                columns.append(column)
                found.append((values, n_choices if own.n_choices[0] else 0, *bounds))
        if not columns:
            return None
        chosen = np.array(columns, dtype=np.intp)
        every, numbers = (
            np.stack([values for values, *_ in found], axis=1),
            np.array([bounds for _, *bounds in found]),
        )
        sizes, new = numbers[:, 0].astype(np.intp), axes.part(chosen)
        both = Axes(sizes, numbers[:, 1], numbers[:, 2], numbers[:, 3], new.is_log)
        points = np.where(both.is_categorical, every, both.to_unit(every))
        return cls(chosen, both, points, new)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two of them apart, of the same new study."""
        axes = self.axes
        arrays = (self.columns, axes.n_choices, axes.low, axes.high, axes.step)
        return tuple(array.tobytes() for array in arrays)

    def view(
        self, transform: ParamTransform, space: Any | None, max_knots: int, *, has_inactive: bool
    ) -> View:
        """Return how the earlier study sees the new study's points."""
        is_categorical, axes, new = self.axes.is_categorical, self.axes, self.new
        names = [transform.names[column] for column in self.columns.tolist()]
        domain = Domain(
            axes,
            self._architectures(transform, names, space),
            activity=_is_given if has_inactive else None,
            max_knots=max_knots,
            shared=[each.of(self.columns) for each in transform.domain.shared],
        )
        low, high = axes.to_unit(new.low), axes.to_unit(new.high)
        return View(
            domain=domain,
            columns=self.columns,
            shift=np.where(is_categorical, 0.0, low),
            stretch=np.where(is_categorical, 1.0, high - low),
            is_whole=len(names) == len(transform.names) and bool(self._is_same.all()),
        )

    @property
    def _is_same(self) -> np.ndarray:
        """`[n_shared]` bools: whether an axis is that of the new study."""
        axes, new = self.axes, self.new
        is_same = (axes.low == new.low) & (axes.high == new.high) & (axes.step == new.step)
        is_same_choice = axes.n_choices == new.n_choices
        return np.asarray(np.where(axes.is_categorical, is_same_choice, is_same))

    def _architectures(
        self, transform: ParamTransform, names: Sequence[str], space: Any | None
    ) -> Any:
        """What a space adds, if the earlier study has all of its parameters as they are."""
        if space is None:
            return None
        own = [name for name in transform.names if name in space_distributions(space)]
        places = [names.index(name) for name in own if name in names]
        is_same = self._is_same[places]
        if len(places) < len(own) or not is_same.all():
            return None
        distributions = {name: transform.distributions[name] for name in names}
        return make_architectures(space, own)(ParamTransform(distributions, Domain(self.axes)))


def _places(
    distribution: CategoricalDistribution, name: str, params: Sequence[_Params]
) -> np.ndarray:
    """`[n]`: the places of choices; those that only the earlier study has come last."""
    index = {choice_key(c): place for place, c in enumerate(distinct_choices(distribution))}
    return np.array(
        [
            index.setdefault(choice_key(p[name]), len(index)) if name in p else np.nan
            for p in params
        ]
    )


def _numbers(
    axis: Axes, name: str, params: Sequence[_Params]
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """`[n]` numbers, NaN where one is unknown or far outside; their low, high and step."""
    numbers = np.array([_number(p.get(name)) for p in params])
    low, high, step = (float(bound[0]) for bound in (axis.low, axis.high, axis.step))
    if axis.is_log[0]:
        numbers[~(numbers > 0.0)] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        unit = axis.to_unit(numbers[:, None])[:, 0]
    is_near = (unit >= -MAX_OUTSIDE) & (unit <= 1.0 + MAX_OUTSIDE)
    numbers = np.where(is_near, numbers, np.nan)
    known = numbers[is_near]
    least, most = min(low, known.min(initial=low)), max(high, known.max(initial=high))
    return numbers, (least, most, step if (least, most) == (low, high) else 0.0)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        return np.nan
    try:
        number = float(value)
    except OverflowError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _is_given(points: np.ndarray) -> np.ndarray:
    return np.asarray(~np.isnan(points))


def _read_one(place: int, one: Any) -> EarlierTrials:
    if isinstance(one, optuna.Study):
        if len(one.directions) > 1:
            raise _error(ValueError, "studies of one objective", one.directions, place)
        trials: Sequence[Any] = one.get_trials(deepcopy=False)
        name, direction = one.study_name[:MAX_NAME], one.direction
    elif isinstance(one, list | tuple):
        trials, name, direction = one, f"earlier[{place}]", None
    else:
        raise _error(TypeError, "studies or of lists of their trials", one, place)
    for trial in trials:
        if not isinstance(trial, FrozenTrial):
            raise _error(TypeError, "studies or of lists of their trials", trial, place)
        if trial.values is not None and len(trial.values) > 1:
            raise _error(ValueError, "trials of one objective", trial.values, place)
    ended = [trial for trial in trials if trial.state in FINISHED]
    if not any(t.state == TrialState.COMPLETE and t.params for t in ended):
        found = f"{len(trials)} trials, none of them complete"
        raise _error(ValueError, "studies with a complete trial", found, place)
    return EarlierTrials(name, direction, tuple(sorted(ended, key=lambda t: t.number)))


def _error(kind: type[Exception], rule: str, value: object, place: int | None) -> Exception:
    where = "" if place is None else f" in place {place}"
    text = value if isinstance(value, str) and place is not None else repr(value)[:MAX_SHOWN]
    return kind(
        f"`earlier` must be a list of {rule}, got {text} of {type(value).__name__}{where}. "
        f"Pass a list such as [study], of finished studies of one objective each."
    )

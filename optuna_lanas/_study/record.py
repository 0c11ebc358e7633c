"""A study's trials as one table, each trial read once, by one thread at a time.

A record only saves time: a new record of the same trials is equal to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import partial
from itertools import islice
import os
from threading import RLock
from typing import Any
from typing import TYPE_CHECKING
from typing import TypeVar
import weakref

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import KnownKeys
from optuna_lanas._core.domain import NO_KEYS
from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.history import History
from optuna_lanas._core.pareto import count_dominating
from optuna_lanas._core.settings import Settings
from optuna_lanas._study.architecture import make_architectures
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.curves import Forecasts
from optuna_lanas._study.distributions import axis_of
from optuna_lanas._study.distributions import merge_versions
from optuna_lanas._study.failures import Failures
from optuna_lanas._study.outcome import Clock
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import FAILED
from optuna_lanas._study.outcome import Outcome
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.outcome import PRUNED
from optuna_lanas._study.outcome import to_values
from optuna_lanas._study.published import enqueued_params
from optuna_lanas._study.published import known_params
from optuna_lanas._study.stale import first_live_number
from optuna_lanas._study.transform import is_alike
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform
from optuna_lanas._study.transform import with_newest


if TYPE_CHECKING:
    from optuna_lanas._core.earlier import Earlier
    from optuna_lanas._core.suggest import Caches
    from optuna_lanas._study.earlier import EarlierStudies

MAX_RECORDS = 8  # of a study, whose storage may show older states to some threads
MAX_STUDIES = 64  # of a storage
N_CHECKED = 4  # studies, the longest unused, that are forgotten if deleted, at a new study
T = TypeVar("T")
# Keys of which each is removed by `dict.pop` when what it refers to is gone. A callback in Python,
# like those of the standard library, would swallow what a signal handler raises in it.
_ByWeakReference = dict[weakref.ref[Any], T]


class Table:
    """Named columns of equal length, appended in amortised constant time.

    Args:
        shapes: By name, the shape of one entry and its type.
    """

    def __init__(self, **shapes: tuple[tuple[int, ...], type]) -> None:
        self._columns: dict[str, np.ndarray] = {
            name: np.empty((16, *shape), dtype=dtype) for name, (shape, dtype) in shapes.items()
        }
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a read-only view `[n, ...]` of a column."""
        view = self._columns[name][: self._n]
        view.flags.writeable = False
        return view

    def append(self, **entries: np.ndarray) -> None:
        """Add `[m, ...]` entries to every column."""
        n = self._n + len(next(iter(entries.values())))
        for name, column in self._columns.items():
            if n > len(column):
                grown = np.empty((max(n, 2 * len(column)), *column.shape[1:]), dtype=column.dtype)
                grown[: self._n] = column[: self._n]
                self._columns[name] = column = grown
            column[self._n : n] = entries[name]
        self._n = n

    def reorder(self, order: np.ndarray) -> None:
        """Put the entries into another order, `[n]` places; earlier views stay as they are."""
        for name, column in self._columns.items():
            self._columns[name] = ordered = np.empty_like(column)
            ordered[: self._n] = column[order]


@dataclass
class _Observed:
    """The trials that have ended, in the order in which they ended (see `Clock`).

    Attributes:
        ended: The trials.
        times: Their numbers, starts, ends and places, `[n_ended, 4]` as one column.
        trials: Those of them that are observations.
        table: Observations: points, features, kind, outcome, and times as above.
        n_dominating: `[n]`, how many complete observations dominate each; for several objectives.
        place_of_key: The keys of all trials that have ended, with their order.
        patterns: The sets of parameters that were inactive together.
        n_patterns_seen: The number of observations after which all patterns had been seen.
        has_inactive: Whether a parameter was ever inactive.
    """

    ended: list[FrozenTrial]
    times: Table
    trials: list[FrozenTrial]
    table: Table
    n_dominating: np.ndarray
    place_of_key: dict[Hashable | None, int] = field(default_factory=dict)
    patterns: set[bytes] = field(default_factory=set)
    n_patterns_seen: int = 0
    has_inactive: bool = False


class Record:
    """What is known of one study.

    Args:
        directions: The study's.
        settings: The sampler's.
        space: The sampler's architecture space, or None.
        earlier: The sampler's earlier studies, or None.
    """

    def __init__(
        self,
        directions: Sequence[StudyDirection],
        settings: Settings,
        space: Any | None,
        earlier: EarlierStudies | None = None,
    ) -> None:
        self._earlier = earlier
        known = {} if space is None else space_distributions(space)
        self.settings, self.space = settings, space
        self._directions = list(directions)
        self._own_names = list(known)
        self._versions = {name: [distribution] for name, distribution in known.items()}
        self._expected: dict[str, BaseDistribution] = {}  # asked for, but not yet by trials
        self._axes: dict[str, tuple[object, ...]] = {}  # as the table is
        self._newest: dict[str, int] = {}
        self._trials: Sequence[FrozenTrial] = []
        self._first_and_last: list[FrozenTrial] = []  # of those
        self._unfinished: set[int] = set()  # places in the list of trials
        self._n_seen: dict[int, int] = {}  # how many distributions of those were seen
        self._clock = Clock()
        self._forecasts, self._failures = Forecasts(), Failures()
        self.caches: Caches | None = None
        self._foretold: tuple[tuple[Domain, bool], Earlier | None] | None = None
        self.next_message = 0  # observations at which the search may have something to tell
        self.transform: ParamTransform
        self._domain: Domain
        self._n_activity: int
        self._observed: _Observed
        self._rebuild([])

    def can_follow(
        self, directions: Sequence[StudyDirection], trials: Sequence[FrozenTrial]
    ) -> bool:
        """Whether trials are a later state of what was read."""
        n_read = len(self._trials)
        if self._directions != list(directions) or len(trials) < n_read:
            return False
        last = n_read - 1  # in the same place, unless a trial before it was deleted
        if n_read and trials[last]._trial_id != self._first_and_last[-1]._trial_id:
            return False
        known = [*self._first_and_last, *self._observed.ended[:1], *self._observed.ended[-1:]]
        return all(_is_later(trial, self._found(trial, trials)) for trial in known)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Read what has changed since the last call."""
        places = sorted(self._unfinished) + list(range(len(self._trials), len(trials)))
        self._trials = trials
        changed = [trials[place] for place in places]
        self._unfinished = {p for p in places if not trials[p].state.is_finished()}
        self._first_and_last = [*trials[:1], *trials[-1:]]
        is_moved = not all(self._clock.read(trial) for trial in changed)
        if is_moved:  # a trial has waited longer than one with a greater number
            self._clock = Clock()
            for trial in trials:
                self._clock.read(trial)
        ended = [trial for trial in changed if trial.state.is_finished()]
        names = {*self._expected}.union(*map(self._see_distributions, places))
        self._expected = {}
        if is_moved or self._has_changed(names):
            self._rebuild([*self._observed.ended, *ended])
        else:
            self._append(ended)

    def expect(self, distributions: Mapping[str, BaseDistribution]) -> None:
        """Make sure that the domain holds the parameters of a search space."""
        before, self._expected = self._expected, {}
        for name, distribution in distributions.items():
            versions = self._versions.get(name, [])
            if versions and is_alike(versions[-1], distribution):
                continue
            wider = merge_versions(versions, distribution, is_newest=False)
            if not versions or axis_of(wider) != axis_of(versions):
                self._expected[name] = distribution
        if self._has_changed({*before, *self._expected}):
            self._rebuild(self._observed.ended)

    def knows(self, name: str) -> bool:
        """Whether a trial has asked for a parameter."""
        return name in self._versions

    def has_read(self, trial: FrozenTrial) -> bool:
        """Whether a trial is among those that were read, in whatever state it was then."""
        place = bisect_left(self._trials, trial.number, key=lambda known: known.number)
        return place < len(self._trials) and self._trials[place]._trial_id == trial._trial_id

    @property
    def n_observations(self) -> int:
        """The number of observations."""
        return len(self._observed.table)

    @property
    def is_startup(self) -> bool:
        """Whether the history is too short for a model to propose from it."""
        return self.n_observations < max(self.settings.n_startup_trials, 1)

    @property
    def observed_trials(self) -> list[FrozenTrial]:
        """The trial of each observation."""
        return list(self._observed.trials)

    def history(self, number: int) -> History:
        """Return the history as the trial of a number sees it."""
        observed, table = self._observed, self._observed.table
        pending = self._pending_points(number)
        features = self.domain.features(pending) if len(pending) else table["features"][:0]
        is_valid = ~np.isnan(features).any(axis=1)
        several = len(self._directions) > 1
        values, errors, as_first = self._values()
        keys, pending_keys = NO_KEYS, frozenset[Hashable | None]()
        if self.settings.avoid_duplicates:
            keys = KnownKeys(observed.place_of_key, len(observed.place_of_key))
            pending_keys = frozenset(self.domain.keys(pending) if len(pending) else ())
        return History(
            domain=self.domain,
            points=table["points"],
            features=table["features"],
            values=values,
            objectives=_frozen(self._objectives()) if several else None,
            pending_points=_frozen(pending[is_valid]),
            pending_features=_frozen(features[is_valid]),
            keys=keys,
            pending_keys=pending_keys,
            errors=errors,
            as_first=as_first,
        )

    def feasible(
        self, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> FeasibleSet:
        """Return the feasible set of a trial that asks for a search space."""
        axes = self.transform.asked_axes(search_space)
        return FeasibleSet(self.domain, axes, self._fixed(trial, search_space), self.settings)

    @property
    def domain(self) -> Domain:
        """The domain, with the activity of its parameters as far as it is known."""
        if self._observed.has_inactive:
            self._fit_activity()
        if self.foretold is not self._domain.earlier:
            self._domain = replace(self._domain, earlier=self.foretold)
        return self._domain

    @property
    def foretold(self) -> Earlier | None:
        """What earlier studies foretell of the domain's points; None if that is nothing."""
        if self._earlier is None:
            return None
        asked = self.transform.domain, self._observed.has_inactive
        if self._foretold is None or self._foretold[0] != asked:
            found = self._earlier.foretell(
                self.transform, self._directions[0], has_inactive=asked[1]
            )
            self._foretold = asked, found
        return self._foretold[1]

    def _fit_activity(self) -> None:
        """Refit the activity at milestones, and when a new pattern was seen."""
        from optuna_lanas._core.activity import fit_activity
        from optuna_lanas._core.search_tree import last_milestone

        n = last_milestone(max(self.n_observations, 1), self.settings.activity_growth)
        n = max(self._observed.n_patterns_seen, n)
        if n != self._n_activity:
            axes = self.transform.domain.axes
            activity = fit_activity(self._observed.table["points"][:n], axes)
            self._domain = replace(self.transform.domain, activity=activity)
            self._n_activity = n

    def _found(self, known: FrozenTrial, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        place = bisect_left(trials, known.number, key=lambda trial: trial.number)
        return trials[place] if place < len(trials) else None

    def _see_distributions(self, place: int) -> list[str]:
        """Remember the unseen distributions of a trial; return the names of those that differ."""
        trial, n_seen = self._trials[place], self._n_seen.pop(place, 0)
        if place in self._unfinished:
            self._n_seen[place] = len(trial.distributions)
        unseen = islice(trial.distributions.items(), n_seen, None)
        return [name for name, new in unseen if self._see(name, new, trial.number)]

    def _see(self, name: str, distribution: BaseDistribution, number: int) -> bool:
        """Remember a distribution, last for the greatest trial number; return if it differs."""
        versions = self._versions.get(name, [])
        if versions and is_alike(versions[-1], distribution):
            self._newest[name] = max(number, self._newest.get(name, -1))
            return False
        is_newest = number >= self._newest.get(name, -1)
        if is_newest:
            self._newest[name] = number
            self.transform = with_newest(self.transform, name, distribution)
        self._versions[name] = merge_versions(versions, distribution, is_newest=is_newest)
        return True

    def _with_expected(self, name: str) -> list[BaseDistribution]:
        versions = self._versions.get(name, [])
        if name not in self._expected:
            return versions
        return merge_versions(versions, self._expected[name], is_newest=False)

    def _has_changed(self, names: Collection[str]) -> bool:
        """Whether any of these parameters has another axis than in the table."""
        for name in names:
            versions = self._with_expected(name)
            if self._axes.get(name) != (axis_of(versions) if versions else None):
                return True
        return False

    def _rebuild(self, ended: Sequence[FrozenTrial]) -> None:
        """Rebuild the table for the parameters that are known now."""
        known = {name: self._with_expected(name) for name in {**self._versions, **self._expected}}
        self._axes = {name: axis_of(versions) for name, versions in known.items()}
        self.transform = make_transform(known, self._own_names, self.settings.max_knots)
        if self.space is not None:
            make = make_architectures(self.space, self._own_names)
            self.transform = self.transform.with_architectures(make)
        self._domain, self._n_activity = self.transform.domain, -1
        self.caches = None
        n_params = self._domain.n_params
        dim = self._domain.features(np.empty((0, n_params))).shape[1]
        table = Table(
            points=((n_params,), float),
            features=((dim,), float),
            kind=((), np.intp),
            outcome=((max(len(self._directions), 2),), float),
            times=((4,), float),
        )
        self._observed = _Observed([], Table(times=((4,), float)), [], table, np.empty(0))
        self._append(ended)

    def _append(self, ended: Sequence[FrozenTrial]) -> None:
        """Add trials to those that have ended, each in its place."""
        ended = sorted(ended, key=self._place)
        known = self._observed.ended
        is_late = bool(ended and known) and self._place(ended[0]) < self._place(known[-1])
        self._observed.ended += ended
        times = [self._clock.times(trial) for trial in ended]
        self._observed.times.append(times=np.array(times).reshape(-1, 4))
        pairs = [(trial, outcome_of(trial, self._directions)) for trial in ended if trial.params]
        told = [(trial, outcome) for trial, outcome in pairs if outcome is not None]
        if told:
            self._observe(told)
        if is_late:
            self._sort()

    def _place(self, trial: FrozenTrial) -> tuple[float, int]:
        """What orders trials that have ended."""
        number, _, _, place = self._clock.times(trial)
        return place, number

    def _observe(self, told: Sequence[tuple[FrozenTrial, Outcome]]) -> None:
        observed = self._observed
        points = self.transform.to_points([trial.params for trial, _ in told])
        for key in self._domain.keys(points):
            observed.place_of_key.setdefault(key, len(observed.place_of_key))
        features = self._domain.features(points)
        is_valid = ~np.isnan(features).any(axis=1)
        with_failed = self.settings.consider_failed_trials
        chosen = [
            place
            for place, (_, outcome) in enumerate(told)
            if is_valid[place] and (outcome.kind != FAILED or with_failed)
        ]
        self._see_patterns(points[chosen], self.n_observations)
        self._append_observations(
            points[chosen], features[chosen], [told[place] for place in chosen]
        )

    def _append_observations(
        self,
        points: np.ndarray,
        features: np.ndarray,
        told: Sequence[tuple[FrozenTrial, Outcome]],
    ) -> None:
        observed, table = self._observed, self._observed.table
        values = np.zeros((len(told), max(len(self._directions), 2)))
        for own, (_, outcome) in zip(values, told, strict=True):
            own[: len(outcome.values)] = outcome.values
        kinds = np.array([outcome.kind for _, outcome in told], dtype=np.intp)
        times = np.array([self._clock.times(trial) for trial, _ in told]).reshape(-1, 4)
        observed.trials += [trial for trial, _ in told]
        table.append(points=points, features=features, kind=kinds, outcome=values, times=times)
        if len(self._directions) > 1:
            is_complete = table["kind"] == COMPLETE
            n_before = len(observed.n_dominating)
            counts = observed.n_dominating[is_complete[:n_before]]
            objectives = table["outcome"][is_complete, : len(self._directions)]
            n_dominating = np.zeros(len(table))
            n_dominating[is_complete] = count_dominating(counts, objectives)
            observed.n_dominating = n_dominating

    def _sort(self) -> None:
        """Put the ended trials into their order, after late ones were appended.

        What the first observations were is compared by those that remember it.
        """
        observed, table = self._observed, self._observed.table
        order = _order(observed.times["times"])
        observed.ended = [observed.ended[place] for place in order.tolist()]
        observed.times.reorder(order)
        order = _order(table["times"])
        moved = np.flatnonzero(order != np.arange(len(order)))
        if len(moved) == 0:
            return
        observed.trials = [observed.trials[place] for place in order.tolist()]
        table.reorder(order)
        if len(observed.n_dominating):
            observed.n_dominating = observed.n_dominating[order]
        if len(observed.patterns) > 1:
            observed.patterns.clear()
            self._see_patterns(table["points"], 0)
        if moved[0] < self._n_activity:
            self._n_activity = -1

    def _see_patterns(self, points: np.ndarray, n_before: int) -> None:
        """Remember which parameters were inactive together; before the points are added."""
        for i, is_inactive in enumerate(np.isnan(points)):
            pattern = is_inactive.tobytes()
            if pattern not in self._observed.patterns:
                self._observed.patterns.add(pattern)
                self._observed.has_inactive |= bool(is_inactive.any())
                self._observed.n_patterns_seen = n_before + i + 1

    def _values(
        self,
    ) -> tuple[np.ndarray, np.ndarray | None, Callable[[int], np.ndarray] | None]:
        """`[n]` values, their standard errors, and the first values, as in `History`."""
        observed, table = self._observed, self._observed.table
        kinds, outcomes, has_several = table["kind"], table["outcome"], len(self._directions) > 1
        finals = -observed.n_dominating if has_several else outcomes[:, 0]
        errors = np.zeros(len(table))
        if not has_several and (kinds == PRUNED).any():
            sign = 1.0 if self._directions[0] == StudyDirection.MAXIMIZE else -1.0
            read = self._forecasts.read
            expected, found = read(observed.trials, kinds, finals, sign, self.settings)
            is_expected = ~np.isnan(expected)
            kinds = np.where(is_expected, COMPLETE, kinds)
            finals = np.where(is_expected, expected, finals)
            errors = np.where(is_expected, found, 0.0)
        places = self._stand_ins()
        values = to_values(kinds, finals, outcomes)[places]
        errors[places != np.arange(len(places))] = np.inf
        first = None if has_several else partial(_first_values, kinds, finals, outcomes, places)
        return _frozen(values), _frozen(errors) if errors.any() else None, first

    def _stand_ins(self) -> np.ndarray:
        """`[n]` places: each observation's own, unless it has failed by chance."""
        table, is_failed = self._observed.table, self._observed.table["kind"] == FAILED
        places = np.arange(len(table))
        if is_failed.any():
            found = self._failures.read(table["features"], is_failed, self.settings)
            places = np.where(found >= 0, found, places)
        return places

    def _objectives(self) -> np.ndarray:
        """`[n, m]`: the objectives; incomplete observations lie below the others, in order."""
        table = self._observed.table
        objectives = table["outcome"][:, : len(self._directions)]
        columns = [to_values(table["kind"], column, table["outcome"]) for column in objectives.T]
        return np.asarray(np.stack(columns, axis=1)[self._stand_ins()])

    def _pending_points(self, number: int) -> np.ndarray:
        """`[n_pending, n_params]`: unfinished trials, except that of a number and stale ones.

        A trial may have published all parameters that it might ask for. Inactive ones are masked.
        """
        trials = [self._trials[place] for place in sorted(self._unfinished)]
        others = [trial for trial in trials if trial.number != number]
        if not others:
            return self._observed.table["points"][:0]
        least = self._first_live_number()
        params = [known_params(trial) for trial in others if trial.number >= least]
        points = self.transform.to_points([p for p in params if p])
        is_whole = ~np.isnan(points).any(axis=1)
        if is_whole.any():
            points[is_whole] = self.domain.mask_inactive(points[is_whole])
        return points

    def _first_live_number(self) -> int:
        """The number below which unfinished trials are stale; 0 where all are young."""
        n_later = len(self._trials) - min(self._unfinished, default=len(self._trials))
        if n_later <= self.settings.n_overtaking:
            return 0
        return first_live_number(self._observed.times["times"][:, :3], self.settings)

    def _fixed(
        self, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> np.ndarray:
        """Return the coordinates `[n_params]` that a trial does not choose, NaN where it does.

        They are its suggested, enqueued or published params. A parameter outside the search space
        keeps the value of the last trial that has ended.
        """
        last = self._observed.ended[-1].params if self._observed.ended else {}
        others = {name: value for name, value in last.items() if name not in search_space}
        given: dict[str, Any] = {}
        if trial.params or trial.system_attrs:
            enqueued = enqueued_params(trial)
            free = {n for n in search_space if n not in trial.params and n not in enqueued}
            given = {n: value for n, value in known_params(trial).items() if n not in free}
        if not others and not given:
            return np.full(self.domain.n_params, np.nan)
        return self.transform.to_point({**others, **given})


class Records:
    """The records of studies, each with a lock; not copied or pickled with a sampler.

    Args:
        settings: The sampler's.
        space: The sampler's architecture space, or None.
        earlier: The sampler's earlier studies, or None.
    """

    def __init__(
        self, settings: Settings, space: Any | None, earlier: EarlierStudies | None = None
    ) -> None:
        self._settings, self._space, self._earlier = settings, space, earlier
        self._forget()
        _all_records[weakref.ref(self, _all_records.pop)] = None

    def use(
        self, study: optuna.Study, work: Callable[[Record], T], *, trial: FrozenTrial | None = None
    ) -> T:
        """Return what ``work`` returns for a study's record; one thread at a time works on it.

        A record whose work has ended in an exception is forgotten.

        Args:
            study: The study.
            work: A function of its record.
            trial: A trial of the study. A record that has read it is used as it is; without a
                trial, the record always reads the study first.
        """
        slot, others = holding(self._lock, lambda: self._slot(study))
        for study_id in others:
            if _is_deleted(study, study_id):
                holding(self._lock, partial(self._drop, study, study_id))

        def use_it() -> T:
            record = slot.take(study, self._new_record, trial)
            result = work(record)
            slot.records.insert(0, record)
            del slot.records[MAX_RECORDS:]
            return result

        return holding(slot.lock, use_it)

    def _slot(self, study: optuna.Study) -> tuple[_Slot, list[int]]:
        """Return a study's slot, and for a new one the ids of studies that may be deleted."""
        slots = self._slots.get(weakref.ref(study._storage))
        if slots is None:
            slots = {}
            self._slots[weakref.ref(study._storage, self._slots.pop)] = slots
        others = [] if study._study_id in slots else list(islice(slots, N_CHECKED))
        slot = slots.pop(study._study_id, None)
        if slot is None or slot.name != study.study_name:
            slot = _Slot(study.study_name)
        slots[study._study_id] = slot  # the last one used is the last one
        while len(slots) > MAX_STUDIES:
            del slots[next(iter(slots))]
        return slot, others

    def _drop(self, study: optuna.Study, study_id: int) -> None:
        self._slots.get(weakref.ref(study._storage), {}).pop(study_id, None)

    def _new_record(self, directions: Sequence[StudyDirection]) -> Record:
        return Record(directions, self._settings, self._space, self._earlier)

    def _forget(self) -> None:
        self._lock = RLock()
        self._slots: _ByWeakReference[dict[int, _Slot]] = {}  # of each storage

    def __reduce__(self) -> tuple[type[Records], tuple[Any, ...]]:
        return Records, (self._settings, self._space, self._earlier)


@dataclass
class _Slot:
    """A study's name, its lock, and its records, the last one used first."""

    name: str
    lock: RLock = field(default_factory=RLock)
    records: list[Record] = field(default_factory=list)

    def take(
        self,
        study: optuna.Study,
        new_record: Callable[[Sequence[StudyDirection]], Record],
        trial: FrozenTrial | None,
    ) -> Record:
        """Remove the record that can follow the study from the slot, or make one."""
        for place, record in enumerate(self.records):
            if trial is not None and record.has_read(trial):
                return self.records.pop(place)
        # From the storage: a study that HyperbandPruner passes on shows a bracket's trials alone.
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        for place, record in enumerate(self.records):
            if record.can_follow(study.directions, trials):
                del self.records[place]
                break
        else:
            record = new_record(study.directions)
        record.read(trials)
        return record


def holding(lock: RLock, work: Callable[[], T]) -> T:
    """Return what ``work`` returns while this thread holds a lock.

    No exception leaves it locked, wherever it is raised. What a signal handler raises ends the
    ``with``. A debugger or a time limit that traces lines may raise at its end, before it unlocks.
    """
    is_held: bool = lock._is_owned()  # type: ignore[attr-defined]
    try:
        with lock:
            return work()
    finally:
        if lock._is_owned() and not is_held:  # type: ignore[attr-defined]
            lock.release()


def _is_deleted(study: optuna.Study, study_id: int) -> bool:
    """Whether the storage of a study does not know an id."""
    try:
        study._storage.get_study_name_from_id(study_id)
    except KeyError:
        return True
    return False


_all_records: _ByWeakReference[None] = {}


def _forget_in_child() -> None:
    """A forked child has no thread that would release what was locked when it was born."""
    for reference in list(_all_records):
        records = reference()
        if records is not None:
            records._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _is_later(known: FrozenTrial, now: FrozenTrial | None) -> bool:
    """Whether a trial is a later state of a known one, not one of another study."""
    if now is None or (now._trial_id, now.number) != (known._trial_id, known.number):
        return False
    if known.datetime_start not in (None, now.datetime_start):
        return False
    if now is known or not known.state.is_finished():
        return True
    fields = (now.state, now.datetime_complete, repr(now.values))
    return fields == (known.state, known.datetime_complete, repr(known.values))


def _first_values(
    kinds: np.ndarray, complete: np.ndarray, outcomes: np.ndarray, places: np.ndarray, n: int
) -> np.ndarray:
    values = to_values(kinds[:n], complete[:n], outcomes[:n])
    stand_ins = np.where(places[:n] < n, places[:n], np.arange(n))
    return _frozen(values[stand_ins])


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _order(times: np.ndarray) -> np.ndarray:
    """Return the order of `[n, 4]` times: by place, then by number."""
    return np.lexsort((times[:, 0], times[:, 3]))

"""A study's trials as one table, each trial read once, by one thread at a time.

A record only saves time: a new record of the same trials is equal to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from itertools import islice
import os
from threading import Lock
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
from optuna_lanas._study.failures import Failures
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
    from optuna_lanas._core.suggest import Caches

EPOCH = datetime(1970, 1, 1)
MAX_RECORDS = 8  # of a study, whose storage may show older states to some threads
MAX_STUDIES = 64  # of a storage, so that deleted studies are forgotten
T = TypeVar("T")


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


@dataclass
class _Observed:
    """The trials that have ended, in the order in which they ended.

    Attributes:
        ended: The trials.
        times: Their numbers, starts and ends (seconds), `[n_ended, 3]` as one column.
        trials: Those of them that are observations.
        table: Observations: points, features, kind and outcome.
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
    """

    def __init__(
        self, directions: Sequence[StudyDirection], settings: Settings, space: Any | None
    ) -> None:
        known = {} if space is None else space_distributions(space)
        self.settings, self.space = settings, space
        self._directions = list(directions)
        self._own_names = list(known)
        self._versions = {name: [distribution] for name, distribution in known.items()}
        self._newest: dict[str, int] = {}
        self._trials: Sequence[FrozenTrial] = []
        self._unfinished: set[int] = set()  # places in the list of trials
        self._n_seen: dict[int, int] = {}  # how many distributions of those were seen
        self._forecasts, self._failures = Forecasts(), Failures()
        self.caches: Caches | None = None
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
        last = n_read - 1
        if n_read and trials[last]._trial_id != self._trials[last]._trial_id:
            return False
        return not self._observed.ended or self._is_unchanged(trials)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Read what has changed since the last call."""
        places = sorted(self._unfinished) + list(range(len(self._trials), len(trials)))
        self._trials = trials
        changed = [trials[place] for place in places]
        self._unfinished = {p for p in places if not trials[p].state.is_finished()}
        ended = sorted((trial for trial in changed if trial.state.is_finished()), key=_end)
        known = self._observed.ended
        is_late = bool(ended and known) and _end(ended[0]) < _end(known[-1])
        news = [self._see_distributions(place) for place in places]
        if is_late or any(news):
            self._rebuild([*known, *ended])
        else:
            self._append(ended)

    def expect(self, distributions: Mapping[str, BaseDistribution]) -> None:
        """Make sure that the domain holds the parameters of a search space."""
        new = {
            name: distribution
            for name, distribution in distributions.items()
            if not any(is_alike(d, distribution) for d in self._versions.get(name, ()))
        }
        for name, distribution in new.items():
            self._versions.setdefault(name, []).insert(0, distribution)
        if new:
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
        values, errors = self._values()
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
        return self._domain

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

    def _is_unchanged(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether the trial that ended last is still the same."""
        known = self._observed.ended[-1]
        place = bisect_left(trials, known.number, key=lambda trial: trial.number)
        same = trials[place] if place < len(trials) else None
        return same is not None and same._trial_id == known._trial_id and _end(same) == _end(known)

    def _see_distributions(self, place: int) -> bool:
        """Remember the unseen distributions of a trial; return whether any is new."""
        trial, n_seen = self._trials[place], self._n_seen.pop(place, 0)
        if place in self._unfinished:
            self._n_seen[place] = len(trial.distributions)
        unseen = islice(trial.distributions.items(), n_seen, None)
        news = [self._see(name, distribution, trial.number) for name, distribution in unseen]
        return any(news)

    def _see(self, name: str, distribution: BaseDistribution, number: int) -> bool:
        """Remember a distribution, last for the greatest trial number; return if it is new."""
        versions = self._versions.setdefault(name, [])
        if versions and is_alike(versions[-1], distribution):
            self._newest[name] = max(number, self._newest.get(name, -1))
            return False
        is_new = distribution not in versions
        if is_new:
            versions.insert(0, distribution)
        if number >= self._newest.get(name, -1):
            self._newest[name] = number
            if versions[-1] != distribution:
                versions.remove(distribution)
                versions.append(distribution)
                self.transform = with_newest(self.transform, name, distribution)
        return is_new

    def _rebuild(self, ended: Sequence[FrozenTrial]) -> None:
        """Rebuild the table for the parameters that are known now."""
        self.transform = make_transform(self._versions, self._own_names, self.settings.max_knots)
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
        )
        self._observed = _Observed([], Table(times=((3,), float)), [], table, np.empty(0))
        self._append(sorted(ended, key=_end))

    def _append(self, ended: Sequence[FrozenTrial]) -> None:
        observed = self._observed
        observed.ended += ended
        observed.times.append(times=np.array([_times(t) for t in ended]).reshape(-1, 3))
        pairs = [(t, outcome_of(t, self._directions)) for t in ended if t.params]
        told = [(trial, outcome) for trial, outcome in pairs if outcome is not None]
        if not told:
            return
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
        self._see_patterns(points[chosen])
        observed.trials += [told[place][0] for place in chosen]
        outcomes = [told[place][1] for place in chosen]
        self._append_observations(points[chosen], features[chosen], outcomes)

    def _append_observations(
        self, points: np.ndarray, features: np.ndarray, outcomes: Sequence[Outcome]
    ) -> None:
        observed, table = self._observed, self._observed.table
        values = np.zeros((len(outcomes), max(len(self._directions), 2)))
        for own, outcome in zip(values, outcomes, strict=True):
            own[: len(outcome.values)] = outcome.values
        kinds = np.array([outcome.kind for outcome in outcomes], dtype=np.intp)
        table.append(points=points, features=features, kind=kinds, outcome=values)
        if len(self._directions) > 1:
            is_complete = table["kind"] == COMPLETE
            n_before = len(observed.n_dominating)
            counts = observed.n_dominating[is_complete[:n_before]]
            objectives = table["outcome"][is_complete, : len(self._directions)]
            n_dominating = np.zeros(len(table))
            n_dominating[is_complete] = count_dominating(counts, objectives)
            observed.n_dominating = n_dominating

    def _see_patterns(self, points: np.ndarray) -> None:
        """Remember which parameters were inactive together; before the points are added."""
        for i, is_inactive in enumerate(np.isnan(points)):
            pattern = is_inactive.tobytes()
            if pattern not in self._observed.patterns:
                self._observed.patterns.add(pattern)
                self._observed.has_inactive |= bool(is_inactive.any())
                self._observed.n_patterns_seen = self.n_observations + i + 1

    def _values(self) -> tuple[np.ndarray, np.ndarray | None]:
        """`[n]` values and their standard errors; these are None if all values are exact."""
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
        return _frozen(values), _frozen(errors) if errors.any() else None

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
        return first_live_number(self._observed.times["times"], self.settings)

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
    """

    def __init__(self, settings: Settings, space: Any | None) -> None:
        self._settings, self._space = settings, space
        self._forget()
        _all_records.add(self)

    def use(
        self, study: optuna.Study, work: Callable[[Record], T], *, trial: FrozenTrial | None = None
    ) -> T:
        """Return what ``work`` returns for a study's record; one thread at a time works on it.

        The lock is held by a ``with`` of this very frame, so that no exception of a signal handler
        leaves it locked. A record whose work has ended in an exception is forgotten.

        Args:
            study: The study.
            work: A function of its record.
            trial: A trial of the study. A record that has read it is used as it is; without a
                trial, the record always reads the study first.
        """
        slot = self._slot(study)
        with slot.lock:
            record = slot.take(study, self._settings, self._space, trial)
            result = work(record)
            slot.records.insert(0, record)
            del slot.records[MAX_RECORDS:]
            return result

    def _slot(self, study: optuna.Study) -> _Slot:
        with self._lock:
            slots = self._slots.setdefault(study._storage, {})
            slot = slots.pop(study._study_id, None) or _Slot()
            slots[study._study_id] = slot  # the last one used is the last one
            while len(slots) > MAX_STUDIES:
                del slots[next(iter(slots))]
            return slot

    def _forget(self) -> None:
        self._lock = Lock()
        self._slots: weakref.WeakKeyDictionary[Any, dict[int, _Slot]] = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Records], tuple[Settings, Any | None]]:
        return Records, (self._settings, self._space)


@dataclass
class _Slot:
    """A study's lock and its records, the last one used first."""

    lock: RLock = field(default_factory=RLock)
    records: list[Record] = field(default_factory=list)

    def take(
        self,
        study: optuna.Study,
        settings: Settings,
        space: Any | None,
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
            record = Record(study.directions, settings, space)
        record.read(trials)
        return record


_all_records: weakref.WeakSet[Records] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child has no thread that would release what was locked when it was born."""
    for records in list(_all_records):
        records._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _times(trial: FrozenTrial) -> tuple[int, float, float]:
    return trial.number, _seconds(trial.datetime_start), _seconds(trial.datetime_complete)


def _end(trial: FrozenTrial) -> tuple[float, int]:
    return _seconds(trial.datetime_complete), trial.number


def _seconds(time: datetime | None) -> float:
    """Seconds of a time as it was stored, whatever the zone of this worker."""
    return 0.0 if time is None else (time - EPOCH).total_seconds()

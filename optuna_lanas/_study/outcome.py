"""What a trial's result is worth, one number, the greater the better; and when it came.

Complete and feasible trials come first, among them pruned ones whose final value is foretold (see
`curves`). Other pruned trials follow (by their last step, then its value), then infeasible ones,
pruned or not (by their total violation), and failed ones.

Optuna stores the naive local times of each trial's worker. Clocks may be wrong, workers may be in
other time zones, and summer time begins and ends. The numbers of trials are reliable: Optuna
gives them in the order in which trials are created.
"""

from __future__ import annotations

from bisect import bisect_left
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import math
from numbers import Real
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._study.published import KEY


COMPLETE, PRUNED, INFEASIBLE, FAILED = range(4)
LIMIT = 2.0**1021  # no difference of two values overflows, nor a value as far below the least
EPOCH = datetime(1970, 1, 1)
TOLERANCE = 0.02  # seconds by which starts on one machine may be out of order


@dataclass(frozen=True)
class Outcome:
    """The result of a trial that has ended.

    Attributes:
        kind: COMPLETE, PRUNED, INFEASIBLE or FAILED.
        values: The objectives, the greater the better; for other kinds, what orders them.
    """

    kind: int
    values: tuple[float, ...]


def outcome_of(trial: FrozenTrial, directions: Sequence[StudyDirection]) -> Outcome | None:
    """Return the outcome of a trial that has ended, None if it has none."""
    signs = [1.0 if d == StudyDirection.MAXIMIZE else -1.0 for d in directions]
    if trial.state == TrialState.FAIL:
        return Outcome(FAILED, (0.0,))
    if trial.state != TrialState.PRUNED and trial.values is None:
        return None
    violation = total_violation(trial)
    if violation > 0.0:
        return Outcome(INFEASIBLE, (-violation,))
    if trial.state == TrialState.PRUNED:
        return Outcome(PRUNED, _last_report(trial, signs[0]))
    return Outcome(COMPLETE, tuple(s * v for s, v in zip(signs, trial.values, strict=True)))


def total_violation(trial: FrozenTrial) -> float:
    """Return by how much a trial exceeds its constraints: Optuna 5's, or the list of Optuna 4.

    Foreign attributes that hold no numbers are no constraints.
    """
    try:
        constraints = getattr(trial, "constraints", None)
        found = list(constraints.values() if constraints else trial.system_attrs["constraints"])
    except (KeyError, TypeError):  # none, or not even a list
        return 0.0
    return sum(_excess(number) for number in found if isinstance(number, Real))


def _excess(number: Any) -> float:
    excess = as_float(number)
    return math.inf if math.isnan(excess) else max(excess, 0.0)


def to_values(kinds: np.ndarray, complete: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Return `[n]` finite values in the order of the outcomes.

    Infinite values become the greatest or least finite one. None lies beyond `LIMIT`, so that
    differences are finite; what squares them scales them first. Outcomes that are not complete
    are spread below the least complete value, over a width that is that of the complete ones.

    Args:
        kinds: `[n]` ints.
        complete: `[n]`, of which only the values of complete outcomes are read.
        outcomes: `[n, k]`, the outcomes' own values, 0 where these are fewer.
    """
    is_complete = kinds == COMPLETE
    values = np.zeros(len(kinds))
    values[is_complete] = _finite(complete[is_complete])
    if is_complete.all():
        return values
    least = values[is_complete].min() if is_complete.any() else 0.0
    width = max(np.ptp(values[is_complete]) if is_complete.any() else 0.0, 1e-9 * abs(least))
    keys = np.column_stack([kinds, -outcomes])[~is_complete]
    _, place = np.unique(keys, axis=0, return_inverse=True)
    share = (place.reshape(-1) + 1.0) / (place.max() + 1.0)
    values[~is_complete] = least - (width or 1.0) * share
    return values


class Clock:
    """The times of a study's trials as one clock would have shown them, seconds since 1970.

    Starts are read in the order of the trials' numbers. A start that lies before an earlier one
    was stored by a clock that is behind. What that clock lacks is its offset, which is added to
    both times of the trial, and of later trials that it fits. An offset fits if the start then is
    not before an earlier one. It also must not lie further ahead of all earlier starts than the
    stored time is ahead of the next lower stored time. Of those that fit the least is used.

    Trials are ordered by their ends. A trial that has published nothing may have been added to
    the study after its end, when it also got its number. Its place is that of its start.
    """

    def __init__(self) -> None:
        self._known: list[float] = []  # offsets, ascending
        self._stored: list[float] = []  # starts as they were stored, ascending
        self._latest = -math.inf  # start by the one clock
        self._offsets: dict[int, float] = {}  # by number
        self._last = -1

    def read(self, trial: FrozenTrial) -> bool:
        """Read a trial's start, if it has one; return False if that comes too late.

        The starts of trials with greater numbers must not have been read before.
        """
        stored = trial.datetime_start or trial.datetime_complete
        if stored is None or trial.number in self._offsets:
            return True
        if trial.number < self._last:
            return False
        self._last = trial.number
        self._offsets[trial.number] = self._offset(_seconds(stored))
        return True

    def times(self, trial: FrozenTrial) -> tuple[int, float, float, float]:
        """Return number, start, end and place of a trial that has ended and was read."""
        start = trial.datetime_start or trial.datetime_complete
        end = trial.datetime_complete or start
        if start is None or end is None:
            return trial.number, 0.0, 0.0, 0.0
        offset = self._offsets[trial.number]
        first, last = _seconds(start) + offset, _seconds(end) + offset
        last = max(first, last)
        return trial.number, first, last, last if KEY in trial.system_attrs else first

    def _offset(self, start: float) -> float:
        place = bisect_right(self._stored, start)
        ahead = start - self._stored[place - 1] if place else 0.0
        self._stored.insert(place, start)
        lack = self._latest - start
        chosen = bisect_left(self._known, lack - TOLERANCE)
        if chosen == len(self._known) or self._known[chosen] - lack > ahead + TOLERANCE:
            offset = max(lack, 0.0)
            self._known.insert(chosen, offset)
        offset = self._known[chosen]
        self._latest = max(self._latest, start + offset)
        return offset


def _last_report(trial: FrozenTrial, sign: float) -> tuple[float, float]:
    if not trial.intermediate_values:
        return -math.inf, -math.inf
    step = max(trial.intermediate_values)
    value = sign * trial.intermediate_values[step]
    return as_float(step), -math.inf if math.isnan(value) else value


def as_float(number: float) -> float:
    """Return a number as a float, infinite where it is an int beyond every float."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _finite(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return np.asarray(np.sign(values))
    least, greatest = np.clip([finite.min(), finite.max()], -LIMIT, LIMIT)
    return np.asarray(np.clip(values, least, greatest))


def _seconds(time: datetime) -> float:
    """Seconds of a time as it was stored, whatever the zone of this worker."""
    return (time.replace(tzinfo=None) - EPOCH).total_seconds()

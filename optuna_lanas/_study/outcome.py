"""What a trial's result is worth: one number per trial, the greater the better.

Complete and feasible trials come first. Pruned trials follow (by their last step, then its value),
then infeasible ones, pruned or not (by their total violation), and failed ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState


COMPLETE, PRUNED, INFEASIBLE, FAILED = range(4)
LIMIT = 2.0**1021  # no difference of two values overflows, nor a value as far below the least


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
    """Return by how much a trial exceeds its constraints: Optuna 5's, or the list of Optuna 4."""
    constraints = getattr(trial, "constraints", None)
    numbers = list(constraints.values()) if constraints else trial.system_attrs.get("constraints")
    return sum(map(_violation, numbers)) if isinstance(numbers, list | tuple) else 0.0


def _violation(constraint: Any) -> float:
    """By how much a constraint is exceeded, infinite where it is no number."""
    is_number = isinstance(constraint, int | float) and constraint == constraint
    return max(as_float(constraint), 0.0) if is_number else math.inf


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

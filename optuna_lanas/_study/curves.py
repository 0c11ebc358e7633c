"""What pruned trials would have ended with, and how surely, from the curves of their reports.

Values at the same step are comparable; last values of trials pruned at different steps are not.
At each rung a line predicts the final value from the value at the rung. It is fitted to the
trials that went further: complete ones, and those pruned later with their own predictions.

Notation
    x, y   value at the rung and final value, `[n]`
    v      the variance of x; of all values at the rung if n = 1
    slope  b = (n cov(x, y) + v) / (n var(x) + v), at least 0
    error  e^2 = (residual sum of squares + b^2 v) / n + mean e^2 of those pruned later

Either formula has one more pair, a standard deviation off: without any, the slope is 1. Trials
that were hopeless at the rung are left out, since a line that fits them fits the good ones badly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from optuna.trial import FrozenTrial

from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.settings import Settings
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import PRUNED


TINY = 1e-30  # a variance of rounding errors, of values of at most 1


@dataclass(frozen=True)
class Line:
    """The prediction of the final value from a value at a rung.

    Attributes:
        x: The mean value at the rung.
        y: The mean final value.
        slope: At least 0.
        error: The standard deviation of what is predicted.
    """

    x: float
    y: float
    slope: float
    error: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return `[n]` predictions for values at the rung."""
        return np.asarray(self.y + self.slope * (values - self.x))


@dataclass(frozen=True)
class Curves:
    """What reports foretell.

    Attributes:
        sign: 1 if the objective is maximised, else -1.
        rungs: Steps at which trials were pruned, in order.
        lines: For each rung; None where no trial went further.
        best: The best final value, which no pruned trial is expected to exceed.
        exponent: All values are in units of ``2 ** exponent``.
    """

    sign: float
    rungs: tuple[int, ...] = ()
    lines: tuple[Line | None, ...] = ()
    best: float = math.inf
    exponent: int = 0

    def expected(self, trial: FrozenTrial) -> tuple[float, float]:
        """Return a pruned trial's final value and its standard error, NaN if unknown."""
        rung = _rung_of(trial, self.rungs)
        line = None if rung < 0 else self.lines[rung]
        if line is None:
            return math.nan, math.nan
        value = _reports_at(trial, self.rungs[rung : rung + 1], self.sign, self.exponent)
        if not np.isfinite(value).all():
            return math.nan, math.nan
        with np.errstate(over="ignore"):  # far from those that were fitted
            final = min(float(line(value)[0]), self.best)
            value, error = np.ldexp([final, line.error], self.exponent).tolist()
        return value, error


class Forecasts:
    """What the pruned trials of a study are expected to have ended with.

    The curves are fitted at milestones of the number of trials, so that what the earlier trials
    are worth rarely changes. Apart from time, a forecast is a function of the trials alone.
    """

    def __init__(self) -> None:
        self._trials: list[FrozenTrial] = []
        self._n_fitted = 0
        self._curves = Curves(1.0)
        self._expected = np.empty((0, 2))

    def read(
        self,
        trials: Sequence[FrozenTrial],
        kinds: np.ndarray,
        finals: np.ndarray,
        sign: float,
        settings: Settings,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return expected final values and their standard errors, `[n]` each, NaN if unknown.

        Args:
            trials: `n` trials, in the order in which they ended.
            kinds: `[n]` ints, as in `Outcome`; only pruned ones are expected anything.
            finals: `[n]`, the values of complete ones, the greater the better.
            sign: 1 if the objective is maximised, else -1.
            settings: The settings.
        """
        from optuna_lanas._core.search_tree import last_milestone  # with SciPy

        n, n_known = last_milestone(len(trials), settings.curve_growth), len(self._trials)
        if n != self._n_fitted or self._trials != list(trials[:n_known]):
            self._curves = fit_curves(trials[:n], kinds[:n], finals[:n], sign, settings)
            self._n_fitted, n_known = n, 0
            self._expected = self._expected[:0]
        new = [
            self._curves.expected(trial) if kind == PRUNED else (math.nan, math.nan)
            for trial, kind in zip(trials[n_known:], kinds[n_known:].tolist(), strict=True)
        ]
        self._trials = list(trials)
        self._expected = np.concatenate([self._expected, np.array(new).reshape(-1, 2)])
        return self._expected[:, 0], self._expected[:, 1]


def fit_curves(
    trials: Sequence[FrozenTrial],
    kinds: np.ndarray,
    finals: np.ndarray,
    sign: float,
    settings: Settings,
) -> Curves:
    """Fit a line at each rung, from the last rung to the first; arguments as for `Forecasts`."""
    is_complete = (kinds == COMPLETE) & np.isfinite(finals)
    pruned = [trial for trial, kind in zip(trials, kinds, strict=True) if kind == PRUNED]
    rungs = _rungs(pruned, settings.max_rungs)
    chosen = is_complete | (kinds == PRUNED)
    if not rungs or not is_complete.any():
        return Curves(sign)
    reported = [trial for trial, is_chosen in zip(trials, chosen, strict=True) if is_chosen]
    reports = np.array([_reports_at(trial, rungs, sign) for trial in reported])
    is_complete, final = is_complete[chosen], finals[chosen]
    known = np.append(reports, final[is_complete])
    exponent = exponent_of(known[np.isfinite(known)])
    reports = np.ldexp(reports, -exponent)
    last = np.array([_rung_of(trial, rungs) for trial in reported])
    last[is_complete] = len(rungs)
    final = np.where(is_complete, np.ldexp(final, -exponent), np.nan)
    error = np.zeros(len(final))
    best = float(np.nanmax(final))
    lines: list[Line | None] = []
    for rung in range(len(rungs) - 1, -1, -1):
        values = reports[:, rung]
        is_known = np.isfinite(values) & (last >= rung)
        further, here = is_known & (last > rung) & ~np.isnan(final), is_known & (last == rung)
        line = _fit(values[further], final[further], error[further], values[is_known])
        if line is not None:
            final[here], error[here] = np.minimum(line(values[here]), best), line.error
        lines.append(line)
    return Curves(sign, rungs, tuple(lines[::-1]), best, exponent)


def _fit(x: np.ndarray, y: np.ndarray, error: np.ndarray, all_x: np.ndarray) -> Line | None:
    """The line through pairs `[n]` of value and final value, and of the latter's error."""
    if len(x) == 0:
        return None
    least = _least(all_x)
    is_near = x >= least
    if is_near.any():
        x, y, error = x[is_near], y[is_near], error[is_near]
    n = len(x)
    prior = float((x if n > 1 else np.maximum(all_x, least)).var())
    mean_x, mean_y = float(x.mean()), float(y.mean())
    below, lower = x - mean_x, y - mean_y
    variance = float(below @ below) + prior
    slope = max((float(below @ lower) + prior) / variance, 0.0) if variance > TINY else 1.0
    residuals = lower - slope * below
    own = (float(residuals @ residuals) + slope**2 * prior) / n
    return Line(mean_x, mean_y, slope, math.sqrt(own + float((error**2).mean())))


def _least(values: np.ndarray) -> float:
    """As far below the median as the best value lies above it; -inf if half have the best."""
    median, best = float(np.median(values)), float(values.max())
    return 2.0 * median - best if median < best else -math.inf


def _rungs(pruned: Sequence[FrozenTrial], limit: int) -> tuple[int, ...]:
    """At most ``limit`` of the last steps of pruned trials, the first one among them."""
    last = sorted(max(t.intermediate_values) for t in pruned if t.intermediate_values)
    distinct = sorted(set(last))
    if len(distinct) <= limit:
        return tuple(distinct)
    places = np.linspace(0, len(last) - 1, limit).astype(int)
    return tuple(sorted({last[place] for place in places.tolist()}))


def _rung_of(trial: FrozenTrial, rungs: Sequence[int]) -> int:
    """The place of the last rung that a trial reached, else of the first one; -1 if none."""
    if not trial.intermediate_values or not rungs:
        return -1
    return max(bisect_right(rungs, max(trial.intermediate_values)) - 1, 0)


def _reports_at(
    trial: FrozenTrial, rungs: Sequence[int], sign: float, exponent: int = 0
) -> np.ndarray:
    """`[n_rungs]`: the last report up to each rung, NaN if there is none."""
    reports = trial.intermediate_values
    values = [reports.get(rung, math.nan) for rung in rungs]
    if reports and not all(rung in reports for rung in rungs):
        steps = sorted(reports)
        places = [bisect_right(steps, rung) - 1 for rung in rungs]
        values = [reports[steps[place]] if place >= 0 else math.nan for place in places]
    with np.errstate(over="ignore"):  # of a report far above those that were fitted
        return np.asarray(np.ldexp(sign * np.array(values, dtype=float), -exponent))

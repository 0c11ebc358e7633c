"""How each parameter changes the target: partial dependence of trees, and what opens a parameter.

Regional means of a search mislead: where a parameter is good, the search has chosen the others
well, too. A model of all parameters tells their effects apart.

Notation
    f(v, x)    the model's prediction for a trial x whose parameter is set to v
    e(v)       the effect: the median of f(v, x) over trials x in which the parameter is active
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.domain import MAX_ONE_HOT
from optuna_lanas.visualization._plotly import shown_range
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import spaced


N_FITTED = 1500  # trials that the model is fitted to
N_AVERAGED = 120  # trials that an effect is averaged over
N_GRID = 31  # values of a numeric parameter
N_CHOICES = 40  # choices with an effect, those of most trials
N_TREES = 60
MIN_AGREEMENT = 0.95  # of the trials, in which a choice opens a parameter


@dataclass(frozen=True, eq=False)
class Opener:
    """What makes a parameter active: a value of another one.

    Attributes:
        column: The other parameter's.
        low: The least coordinate, or place of a choice, with which the parameter is active.
        high: The greatest.
        places: The choices that open it, empty for a numeric parameter.
    """

    column: int
    low: float
    high: float
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Effect:
    """How a parameter changes the target.

    Attributes:
        column: The parameter's.
        grid: `[m]` coordinates, or places of choices that trials have tried.
        level: `[m]`, the median predicted target at each.
        importance: The standard deviation of ``level`` over the grid, in the unit of the target.
        opener: What makes it active; None if it always is, or if no single parameter tells.
        depth: How many parameters have to be open before it.
    """

    column: int
    grid: np.ndarray
    level: np.ndarray
    importance: float
    opener: Opener | None
    depth: int


def effects(view: StudyPartition, inside: np.ndarray) -> list[Effect]:
    """Return the effects of all parameters: the most important first, each after its opener.

    Args:
        view: The partition.
        inside: `[n]` bools, the trials that count.
    """
    low, high = shown_range(view)
    known = np.flatnonzero(inside & ~np.isnan(view.targets))
    points = view.points[known]
    columns = [c for c in range(points.shape[1]) if not np.isnan(points[:, c]).all()]
    if len(known) == 0 or not columns:
        return []
    targets = np.clip(view.targets[known], low, high)
    exponent = exponent_of(targets) + 1  # sums of huge values would overflow
    model = _Model(view, points, np.ldexp(targets, -exponent))
    openers = {column: _opener(view, points, column, columns) for column in columns}
    found = {}
    for column in columns:
        grid, level = _effect(view, model, points, column, openers)
        spread = float(np.ldexp(level.std(), exponent))
        found[column] = (grid, np.clip(np.ldexp(level, exponent), low, high), spread)
    return [
        Effect(column, *found[column], openers[column], depth)
        for column, depth in _ordered({c: own[2] for c, own in found.items()}, openers)
    ]


class _Model:
    """Trees with random cuts, fitted to the targets of points."""

    def __init__(self, view: StudyPartition, points: np.ndarray, targets: np.ndarray) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self._axes = view.transform.domain.axes
        chosen = spaced(len(points), N_FITTED)
        n_leaf = 1 + len(chosen) // 100
        self._trees = ExtraTreesRegressor(
            N_TREES, min_samples_leaf=n_leaf, random_state=0, max_features=0.7
        )
        self._trees.fit(self._inputs(points[chosen]), targets[chosen])

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Return the predicted targets `[n]` of `[n, n_params]` points."""
        return np.asarray(self._trees.predict(self._inputs(points)))

    def _inputs(self, points: np.ndarray) -> np.ndarray:
        """Coordinates, -1 where inactive, and a one-hot code of each category."""
        is_one_hot = self._axes.is_categorical & (self._axes.n_choices <= MAX_ONE_HOT)
        codes = [
            points[:, [column]] == np.arange(self._axes.n_choices[column])
            for column in np.flatnonzero(is_one_hot)
        ]
        plain = points[:, ~is_one_hot]
        return np.hstack([np.where(np.isnan(plain), -1.0, plain), *codes])


def _effect(
    view: StudyPartition,
    model: _Model,
    points: np.ndarray,
    column: int,
    openers: dict[int, Opener | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the grid of a parameter and its effect there, `[m]` each.

    A parameter that opens others cannot be set while they stay. The median is then taken over
    the trials that have the value, or the nearest ones.
    """
    axes, own = view.transform.domain.axes, points[:, column]
    is_active = ~np.isnan(own)
    grid = _grid(own[is_active], bool(axes.is_categorical[column]), axes.n_values[column])
    is_opener = any(o is not None and o.column == column for o in openers.values())
    active = points[is_active]
    if not is_opener:
        base = active[spaced(len(active), N_AVERAGED)]
        moved = np.repeat(base, len(grid), axis=0)
        moved[:, column] = np.tile(grid, len(base))
        predicted = model.predict(moved).reshape(len(base), len(grid))
        return grid, np.median(predicted, axis=0)
    level = np.empty(len(grid))
    for i, value in enumerate(grid):
        distance = np.abs(active[:, column] - value)
        near = active[distance <= distance.min() + 1e-9]
        level[i] = np.median(model.predict(near[spaced(len(near), N_AVERAGED)]))
    return grid, level


def _grid(active: np.ndarray, is_categorical: bool, n_values: float) -> np.ndarray:
    if is_categorical:
        values, counts = np.unique(active, return_counts=True)
        most = np.sort(np.argsort(-counts, kind="stable")[:N_CHOICES])
        return np.asarray(values[most])
    return np.linspace(0.0, 1.0, int(min(N_GRID, max(n_values, 2))))


def _opener(
    view: StudyPartition, points: np.ndarray, column: int, columns: list[int]
) -> Opener | None:
    """Return what makes a parameter active: the value of a parameter that is active more often."""
    is_active = ~np.isnan(points[:, column])
    if is_active.all():
        return None
    best, best_key = None, (MIN_AGREEMENT, 0, 0)
    for other in columns:
        values = points[:, other]
        is_known = ~np.isnan(values)
        if not (is_known[is_active].all() and is_known.sum() > is_active.sum()):
            continue
        opening = np.unique(values[is_active])
        is_choice = bool(view.transform.domain.axes.is_categorical[other])
        low, high = float(opening[0]), float(opening[-1])
        expected = np.isin(values, opening) if is_choice else (values >= low) & (values <= high)
        agreement = float((expected == is_active).mean())
        key = (round(agreement, 3), int(is_choice), -int(is_known.sum()))
        if key >= best_key:
            places = tuple(opening.astype(int).tolist()) if is_choice else ()
            best, best_key = Opener(other, low, high, places), key
    return best


def _ordered(
    importance: dict[int, float], openers: dict[int, Opener | None]
) -> list[tuple[int, int]]:
    """Return columns with their depths: the most important first, but none before its opener.

    A parameter that opens others is as important as all of them together.
    """
    children: dict[int | None, list[int]] = {}
    for column, opener in openers.items():
        children.setdefault(None if opener is None else opener.column, []).append(column)

    def weight(column: int) -> float:
        return importance[column] + sum(map(weight, children.get(column, [])))

    ordered, pending = [], [(column, 0) for column in children.get(None, [])]
    while pending:
        first = max(pending, key=lambda each: weight(each[0]))
        pending.remove(first)
        ordered.append(first)
        pending += [(child, first[1] + 1) for child in children.get(first[0], [])]
    return ordered

"""A region in words: what most of its trials share, and most others do not.

A region is a polytope in the space of features. Its words compare its trials with others, one
parameter at a time, by the share of trials that meet a condition.

Notation
    a    share of the region's trials that meet a condition
    b    share of the other trials that meet it; the best condition has the greatest ``a - b``
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._study_partition import StudyPartition


MAX_CHOICES = 2  # named in one condition
MIN_CONTRAST = 0.35  # of a second condition
MIN_GAIN = 0.15  # in contrast, for which a range is worth two bounds, and "not" its word
CHOICE_BONUS = 0.05  # of contrast: a choice says more than a number that it opens
MIN_PART = 0.3  # of the first choice's contrast, for which a second choice is named


@dataclass(frozen=True)
class Condition:
    """A condition on one parameter that sets trials apart from others.

    Attributes:
        name: The parameter's name.
        relation: The rest of the condition, such as `` ≤ 0.1``.
        inside: Share of the trials that meet it.
        outside: Share of the others that meet it.
    """

    name: str
    relation: str
    inside: float
    outside: float

    @property
    def text(self) -> str:
        """The condition, such as ``rate ≤ 0.1``."""
        return self.name + self.relation

    def short(self, limit: int) -> str:
        """Return the condition in at most ``limit`` characters."""
        room = max(limit - len(self.name), limit * 3 // 5)
        relation = short(self.relation, room)
        return short(self.name, limit - len(relation)) + relation

    @property
    def contrast(self) -> float:
        """How well the condition tells the trials from the others, at most 1."""
        return self.inside - self.outside


def conditions(
    view: StudyPartition, inside: np.ndarray, outside: np.ndarray, n: int = 2
) -> list[Condition]:
    """Return at most ``n`` conditions that set trials apart, the best one first.

    Args:
        view: The partition.
        inside: `[n_trials]` bools, the trials to describe.
        outside: `[n_trials]` bools, those that they are compared with.
        n: The greatest number of conditions.
    """
    if not inside.any() or not outside.any():
        return []
    found = [
        _condition(view, column, view.points[inside, column], view.points[outside, column])
        for column in range(view.points.shape[1])
    ]
    is_choice = view.transform.domain.axes.is_categorical
    ranked = [
        c
        for _, c in sorted(
            (
                (c.contrast + (CHOICE_BONUS if is_choice[column] else 0.0), c)
                for column, c in enumerate(found)
                if c is not None
            ),
            key=lambda pair: -pair[0],
        )
    ]
    return [c for i, c in enumerate(ranked[:n]) if i == 0 or c.contrast >= MIN_CONTRAST]


def describe(view: StudyPartition, node: int, n: int = 2) -> str:
    """Return a node's region in words, compared with all other trials."""
    inside = view.inside(node)
    found = conditions(view, inside, ~inside, n)
    return ", ".join(c.text for c in found) or ("all trials" if inside.all() else "no pattern")


def value_text(view: StudyPartition, column: int, coordinate: float) -> str:
    """Return a parameter's value at a coordinate, as it is shown."""
    axes = view.transform.domain.axes
    is_continuous = axes.step[column] == 0.0 and not axes.is_categorical[column]
    point = np.full(view.points.shape[1], np.nan)
    point[column] = round(coordinate, 3) if is_continuous else coordinate
    value = view.transform.to_params(point)[view.transform.names[column]]
    if type(value) is float and 1e-4 <= abs(value) < 1e6:  # without an exponent
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return one_line(format_value(value))


def short(text: str, limit: int) -> str:
    """Return a user's text on one line, shortened in its middle to ``limit`` characters."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    tail = (limit - 1) // 3
    return f"{line[: limit - tail - 1]}…{line[len(line) - tail :]}"


def _condition(
    view: StudyPartition, column: int, inside: np.ndarray, outside: np.ndarray
) -> Condition | None:
    """Return the best condition on a parameter, None if no condition tells the trials apart.

    Args:
        view: The partition.
        column: The parameter's.
        inside: `[n_inside]` coordinates, NaN where the parameter is inactive.
        outside: `[n_outside]` coordinates.
    """
    find = _choice if view.transform.domain.axes.is_categorical[column] else _range
    found = find(view, column, inside, outside)
    return found if found is not None and found.contrast > 0 else None


def _choice(
    view: StudyPartition, column: int, inside: np.ndarray, outside: np.ndarray
) -> Condition | None:
    """Return the choices that the trials have more often, or the one that they avoid.

    "=" and "not" are true of all trials inside, "mostly" and "rarely" of some.
    """
    n_choices = int(view.transform.domain.axes.n_choices[column])
    a, b = (
        np.bincount(own[~np.isnan(own)].astype(np.intp), minlength=n_choices) / len(own)
        for own in (inside, outside)
    )
    gain = a - b
    order = np.argsort(-gain, kind="stable")
    chosen = order[gain[order] > 0][:MAX_CHOICES]
    if len(chosen) == 2 and gain[chosen[1]] < MIN_PART * gain[chosen[0]]:
        chosen = chosen[:1]
    name, worst = one_line(str(view.transform.names[column])), int(order[-1])
    if -gain[worst] > gain[chosen].sum() + MIN_GAIN:
        verb = "rarely" if a[worst] > 0.0 else "not"
        relation = f" {verb} {value_text(view, column, worst)}"
        return Condition(name, relation, float(1.0 - a[worst]), float(1.0 - b[worst]))
    if len(chosen) == 0:
        return None
    share = float(a[chosen].sum())
    verb = "mostly" if share < 1.0 - 1e-9 else "="
    relation = f" {verb} {' or '.join(value_text(view, column, c) for c in chosen.tolist())}"
    return Condition(name, relation, share, float(b[chosen].sum()))


def _range(
    view: StudyPartition, column: int, inside: np.ndarray, outside: np.ndarray
) -> Condition | None:
    """Return the bound, or the two bounds, between which the shares differ most."""
    own, others = np.sort(inside[~np.isnan(inside)]), np.sort(outside[~np.isnan(outside)])
    levels = np.unique(np.concatenate([own, others]))
    if len(own) == 0 or len(others) == 0 or len(levels) < 2:
        return None
    below = [np.searchsorted(each, levels[:-1], side="right") for each in (own, others)]
    difference = below[0] / len(inside) - below[1] / len(outside)
    total = len(own) / len(inside) - len(others) / len(outside)
    least, greatest = int(np.argmin(difference)), int(np.argmax(difference))
    gains = {
        "below": difference[greatest],
        "above": total - difference[least],
        "between": difference[greatest] - difference[least] if least < greatest else -1.0,
    }
    kind = max(("below", "above"), key=lambda k: gains[k])
    if gains["between"] > gains[kind] + MIN_GAIN:
        kind = "between"
    low = levels[least + 1] if kind != "below" else -np.inf
    high = levels[greatest] if kind != "above" else np.inf
    name = one_line(str(view.transform.names[column]))
    first, last = (
        value_text(view, column, float(np.clip(bound, 0.0, 1.0))) for bound in (low, high)
    )
    if kind == "between":
        relation = f" = {first}" if first == last else f" {first} to {last}"
    else:
        relation = f" ≤ {last}" if kind == "below" else f" ≥ {first}"
    a, b = (
        float(((each >= low) & (each <= high)).sum() / n)
        for each, n in ((own, len(inside)), (others, len(outside)))
    )
    return Condition(name, relation, a, b)

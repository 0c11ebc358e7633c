"""Small panels of parameters: axes, bars for choices, curves over ranges, and trials as dots."""

from __future__ import annotations

from typing import Any

import numpy as np

from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._effects import Effect
from optuna_lanas.visualization._effects import Opener
from optuna_lanas.visualization._plotly import BAD
from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import marks_of_best
from optuna_lanas.visualization._plotly import number_text
from optuna_lanas.visualization._plotly import NUMBERS
from optuna_lanas.visualization._plotly import shown_range
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import safe_quantile
from optuna_lanas.visualization._thinning import spaced
from optuna_lanas.visualization._words import short
from optuna_lanas.visualization._words import value_text


MAX_DIGITS = 3  # of a value's label, of which four fit side by side
N_BARS = 6  # more choices: the best ones and the worst
LABELS = 0.42, 0.17  # part of a cell for the labels of choices, and of a numeric axis
N_LABEL, N_HEAD = 2 / 11, 0.42  # parts of the title's letters for a choice, and for a heading


class Panels:
    """Panels in rows; values share one range, so that what matters most is what varies most."""

    def __init__(
        self,
        figure: Any,
        view: StudyPartition,
        inside: np.ndarray,
        shown: list[Effect],
        n_rows: int,
        n_columns: int,
        n_letters: int,
    ) -> None:
        self._go, self._figure, self._view = graph_objects(), figure, view
        self._inside = inside
        self._n_rows, self._n_columns = n_rows, n_columns
        self._n_letters = n_letters
        self._n_label, self._n_head = int(N_LABEL * n_letters), int(N_HEAD * n_letters)
        low, high = _range(view, shown)
        margin = 0.04 * high - 0.04 * low or abs(high) / 10 or 1.0
        self._range = [low - margin, high + margin]
        self._targets = np.clip(view.targets, low, high)

    def add(self, place: int, effect: Effect, n_dots: int) -> None:
        """Add the panel of a parameter."""
        is_choice = bool(self._view.transform.domain.axes.is_categorical[effect.column])
        number = str(place + 1) if place else ""
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        self._add_axes(place, number, effect, is_choice)
        draw = self._add_bars if is_choice else self._add_curve
        draw(effect, axes, n_dots, number)

    def _add_axes(self, place: int, number: str, effect: Effect, is_choice: bool) -> None:
        row, column = divmod(place, self._n_columns)
        width, height = 1.0 / self._n_columns, 1.0 / self._n_rows
        labels = LABELS[0] if is_choice else LABELS[1]
        left, right = (column + labels) * width, (column + 0.94) * width
        room = min(height, 1.0 / 3) * FULL.n_letters / self._n_letters
        top, bottom = 1.0 - row * height - 0.17 * room, 1.0 - (row + 1) * height + 0.25 * room
        axis: dict[str, Any] = {"automargin": False, "zeroline": False, **NUMBERS}
        axis |= {"showline": True, "mirror": True}
        value = {**axis, "range": self._range, "nticks": 4}
        if is_choice and self._n_digits() > MAX_DIGITS:
            value["nticks"] = 3  # labels side by side
        self._figure.update_layout(
            {
                f"xaxis{number}": {"domain": [left, right], "anchor": f"y{number}"}
                | (value if is_choice else axis),
                f"yaxis{number}": {"domain": [bottom, top], "anchor": f"x{number}"}
                | (axis if is_choice else value),
            }
        )
        condition = "" if effect.opener is None else _condition(self._view, effect.opener)
        room = max(self._n_head - len(condition) - 1, self._n_head // 2)
        name = shown_name(self._view, effect, room if condition else self._n_head)
        head = f"<b>{escaped(name)}</b>"
        if condition:
            head += f" {escaped(short(condition, self._n_head - len(name) - 1))}"
        self._figure.add_annotation(
            text=head, xref="paper", yref="paper", x=column * width, y=top, showarrow=False,
            xanchor="left", yanchor="bottom", yshift=7, font={"size": 12},
            hovertext=self._heading_hover(effect),
        )  # fmt: skip

    def _n_digits(self) -> int:
        """The number of digits of a value's label, the greatest one."""
        low, high = np.nan_to_num(self._range)  # the margin may overflow
        step = np.log10(max(high / 4 - low / 4, np.finfo(float).tiny))
        whole = np.log10(max(abs(low), abs(high), 1.0))
        return 1 + int(whole) + max(0, -int(np.floor(step)))

    def _heading_hover(self, effect: Effect) -> str:
        name = str(self._view.transform.names[effect.column])
        opener = effect.opener
        opened = "" if opener is None else f"<br>{escaped(_condition(self._view, opener))}"
        return f"{escaped(one_line(name))}{opened}"

    def _add_bars(self, effect: Effect, axes: dict[str, str], n_dots: int, number: str) -> None:
        order, baseline = best_first(self._view, effect), _middle(effect.level)
        if len(order) > N_BARS:
            order = np.append(order[: N_BARS - 1], order[-1])
        order = order[::-1]  # the best one on top
        texts = [shown_value(self._view, effect, place) for place in order.tolist()]
        level = effect.level[order]
        is_good = self._is_good(level, baseline)
        self._figure.add_trace(
            self._go.Bar(
                x=_compact(level - baseline), y=list(range(len(order))), base=baseline,
                orientation="h", opacity=0.75, **axes,
                marker_color=[GOOD if good else BAD for good in is_good],
                customdata=[number_text(value) for value in level],
                text=[escaped(short(text, 60)) for text in texts], textposition="none",
                hovertemplate="%{text}: %{customdata}<extra></extra>",
            )
        )  # fmt: skip
        self._figure.update_layout({
            f"yaxis{number}": {
                "tickvals": list(range(len(order))),
                "ticktext": [escaped(short(text, self._n_label)) for text in texts],
                "range": [-0.6, len(order) - 0.4],
            }
        })  # fmt: skip
        self._add_baseline(baseline, axes, is_vertical=True)
        at = {float(effect.grid[place]): y for y, place in enumerate(order.tolist())}
        for places, marker in self._dots(effect.column, n_dots):
            own = self._view.points[places, effect.column]
            places = places[[float(value) in at for value in own]]
            y = [at[float(value)] for value in self._view.points[places, effect.column]]
            jitter = 0.5 * ((0.618034 * self._view.numbers[places]) % 1.0 - 0.5)
            self._add_dots(self._targets[places], np.round(y + jitter, 3), places, marker, axes)

    def _add_curve(self, effect: Effect, axes: dict[str, str], n_dots: int, number: str) -> None:
        grid, level = np.round(effect.grid, 4), effect.level
        baseline = _middle(level)
        places, heights = with_crossings(grid, level, baseline)
        is_good = self._is_good(heights, baseline)
        for is_kept, color in ((is_good, GOOD), (~is_good, BAD)):
            edge = np.where(is_kept, heights, baseline)
            x = np.concatenate([places, places[::-1]])
            y = np.concatenate([edge, np.full(len(edge), baseline)])
            self._figure.add_trace(
                self._go.Scatter(
                    x=_compact(x), y=_compact(y), mode="lines", line={"width": 0}, fill="toself",
                    fillcolor=color, opacity=0.4, hoverinfo="skip", **axes,
                )
            )  # fmt: skip
        self._add_baseline(baseline, axes, is_vertical=False)
        for places, marker in self._dots(effect.column, n_dots):
            x = np.round(self._view.points[places, effect.column], 4)
            self._add_dots(x, self._targets[places], places, marker, axes)
        self._figure.add_trace(
            self._go.Scatter(
                x=grid, y=_compact(level), mode="lines", line={"width": 2.5, "color": GREY},
                **axes,
                text=[escaped(shown_value(self._view, effect, i)) for i in range(len(grid))],
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
            )
        )  # fmt: skip
        ticks = self._ticks(effect.column)
        self._figure.update_layout({
            f"xaxis{number}": {
                "tickvals": ticks, "range": [-0.04, 1.04], "ticklabelstandoff": 5,
                "ticktext": [value_text(self._view, effect.column, tick) for tick in ticks],
            }
        })  # fmt: skip

    def _ticks(self, column: int) -> list[float]:
        """Return the coordinates that the axis of a numeric parameter names."""
        n_values = self._view.transform.domain.axes.n_values[column]
        n_ticks = 5 if n_values == 5 else 4 if n_values == 4 else int(min(n_values, 3))
        ticks: list[float] = np.linspace(0.0, 1.0, max(n_ticks, 1)).tolist()
        return ticks

    def _dots(self, column: int, n_dots: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Return the places of trials and how they are drawn: some trials, then the best."""
        is_shown = self._inside & ~np.isnan(self._view.points[:, column])
        places = np.flatnonzero(is_shown)
        best = self._view.best[is_shown[self._view.best]]
        return [
            (places[spaced(len(places), n_dots)], {"size": 4, "color": GREY, "opacity": 0.55}),
            (best, marks_of_best(self._view) | {"size": 14 if len(best) == 1 else 9}),
        ]

    def _add_dots(
        self,
        x: np.ndarray,
        y: np.ndarray,
        places: np.ndarray,
        marker: dict[str, Any],
        axes: dict[str, str],
    ) -> None:
        if len(places):
            self._figure.add_trace(
                self._go.Scatter(
                    x=_compact(x), y=_compact(y), mode="markers", marker=marker, **axes,
                    customdata=self._view.numbers[places],
                    hovertemplate="trial %{customdata}<extra></extra>",
                )
            )  # fmt: skip

    def _add_baseline(self, baseline: float, axes: dict[str, str], *, is_vertical: bool) -> None:
        ends: list[Any] = [[baseline, baseline], [-0.6, N_BARS]]
        if not is_vertical:
            ends = [[-0.04, 1.04], ends[0]]
        line = {"width": 1, "dash": "dot", "color": GREY}
        trace = self._go.Scatter(
            x=ends[0], y=ends[1], mode="lines", line=line, hoverinfo="skip", **axes
        )
        self._figure.add_trace(trace)

    def _is_good(self, level: np.ndarray, baseline: float) -> np.ndarray:
        sign = -1.0 if self._view.is_maximised is False else 1.0
        return sign * level >= sign * baseline


def best_first(view: StudyPartition, effect: Effect) -> np.ndarray:
    sign = 1.0 if view.is_maximised is False else -1.0
    return np.argsort(sign * effect.level, kind="stable")


def shown_value(view: StudyPartition, effect: Effect, place: int) -> str:
    return value_text(view, effect.column, float(effect.grid[place]))


def shown_name(view: StudyPartition, effect: Effect, limit: int) -> str:
    return short(str(view.transform.names[effect.column]), limit)


def _condition(view: StudyPartition, opener: Opener) -> str:
    """Return what opens a parameter, such as ``if model = svm``."""
    name = short(str(view.transform.names[opener.column]), 18)
    if opener.places:
        values = [value_text(view, opener.column, float(place)) for place in opener.places]
        more = "" if len(values) < 3 else f" or {len(values) - 2} more"
        return f"if {name} = {' or '.join(short(v, 14) for v in values[:2])}{more}"
    low, high = (value_text(view, opener.column, bound) for bound in (opener.low, opener.high))
    if low == high:
        return f"if {name} = {low}"
    return f"if {name} ≥ {low}" if opener.high == 1.0 else f"if {name} {low} to {high}"


def _range(view: StudyPartition, shown: list[Effect]) -> tuple[float, float]:
    """Return the range of targets that holds all effects, most trials and the best one."""
    low, high = shown_range(view)
    targets = view.targets[~np.isnan(view.targets)]
    if len(targets) == 0:
        return low, high
    tenth, ninetieth = safe_quantile(targets, np.array([0.1, 0.9])).tolist()
    levels = [level for effect in shown for level in effect.level.tolist()]
    if view.is_maximised is not False:
        low = min([tenth, *levels])
    if view.is_maximised is not True:
        high = max([ninetieth, *levels])
    return low, high


def with_crossings(
    grid: np.ndarray, level: np.ndarray, baseline: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a curve, and those at which it crosses the baseline, `[m + k]` each."""
    above = level > baseline
    first = np.flatnonzero(above[1:] != above[:-1])
    part = (baseline - level[first]) / (level[first + 1] - level[first])
    places = np.concatenate([grid, grid[first] + part * (grid[first + 1] - grid[first])])
    heights = np.concatenate([level, np.full(len(first), baseline)])
    order = np.argsort(places, kind="stable")
    return places[order], heights[order]


def _middle(level: np.ndarray) -> float:
    """Return the mean of an effect over its grid."""
    return float(np.clip((level / len(level)).sum(), level.min(), level.max()))


def _compact(values: np.ndarray) -> list[float]:
    """Return numbers of six digits, which are short as JSON."""
    return [float(f"{value:.6g}") for value in values]

"""What makes a configuration good? One small panel per parameter, the most important first."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._effects import Effect
from optuna_lanas.visualization._effects import effects
from optuna_lanas.visualization._effects import Opener
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import BAD
from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import marks_of_best
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import note_of_best
from optuna_lanas.visualization._plotly import number_text
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._plotly import shown_range
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import safe_quantile
from optuna_lanas.visualization._thinning import spaced
from optuna_lanas.visualization._words import describe
from optuna_lanas.visualization._words import short
from optuna_lanas.visualization._words import value_text


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_PARAMETERS = 9
N_BARS = 6  # more choices: the best ones and the worst
MAX_DOTS = 400  # trials in one panel
ROW_HEIGHT = 150  # pixels
LABELS = 0.42, 0.17  # part of a cell for the labels of choices, and of a numeric axis
N_LABEL, N_HEAD = 2 / 11, 0.42  # parts of the title's letters for a choice, and for a heading


def plot_parameters(
    study_or_partition: optuna.Study | StudyPartition,
    *,
    node: int = 0,
    n_parameters: int = N_PARAMETERS,
) -> go.Figure:
    """Plot how each parameter changes the target: a curve over a range, bars for choices.

    A model of all parameters predicts the target with one parameter set to a value and the others
    as in the trials. Parameters that change it most come first, conditional ones after the choice
    that opens them.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        node: The number of a node, whose trials count; 0, the root, for all trials.
        n_parameters: The greatest number of panels.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, there is no such ``node``, or
            ``n_parameters`` is less than 1.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_parameters

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_parameters(study)
    """
    check_int("n_parameters", n_parameters, 1, f"Leave it out for {N_PARAMETERS}.")
    view = as_partition(study_or_partition)
    view.check_node(node)
    return draw_parameters(view, node=node, n_parameters=n_parameters)


def draw_parameters(
    view: StudyPartition, detail: Detail = FULL, node: int = 0, n_parameters: int | None = None
) -> go.Figure:
    """Return the figure of the trials in a node's region."""
    figure, inside = new_figure(), view.inside(node)
    found = effects(view, inside)
    shown = found[: n_parameters or detail.n_panels]
    inside &= ~np.isnan(view.targets)
    set_title(figure, detail, *_title(view, found, len(shown), node))
    n_columns = min(detail.n_columns, max(len(shown), 1))
    n_rows = -(-len(shown) // n_columns)
    if n_rows * n_columns > N_PARAMETERS:
        figure.update_layout(height=ROW_HEIGHT * n_rows + figure.layout.margin.t)
    panels = _Panels(figure, view, inside, shown, n_rows, n_columns, detail.n_letters)
    n_dots = min((detail.n_points or 10**6) // max(len(shown), 1), MAX_DOTS)
    for place, effect in enumerate(shown):
        panels.add(place, effect, n_dots)
    figure.update_layout(margin={"l": 16, "r": 16, "b": 12}, showlegend=False, bargap=0.3)
    return figure


def _title(view: StudyPartition, found: list[Effect], n_shown: int, node: int) -> tuple[str, ...]:
    name = short(view.target_name, 40)
    where = "" if node == 0 else f"In the region {describe(view, node)}: "
    better, worse = ("greater", "less") if view.is_maximised is None else ("better", "worse")
    legend = (
        f"Lines and bars: expected {name}; blue is {better} than their mean, orange {worse}. "
        f"Dots: trials, clipped at an edge."
    )
    n_left = len(found) - n_shown
    left = f" {n_left} less important parameters are not shown." if n_left > 0 else ""
    note = f"{note_of_best(view)}{left}".strip()
    rest = sorted(found[1:], key=lambda effect: -effect.importance)
    named = [effect for effect in [*found[:1], *rest[:1]] if effect.importance > 0.0]
    if not named:
        return f"{where}No parameter changes {name} yet", legend, note
    good = "Greatest" if view.is_maximised is None else "Best"
    return f"{where}{good} {name}: {'; '.join(_finding(view, e) for e in named)}", legend, note


def _finding(view: StudyPartition, effect: Effect) -> str:
    """Return which value of a parameter is best, and which choice is worst."""
    order, name = _best_first(view, effect), _name(view, effect, 30)
    best, worst = (short(_value(view, effect, place), 20) for place in (order[0], order[-1]))
    if not view.transform.domain.axes.is_categorical[effect.column]:
        return f"{name} near {best}"
    return f"{name} = {best}" if len(order) == 1 else f"{name} = {best}, not {worst}"


def _best_first(view: StudyPartition, effect: Effect) -> np.ndarray:
    sign = 1.0 if view.is_maximised is False else -1.0
    return np.argsort(sign * effect.level, kind="stable")


def _value(view: StudyPartition, effect: Effect, place: int) -> str:
    return value_text(view, effect.column, float(effect.grid[place]))


def _name(view: StudyPartition, effect: Effect, limit: int) -> str:
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


class _Panels:
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
        top, bottom = 1.0 - row * height - 0.17 * room, 1.0 - (row + 1) * height + 0.2 * room
        axis = {"automargin": False, "zeroline": False, "showline": True, "mirror": True}
        value = {**axis, "range": self._range, "nticks": 4}
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
        name = _name(self._view, effect, room if condition else self._n_head)
        head = f"<b>{escaped(name)}</b>"
        if condition:
            head += f" {escaped(short(condition, self._n_head - len(name) - 1))}"
        self._figure.add_annotation(
            text=head, xref="paper", yref="paper", x=column * width, y=top, showarrow=False,
            xanchor="left", yanchor="bottom", yshift=2, font={"size": 12},
            hovertext=self._heading_hover(effect),
        )  # fmt: skip

    def _heading_hover(self, effect: Effect) -> str:
        name = str(self._view.transform.names[effect.column])
        opener = effect.opener
        opened = "" if opener is None else f"<br>{escaped(_condition(self._view, opener))}"
        return f"{escaped(one_line(name))}{opened}"

    def _add_bars(self, effect: Effect, axes: dict[str, str], n_dots: int, number: str) -> None:
        order, baseline = _best_first(self._view, effect), _middle(effect.level)
        if len(order) > N_BARS:
            order = np.append(order[: N_BARS - 1], order[-1])
        order = order[::-1]  # the best one on top
        texts = [_value(self._view, effect, place) for place in order.tolist()]
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
        is_good = self._is_good(level, baseline)
        for is_kept, color in ((is_good, GOOD), (~is_good, BAD)):
            edge = np.where(is_kept, level, baseline)
            x, y = np.concatenate([grid, grid[::-1]]), np.full(2 * len(grid), baseline)
            y[: len(grid)] = edge
            self._figure.add_trace(
                self._go.Scatter(
                    x=x, y=_compact(y), mode="lines", line={"width": 0}, fill="toself",
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
                text=[escaped(_value(self._view, effect, i)) for i in range(len(grid))],
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
            )
        )  # fmt: skip
        ticks = self._ticks(effect.column)
        self._figure.update_layout({
            f"xaxis{number}": {
                "tickvals": ticks, "range": [-0.04, 1.04],
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


def _middle(level: np.ndarray) -> float:
    """Return the mean of an effect over its grid."""
    return float(np.clip((level / len(level)).sum(), level.min(), level.max()))


def _compact(values: np.ndarray) -> list[float]:
    """Return numbers of six digits, which are short as JSON."""
    return [float(f"{value:.6g}") for value in values]

"""What the figures share: plotly, imported late, colours, titles, and marks of the best trials.

Colours are of Okabe and Ito, and the scale is Viridis: readers with any colour vision tell them
apart. No trace has the colour of the page or of its text, so that every template suits.
"""

from __future__ import annotations

from html import escape
import re
import textwrap
from typing import Any

import numpy as np

from optuna_lanas._checks import needs
from optuna_lanas._core.axes import exponent_of
from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._words import short


GREY = "#8c8c8c"
GOOD = "#0072b2"
BAD = "#d55e00"
BEST = "#e6007e"
LIGHT = "#56b4e9"
SCALE = "Viridis"
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#b3a100")
NUMBERS = {"exponentformat": "e"}  # no exponents in small letters
BUTTONS = ["zoom", "pan", "select", "lasso", "zoomIn", "zoomOut", "autoScale"]  # not shown
N_BUTTONS = 8  # letters of the title in whose place plotly's other buttons are
TITLE_SIZE, TEXT_SIZE = 16, 12
FENCE, FAR_FENCE = 3.0, 30.0  # in distances from the median to the outer tenth, at either end


def graph_objects() -> Any:
    """Return plotly's graph objects.

    Raises:
        ImportError: If plotly is missing.
    """
    with needs("plotly", "visualization", "Figures"):
        import plotly.graph_objects as go
    return go


def new_figure() -> Any:
    """Return an empty figure in the user's template, or in a plain one where that is plotly's."""
    go = graph_objects()
    import plotly.io as pio

    figure = go.Figure()
    if pio.templates.default == "plotly":
        figure.update_layout(template=_template(go, "#24292f", "#ffffff", "#e3e6ea"))
    figure.update_layout(
        font={"size": TEXT_SIZE},
        hoverlabel={"align": "left"},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": GREY,
            "activecolor": GREY,
            "remove": BUTTONS,
        },
    )
    return figure


def on_any_page(figure: Any) -> Any:
    """Return a figure without a background, with text that light and dark pages can hold."""
    template = _template(graph_objects(), "#7b8088", "rgba(0,0,0,0)", "rgba(128,128,128,0.25)")
    return figure.update_layout(template=template)


def set_title(figure: Any, detail: Detail, finding: str, *notes: str) -> None:
    """Put what a figure finds above it, and notes below that."""
    heads, lines = _wrapped(finding, detail.n_letters - N_BUTTONS, 2), []
    for note in notes:
        lines += _wrapped(note, detail.n_letters * 3 // 2, 2)
    small = f"<span style='font-size:{TEXT_SIZE}px'>{'<br>'.join(lines)}</span>" if lines else ""
    figure.update_layout(
        title={
            "text": "<br>".join([*(f"<b>{line}</b>" for line in heads), *filter(None, [small])]),
            "font": {"size": TITLE_SIZE},
            "x": 0.0, "xanchor": "left", "xref": "container",
            "y": 0.955, "yanchor": "top", "yref": "container", "pad": {"l": 16},
        },
        margin={"t": 46 + 21 * len(heads) + 16 * len(lines)},
    )  # fmt: skip


def escaped(text: str) -> str:
    """Return text that plotly does not take for HTML."""
    return escape(text, quote=False)


def number_text(value: float) -> str:
    """Return a number of four digits."""
    return f"{value:.4g}"


def marks_of_best(view: StudyPartition) -> dict[str, Any]:
    """Return the marker of the best trials."""
    size = 17 if len(view.best) <= 1 else 12
    line = {"width": 1.5, "color": "#ffffff"}
    return {"symbol": "star", "size": size, "color": BEST, "line": line, "opacity": 1.0}


def name_of_best(view: StudyPartition) -> str:
    """Return how the best trials are called."""
    if len(view.best) == 1:
        return f"best trial ({view.numbers[view.best[0]]})"
    return f"Pareto front ({len(view.best)} trials)" if len(view.best) else "no best trial"


def note_of_best(view: StudyPartition) -> str:
    """Return the sentence that explains the star, empty without a best trial."""
    if len(view.best) == 1:
        place = int(view.best[0])
        value = number_text(view.targets[place])
        name = short(view.target_name, 40)
        return f"★ best trial {view.numbers[place]}: {name} {value}."
    return f"★ Pareto front, {len(view.best)} trials." if len(view.best) else ""


def trial_texts(view: StudyPartition, places: np.ndarray, n_params: int = 12) -> list[str]:
    """Return what hovering over trials shows: number, value and params."""
    texts = []
    for place in places.tolist():
        trial, value = view.trials[place], view.targets[place]
        shown = "none" if np.isnan(value) else f"{value:.6g}"
        lines = [f"trial {view.numbers[place]}", f"{view.target_name}: {shown}"]
        params = list(trial.params.items())
        lines += [f"{name} = {format_value(param)}" for name, param in params[:n_params]]
        lines += [f"and {len(params) - n_params} more"] if len(params) > n_params else []
        texts.append("<br>".join(escaped(short(line, 60)) for line in lines))
    return texts


def scale_of(view: StudyPartition) -> str:
    """Return the colour scale on which better targets are brighter."""
    return f"{SCALE}_r" if view.is_maximised is False else SCALE


def shown_range(view: StudyPartition) -> tuple[float, float]:
    """Return the least and the greatest target that an axis shows.

    Values far beyond the worst tenth would flatten the others. At the good end, only values that
    are very much farther away are left out. Without a direction, both ends count as bad.
    """
    finite = view.targets[~np.isnan(view.targets)]
    if len(finite) == 0:
        return 0.0, 1.0
    exponent = exponent_of(finite) + 6  # differences of huge values would overflow
    scaled = np.ldexp(finite, -exponent)
    low, tenth, middle, ninetieth, high = np.quantile(scaled, [0.0, 0.1, 0.5, 0.9, 1.0])
    below, above = (FAR_FENCE if view.is_maximised is m else FENCE for m in (False, True))
    low = max(low, middle - below * (middle - tenth)) if tenth < middle else low
    high = min(high, middle + above * (ninetieth - middle)) if ninetieth > middle else high
    return float(np.ldexp(low, exponent)), float(np.ldexp(high, exponent))


def note_of_clipping(view: StudyPartition, low: float, high: float) -> str:
    """Return the sentence that says what an axis leaves out, empty if it shows everything."""
    below, above = view.targets[view.targets < low], view.targets[view.targets > high]
    parts = [
        f"{len(own)} {'trial' if len(own) == 1 else 'trials'} {side} {number_text(end)}, "
        f"{way} to {number_text(far(own))}"
        for own, side, way, far, end in (
            (below, "below", "down", np.min, low),
            (above, "above", "up", np.max, high),
        )
        if len(own)
    ]
    return f"Triangles at the edge: {' and '.join(parts)}." if parts else ""


def _template(go: Any, ink: str, page: str, grid: str) -> Any:
    axis = {
        "gridcolor": grid, "linecolor": grid, "zerolinecolor": grid, "automargin": True,
        "tickfont": {"size": TEXT_SIZE}, "title": {"font": {"size": TEXT_SIZE + 1}},
    }  # fmt: skip
    return go.layout.Template(
        layout={
            "font": {"color": ink}, "paper_bgcolor": page, "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis, "yaxis": axis, "hovermode": "closest",
        }
    )  # fmt: skip


def _wrapped(text: str, width: int, n_lines: int) -> list[str]:
    """Return a text on at most ``n_lines`` lines of about the same length, escaped."""
    joined = re.sub(" ([=≤≥]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", one_line(text))
    lines = textwrap.wrap(joined, width)
    if 1 < len(lines) <= n_lines:
        fits = (textwrap.wrap(joined, shorter) for shorter in range(width // 2, width + 1))
        lines = next(each for each in fits if len(each) == len(lines))
    if len(lines) > n_lines:
        lines = [*lines[: n_lines - 1], lines[n_lines - 1][: width - 1] + "…"]
    return [escaped(line.replace("\N{NO-BREAK SPACE}", " ")) for line in lines]

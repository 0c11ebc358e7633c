"""Figures of a comparison: interactive ones (plotly, HTML) and pictures (matplotlib, PNG).

Matplotlib's pictures need no browser. The colours are Okabe and Ito's palette, which colour-blind
readers can distinguish.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots


Array: TypeAlias = npt.NDArray[np.float64]
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999",
)  # fmt: skip
FLOOR = 1e-4
DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class Curve:
    """A mean over trials with its band; every array is `[n_trials]`."""

    name: str
    trial: Array
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Distribution:
    """A sampler's values `[n_runs]`, such as its trials to the optimum."""

    name: str
    values: Array


def write_curves(
    panels: dict[str, list[Curve]], y_title: str, path: Path, x_title: str = "trial"
) -> list[Path]:
    """Write titled panels of curves to `path` as .html and .png, and return both paths.

    The .html files of a folder share its `plotly.min.js`. The axis is logarithmic: values below
    `FLOOR`, such as a regret of zero, are drawn at `FLOOR`.
    """
    return _write_panels(panels, y_title, path, x_title, is_log=True)


def write_shares(panels: dict[str, list[Curve]], y_title: str, path: Path) -> list[Path]:
    """Write titled panels of shares in [0, 1] over trials, as `write_curves` does."""
    return _write_panels(panels, y_title, path, "trial", is_log=False)


def _write_panels(
    panels: dict[str, list[Curve]], y_title: str, path: Path, x_title: str, *, is_log: bool
) -> list[Path]:
    plot = make_subplots(1, len(panels), subplot_titles=list(panels))
    plot.update_layout(template="plotly_white").update_xaxes(title=x_title)
    plot.update_yaxes(title=y_title)
    if is_log:
        plot.update_yaxes(type="log", exponentformat="power")
    figure, all_axes = _picture(list(panels), x_title, y_title)
    for column, (curves, axes) in enumerate(zip(panels.values(), all_axes, strict=True), start=1):
        for i, curve in enumerate(curves):
            plot.add_traces(_plotly_curve(curve, *_style(i), column), 1, column)
            _draw_curve(axes, curve, *_style(i))
        axes.set_yscale("log" if is_log else "linear")
        axes.legend(frameon=False)
    return _write(plot, figure, path)


def write_distributions(
    groups: list[Distribution], title: str, x_title: str, path: Path
) -> list[Path]:
    """Write one box with its points for each sampler to `path` as .html and .png."""
    plot = go.Figure(
        layout={"title": title, "template": "plotly_white", "xaxis": {"title": x_title}}
    )
    figure, (axes,) = _picture([title], x_title, "")
    axes.boxplot(
        [group.values for group in groups],
        orientation="horizontal",
        tick_labels=[group.name for group in groups],
        showfliers=False,
    )
    for i, group in enumerate(groups):
        colour, _ = _style(i)
        plot.add_trace(
            go.Box(x=group.values, name=group.name, boxpoints="all", marker_color=colour)
        )
        axes.plot(group.values, np.full(len(group.values), i + 1), "o", color=colour, alpha=0.5)
    return _write(plot, figure, path)


_LINES = {"solid": "-", "dash": "--", "dot": ":"}


def _style(i: int) -> tuple[str, str]:
    return COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]


def _plotly_curve(curve: Curve, colour: str, dash: str, panel: int) -> list[go.Scatter]:
    band_x = np.concatenate([curve.trial, curve.trial[::-1]])
    band_y = _floored(np.concatenate([curve.high, curve.low[::-1]]))
    line = {"color": colour, "dash": dash}
    return [
        go.Scatter(
            x=band_x, y=band_y, fill="toself", fillcolor=colour, opacity=0.15, line={"width": 0},
            hoverinfo="skip", showlegend=False, legendgroup=curve.name,
        ),
        go.Scatter(
            x=curve.trial, y=_floored(curve.mean), name=curve.name, line=line,
            showlegend=panel == 1, legendgroup=curve.name,
        ),
    ]  # fmt: skip


def _draw_curve(axes: Axes, curve: Curve, colour: str, dash: str) -> None:
    low, mean, high = _floored(curve.low), _floored(curve.mean), _floored(curve.high)
    axes.plot(curve.trial, mean, color=colour, ls=_LINES[dash], label=curve.name)
    axes.fill_between(curve.trial, low, high, color=colour, alpha=0.15, lw=0)


def _floored(y: Array) -> Array:
    return np.maximum(y, FLOOR)


def _picture(titles: list[str], x_title: str, y_title: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(1 + 7 * len(titles), 5), dpi=110, layout="constrained")
    all_axes = list(figure.subplots(1, len(titles), squeeze=False)[0])
    for title, axes in zip(titles, all_axes, strict=True):
        axes.set(title=title, xlabel=x_title, ylabel=y_title)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure, all_axes


def _write(plot: go.Figure, figure: Figure, path: Path) -> list[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    html, png = path.with_suffix(".html"), path.with_suffix(".png")
    plot.write_html(html, include_plotlyjs="directory")
    figure.savefig(png)
    return [html, png]

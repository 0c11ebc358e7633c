"""Where do trials lie? One map: values as colours, regions as outlines, best and last trials."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plane import Plane
from optuna_lanas.visualization._plane import plane_of
from optuna_lanas.visualization._plotly import BEST
from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import marks_of_best
from optuna_lanas.visualization._plotly import name_of_best
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import NUMBERS
from optuna_lanas.visualization._plotly import scale_of
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._plotly import shown_range
from optuna_lanas.visualization._plotly import trial_texts
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import shortened
from optuna_lanas.visualization._thinning import spaced
from optuna_lanas.visualization._words import conditions
from optuna_lanas.visualization._words import describe
from optuna_lanas.visualization._words import short


if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_SVG_POINTS = 3000  # more are drawn with WebGL, which is slow without a GPU
N_LATEST = 10
N_HOVER = 1500  # trials with all that hovering shows


def plot_trial_map(study_or_partition: optuna.Study | StudyPartition) -> go.Figure:
    """Plot all trials in a plane that shows the first regions exactly.

    The horizontal axis is the root's latent action, the vertical one that of its good child. The
    dashed lines are their cuts. A star marks the best trial, rings the last ten. Where a node
    has no latent action, an axis is the direction in which the trials differ most.

    Args:
        study_or_partition: A study with a finished trial, or its partition.

    Raises:
        TypeError: If neither a study nor a partition is given.
        ValueError: If no trial has finished with a value.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_trial_map

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_trial_map(study)
    """
    return draw_trial_map(as_partition(study_or_partition))


def draw_trial_map(view: StudyPartition, detail: Detail = FULL) -> go.Figure:
    """Return the figure of a partition."""
    figure, plane = new_figure(), plane_of(view)
    frame = _frame(plane.places)
    _add_regions(figure, view, plane, frame, detail.n_letters // 3)
    shown = spaced(len(view.numbers), detail.n_points)
    shown = shown[np.argsort(view.search_tree.y[shown], kind="stable")]
    _add_points(figure, view, plane, shown, _value_marker(view, shown), detail)
    latest = np.argsort(view.numbers)[-N_LATEST:]
    ring = {"size": 13, "symbol": "circle-open", "color": BEST, "line": {"width": 1.8}}
    _add_points(figure, view, plane, latest, ring, detail, f"last {len(latest)} trials")
    if len(view.best):
        marker = marks_of_best(view)
        _add_points(figure, view, plane, view.best, marker, detail, f"{name_of_best(view)}")
    titles = _axis_titles(view, plane, detail.n_letters // 4)
    ranges = [[float(low), float(high)] for low, high in frame.T]
    figure.update_xaxes(title_text=titles[0], range=ranges[0], showticklabels=False)
    figure.update_yaxes(title_text=titles[1], range=ranges[1], showticklabels=False)
    figure.update_layout(
        margin={"l": 44, "r": 16, "b": 44},
        legend={
            "orientation": "h",
            "x": 1.0,
            "xanchor": "right",
            "y": 1.0,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
    )
    figure.update_xaxes(showgrid=False, zeroline=False, showline=True, mirror=True)
    figure.update_yaxes(showgrid=False, zeroline=False, showline=True, mirror=True)
    set_title(figure, detail, *_title(view, latest))
    figure.update_layout(margin={"t": figure.layout.margin.t + 20})
    return figure


def _title(view: StudyPartition, latest: np.ndarray) -> tuple[str, ...]:
    note = f"Colour: {short(view.target_name, 40)}, brighter is better. Dashed: the first cuts."
    if view.is_maximised is None:
        note = f"Colour: {short(view.target_name, 40)}. Dashed: the first cuts."
    if view.is_leaf(0) or len(view.best) == 0:
        return f"{counted(len(view.numbers), 'trial')} in one region", note
    leaves = set(view.search_tree.leaf[view.best].tolist())
    n_near = int(np.isin(view.search_tree.leaf[latest], list(leaves)).sum())
    if len(view.best) > 1:
        where = f"The Pareto front lies in {counted(len(leaves), 'region')} of {len(view.leaves)}"
    else:
        where = f"Best trial: {describe(view, next(iter(leaves)))}"
    return f"{where}; {n_near} of the last {len(latest)} trials lie near it", note


def _frame(places: np.ndarray) -> np.ndarray:
    """Return `[2, 2]`: the lower and the upper corner of the map."""
    low, high = places.min(axis=0), places.max(axis=0)
    margin = np.where(high > low, np.array([0.06, 0.15]) * (high - low), 1.0)
    return np.array([low - margin, high + margin])


def _add_regions(
    figure: Any, view: StudyPartition, plane: Plane, frame: np.ndarray, limit: int
) -> None:
    """Add the cuts as dashed lines, and the words of the regions that they bound."""
    if plane.first_cut is None:
        return
    (left, bottom), (right, top) = frame.tolist()
    cut = plane.first_cut
    _add_line(figure, [cut, cut], [bottom, top])
    good, bad = (int(child) for child in view.tree.children[0])
    _add_words(figure, view, limit, bad, good, left, bottom, "left", "bottom")
    if plane.second_cut is None:
        _add_words(figure, view, limit, good, bad, right, top, "right", "top")
        return
    along, across, offset = plane.second_cut
    heights = [(offset - along * x) / across for x in (cut, right)]
    x, y = _clipped([cut, right], heights, bottom, top)
    if len(x):
        _add_line(figure, x, y)
    upper, lower = (int(child) for child in view.tree.children[good])
    _add_words(figure, view, limit, upper, lower, right, top, "right", "top")
    _add_words(figure, view, limit, lower, upper, right, bottom, "right", "bottom")


def _clipped(
    x: list[float], y: list[float], bottom: float, top: float
) -> tuple[list[float], list[float]]:
    """Return the part of a line that lies between two heights, empty if none does."""
    (x0, x1), (y0, y1) = x, y
    if y0 == y1:
        return (x, y) if bottom <= y0 <= top else ([], [])
    ends = sorted((bound - y0) / (y1 - y0) for bound in (bottom, top))
    first, last = max(0.0, ends[0]), min(1.0, ends[1])
    if first >= last:
        return [], []
    return [x0 + t * (x1 - x0) for t in (first, last)], [y0 + t * (y1 - y0) for t in (first, last)]


def _add_line(figure: Any, x: list[float], y: list[float]) -> None:
    figure.add_trace(
        graph_objects().Scatter(
            x=x, y=y, mode="lines", line={"dash": "dash", "width": 1.5, "color": GREY},
            hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip


def _add_words(
    figure: Any,
    view: StudyPartition,
    limit: int,
    node: int,
    sibling: int,
    x: float,
    y: float,
    xanchor: str,
    yanchor: str,
) -> None:
    """Add a region's words in a corner of the map: what sets it apart from its sibling."""
    inside = view.inside(node)
    found = conditions(view, inside, view.inside(sibling), 1)
    words = found[0].short(limit) if found else "no pattern"
    figure.add_annotation(
        x=x, y=y, xanchor=xanchor, yanchor=yanchor, showarrow=False, align=xanchor,
        text=f"<i>{escaped(words)}</i><br>{counted(int(inside.sum()), 'trial')}",
        font={"size": 12},
    )  # fmt: skip


def _axis_titles(view: StudyPartition, plane: Plane, limit: int) -> tuple[str, str]:
    spread = "main direction of the trials"
    if plane.first_cut is None:
        return spread, f"second {spread}"
    good = int(view.tree.children[0, 0])
    first = f"first latent action: towards {_towards(view, good, limit)} →"
    if plane.second_cut is None:
        return first, spread
    better = int(view.tree.children[good, 0])
    return first, f"second: towards {_towards(view, better, limit)} →"


def _towards(view: StudyPartition, child: int, limit: int) -> str:
    """Return the words of a good child, or "better" where it has none."""
    sibling = int(view.tree.children[view.tree.parent[child]].sum() - child)
    found = conditions(view, view.inside(child), view.inside(sibling), 1)
    return escaped(found[0].short(limit)) if found else "better"


def _add_points(
    figure: Any,
    view: StudyPartition,
    plane: Plane,
    shown: np.ndarray,
    marker: dict[str, Any],
    detail: Detail,
    name: str = "",
) -> None:
    go = graph_objects()
    scatter = go.Scatter if len(shown) <= MAX_SVG_POINTS else go.Scattergl
    is_long = detail is FULL and len(shown) <= N_HOVER
    texts = trial_texts(view, shown) if is_long else [f"trial {n}" for n in view.numbers[shown]]
    figure.add_trace(
        scatter(
            x=plane.places[shown, 0].astype(np.float32),
            y=plane.places[shown, 1].astype(np.float32),
            mode="markers", marker=marker, name=name, showlegend=bool(name),
            hovertext=texts, hoverinfo="text", customdata=view.numbers[shown],
        )
    )  # fmt: skip


def _value_marker(view: StudyPartition, shown: np.ndarray) -> dict[str, Any]:
    low, high = shown_range(view)
    return {
        "color": shortened(view.targets[shown]), "colorscale": scale_of(view), "size": 8,
        "cmin": low, "cmax": high, "showscale": True, "line": {"width": 0.5, "color": GREY},
        "colorbar": {
            "thickness": 14,
            **NUMBERS,
            "title": {"text": escaped(short(view.target_name, 30)), "side": "right"},
        },
    }  # fmt: skip

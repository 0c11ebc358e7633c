"""Is the search still exploring? The share of recent trials in the best regions, over time."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas._study.published import published_found
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import marks_of_best
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import note_of_best
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import spaced


if TYPE_CHECKING:
    import plotly.graph_objects as go

SHARE_OF_HISTORY = 0.1
MIN_WINDOW = 20
BEST_SHARE = 0.25  # of the regions
EXPLOITS, EXPLORES = 0.6, 0.35  # shares of recent trials in the best regions
FOUND = {  # how trials were found: what it is called, and its colour
    "start-up": ("start-up, uniform", "#cc79a7"),
    "uniform": ("uniform in its region", "#e69f00"),
    "random": ("uniform, no region had a new point", "#d55e00"),
    "model": ("by the model", "#009e73"),
    "other": ("not by LaNAS", GREY),
}


def plot_leaf_share(
    study_or_partition: optuna.Study | StudyPartition, *, window: int | None = None
) -> go.Figure:
    """Plot the share of recent trials in the best quarter of regions, and how trials were found.

    The regions are the leaves of the tree as it is now. A share that stays low means exploration,
    one near 100 % means exploitation.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        window: The number of trials that a share is taken over. None for a tenth of the trials,
            at least 20.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, or ``window`` is less than 1.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_leaf_share

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_leaf_share(study)
    """
    if window is not None:
        check_int("window", window, 1, "Leave it out for a tenth of the trials.")
    return draw_leaf_share(as_partition(study_or_partition), window=window)


def draw_leaf_share(
    view: StudyPartition, detail: Detail = FULL, window: int | None = None
) -> go.Figure:
    """Return the figure of a partition."""
    figure, n = new_figure(), len(view.numbers)
    width = window or max(int(SHARE_OF_HISTORY * n), MIN_WINDOW)
    times = 1 + spaced(n, detail.n_times)
    best = best_leaves(view)
    is_best = np.isin(view.search_tree.leaf, best)
    share = shares(is_best, times, width)
    _add_area(figure, times, share, f"in the best {counted(len(best), 'region')}", GOOD, "y", 1)
    _add_area(figure, times, 1.0 - share, "in the other regions", "#a6cfe8", "y", 1)
    _add_found(figure, view, times, width)
    _add_best(figure, view, share, times)
    figure.update_layout(
        xaxis={
            "title": {"text": "finished trials"}, "range": [1, max(n, 2)], "anchor": "y2",
            "ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)",
        },
        yaxis=_axis("share of recent trials", 0.42, 1.0),
        yaxis2=_axis("found by", 0.0, 0.32),
        legend={
            "x": 1.01, "y": 1.0, "yanchor": "top", "title": {"text": "Where recent trials lie"},
        },
        legend2={
            "x": 1.01, "y": 0.32, "yanchor": "top", "title": {"text": "How they were found"},
        },
        margin={"l": 16, "r": 16, "b": 52}, hovermode="x unified",
    )  # fmt: skip
    set_title(figure, detail, *_title(view, len(best), share[-1], min(width, n)))
    return figure


def best_leaves(view: StudyPartition) -> np.ndarray:
    """Return the best quarter of the leaves by mean value, at least one."""
    leaves = view.tree.leaves
    order = np.argsort(-np.nan_to_num(view.search_tree.value[leaves], nan=-np.inf), kind="stable")
    best: np.ndarray = leaves[order[: max(round(BEST_SHARE * len(leaves)), 1)]]
    return best


def shares(is_inside: np.ndarray, times: np.ndarray, window: int) -> np.ndarray:
    """Return the share of true entries among the last ``window`` ones before each time.

    Args:
        is_inside: `[n]` bools.
        times: `[n_times]` ints, numbers of entries.
        window: The number of entries.
    """
    total = np.concatenate([[0], np.cumsum(is_inside)])
    first = np.maximum(times - window, 0)
    share: np.ndarray = (total[times] - total[first]) / (times - first)
    return share


def _title(view: StudyPartition, n_best: int, share: float, width: int) -> tuple[str, ...]:
    n_leaves, recent = len(view.leaves), f"the last {counted(width, 'trial')}"
    if n_leaves == 1:
        return "One region as yet: nothing to exploit", note_of_best(view)
    best = f"the best {n_best} of {n_leaves} regions"
    where = f"{share:.0%} of {recent} lie in {best}"
    state = (
        "Exploiting" if share >= EXPLOITS
        else "Exploring" if share < EXPLORES
        else "Exploring and exploiting"
    )  # fmt: skip
    note = f"Shares of {recent} at each time, in the regions of today's tree."
    return f"{state}: {where}", note, note_of_best(view)


def _axis(title: str, low: float, high: float) -> dict[str, Any]:
    return {
        "title": {"text": title}, "domain": [low, high], "range": [0, 1],
        "tickformat": ".0%", "tickvals": [0, 0.5, 1],
    }  # fmt: skip


def _add_found(figure: Any, view: StudyPartition, times: np.ndarray, width: int) -> None:
    """Add the shares of how recent trials were found."""
    found = np.array([published_found(trial) for trial in view.trials], dtype=object)
    found[~np.isin(found, list(FOUND))] = "other"
    for kind, (name, color) in FOUND.items():
        if (found == kind).any():
            _add_area(figure, times, shares(found == kind, times, width), name, color, "y2", 2)


def _add_area(
    figure: Any, times: np.ndarray, share: np.ndarray, name: str, color: str, axis: str, place: int
) -> None:
    figure.add_trace(
        graph_objects().Scatter(
            x=times, y=np.round(share, 3), name=name, stackgroup=axis, mode="lines", yaxis=axis,
            line={"width": 0.5, "color": color}, fillcolor=color, hovertemplate="%{y:.0%}",
            legend="legend" if place == 1 else f"legend{place}",
        )
    )  # fmt: skip


def _add_best(figure: Any, view: StudyPartition, share: np.ndarray, times: np.ndarray) -> None:
    """Add stars where the best trials ended."""
    if len(view.best) == 0:
        return
    at = 1 + view.best[-50:]
    figure.add_trace(
        graph_objects().Scatter(
            x=at, y=np.round(np.interp(at, times, share), 3), mode="markers", yaxis="y",
            marker=marks_of_best(view), showlegend=False, cliponaxis=False,
            hovertemplate="★ trial %{customdata}<extra></extra>",
            customdata=view.numbers[view.best[-50:]],
        )
    )  # fmt: skip

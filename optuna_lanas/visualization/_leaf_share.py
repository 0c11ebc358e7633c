"""Each leaf's share of the trials over time."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import spaced


if TYPE_CHECKING:
    import plotly.graph_objects as go

SHARE_OF_HISTORY = 0.1
MIN_WINDOW = 10


def plot_leaf_share(
    study_or_partition: optuna.Study | StudyPartition, *, window: int | None = None
) -> go.Figure:
    """Plot the share of the trials that fell into each leaf, over time.

    The leaves belong to the tree as it is now, with the best leaf at the bottom. Equal shares mean
    exploration. Bright areas that grow mean exploitation.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        window: The number of trials that a share is taken over. None for a tenth of the trials.

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
    """Return the figure of a partition; leaves beyond the best ones share a grey area."""
    go = graph_objects()
    n, leaf_of = len(view.numbers), view.search_tree.leaf
    first = min(MIN_WINDOW, n)
    times = first + spaced(n + 1 - first, detail.n_times)
    width = window or max(int(SHARE_OF_HISTORY * n), MIN_WINDOW)
    colors = leaf_colors(view, detail.n_leaves)
    figure = go.Figure()
    for leaf, color in colors.items():
        name = f"leaf {leaf} ({view.mean_target(leaf):.4g})"
        figure.add_trace(_area(go, times, shares(leaf_of == leaf, times, width), name, color))
    is_other = ~np.isin(leaf_of, list(colors))
    if is_other.any():
        share = shares(is_other, times, width)
        figure.add_trace(_area(go, times, share, "other leaves", GREY))
    figure.update_layout(
        title="Share of Trials in Each Leaf over Time",
        xaxis_title="Finished Trials",
        yaxis={"title": {"text": f"Share of the Last {width} Trials"}, "range": [0, 1]},
        legend={"title": {"text": f"mean {view.target_name}"}, "traceorder": "normal"},
    )
    return figure


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


def _area(go: Any, times: np.ndarray, share: np.ndarray, name: str, color: str) -> Any:
    return go.Scatter(
        x=times,
        y=np.round(share, 3).astype(np.float32),
        name=name,
        stackgroup="leaves",
        mode="lines",
        line={"width": 0.5, "color": color},
        fillcolor=color,
        hovertemplate="%{y:.0%}",
    )

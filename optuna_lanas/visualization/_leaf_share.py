"""Each leaf's share of the trials over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_TIMES = 100
SHARE_OF_HISTORY = 0.1
MIN_WINDOW = 10


def plot_leaf_share(
    study: optuna.Study,
    *,
    window: int | None = None,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> go.Figure:
    """Plot which share of the trials fell into which leaf, over time.

    The leaves are those of the tree as it is now, the best at the bottom. Even shares are
    exploration; bright ones that grow are exploitation.

    Args:
        study: A study with a finished trial, of any sampler.
        window: Over how many trials a share is taken; None for a tenth of them.
        sampler: Whose settings grow the tree; None for the study's own LaNASSampler, else for the
            default settings.
        space: An architecture space for the default settings.
        target: From a finished trial to the value whose mean is shown; None for the objective
            value.
        target_name: The target's name.

    Raises:
        ValueError: If no trial has ended with a value, or ``window`` is less than 1.
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
    if window is not None and window < 1:
        raise ValueError(f"`window` must be at least 1 trial, got {window}.")
    view = partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    return draw_leaf_share(view, window)


def draw_leaf_share(
    view: StudyPartition,
    window: int | None = None,
    n_times: int = N_TIMES,
    n_leaves: int | None = None,
) -> go.Figure:
    """Return the figure of a partition, at not more than ``n_times`` times.

    Beyond the best ``n_leaves`` leaves, the others share a grey area.
    """
    go = graph_objects()
    n = len(view.numbers)
    width = window or max(int(SHARE_OF_HISTORY * n), MIN_WINDOW)
    times = np.unique(np.linspace(min(MIN_WINDOW, n), n, min(n, n_times)).astype(np.intp))
    figure = go.Figure()
    for leaf, color in list(leaf_colors(view).items())[:n_leaves]:
        share = shares(view.search_tree.leaf == leaf, times, width)
        name = f"leaf {leaf} ({view.mean_target(leaf):.4g})"
        figure.add_trace(_area(go, times, share, name, color))
    others = ~np.isin(view.search_tree.leaf, list(leaf_colors(view))[:n_leaves])
    if others.any():
        figure.add_trace(_area(go, times, shares(others, times, width), "other leaves", GREY))
    figure.update_layout(
        title="Share of Leaves over Time",
        xaxis_title="Finished Trials",
        yaxis={"title": {"text": f"Share of the Last {width}"}, "range": [0, 1]},
        legend={"title": {"text": f"mean {view.target_name}"}, "traceorder": "normal"},
    )
    return figure


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


def shares(is_inside: np.ndarray, times: np.ndarray, window: int) -> np.ndarray:
    """Return the shares `[n_times]` of trues among the last ``window`` up to each time."""
    total = np.concatenate([[0], np.cumsum(is_inside)])
    first = np.maximum(times - window, 0)
    share: np.ndarray = (total[times] - total[first]) / (times - first)
    return share

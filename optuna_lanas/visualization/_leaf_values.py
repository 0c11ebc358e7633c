"""The values of the trials in each leaf as violins."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import quantiles


if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot_leaf_values(study_or_partition: optuna.Study | StudyPartition) -> go.Figure:
    """Plot the values of each leaf's trials as a violin, in descending order of the UCB.

    A violin's colour is the leaf's mean value. A dark violin on the left has few visits: it stands
    there because its value is uncertain.

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
            from optuna_lanas.visualization import plot_leaf_values

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_leaf_values(study)
    """
    return draw_leaf_values(as_partition(study_or_partition))


def draw_leaf_values(view: StudyPartition, detail: Detail = FULL) -> go.Figure:
    """Return the figure of a partition's leaves, the first ones by UCB."""
    go = graph_objects()
    colors = leaf_colors(view)
    leaves = view.leaves[: detail.n_leaves].tolist()
    figure = go.Figure([_violin(go, view, leaf, colors[leaf], detail) for leaf in leaves])
    figure.update_layout(
        title="Values by Leaf", xaxis_title="Leaf (UCB)", yaxis_title=view.target_name,
        showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(
        ticktext=[f"{leaf} ({view.search_tree.ucb[leaf]:.2f})" for leaf in leaves],
        tickvals=[f"leaf {leaf}" for leaf in leaves],
        tickangle=-90,
    )
    return figure


def _violin(go: Any, view: StudyPartition, leaf: int, color: str, detail: Detail) -> Any:
    targets = view.targets[view.search_tree.leaf == leaf]
    name = f"leaf {leaf}"
    return go.Violin(
        x0=name,
        y=quantiles(targets[~np.isnan(targets)], detail.n_values),
        name=name,
        line_color=color,
        meanline_visible=True,
        points=False,
        spanmode="hard",
        hoverinfo="y+name",
    )

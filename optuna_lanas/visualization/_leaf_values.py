"""The values of the trials in each leaf as violins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot_leaf_values(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> go.Figure:
    """Plot the values of each leaf's trials as violins, the greatest UCB on the left.

    Violins are coloured by the leaf's mean value, so that a dark one on the left is there because
    it has few visits.

    Args:
        study: A study with a finished trial, of any sampler.
        sampler: Whose settings grow the tree; None for the study's own LaNASSampler, else for the
            default settings.
        space: An architecture space for the default settings.
        target: From a finished trial to the value that is shown; None for the objective value.
        target_name: The target's name.

    Raises:
        ValueError: If no trial has ended with a value.
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
    return draw_leaf_values(
        partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    )


def draw_leaf_values(
    view: StudyPartition, n_values: int | None = None, n_leaves: int | None = None
) -> go.Figure:
    """Return the figure of a partition, or of its first ``n_leaves`` leaves.

    Of a leaf with more than ``n_values`` values their quantiles are drawn.
    """
    go = graph_objects()
    colors = leaf_colors(view)
    figure = go.Figure()
    leaves = view.leaves[:n_leaves].tolist()
    for leaf in leaves:
        targets = view.targets[view.search_tree.leaf == leaf]
        name = f"leaf {leaf}"
        figure.add_trace(
            go.Violin(
                x0=name,
                y=_thinned(targets[~np.isnan(targets)], n_values),
                name=name,
                line_color=colors[leaf],
                meanline_visible=True,
                points=False,
                spanmode="hard",
                hoverinfo="y+name",
            )
        )
    figure.update_layout(
        title="Values in Leaves", xaxis_title="Leaf (UCB)", yaxis_title=view.target_name,
        showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(
        ticktext=[f"{leaf} ({view.search_tree.ucb[leaf]:.2f})" for leaf in leaves],
        tickvals=[f"leaf {leaf}" for leaf in leaves],
        tickangle=-90,
    )
    return figure


def _thinned(values: np.ndarray, limit: int | None) -> np.ndarray:
    if limit is None or len(values) <= limit:
        return values
    quantiles: np.ndarray = np.quantile(values, np.linspace(0.0, 1.0, limit))
    return quantiles.astype(np.float32)

"""A node's latent action as signed bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import BAD
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_CHOICES = 20


def plot_latent_action(
    study_or_partition: optuna.Study | StudyPartition,
    *,
    node: int = 0,
    n_choices: int = N_CHOICES,
) -> go.Figure:
    """Plot a node's latent action: the weight of each choice.

    A trial lies on the good side if the weights of its choices sum to the node's offset or more.
    A numeric value between two knots shares the weights of both.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        node: The number of a node that is not a leaf; 0 is the root.
        n_choices: The greatest number of bars. The choices of the greatest absolute weights are
            shown.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, ``node`` has no latent action, or
            ``n_choices`` is less than 1.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_latent_action

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_latent_action(study)
    """
    check_int("n_choices", n_choices, 1, f"Leave it out for {N_CHOICES}.")
    view = as_partition(study_or_partition)
    _check_node(view, node)
    return draw_latent_action(view, node, n_choices)


def draw_latent_action(
    view: StudyPartition, node: int = 0, n_choices: int = N_CHOICES
) -> go.Figure:
    """Return the figure of a node; without bars if the node is a leaf."""
    go = graph_objects()
    weights = view.tree.weights[node]
    order = np.argsort(-np.abs(weights), kind="stable")[:n_choices]
    order = order[np.argsort(weights[order], kind="stable")]
    order = order[weights[order] != 0]
    bars = go.Bar(
        x=weights[order],
        y=[view.choices[i] for i in order],
        orientation="h",
        marker_color=[GOOD if weight > 0 else BAD for weight in weights[order]],
        hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(
        title=_title(view, node), xaxis_title="Weight (positive: good side)", bargap=0.25
    )
    figure.update_yaxes(automargin=True, type="category", dtick=1)
    return figure


def _title(view: StudyPartition, node: int) -> str:
    title = f"Latent Action of Node {view.name(node)}"
    if view.is_leaf(node):
        return title
    good, bad = (f"{view.mean_target(int(child)):.4g}" for child in view.tree.children[node])
    return f"{title}<br><sub>mean {view.target_name}: good side {good}, bad side {bad}</sub>"


def _check_node(view: StudyPartition, node: int) -> None:
    """Check that a node has a latent action; the root of a tree without any is allowed."""
    check_int("node", node, None, "`print(partition(study))` shows the nodes.")
    inner = np.flatnonzero(view.tree.children[:, 0] != NO_NODE).tolist()
    if node not in (inner or [0]):
        raise ValueError(
            f"`node` must be a node with a latent action, one of {inner}, got {node!r}. "
            f"`print(partition(study))` shows the nodes."
        )

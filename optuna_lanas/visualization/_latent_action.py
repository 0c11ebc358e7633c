"""A node's latent action as signed bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import BAD
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot_latent_action(
    study: optuna.Study,
    *,
    node: int = 0,
    n_choices: int = 20,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> go.Figure:
    """Plot a node's latent action: a weight for every choice, those of the good side to the right.

    A trial goes to the good side where the weights of its choices sum to the node's offset or
    more. A value between two knots of a numeric parameter has a share of both weights.

    Args:
        study: A study with a finished trial, of any sampler.
        node: The number of a node that is not a leaf; 0 is the root.
        n_choices: At most how many bars: the choices of the greatest weights in size.
        sampler: Whose settings grow the tree; None for the study's own LaNASSampler, else for the
            default settings.
        space: An architecture space for the default settings.
        target: From a finished trial to the value whose means are named in the title; None for
            the objective value.
        target_name: The target's name.

    Raises:
        ValueError: If no trial has ended with a value, or ``node`` has no latent action.
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
    if n_choices < 1:
        raise ValueError(f"`n_choices` must be at least 1, got {n_choices}.")
    view = partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    _check_node(view, node)
    return draw_latent_action(view, node, n_choices)


def draw_latent_action(view: StudyPartition, node: int = 0, n_choices: int = 20) -> go.Figure:
    """Return the figure of a node; without bars where the node is a leaf."""
    go = graph_objects()
    normal = view.tree.normals[node]
    order = np.argsort(-np.abs(normal), kind="stable")[:n_choices]
    order = order[np.argsort(normal[order], kind="stable")]
    order = order[normal[order] != 0]
    weights = normal[order]
    bars = go.Bar(
        x=weights,
        y=[view.choices[i] for i in order],
        orientation="h",
        marker_color=[GOOD if weight > 0 else BAD for weight in weights],
        hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(
        title=_title(view, node), xaxis_title="Weight (right: to the good side)", bargap=0.25
    )
    figure.update_yaxes(automargin=True, type="category", dtick=1)
    return figure


def _title(view: StudyPartition, node: int) -> str:
    title = f"Latent Action of Node {view.name(node)}"
    good, bad = view.tree.children[node]
    if good == NO_NODE:
        return title
    means = [f"{view.mean_target(int(child)):.4g}" for child in (good, bad)]
    return f"{title}<br><sub>mean {view.target_name}: good {means[0]}, bad {means[1]}</sub>"


def _check_node(view: StudyPartition, node: int) -> None:
    inner = np.flatnonzero(view.tree.children[:, 0] != NO_NODE)
    if node not in inner and not (node == 0 and len(inner) == 0):
        raise ValueError(
            f"`node` must be a node with a latent action, one of {inner.tolist()}, got {node}. "
            f"`print(partition(study))` shows them."
        )

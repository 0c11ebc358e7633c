"""The tree of regions as an icicle or treemap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import SCALE
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_LEVELS = 4


def plot_partition(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
    kind: str = "icicle",
) -> go.Figure:
    """Plot the tree of good and bad regions, four levels of it at once; a click goes deeper.

    A tile is a region, as large as its visits (trials inside, unfinished ones included) and
    coloured by its value. It says the three choices that do most to send a trial to its good side.

    Args:
        study: A study with a finished trial, of any sampler.
        sampler: Whose settings grow the tree; None for the study's own LaNASSampler, else for the
            default settings.
        space: An architecture space for the default settings.
        target: From a finished trial to the value that is shown; None for the objective value.
        target_name: The target's name.
        kind: ``"icicle"`` or ``"treemap"``.

    Raises:
        ValueError: If no trial has ended with a value, or ``kind`` is another word.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_partition

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_partition(study)
    """
    if kind not in ("icicle", "treemap"):
        raise ValueError(f"`kind` must be 'icicle' or 'treemap', got {kind!r}.")
    view = partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    return draw_partition(view, kind)


def draw_partition(view: StudyPartition, kind: str = "icicle", n_nodes: int = 2048) -> go.Figure:
    """Return the figure of a partition, of its first ``n_nodes`` nodes."""
    go = graph_objects()
    nodes = range(min(view.tree.n_nodes, n_nodes))
    parent, visits = view.tree.parent, view.search_tree.visits
    trace = {"icicle": go.Icicle, "treemap": go.Treemap}[kind](
        ids=[str(node) for node in nodes],
        labels=[_label(view, node) for node in nodes],
        parents=["" if node == 0 else str(parent[node]) for node in nodes],
        values=[int(visits[node]) for node in nodes],
        text=[_text(view, node) for node in nodes],
        hovertext=[_hover(view, node) for node in nodes],
        hoverinfo="text",
        textinfo="label+text",
        branchvalues="total",
        maxdepth=N_LEVELS,
        sort=False,
        marker={
            "colors": [round(float(view.search_tree.value[node]), 4) for node in nodes],
            "colorscale": SCALE,
            "showscale": True,
            "colorbar": {"title": {"text": view.value_name}},
        },
    )
    figure = go.Figure(trace)
    figure.update_layout(
        title="Regions of Latent Actions", margin={"l": 20, "r": 20, "b": 20, "t": 60}
    )
    return figure


def _label(view: StudyPartition, node: int) -> str:
    if node == 0:
        return "all trials"
    is_good = view.tree.children[view.tree.parent[node], 0] == node
    is_leaf = view.tree.children[node, 0] == NO_NODE
    return f"{'good' if is_good else 'bad'} ({'leaf' if is_leaf else 'node'} {node})"


def _text(view: StudyPartition, node: int) -> str:
    """Visits and value, and the choices of the good side."""
    lines = [
        f"{int(view.search_tree.visits[node])} trials, "
        f"{view.value_name} {view.search_tree.value[node]:.2f}"
    ]
    choices = view.top_choices(node)
    if choices:
        lines += ["to the good side:", *(name for name, _ in choices)]
    return "<br>".join(lines)


def _hover(view: StudyPartition, node: int) -> str:
    lines = [
        f"<b>{view.name(node)}</b>",
        f"visits {int(view.search_tree.visits[node])}",
        f"{view.value_name} {view.search_tree.value[node]:.3f}",
        f"mean {view.target_name} {view.mean_target(node):.4g}",
    ]
    if node > 0:
        lines.append(f"UCB {view.search_tree.ucb[node]:.3f}")
    choices = view.top_choices(node)
    if choices:
        lines.append("to the good side:")
        lines += [f"  {name} ({weight:+.3g})" for name, weight in choices]
    return "<br>".join(lines)

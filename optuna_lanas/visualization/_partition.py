"""The tree of regions as an icicle or treemap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from optuna_lanas._checks import check_choice
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import SCALE
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_LEVELS = 4
FAVOURS = "good side favours:"


def plot_partition(
    study_or_partition: optuna.Study | StudyPartition, *, kind: str = "icicle"
) -> go.Figure:
    """Plot the tree of good and bad regions, four levels at once; a click shows deeper levels.

    Each tile is a region. Its size is its visits: the finished and pending trials inside. Its
    colour is its value. It names the three choices that its good side favours most.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        kind: ``"icicle"`` or ``"treemap"``.

    Raises:
        TypeError: If neither a study nor a partition is given.
        ValueError: If no trial has finished with a value, or ``kind`` is unknown.
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
    check_choice("kind", kind, ("icicle", "treemap"))
    return draw_partition(as_partition(study_or_partition), kind=kind)


def draw_partition(view: StudyPartition, detail: Detail = FULL, kind: str = "icicle") -> go.Figure:
    """Return the figure of a partition's first nodes."""
    go = graph_objects()
    nodes = range(view.tree.n_nodes)[: detail.n_nodes]
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
        title="Regions of the Search Tree", margin={"l": 20, "r": 20, "b": 20, "t": 60}
    )
    return figure


def _label(view: StudyPartition, node: int) -> str:
    if node == 0:
        return "all trials"
    is_good = view.tree.children[view.tree.parent[node], 0] == node
    kind = "leaf" if view.is_leaf(node) else "node"
    return f"{'good' if is_good else 'bad'} ({kind} {node})"


def _text(view: StudyPartition, node: int) -> str:
    """Return a tile's visits and value, and the choices that its good side favours."""
    lines = [
        f"{int(view.search_tree.visits[node])} trials, "
        f"{view.value_name} {view.search_tree.value[node]:.2f}"
    ]
    choices = view.top_choices(node)
    if choices:
        lines += [FAVOURS, *(name for name, _ in choices)]
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
        lines.append(FAVOURS)
        lines += [f"  {name} ({weight:+.3g})" for name, weight in choices]
    return "<br>".join(lines)

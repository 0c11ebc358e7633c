"""Where is the search, and how good are its regions? The tree as an icicle or treemap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_choice
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import BEST
from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import name_of_best
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import number_text
from optuna_lanas.visualization._plotly import NUMBERS
from optuna_lanas.visualization._plotly import SCALE
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._words import Condition
from optuna_lanas.visualization._words import conditions
from optuna_lanas.visualization._words import describe
from optuna_lanas.visualization._words import short


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_LEVELS = 4
MOSTLY = " ≈ "  # of a tile, which has little room
N_LATEST = 20  # trials that tell where the search is


def plot_partition(
    study_or_partition: optuna.Study | StudyPartition, *, kind: str = "icicle"
) -> go.Figure:
    """Plot the tree of good and bad regions, four levels at once; a click shows deeper levels.

    Each tile is a region. Its size is its visits: the finished and pending trials inside. Its
    colour is its value. Its words say what sets its trials apart from those of the other child.

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
    parent, visits, holds_best = view.tree.parent, view.search_tree.visits, _holds_best(view)
    figure = new_figure()
    labels = [_label(view, node, holds_best[node], detail.n_letters // 4) for node in nodes]
    trace = {"icicle": go.Icicle, "treemap": go.Treemap}[kind](
        ids=[str(node) for node in nodes],
        labels=labels,
        parents=["" if node == 0 else str(parent[node]) for node in nodes],
        values=[int(visits[node]) for node in nodes],
        text=[_text(view, node) for node in nodes],
        hovertext=[_hover(view, node, holds_best[node]) for node in nodes],
        hoverinfo="text",
        textinfo="label+text",
        textfont={"size": 13},
        branchvalues="total",
        maxdepth=N_LEVELS,
        sort=False,
        pathbar={"textfont": {"size": 12}},
        marker={
            "colors": [round(float(view.search_tree.value[node]), 4) for node in nodes],
            "colorscale": SCALE,
            "showscale": True,
            "line": {
                "width": [3 if holds_best[node] else 1 for node in nodes],
                "color": [BEST if holds_best[node] else "#ffffff" for node in nodes],
            },
            "colorbar": {
                "title": {"text": _value_title(view), "side": "right"},
                **NUMBERS,
                "thickness": 14,
            },
        },
    )
    figure.add_trace(trace)
    figure.update_layout(
        margin={"l": 16, "r": 16, "b": 16}, uniformtext={"minsize": 12, "mode": "hide"}
    )
    set_title(figure, detail, *_title(view, any(MOSTLY in label for label in labels)))
    return figure


def _title(view: StudyPartition, has_sign: bool) -> tuple[str, str, str]:
    leaf, latest = view.best_leaf, view.search_tree.leaf[-N_LATEST:]
    n_here, n_latest = int((latest == leaf).sum()), len(latest)
    how = "Size: trials. Brighter: better. Outlined: the path to"
    sign = f"{MOSTLY.strip()}: mostly. " if has_sign else ""
    note = f"{how} the ★ {name_of_best(view)}. {sign}Click to zoom."
    if view.is_leaf(0):
        return f"One region as yet: {counted(len(view.numbers), 'trial')}, no split", "", note
    name = short(view.target_name, 40)
    return (
        f"Best of {len(view.leaves)} regions: {describe(view, leaf)}",
        f"{n_here} of the last {n_latest} trials lie in it. On average, {name} is "
        f"{number_text(view.mean_target(leaf))} in it, {number_text(view.mean_target(0))} in all.",
        note,
    )


def _value_title(view: StudyPartition) -> str:
    return "mean rank (1: best)" if view.value_name == "mean rank" else view.value_name


def _holds_best(view: StudyPartition) -> np.ndarray:
    """Return `[N]` bools: which nodes' regions hold the best trial, or one of the front."""
    holds = np.zeros(view.tree.n_nodes, dtype=bool)
    for leaf in set(view.search_tree.leaf[view.best].tolist()):
        holds[view.tree.path(leaf)] = True
    return holds


def _label(view: StudyPartition, node: int, has_best: bool, limit: int) -> str:
    """Return a tile's first line: what sets its trials apart from those of its sibling."""
    star = "★ " if has_best else ""
    if node == 0:
        return f"{star}all trials"
    words = _against_sibling(view, node)
    if not words:
        return f"{star}no pattern"
    first = replace(words[0], relation=words[0].relation.replace(" mostly ", MOSTLY, 1))
    return escaped(f"{star}{first.short(limit - len(star))}")


def _against_sibling(view: StudyPartition, node: int) -> list[Condition]:
    children = view.tree.children[view.tree.parent[node]]
    sibling = int(children.sum() - node)
    return conditions(view, view.inside(node), view.inside(sibling), 1)


def _text(view: StudyPartition, node: int) -> str:
    """Return a tile's other lines: its trials, and their mean target."""
    mean = number_text(view.mean_target(node))
    return f"{counted(int(view.search_tree.visits[node]), 'trial')}<br>mean {mean}"


def _hover(view: StudyPartition, node: int, has_best: bool) -> str:
    statistics, inside = view.search_tree, view.inside(node)
    kind = "leaf" if view.is_leaf(node) else "node"
    lines = [f"<b>{kind} {view.name(node)}</b>"]
    lines += [
        f"{escaped(c.short(60))}: {c.inside:.0%} of its trials, {c.outside:.0%} of others"
        for c in conditions(view, inside, ~inside)
    ]
    lines += [
        counted(int(statistics.visits[node]), "trial"),
        f"{view.value_name} {statistics.value[node]:.3f}",
        f"{escaped(short(view.target_name, 60))}: mean {number_text(view.mean_target(node))}",
    ]
    if node > 0:
        lines.append(f"upper confidence bound {statistics.ucb[node]:.3f}")
    if has_best:
        lines.append(f"★ holds the {name_of_best(view)}")
    return "<br>".join(lines)

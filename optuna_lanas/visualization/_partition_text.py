"""A partition as text and as a table: which region is best, what comes next, and the tree."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from optuna_lanas._study.published import published_decision
from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._words import conditions
from optuna_lanas.visualization._words import value_text


N_CONDITIONS = 3
VALUE_NAME = "Objective Value"  # as Optuna calls it
N_SHARED = 2  # of them, choices that all trials share
MAX_CONDITION = 80  # characters
MIN_RARE = 0.02  # share of the other trials that have another choice


def summary(view: StudyPartition) -> str:
    """Return the first sentence: which region is best, what it is, and how good."""
    n_leaves, name = len(view.tree.leaves), target_name(view)
    all_mean = f"{view.mean_target(0):.4g}"
    if n_leaves == 1:
        trials = counted(len(view.numbers), "trial")
        return f"One region as yet: {trials}, {name} {all_mean} on average."
    best = view.best_leaf
    inside = counted(int(view.inside(best).sum()), "trial")
    mean = f"{name} {view.mean_target(best):.4g} on average over {inside}"
    return (
        f"Best of {n_leaves} regions is leaf {best}, {region_words(view, best)}: {mean}, "
        f"against {all_mean} over all {len(view.numbers)}."
    )


def outlook(view: StudyPartition) -> str:
    """Return the sentence on what comes next."""
    n, leaf = view.n_pending, view.search_tree.select()
    pending = f" {counted(n, 'trial')} more {'is' if n == 1 else 'are'} pending." if n else ""
    decision = published_decision(view.trials[-1])
    turn = "Next"
    if decision is not None and decision.first > 0:  # it knows another tree
        turn = f"After the restart that trial {view.numbers[-1]} was part of"
    if len(view.tree.leaves) == 1:
        return f"{turn}: a trial anywhere in the space.{pending}"
    which = "this leaf" if leaf == view.best_leaf else f"leaf {leaf}, {region_words(view, leaf)},"
    return (
        f"{turn}: a trial in {which} or in a region around it, since its upper confidence bounds "
        f"are the greatest.{pending}"
    )


def region_words(view: StudyPartition, node: int) -> str:
    """Return the choices that all of a region's trials share, and what sets them apart."""
    inside = view.inside(node)
    shared = _shared_choices(view, inside) if inside.any() and not inside.all() else {}
    found = conditions(view, inside, ~inside, N_CONDITIONS)
    others = [c.text for c in found if not any(c.text.startswith(f"{name} ") for name in shared)]
    texts = [*list(shared.values())[:N_SHARED], *others][:N_CONDITIONS]
    return ", ".join(map(_short, texts)) or ("all trials" if inside.all() else "no pattern")


def _shared_choices(view: StudyPartition, inside: np.ndarray) -> dict[str, str]:
    """Return a text for each parameter with a single choice inside, the rarest outside first."""
    rarity: dict[int, float] = {}
    for column in np.flatnonzero(view.transform.domain.axes.is_categorical).tolist():
        own = view.points[inside, column]
        if (own == own[0]).all():
            rarity[column] = float((view.points[~inside, column] != own[0]).mean())
    first = int(np.flatnonzero(inside)[0])
    columns = sorted((c for c in rarity if rarity[c] >= MIN_RARE), key=lambda c: -rarity[c])
    names = {c: one_line(str(view.transform.names[c])) for c in columns}
    return {
        names[c]: f"{names[c]} = {value_text(view, c, view.points[first, c])}" for c in columns
    }


def target_name(view: StudyPartition) -> str:
    """Return what the target is called in a sentence."""
    return "value" if view.target_name == VALUE_NAME else one_line(view.target_name)


def to_text(view: StudyPartition) -> str:
    """Return the two sentences and the tree, good children above bad ones."""
    return "\n".join([summary(view), outlook(view), *_lines(view, 0, "", "")])


def regions(view: StudyPartition) -> Iterator[dict[str, Any]]:
    """Yield each region as a dict of plain values, parents before children."""
    statistics = view.search_tree
    for node in range(view.tree.n_nodes):
        ucb = float(statistics.ucb[node])
        yield {
            "node": node,
            "name": view.name(node),
            "parent": int(view.tree.parent[node]) if node else None,
            "is_leaf": view.is_leaf(node),
            "is_best": node == view.best_leaf,
            "is_next": node == statistics.select(),
            "words": region_words(view, node),
            "trials": int(view.inside(node).sum()),
            "visits": int(statistics.visits[node]),
            view.value_name.replace(" ", "_"): float(statistics.value[node]),
            "mean_target": view.mean_target(node),
            "ucb": ucb if np.isfinite(ucb) else None,
        }


def to_html(view: StudyPartition) -> str:
    """Return the two sentences, and the tree for those who open it."""
    tree = escape("\n".join(_lines(view, 0, "", "")))
    return (
        f"<div><strong>{escape(summary(view))}</strong></div><div>{escape(outlook(view))}</div>"
        f"<details><summary>Tree</summary><pre>{tree}</pre></details>"
    )


def _lines(view: StudyPartition, node: int, indent: str, below: str) -> list[str]:
    """Return a node's line and the lines of its children, which ``below`` indents."""
    lines = [indent + _line(view, node)]
    if not view.is_leaf(node):
        good, bad = (int(child) for child in view.tree.children[node])
        lines += _lines(view, good, below + "├─ good: ", below + "│  ")
        lines += _lines(view, bad, below + "└─ bad:  ", below + "   ")
    return lines


def _line(view: StudyPartition, node: int) -> str:
    statistics, is_leaf = view.search_tree, view.is_leaf(node)
    parts = [
        counted(int(statistics.visits[node]), "trial"),
        f"{target_name(view)} {view.mean_target(node):.4g}",
        f"{view.value_name} {statistics.value[node]:.3g}",
    ]
    if node > 0:
        parts.append(f"UCB {statistics.ucb[node]:.3g}")
    words = f"; {_from_sibling(view, node)}" if node > 0 else ""
    selected = " <- next" if is_leaf and node == statistics.select() else ""
    return f"{'leaf' if is_leaf else 'node'} {node}: {', '.join(parts)}{words}{selected}"


def _from_sibling(view: StudyPartition, node: int) -> str:
    """Return what sets a node's trials apart from those of the other child."""
    parent = int(view.tree.parent[node])
    sibling = int(view.tree.children[parent].sum() - node)
    found = conditions(view, view.inside(node), view.inside(sibling))
    return ", ".join(_short(condition.text) for condition in found) or "no single parameter tells"


def _short(text: str) -> str:
    return text if len(text) <= MAX_CONDITION else f"{text[: MAX_CONDITION - 3]}..."

"""How do values spread over regions? The values of each leaf's trials as points and boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import LIGHT
from optuna_lanas.visualization._plotly import marks_of_best
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import note_of_best
from optuna_lanas.visualization._plotly import note_of_clipping
from optuna_lanas.visualization._plotly import number_text
from optuna_lanas.visualization._plotly import NUMBERS
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._plotly import shown_range
from optuna_lanas.visualization._plotly import trial_texts
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import safe_quantile
from optuna_lanas.visualization._thinning import shortened
from optuna_lanas.visualization._thinning import spaced
from optuna_lanas.visualization._words import conditions
from optuna_lanas.visualization._words import describe
from optuna_lanas.visualization._words import short


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_WORDS = 34  # characters of a condition
N_HOVER = 2000  # trials with all that hovering shows


def plot_leaf_values(study_or_partition: optuna.Study | StudyPartition) -> go.Figure:
    """Plot the values of each leaf's trials as points and a box, the best leaf on top.

    A box spans the middle half of the values and has a line at their median. Leaves beyond the
    first eleven share a box. The axis leaves out values that would flatten the others, and says
    so.

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
    """Return the figure of a partition's leaves, the best ones by mean value."""
    figure, groups = new_figure(), _groups(view, detail)
    low, high = shown_range(view)
    for place, group in enumerate(groups):
        _add_box(figure, view, group, len(groups) - 1 - place)
    _add_points(figure, view, groups, detail, low, high)
    margin = 0.03 * high - 0.03 * low or abs(high) / 10 or 1.0
    figure.update_xaxes(
        title_text=escaped(short(view.target_name, 60)),
        range=[low - margin, high + margin],
        **NUMBERS,
    )
    figure.update_yaxes(
        tickvals=list(range(len(groups)))[::-1],
        ticktext=list(map(_label, groups)),
        range=[-0.6, len(groups) - 0.4],
    )
    figure.update_layout(showlegend=False, margin={"l": 16, "r": 16, "b": 52}, boxgap=0.4)
    notes = f"{note_of_best(view)} {note_of_clipping(view, low, high)}".strip()
    set_title(figure, detail, *_title(view, groups), notes)
    return figure


@dataclass(frozen=True, eq=False)
class _Group:
    """Trials that share a box.

    Attributes:
        lines: What sets them apart, in words.
        inside: `[n]` bools.
        color: The colour of the box.
    """

    lines: list[str]
    inside: np.ndarray
    color: str


def _groups(view: StudyPartition, detail: Detail) -> list[_Group]:
    """Return the leaves, the best first, with those in the middle as one group."""
    leaves = sorted(view.tree.leaves.tolist(), key=lambda leaf: -view.search_tree.value[leaf])
    if len(leaves) <= detail.n_leaves:
        chosen = leaves
    else:
        chosen = [*leaves[: detail.n_leaves - 2], leaves[-1]]
    groups: list[_Group] = []
    for leaf in chosen:
        inside = view.search_tree.leaf == leaf
        lines = [c.short(N_WORDS) for c in conditions(view, inside, ~inside)]
        color = LIGHT if groups else GOOD
        groups.append(_Group(lines or [describe(view, leaf)], inside, color))
    rest = [leaf for leaf in leaves if leaf not in chosen]
    if rest:
        inside = np.isin(view.search_tree.leaf, rest)
        groups.insert(-1, _Group([f"{len(rest)} regions between these"], inside, GREY))
    return groups


def _title(view: StudyPartition, groups: list[_Group]) -> tuple[str, str]:
    inside = groups[0].inside
    note = "Boxes: middle half and median of a region's trials, their number in parentheses."
    name = short(view.target_name, 40)
    if len(groups) == 1:
        return f"One region as yet: median {name} {_median(view, inside)}", note
    others = _median(view, ~inside)
    words = describe(view, view.best_leaf)
    return f"Best region, {words}: median {name} {_median(view, inside)}, others {others}", note


def _label(group: _Group) -> str:
    """Return a region's label: its conditions, one on a line, and its number of trials."""
    return f"{'<br>'.join(map(escaped, group.lines))} ({group.inside.sum()})"


def _median(view: StudyPartition, inside: np.ndarray) -> str:
    targets = view.targets[inside & ~np.isnan(view.targets)]
    if len(targets) == 0:
        return "unknown"
    return number_text(float(safe_quantile(targets, np.array([0.5]))[0]))


def _add_box(figure: Any, view: StudyPartition, group: _Group, row: int) -> None:
    targets = view.targets[group.inside & ~np.isnan(view.targets)]
    if len(targets) == 0:
        return
    five = shortened(safe_quantile(targets, np.array([0.0, 0.25, 0.5, 0.75, 1.0]))).tolist()
    figure.add_trace(
        graph_objects().Box(
            y=[row], orientation="h", q1=[five[1]], median=[five[2]], q3=[five[3]],
            lowerfence=[five[0]], upperfence=[five[4]], line={"color": group.color, "width": 2},
            boxpoints=False, whiskerwidth=0, hoverinfo="skip", width=0.6,
        )
    )  # fmt: skip


def _add_points(
    figure: Any,
    view: StudyPartition,
    groups: list[_Group],
    detail: Detail,
    low: float,
    high: float,
) -> None:
    """Add trials as points, those beyond the axis as triangles, and the best ones as stars."""
    scatter = graph_objects().Scatter
    row = np.full(len(view.numbers), -1)
    chosen = []
    for place, group in enumerate(groups):
        row[group.inside] = len(groups) - 1 - place
        members = np.flatnonzero(group.inside & ~np.isnan(view.targets))
        chosen.append(members[spaced(len(members), detail.n_values)])
    places = np.concatenate(chosen)
    jitter = 0.44 * ((0.618034 * view.numbers) % 1.0 - 0.5)
    best = view.best[~np.isnan(view.targets[view.best])]
    targets = view.targets[places]
    dot = {"size": 5, "color": GREY, "opacity": 0.7}
    for own, marker in (
        (places[(targets >= low) & (targets <= high)], dot),
        (places[targets < low], dot | {"symbol": "triangle-left", "size": 9}),
        (places[targets > high], dot | {"symbol": "triangle-right", "size": 9}),
        (best, marks_of_best(view)),
    ):
        if len(own) == 0:
            continue
        is_long = detail is FULL and len(own) <= N_HOVER
        texts = trial_texts(view, own) if is_long else [f"trial {n}" for n in view.numbers[own]]
        figure.add_trace(
            scatter(
                x=shortened(np.clip(view.targets[own], low, high)),
                y=np.round(row[own] + (jitter[own] if own is not best else 0.0), 2),
                mode="markers", marker=marker, hovertext=texts, hoverinfo="text",
            )
        )  # fmt: skip

"""All trials as points in a plane, coloured by value and by leaf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._plotly import scale_of
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._thinning import safe_quantile
from optuna_lanas.visualization._thinning import shortened
from optuna_lanas.visualization._thinning import spaced


if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_SVG_POINTS = 3000  # more are drawn with WebGL, which is slow without a GPU


def plot_trial_map(study_or_partition: optuna.Study | StudyPartition) -> go.Figure:
    """Plot all trials in a plane, coloured by value on the left and by leaf on the right.

    The horizontal axis is the root's latent action; the dashed line separates its good side, on
    the right, from its bad side. The vertical axis is the perpendicular direction in which the
    features vary most. Without a latent action, both axes are principal components.

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
            from optuna_lanas.visualization import plot_trial_map

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_trial_map(study)
    """
    return draw_trial_map(as_partition(study_or_partition))


def draw_trial_map(view: StudyPartition, detail: Detail = FULL) -> go.Figure:
    """Return the figure of a partition; trials of leaves beyond the best ones are grey."""
    graph_objects()
    from plotly.subplots import make_subplots

    shown = spaced(len(view.numbers), detail.n_points)
    shown = shown[np.argsort(view.search_tree.y[shown], kind="stable")]
    places = _places(view)[shown].astype(np.float32)
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, subplot_titles=(view.target_name, "Leaf"),
        horizontal_spacing=0.03,
    )  # fmt: skip
    figure.add_trace(_points(view, shown, places, _value_marker(view, shown)), row=1, col=1)
    for name, color, is_inside in _groups(view, detail.n_leaves):
        here = is_inside[shown]
        marker = {"color": color, "size": 6}
        figure.add_trace(_points(view, shown[here], places[here], marker, name), row=1, col=2)
    if not view.is_leaf(0):
        threshold = float(view.tree.offsets[0]) / float(np.linalg.norm(view.tree.weights[0]))
        figure.add_vline(x=threshold, line_dash="dash", line_color=GREY)
        figure.update_xaxes(title_text="Root's Latent Action (good →)")
    figure.update_xaxes(matches="x")
    figure.update_yaxes(showticklabels=False)
    figure.update_layout(title="Map of Trials")
    return figure


def _places(view: StudyPartition) -> np.ndarray:
    """Return each trial's place in the plane, `[n, 2]`."""
    weights, features = view.tree.weights[0], view.features
    centred = features - features.mean(axis=0)
    if not weights.any():
        places: np.ndarray = centred @ _principal(centred, 2)
        return places
    axis = weights / np.linalg.norm(weights)
    rest = centred - np.outer(centred @ axis, axis)
    return np.column_stack([features @ axis, rest @ _principal(rest, 1)])


def _principal(centred: np.ndarray, n: int) -> np.ndarray:
    """Return `[dim, n]` principal directions, the greatest entry of each positive.

    Args:
        centred: `[n_points, dim]`, with a mean of 0.
        n: The number of directions; directions beyond `dim` are 0.
    """
    dim = centred.shape[1]
    if dim == 0:  # all parameters are constant
        return np.zeros((0, n))
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :n]
    if dim < n:
        vectors = np.pad(vectors, ((0, 0), (0, n - dim)))
    greatest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n)]
    directions: np.ndarray = vectors * np.where(greatest < 0, -1.0, 1.0)
    return directions


def _points(
    view: StudyPartition,
    shown: np.ndarray,
    places: np.ndarray,
    marker: dict[str, Any],
    name: str = "",
) -> Any:
    go = graph_objects()
    scatter = go.Scatter if len(view.numbers) <= MAX_SVG_POINTS else go.Scattergl
    return scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="markers",
        marker=marker,
        name=name,
        showlegend=bool(name),
        customdata=view.numbers[shown],
        hovertemplate="trial %{customdata}<extra>" + name + "</extra>",
    )


def _value_marker(view: StudyPartition, shown: np.ndarray) -> dict[str, Any]:
    targets = view.targets[shown]
    finite = targets[~np.isnan(targets)]
    low, high = safe_quantile(finite, np.array([0.05, 0.95])) if len(finite) else (0.0, 1.0)
    colorbar = {"x": -0.01, "xanchor": "right"}
    return {
        "color": shortened(targets), "colorscale": scale_of(view), "size": 6,
        "cmin": float(low), "cmax": float(high), "showscale": True, "colorbar": colorbar,
    }  # fmt: skip


def _groups(view: StudyPartition, n_leaves: int | None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield the name, colour and members `[n]` of each leaf; similar leaves differ in colour."""
    from plotly.colors import qualitative

    leaf_of, leaves = view.search_tree.leaf, list(leaf_colors(view, n_leaves))
    is_other = ~np.isin(leaf_of, leaves)
    if is_other.any():
        yield "other leaves", GREY, is_other
    for i, leaf in enumerate(leaves):
        color = qualitative.Dark24[i % len(qualitative.Dark24)]
        yield f"leaf {leaf}", color, leaf_of == leaf

"""All trials as points in a plane, coloured by value and by leaf."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import leaf_colors
from optuna_lanas.visualization._plotly import scale_of
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition


if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_SVG_POINTS = 3000  # beyond it WebGL draws, which is slow where there is no GPU


def plot_trial_map(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> go.Figure:
    """Plot all trials in a plane, coloured by value on the left and by leaf on the right.

    To the right runs the root's latent action, so that the dashed line parts its good from its
    bad side; upwards the direction, among those at right angles to it, in which the trials'
    encodings differ most. Without a latent action both are principal components.

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
            from optuna_lanas.visualization import plot_trial_map

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_trial_map(study)
    """
    return draw_trial_map(
        partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    )


def draw_trial_map(
    view: StudyPartition, n_points: int | None = None, n_leaves: int | None = None
) -> go.Figure:
    """Return the figure of a partition, of at most ``n_points`` evenly spaced trials.

    Beyond the best ``n_leaves`` leaves, trials are grey.
    """
    graph_objects()
    from plotly.subplots import make_subplots

    shown = _spaced(len(view.numbers), n_points)
    shown = shown[np.argsort(view.search_tree.values[shown], kind="stable")]
    places = project(view)[shown].astype(np.float32)
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, subplot_titles=(view.target_name, "Leaf"),
        horizontal_spacing=0.03,
    )  # fmt: skip
    figure.add_trace(_points(view, shown, places, _value_marker(view, shown)), row=1, col=1)
    for name, color, inside in _groups(view, n_leaves):
        here = inside[shown]
        marker = {"color": color, "size": 6}
        figure.add_trace(_points(view, shown[here], places[here], marker, name), row=1, col=2)
    if view.tree.children[0, 0] != NO_NODE:
        cut = float(view.tree.offsets[0]) / float(np.linalg.norm(view.tree.normals[0]))
        figure.add_vline(x=cut, line_dash="dash", line_color=GREY)
        figure.update_xaxes(title_text="Root's latent action (right: good)")
    figure.update_xaxes(matches="x")
    figure.update_yaxes(showticklabels=False)
    figure.update_layout(title="Map of Trials")
    return figure


def project(view: StudyPartition) -> np.ndarray:
    """Return places `[n, 2]` of a partition's trials."""
    normal = view.tree.normals[0]
    encodings = view.encodings
    if not normal.any():
        places: np.ndarray = (encodings - encodings.mean(axis=0)) @ _principal(encodings, 2)
        return places
    axis = normal / np.linalg.norm(normal)
    first = encodings @ axis
    rest = encodings - encodings.mean(axis=0)
    rest = rest - np.outer(rest @ axis, axis)
    return np.column_stack([first, rest @ _principal(rest, 1)])


def _principal(encodings: np.ndarray, n: int) -> np.ndarray:
    """Return `[dim, n]` directions of the greatest variance, their greatest entry positive."""
    centred = encodings - encodings.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :n]
    if vectors.shape[1] < n:
        vectors = np.pad(vectors, ((0, 0), (0, n - vectors.shape[1])))
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
    low, high = np.quantile(finite, [0.05, 0.95]) if len(finite) else (0.0, 1.0)
    colorbar = {"x": -0.01, "xanchor": "right"}
    return {
        "color": targets.astype(np.float32), "colorscale": scale_of(view), "size": 6,
        "cmin": float(low), "cmax": float(high), "showscale": True, "colorbar": colorbar,
    }  # fmt: skip


def _groups(view: StudyPartition, n_leaves: int | None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield name, colour and members `[n]` of each leaf; colours of similar leaves differ."""
    from plotly.colors import qualitative

    leaves = list(leaf_colors(view))[:n_leaves]
    others = ~np.isin(view.search_tree.leaf, leaves)
    if others.any():
        yield "other leaves", GREY, others
    for i, leaf in enumerate(leaves):
        color = qualitative.Dark24[i % len(qualitative.Dark24)]
        yield f"leaf {leaf}", color, view.search_tree.leaf == leaf


def _spaced(n: int, limit: int | None) -> np.ndarray:
    if limit is None or n <= limit:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, limit).astype(np.intp))

"""What makes a configuration good? One small panel per parameter, the most important first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas.visualization._effects import Effect
from optuna_lanas.visualization._effects import effects
from optuna_lanas.visualization._make_partition import as_partition
from optuna_lanas.visualization._panels import best_first
from optuna_lanas.visualization._panels import Panels
from optuna_lanas.visualization._panels import shown_name
from optuna_lanas.visualization._panels import shown_value
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import note_of_best
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._words import describe
from optuna_lanas.visualization._words import short


if TYPE_CHECKING:
    import plotly.graph_objects as go

N_PARAMETERS = 9
MAX_DOTS = 400  # trials in one panel
ROW_HEIGHT = 150  # pixels


def plot_parameters(
    study_or_partition: optuna.Study | StudyPartition,
    *,
    node: int = 0,
    n_parameters: int = N_PARAMETERS,
) -> go.Figure:
    """Plot how each parameter changes the target: a curve over a range, bars for choices.

    A model of all parameters predicts the target with one parameter set to a value and the others
    as in the trials. Parameters that change it most come first, conditional ones after the choice
    that opens them.

    Args:
        study_or_partition: A study with a finished trial, or its partition.
        node: The number of a node, whose trials count; 0, the root, for all trials.
        n_parameters: The greatest number of panels.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, there is no such ``node``, or
            ``n_parameters`` is less than 1.
        ImportError: If plotly is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import plot_parameters

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            figure = plot_parameters(study)
    """
    check_int("n_parameters", n_parameters, 1, f"Leave it out for {N_PARAMETERS}.")
    view = as_partition(study_or_partition)
    view.check_node(node)
    return draw_parameters(view, node=node, n_parameters=n_parameters)


def draw_parameters(
    view: StudyPartition, detail: Detail = FULL, node: int = 0, n_parameters: int | None = None
) -> go.Figure:
    """Return the figure of the trials in a node's region."""
    figure, inside = new_figure(), view.inside(node)
    found = effects(view, inside)
    shown = found[: n_parameters or detail.n_panels]
    inside &= ~np.isnan(view.targets)
    set_title(figure, detail, *_title(view, found, len(shown), node))
    n_columns = min(detail.n_columns, max(len(shown), 1))
    n_rows = -(-len(shown) // n_columns)
    if n_rows * n_columns > N_PARAMETERS:
        figure.update_layout(height=ROW_HEIGHT * n_rows + figure.layout.margin.t)
    panels = Panels(figure, view, inside, shown, n_rows, n_columns, detail.n_letters)
    n_dots = min((detail.n_points or 10**6) // max(len(shown), 1), MAX_DOTS)
    for place, effect in enumerate(shown):
        panels.add(place, effect, n_dots)
    figure.update_layout(margin={"l": 16, "r": 16, "b": 12}, showlegend=False, bargap=0.3)
    return figure


def _title(view: StudyPartition, found: list[Effect], n_shown: int, node: int) -> tuple[str, ...]:
    name = short(view.target_name, 40)
    where = "" if node == 0 else f"In the region {describe(view, node)}: "
    better, worse = ("greater", "less") if view.is_maximised is None else ("better", "worse")
    legend = (
        f"Lines and bars: expected {name}; blue is {better} than their mean, orange {worse}. "
        f"Dots: trials, clipped at an edge."
    )
    n_left = len(found) - n_shown
    left = f" {n_left} less important parameters are not shown." if n_left > 0 else ""
    note = f"{note_of_best(view)}{left}".strip()
    rest = sorted(found[1:], key=lambda effect: -effect.importance)
    named = [effect for effect in [*found[:1], *rest[:1]] if effect.importance > 0.0]
    if not named:
        return f"{where}No parameter changes {name} yet", legend, note
    good = "Greatest" if view.is_maximised is None else "Best"
    return f"{where}{good} {name}: {'; '.join(_finding(view, e) for e in named)}", legend, note


def _finding(view: StudyPartition, effect: Effect) -> str:
    """Return which value of a parameter is best, and which choice is worst."""
    order, name = best_first(view, effect), shown_name(view, effect, 30)
    best, worst = (short(shown_value(view, effect, place), 20) for place in (order[0], order[-1]))
    if not view.transform.domain.axes.is_categorical[effect.column]:
        return f"{name} near {best}"
    return f"{name} = {best}" if len(order) == 1 else f"{name} = {best}, not {worst}"

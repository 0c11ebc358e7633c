"""The architecture of a trial, drawn by its space."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._replay import choose_sampler
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._plotly import graph_objects


if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot_architecture(
    study: optuna.Study,
    *,
    trial_number: int | None = None,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target_name: str = "Objective Value",
) -> go.Figure:
    """Plot the architecture of a trial, for spaces that have ``draw(architecture)``.

    Args:
        study: A study in an architecture space, of any sampler.
        trial_number: The number of the trial; None for the best one.
        sampler: A LaNASSampler with the space; None for the study's own.
        space: The architecture space; None for the sampler's.
        target_name: The objective's name in the title.

    Raises:
        ValueError: If no space with ``draw`` is known, there is no such trial, it lacks the
            space's parameters, or its architecture is invalid.
        ImportError: If plotly or networkx is missing.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.spaces import NASBench201Space
            from optuna_lanas.visualization import plot_architecture

            space = NASBench201Space()
            study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
            study.optimize(lambda trial: space.suggest(trial).count("none"), n_trials=20)
            figure = plot_architecture(study)
    """
    graph_objects()
    drawn = _drawing_space(choose_sampler(study, sampler, space).settings.space)
    trial = _trial(study, trial_number)
    figure = _draw(drawn, _architecture(drawn, trial))
    values = "" if trial.values is None else ", ".join(f"{v:.5g}" for v in trial.values)
    shown = f", {target_name} {values}" if values else ""
    figure.update_layout(title=f"Architecture of Trial {trial.number}{shown}")
    return figure


def _draw(space: Any, architecture: Any) -> Any:
    try:
        return space.draw(architecture)
    except ImportError as error:
        raise ImportError(
            f"Figures of {type(space).__name__} need {error.name}, which is not installed. "
            f"Run `pip install 'optuna_lanas[visualization]'`."
        ) from error


def _drawing_space(space: Any) -> Any:
    if not callable(getattr(space, "draw", None)):
        found = "none" if space is None else type(space).__name__
        raise ValueError(
            f"`space` must be an architecture space with draw(architecture), got {found}. "
            f"See `optuna_lanas.spaces.ArchitectureSpace`."
        )
    return space


def _architecture(space: Any, trial: FrozenTrial) -> Any:
    try:
        return space.suggest(optuna.trial.FixedTrial(trial.params))
    except (ValueError, optuna.TrialPruned) as error:
        raise ValueError(
            f"`trial_number` must be of a trial with a valid architecture of "
            f"{type(space).__name__}, got {trial.number}: {error}"
        ) from error


def _trial(study: optuna.Study, number: int | None) -> FrozenTrial:
    trials = study.get_trials(deepcopy=False)
    if number is None:
        several = len(study.directions) > 1
        try:
            return study.best_trials[0] if several else study.best_trial
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"`study` must have a complete and feasible trial, got {len(trials)} trials "
                f"without. Run it first, or pass `trial_number`."
            ) from error
    if not 0 <= number < len(trials):
        raise ValueError(
            f"`trial_number` must be that of one of the study's {len(trials)} trials, got "
            f"{number}."
        )
    return trials[number]

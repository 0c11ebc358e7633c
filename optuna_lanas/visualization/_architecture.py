"""What does the architecture look like? A trial's, drawn by its space."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FixedTrial
from optuna.trial import FrozenTrial

from optuna_lanas._checks import trial_of
from optuna_lanas.visualization._make_partition import choose_sampler
from optuna_lanas.visualization._make_partition import VALUE_NAME
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import FULL
from optuna_lanas.visualization._words import short


if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot_architecture(
    study: optuna.Study, *, trial_number: int | None = None, space: Any | None = None
) -> go.Figure:
    """Plot the architecture of a trial, for spaces that have ``draw(architecture)``.

    Args:
        study: A study in an architecture space, of any sampler.
        trial_number: The number of the trial. None for the best trial, or for the first trial of
            the Pareto front.
        space: The architecture space. None for the space of the study's LaNASSampler.

    Raises:
        TypeError: If an argument is of the wrong type.
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
    known = choose_sampler(study, None, space).space
    _check_draws(known)
    assert known is not None, "A space that draws is one."
    remedy = "Leave it out for the best trial."
    has_number = trial_number is not None
    trial = trial_of(study, trial_number, remedy) if has_number else _best_trial(study)
    graph_objects()
    return _drawn(study, known, trial, _names(study), FULL)


def draw_best_architecture(
    study: optuna.Study, space: Any, name: str | None, detail: Detail
) -> go.Figure:
    """Return the figure of the best trial, in a space that draws.

    Args:
        study: The study.
        space: The space.
        name: The name of its objective; None for the study's own names.
        detail: How much is shown.
    """
    names = _names(study) if name is None else [name]
    return _drawn(study, space, _best_trial(study), names, detail)


def _drawn(
    study: optuna.Study, known: Any, trial: FrozenTrial, names: Sequence[str], detail: Detail
) -> go.Figure:
    figure = known.draw(_architecture(known, trial))
    meta = figure.layout.meta
    summary = meta.get("summary", "") if isinstance(meta, dict) else ""
    set_title(figure, detail, _title(study, trial, names), str(summary))
    return figure


def can_draw(space: Any | None) -> bool:
    """Return whether a space draws its architectures."""
    return callable(getattr(space, "draw", None))


def _title(study: optuna.Study, trial: FrozenTrial, names: Sequence[str]) -> str:
    """Return which trial it is, its values, and how far it is from the best one."""
    best = _best_numbers(study)
    front = "on the Pareto front" if len(study.directions) > 1 else "the best"
    head = f"Trial {trial.number}{', ' + front if trial.number in best else ''}"
    values = f"{head}: {_values(trial, names)}" if trial.values is not None else head
    if trial.number in best or len(best) != 1 or trial.values is None:
        return f"★ {values}" if trial.number in best else values
    top = trial_of(study, best[0], "")
    return f"{values} (best: trial {top.number}, {_values(top, names)})"


def _names(study: optuna.Study) -> list[str]:
    """Return the objectives' names, none for several without names."""
    names = list(map(str, study.metric_names or []))
    return names or [VALUE_NAME] * (len(study.directions) == 1)


def _values(trial: FrozenTrial, names: Sequence[str]) -> str:
    values = trial.values or []
    if not names:
        return f"Objective Values {', '.join(f'{value:.5g}' for value in values)}"
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{short(name, 30)} {value:.5g}" for name, value in pairs)


def _best_numbers(study: optuna.Study) -> list[int]:
    with suppress(RecursionError, ValueError):  # of attributes nested deeply, of no trial
        found = study.best_trials if len(study.directions) > 1 else [study.best_trial]
        return [trial.number for trial in found]
    return []


def _check_draws(space: Any | None) -> None:
    if not can_draw(space):
        found = "no space" if space is None else type(space).__name__
        raise ValueError(
            f"`space` must be an architecture space with draw(architecture), got {found}. "
            f"See `optuna_lanas.spaces.ArchitectureSpace`."
        )


def _architecture(space: Any, trial: FrozenTrial) -> Any:
    try:
        return space.suggest(FixedTrial(trial.params))
    except (ValueError, optuna.TrialPruned) as error:
        raise ValueError(
            f"`trial_number` must belong to a trial with a valid architecture of "
            f"{type(space).__name__}, got {trial.number}: {error}. Choose another trial, or pass "
            f"the `space` that the trial was sampled from."
        ) from error


def _best_trial(study: optuna.Study) -> FrozenTrial:
    try:
        return study.best_trials[0] if len(study.directions) > 1 else study.best_trial
    except (IndexError, ValueError) as error:
        n_trials = len(study.get_trials(deepcopy=False))
        raise ValueError(
            f"`study` must have a complete and feasible trial, but none of its {n_trials} trials "
            f"is. Run `study.optimize` first, or pass `trial_number`."
        ) from error

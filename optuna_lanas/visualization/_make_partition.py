"""From a study to its partition, and the check of what a figure is given."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._checks import check_function
from optuna_lanas._checks import check_study
from optuna_lanas._checks import check_text
from optuna_lanas._checks import check_type
from optuna_lanas._checks import shown
from optuna_lanas._checks import wrong_type
from optuna_lanas._checks import wrong_value
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.propose import feature_names
from optuna_lanas._study.propose import grow
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import one_line
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._study_partition import StudyPartition


Target = Callable[[FrozenTrial], float]
N_SHOWN = 3
VALUE_NAME = "Objective Value"


def partition(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Target | None = None,
    target_name: str = VALUE_NAME,
) -> StudyPartition:
    """Return the partition of a study's trials into good and bad regions.

    The tree is learned from the history, whichever sampler proposed the trials.

    Args:
        study: A study with at least one finished trial.
        sampler: The sampler whose settings and space are used. None takes the study's own
            LaNASSampler, or the default settings for a study of another sampler.
        space: An architecture space, used with the default settings.
        target: A function from a complete trial to the number that is shown for it. None shows the
            objective value, or the rank for several objectives. The tree does not depend on it.
        target_name: The name of the target. The default is the objective's name, if
            ``study.set_metric_names`` has given one.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, both ``sampler`` and ``space`` are
            given, or the space is not the study's.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler, partition

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            print(partition(study))
    """
    view = partition_if_any(study, sampler, space, target, target_name)
    if view is None:
        raise ValueError(
            f"`study` must have a finished trial with parameters and a value, but none of its "
            f"{len(study.get_trials(deepcopy=False))} trials is. Run `study.optimize` first."
        )
    return view


def partition_if_any(
    study: optuna.Study,
    sampler: LaNASSampler | None,
    space: Any | None,
    target: Target | None,
    target_name: str,
) -> StudyPartition | None:
    """Return the partition of a study, None if all trials failed; arguments of `partition`."""
    check_shown(target, target_name)
    chosen = choose_sampler(study, sampler, space)

    def make(record: Record) -> StudyPartition | None:
        if any(trial.state != TrialState.FAIL for trial in record.observed_trials):
            return _make(study, record, target, target_name)
        _check_space(study, chosen.space)
        return None

    return chosen._views.use(study, make)


def as_partition(study_or_partition: Any) -> StudyPartition:
    """Return a partition as it is, and a study's with the default arguments.

    Raises:
        TypeError: If it is neither.
        ValueError: If no trial of the study has finished with a value.
    """
    if isinstance(study_or_partition, StudyPartition):
        return study_or_partition
    if isinstance(study_or_partition, optuna.Study):
        return partition(study_or_partition)
    rule = "an optuna.Study or a StudyPartition"
    remedy = "Pass the study, or `partition(study, ...)`."
    raise wrong_type("study_or_partition", rule, study_or_partition, remedy)


def choose_sampler(study: Any, sampler: LaNASSampler | None, space: Any | None) -> LaNASSampler:
    """Return the given sampler, the default one with a given space, or the study's own.

    Raises:
        TypeError: If ``study`` is not a study, or ``sampler`` not a LaNASSampler.
        ValueError: If both ``sampler`` and ``space`` are given.
    """
    check_study(study)
    given = given_sampler(sampler, space)
    own = study.sampler if isinstance(study.sampler, LaNASSampler) else None
    return given or own or LaNASSampler()


def given_sampler(sampler: LaNASSampler | None, space: Any | None) -> LaNASSampler | None:
    """Return the given sampler, the default one with a given space, or None for neither.

    Raises:
        TypeError: If ``sampler`` is not a LaNASSampler.
        ValueError: If both are given.
    """
    if sampler is not None and space is not None:
        remedy = "Make the sampler with it: LaNASSampler(space=...)."
        raise wrong_value("space", "None where a `sampler` is given", space, remedy)
    if sampler is not None:
        remedy = "Leave it out to use the study's own or the default settings."
        check_type("sampler", sampler, LaNASSampler, "a LaNASSampler", remedy)
    return sampler if space is None else LaNASSampler(space=space)


def check_shown(target: Any, target_name: Any) -> None:
    """Raise a TypeError if the target is no function, or its name no str."""
    if target is not None:
        rule = "a function from a trial to a float"
        check_function("target", target, rule, "Pass `lambda trial: trial.values[0]`.")
    check_text("target_name", target_name, f"Leave it out for {VALUE_NAME!r}.")


def _make(
    study: optuna.Study, record: Record, target: Target | None, target_name: str
) -> StudyPartition:
    history, trials = record.history(-1), record.observed_trials
    search_tree = grow(record, history).in_own_unit()
    if target is None and len(study.directions) > 1:
        targets = search_tree.y.copy()
    else:
        targets = np.array([_finite_target(trial, target) for trial in trials])
    if target is None and target_name == VALUE_NAME:
        target_name = _objective_name(study, record.settings.use_ranks)
    return StudyPartition(
        search_tree=search_tree,
        choices=feature_names(record, history.features.shape[1]),
        numbers=np.array([trial.number for trial in trials], dtype=np.intp),
        features=history.features.copy(),
        targets=targets,
        target_name=one_line(str(target_name)),
        value_name="mean rank" if record.settings.use_ranks else "mean value",
        is_maximised=_is_maximised(study, target),
        n_pending=len(history.pending_points),
        trials=tuple(trials),
        best=_best_places(study, trials, history.values),
        transform=record.transform,
        points=history.points.copy(),
    )


def _objective_name(study: optuna.Study, use_ranks: bool) -> str:
    """Return what the values are called; several objectives have no value of their own."""
    names = study.metric_names or []
    if len(study.directions) == 1:
        return str(names[0]) if names else VALUE_NAME
    kind = "Rank" if use_ranks else "Value"
    return f"{kind} of {', '.join(map(str, names))}" if names else kind


def _best_places(
    study: optuna.Study, trials: Sequence[FrozenTrial], values: np.ndarray
) -> np.ndarray:
    """Return the places of the best trials, none if no trial is complete and feasible.

    Optuna's own `best_trial` fails for attributes that others wrote.

    Args:
        study: The study.
        trials: Its observations.
        values: `[n]`, their values; of several objectives, the front has the greatest.
    """
    numbers = np.array([trial.number for trial in trials])
    order = np.lexsort((numbers, -values)).tolist()
    first = next((place for place in order if _is_complete(study, trials[place])), None)
    if first is None or len(study.directions) == 1:
        return np.array([] if first is None else [first], dtype=np.intp)
    front = np.flatnonzero(values == values[first])
    return front[[_is_complete(study, trials[place]) for place in front.tolist()]]


def _is_complete(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Whether a trial is complete and feasible."""
    outcome = outcome_of(trial, study.directions)
    return outcome is not None and outcome.kind == COMPLETE


def _check_space(study: optuna.Study, space: Any | None) -> None:
    """Raise a ValueError if trials have finished, but none with the parameters of a space."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    asked = [set(trial.params) for trial in trials if trial.params]
    if space is None or not asked:
        return
    own = set(space_distributions(space))
    if not any(own <= names for names in asked):
        lacking = ", ".join(sorted(own - asked[-1])[:N_SHOWN])
        rule = f"the study's, with parameters of its {len(asked)} finished trials"
        remedy = f"The last one lacks {lacking}. Pass the space that the objective uses, or none."
        raise wrong_value("space", rule, space, remedy)


def _finite_target(trial: FrozenTrial, target: Target | None) -> float:
    """Return the target of a trial, NaN where it is missing or infinite."""
    if target is None:
        value: Any = None if trial.values is None else trial.values[0]
    else:
        value = _asked(target, trial) if trial.state == TrialState.COMPLETE else None
    try:
        number: float | None = float("nan") if value is None else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, str | bytes):
        raise TypeError(
            f"`target` must return a float for a complete trial, got {shown(value)} of "
            f"{type(value).__name__} for trial {trial.number}. Return NaN where there is none."
        )
    return number if np.isfinite(number) else float("nan")


def _asked(target: Target, trial: FrozenTrial) -> Any:
    try:
        return target(trial)
    except Exception as error:
        raise ValueError(
            f"`target` must return a float for every complete trial, but it failed for trial "
            f"{trial.number}: {error!r}. Return NaN where there is none."
        ) from error


def _is_maximised(study: optuna.Study, target: Target | None) -> bool | None:
    if target is not None:
        return None
    return len(study.directions) > 1 or study.directions[0] == StudyDirection.MAXIMIZE

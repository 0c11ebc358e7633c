"""From a study to its partition, and the check of what a figure is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._study.propose import feature_names
from optuna_lanas._study.propose import grow
from optuna_lanas._study.record import Record
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._study_partition import StudyPartition


Target = Callable[[FrozenTrial], float]


def partition(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Target | None = None,
    target_name: str = "Objective Value",
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
        target_name: The name of the target.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has finished with a value, or both ``sampler`` and ``space`` are
            given.

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
    _check_target(target)
    chosen = choose_sampler(study, sampler, space)

    def make(record: Record) -> StudyPartition | None:
        has_any = any(trial.state != TrialState.FAIL for trial in record.observed_trials)
        return _make(study, record, target, target_name) if has_any else None

    return chosen._records.use(study, make)


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
    raise TypeError(
        f"`study_or_partition` must be an optuna.Study or a StudyPartition, got "
        f"{study_or_partition!r} of {type(study_or_partition).__name__}. Pass the study, or "
        f"`partition(study, ...)`."
    )


def choose_sampler(study: Any, sampler: LaNASSampler | None, space: Any | None) -> LaNASSampler:
    """Return the given sampler, the default one with a given space, or the study's own.

    Raises:
        TypeError: If ``study`` is not a study, or ``sampler`` not a LaNASSampler.
        ValueError: If both ``sampler`` and ``space`` are given.
    """
    if not isinstance(study, optuna.Study):
        raise TypeError(
            f"`study` must be an optuna.Study, got {study!r} of {type(study).__name__}. Load a "
            f"stored study with `optuna.load_study`."
        )
    if sampler is not None and space is not None:
        raise ValueError(
            f"`space` must be None where a `sampler` is given, got {type(space).__name__}. "
            f"Make the sampler with it: LaNASSampler(space=...)."
        )
    if sampler is not None and not isinstance(sampler, LaNASSampler):
        raise TypeError(
            f"`sampler` must be a LaNASSampler, got {sampler!r} of {type(sampler).__name__}. "
            f"Leave it out to use the study's own or the default settings."
        )
    if space is not None:
        return LaNASSampler(space=space)
    own = study.sampler if isinstance(study.sampler, LaNASSampler) else None
    return sampler or own or LaNASSampler()


def _make(
    study: optuna.Study, record: Record, target: Target | None, target_name: str
) -> StudyPartition:
    history, trials = record.history(-1), record.observed_trials
    search_tree = grow(record, history)
    if target is None and len(study.directions) > 1:
        targets, target_name = search_tree.y.copy(), "Rank"
    else:
        targets = np.array([_finite_target(trial, target) for trial in trials])
    return StudyPartition(
        search_tree=search_tree,
        choices=feature_names(record, history.features.shape[1]),
        numbers=np.array([trial.number for trial in trials], dtype=np.intp),
        features=history.features.copy(),
        targets=targets,
        target_name=target_name,
        value_name="mean rank" if record.settings.use_ranks else "mean value",
        is_maximised=_is_maximised(study, target),
        n_pending=len(history.pending_points),
    )


def _finite_target(trial: FrozenTrial, target: Target | None) -> float:
    """Return the target of a trial, NaN where it is missing or infinite."""
    value: Any
    if target is None:
        value = None if trial.values is None else trial.values[0]
    else:
        value = target(trial) if trial.state == TrialState.COMPLETE else None
    try:
        number = float("nan") if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`target` must return a float for a complete trial, got {value!r} of "
            f"{type(value).__name__} for trial {trial.number}. Return NaN where there is none."
        ) from error
    return number if np.isfinite(number) else float("nan")


def _is_maximised(study: optuna.Study, target: Target | None) -> bool | None:
    if target is not None:
        return None
    return len(study.directions) > 1 or study.directions[0] == StudyDirection.MAXIMIZE


def _check_target(target: Any) -> None:
    if target is not None and not callable(target):
        raise TypeError(
            f"`target` must be a function from a trial to a float, got {target!r} of "
            f"{type(target).__name__}. Pass, for example, `lambda trial: trial.values[0]`."
        )

"""Publishes what a search has learned on the study's page in Optuna Dashboard."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
import threading
import time
from typing import Any
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._checks import check_float
from optuna_lanas._checks import check_study
from optuna_lanas._checks import needs
from optuna_lanas._log import warn_once
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._architecture import can_draw
from optuna_lanas.visualization._architecture import draw_best_architecture
from optuna_lanas.visualization._leaf_share import draw_leaf_share
from optuna_lanas.visualization._leaf_values import draw_leaf_values
from optuna_lanas.visualization._make_partition import check_shown
from optuna_lanas.visualization._make_partition import choose_sampler
from optuna_lanas.visualization._make_partition import given_sampler
from optuna_lanas.visualization._make_partition import partition_if_any
from optuna_lanas.visualization._make_partition import VALUE_NAME
from optuna_lanas.visualization._note import NOTE_HEADING
from optuna_lanas.visualization._note import to_note
from optuna_lanas.visualization._parameters import draw_parameters
from optuna_lanas.visualization._partition import draw_partition
from optuna_lanas.visualization._plotly import graph_objects
from optuna_lanas.visualization._plotly import on_any_page
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import draw_within
from optuna_lanas.visualization._trial_map import draw_trial_map


if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_BYTES = 50_000


def publish(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = VALUE_NAME,
) -> list[str]:
    """Put the figures and a note that summarises the search on the study's page.

    Every storage works. A figure has less detail where it would otherwise exceed 50 kB. The user's
    note above the heading "What LaNAS has learned" is kept. Publishing again overwrites the
    figures and the summary, so only one worker should publish.

    Args:
        study: A study of any sampler. Nothing is published before a trial has finished with a
            value.
        sampler: The sampler whose settings and space are used. None takes the study's own
            LaNASSampler, or the default settings for a study of another sampler.
        space: An architecture space, used with the default settings.
        target: A function from a complete trial to the number that is shown for it. None shows the
            objective value, or the rank for several objectives.
        target_name: The name of the target.

    Returns:
        The ids of the figures as graph objects of Optuna Dashboard; empty if nothing was
        published.

    Raises:
        ImportError: If optuna-dashboard or plotly is missing.
        TypeError: If an argument is of the wrong type.
        ValueError: If both ``sampler`` and ``space`` are given, or the space is not the study's.

    Example:
        .. code-block:: python

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.dashboard import publish

            study = optuna.create_study(
                storage="sqlite:///study.sqlite3", sampler=LaNASSampler(seed=0)
            )
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            publish(study)
    """
    check_study(study)
    check_shown(target, target_name)
    given_sampler(sampler, space)
    dashboard = _dashboard()
    view = partition_if_any(study, sampler, space, target, target_name)
    if view is None:
        return []
    published = []
    for name, figure in _figures(study, view, choose_sampler(study, sampler, space).space):
        dashboard.save_plotly_graph_object(study, figure, graph_object_id=f"lanas-{name}")
        published.append(f"lanas-{name}")
    users_note = dashboard.get_note(study).split(NOTE_HEADING)[0].rstrip()
    parts = [users_note] if users_note else []
    dashboard.save_note(study, "\n\n".join([*parts, to_note(study, view)]))
    return published


class PublishCallback:
    """A callback for ``study.optimize`` that publishes at intervals.

    Call :func:`publish` after the search to publish its final state. A publication that fails is
    logged, once per study, and the search continues.

    Args:
        interval: The least number of seconds between the end of a publication and the start of
            the next.
        sampler: As for :func:`publish`.
        space: As for :func:`publish`.
        target: As for :func:`publish`.
        target_name: As for :func:`publish`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``interval`` is negative, or both ``sampler`` and ``space`` are given.
        ImportError: If optuna-dashboard or plotly is missing.

    Example:
        .. code-block:: python

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.dashboard import publish
            from optuna_lanas.dashboard import PublishCallback

            study = optuna.create_study(
                storage="sqlite:///study.sqlite3", sampler=LaNASSampler(seed=0)
            )
            study.optimize(
                lambda trial: trial.suggest_float("x", -1, 1) ** 2,
                n_trials=1000,
                callbacks=[PublishCallback(interval=30)],
            )
            publish(study)
    """

    def __init__(
        self,
        interval: float = 60.0,
        *,
        sampler: LaNASSampler | None = None,
        space: Any | None = None,
        target: Callable[[FrozenTrial], float] | None = None,
        target_name: str = VALUE_NAME,
    ) -> None:
        remedy = "0 publishes after every trial."
        check_float("interval", interval, "at least 0 seconds", lambda s: s >= 0, remedy)
        check_shown(target, target_name)
        self._sampler = given_sampler(sampler, space)
        self._target = target
        self._target_name = target_name
        _dashboard()
        graph_objects()
        self._interval = interval
        self._next = time.monotonic() + interval
        self._lock = threading.Lock()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Publish if the interval is over and no other thread is publishing."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if time.monotonic() >= self._next:
                self._publish(study)
                self._next = time.monotonic() + self._interval
        finally:
            self._lock.release()

    def _publish(self, study: optuna.Study) -> None:
        """Publish; whatever fails, the search is worth more than its figures."""
        try:
            publish(
                study, sampler=self._sampler, target=self._target, target_name=self._target_name
            )
        except Exception as error:
            warn_once(
                ("publishing", study.study_name),
                f"The study {study.study_name!r} could not be published ({error!r}). The search "
                f"continues, and later trials try again. `publish(study)` shows the whole error. "
                f"The warning comes once per study.",
            )


def _figures(
    study: optuna.Study, view: StudyPartition, space: Any | None
) -> Iterator[tuple[str, go.Figure]]:
    """Yield the name of each figure, and the figure, for a light or a dark page."""
    draws: dict[str, Callable[[Detail], go.Figure]] = {
        "partition": partial(draw_partition, view),
        "leaf-values": partial(draw_leaf_values, view),
        "parameters": partial(draw_parameters, view),
        "leaf-share": partial(draw_leaf_share, view),
        "trial-map": partial(draw_trial_map, view),
    }
    for name, draw in draws.items():
        yield name, draw_within(partial(_on_any_page, draw), MAX_BYTES)
    if can_draw(space):
        is_objective = view.is_maximised is not None and len(study.directions) == 1
        objective = view.target_name if is_objective else None
        best = partial(draw_best_architecture, study, space, objective)
        with suppress(RecursionError, ValueError):  # of attributes nested deeply, of no trial
            yield "architecture", draw_within(partial(_on_any_page, best), MAX_BYTES)


def _on_any_page(draw: Callable[[Detail], go.Figure], detail: Detail) -> go.Figure:
    return on_any_page(draw(detail))


def _dashboard() -> Any:
    with needs("optuna-dashboard", "dashboard", "Figures on the study's page"):
        import optuna_dashboard
    return optuna_dashboard

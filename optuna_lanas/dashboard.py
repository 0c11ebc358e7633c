"""What a search has learned, on the study's page in Optuna Dashboard."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time
from typing import Any
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._core.tree import NO_NODE
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._architecture import plot_architecture
from optuna_lanas.visualization._latent_action import draw_latent_action
from optuna_lanas.visualization._leaf_share import draw_leaf_share
from optuna_lanas.visualization._leaf_values import draw_leaf_values
from optuna_lanas.visualization._partition import draw_partition
from optuna_lanas.visualization._study_partition import format_value
from optuna_lanas.visualization._study_partition import has_samples
from optuna_lanas.visualization._study_partition import partition
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._trial_map import draw_trial_map


if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_BYTES = 50_000
NOTE_HEADING = "## What LaNAS has learned"
N_NOTED = 5
_DETAILS = (1.0, 0.6, 0.35, 0.2, 0.1, 0.05)


def publish(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> list[str]:
    """Put the figures and a note that sums the search up on the study's page.

    Works on every storage. A figure is kept under 50 kB by thinning its points. What a note held
    before its heading "What LaNAS has learned" stays. Publishing again overwrites; let one worker
    do it.

    Args:
        study: A study of any sampler. Nothing is published before a trial has ended with a value.
        sampler: Whose settings grow the tree; None for the study's own LaNASSampler, else for the
            default settings.
        space: An architecture space for the default settings.
        target: From a finished trial to the value that is shown; None for the objective value.
        target_name: The target's name.

    Returns:
        The ids of the figures, each that of a graph object in Optuna Dashboard.

    Raises:
        ImportError: If optuna-dashboard or plotly is missing.

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
    dashboard = _dashboard()
    if not has_samples(study, sampler, space):
        return []
    view = partition(study, sampler=sampler, space=space, target=target, target_name=target_name)
    published = []
    for name, figure in _figures(study, view, sampler, space):
        dashboard.save_plotly_graph_object(study, figure, graph_object_id=f"lanas-{name}")
        published.append(f"lanas-{name}")
    own_note = dashboard.get_note(study).split(NOTE_HEADING)[0].rstrip()
    own_note += "\n\n" if own_note else ""
    dashboard.save_note(study, own_note + note(study, view))
    return published


class PublishCallback:
    """A callback of ``study.optimize`` that publishes at intervals.

    Call :func:`publish` after the search for its last state.

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

    Args:
        interval: Least number of seconds between the end of one publication and the next one.
        **settings: As for :func:`publish`.

    Raises:
        ValueError: If ``interval`` is negative.
        ImportError: If optuna-dashboard is missing.
    """

    def __init__(self, interval: float = 60.0, **settings: Any) -> None:
        if not interval >= 0:
            raise ValueError(f"`interval` must be at least 0 seconds, got {interval}.")
        _dashboard()
        self._interval = interval
        self._settings = settings
        self._next = time.monotonic() + interval
        self._lock = threading.Lock()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Publish if the interval is over and no other thread is at it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if time.monotonic() >= self._next:
                publish(study, **self._settings)
                self._next = time.monotonic() + self._interval
        finally:
            self._lock.release()


def note(study: optuna.Study, view: StudyPartition) -> str:
    """Return a search's summary in Markdown: its best trial, and its regions in UCB order."""
    statistics = view.partition
    lines = [
        NOTE_HEADING,
        "",
        f"{len(view.numbers)} trials in {len(view.leaves)} regions. {_best(study)}",
        "",
        f"| leaf, by UCB | UCB | visits | {view.value_name} | mean {_cell(view.target_name)} |",
        "|---|---|---|---|---|",
    ]
    for leaf in view.leaves.tolist()[:N_NOTED]:
        lines.append(
            f"| {view.name(leaf)} | {statistics.ucb[leaf]:.3f} | {int(statistics.visits[leaf])}"
            f" | {statistics.value[leaf]:.3f} | {view.mean_target(leaf):.4g} |"
        )
    choices = view.top_choices(0)
    if choices:
        named = ", ".join(f"`{_cell(name)}` ({weight:+.3g})" for name, weight in choices)
        lines += ["", f"What sends a trial to the root's good side most: {named}."]
    return "\n".join(lines) + "\n"


def _best(study: optuna.Study) -> str:
    if len(study.directions) > 1:
        return f"{len(study.best_trials)} trials are on the Pareto front."
    try:
        best = study.best_trial
    except ValueError:  # Optuna's word for none
        return "No trial is complete and feasible yet."
    params = ", ".join(f"{_cell(n)}={_cell(format_value(v))}" for n, v in best.params.items())
    return f"The best is trial {best.number}, value {best.value:.6g}: `{params}`."


def _figures(
    study: optuna.Study, view: StudyPartition, sampler: LaNASSampler | None, space: Any | None
) -> Iterator[tuple[str, go.Figure]]:
    n = min(len(view.numbers), 3000)

    def leaves(detail: float) -> int:
        return max(int(32 * detail), 8)

    yield "partition", _fitted(lambda d: draw_partition(view, n_nodes=int(128 * d)))
    yield "leaf-values", _fitted(lambda d: draw_leaf_values(view, int(200 * d), leaves(d)))
    if view.tree.children[0, 0] != NO_NODE:
        yield "latent-action", _fitted(lambda d: draw_latent_action(view))
    yield "leaf-share", _fitted(lambda d: draw_leaf_share(view, None, int(100 * d), leaves(d)))
    yield "trial-map", _fitted(lambda d: draw_trial_map(view, int(n * d) + 1, leaves(d)))
    with contextlib.suppress(ValueError):  # no space that draws, or no valid architecture yet
        yield (
            "architecture",
            plot_architecture(study, sampler=sampler, space=space, target_name=view.target_name),
        )


def _fitted(draw: Callable[[float], go.Figure]) -> go.Figure:
    """Return the most detailed figure that is not larger than the limit."""
    for detail in _DETAILS:
        figure = draw(detail)
        if len(figure.to_json().encode()) <= MAX_BYTES:
            break
    return figure


def _cell(text: str) -> str:
    """Text that ends neither a cell of a Markdown table nor code."""
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")


def _dashboard() -> Any:
    try:
        import optuna_dashboard
    except ImportError as error:
        raise ImportError(
            "Publishing needs optuna-dashboard, which is not installed. "
            "Run `pip install 'optuna_lanas[dashboard,visualization]'`."
        ) from error
    return optuna_dashboard

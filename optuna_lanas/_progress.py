"""What a search tells of its progress: a few messages per study and process, none per trial."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np

from optuna_lanas._log import info_once
from optuna_lanas._log import is_informing
from optuna_lanas._study.propose import grow
from optuna_lanas._study.published import Decision
from optuna_lanas._study.record import Record


MILESTONES = tuple(k * 10**power for power in range(1, 12) for k in (1, 2, 5))
N_BETWEEN = 25  # trials between two looks at whether the search has stalled
MIN_STALLED = 50  # trials without a better one
MIN_SHARE = 0.5  # of all trials, so that a long search is stalled later than a short one


def tell_progress(
    study_name: str, record: Record, params: Mapping[str, Any], decision: Decision
) -> int:
    """Log what has changed in a study, and return the number of observations to look at next.

    Args:
        study_name: The study's name.
        record: What is known of the study.
        params: The params that have been proposed last.
        decision: How they were found.
    """
    n = decision.n_observations
    if is_informing():
        if decision.leaf < 0:
            _tell_of_exhaustion(study_name, record, params)
        if decision.found != "start-up":
            _tell_of_startup(study_name, record, n)
            _tell_of_tree(study_name, record, n)
            _tell_of_stall(study_name, record, n)
    if decision.found == "start-up":
        return n
    milestone: int = MILESTONES[bisect_right(MILESTONES, n)]
    return min(milestone, (n // N_BETWEEN + 1) * N_BETWEEN)


def _tell_of_startup(study_name: str, record: Record, n: int) -> None:
    if n < 2 * max(record.settings.n_startup_trials, 1):  # else the study has been resumed
        how = "has the greatest expected improvement in a region of the search tree"
        if record.settings.is_uniform:
            how = "is drawn from the region that the search tree selects"
        info_once(
            ("start-up", study_name),
            f"The start-up of study {study_name!r} has ended with {n} trials. From now on each "
            f"trial {how}; `print(explain(study, -1))` says why.",
        )


def _tell_of_tree(study_name: str, record: Record, n: int) -> None:
    place = bisect_right(MILESTONES, n) - 1
    if place < 0:
        return
    tree = grow(record, record.history(-1)).in_own_unit()
    leaves = tree.tree.leaves
    if len(leaves) == 1:
        return
    best = int(leaves[np.argmax(np.where(tree.visits[leaves] > 0, tree.value[leaves], -np.inf))])
    rank = "mean rank" if record.settings.use_ranks else "mean value"
    info_once(
        ("tree", study_name, MILESTONES[place]),
        f"The search tree of study {study_name!r} has {len(leaves)} "
        f"regions for {n} trials. The best one is leaf "
        f"{tree.tree.name(best)}, with {rank} {tree.value[best]:.3g} of "
        f"{int(tree.visits[best])} trials; `print(partition(study))` says what it is.",
    )


def _tell_of_stall(study_name: str, record: Record, n: int) -> None:
    from optuna_lanas._core.suggest import has_restarts  # with SciPy, when it is first needed
    from optuna_lanas._core.suggest import place_of_best

    history = record.history(-1)
    if history.objectives is not None or n < MIN_STALLED:
        return
    best = place_of_best(history)
    n_since = len(history.values) - 1 - best
    if n_since >= max(MIN_STALLED, MIN_SHARE * n):
        number, restarts = record.observed_trials[best].number, ""
        if has_restarts(history, record.settings):
            restarts = (
                "Unless values are noisy, every other block of trials is now a restart, which "
                "knows its own trials alone. "
            )
        info_once(
            ("stall", study_name, number),
            f"The search of study {study_name!r} has stalled: none of the last {n_since} trials "
            f"was better than trial {number}. {restarts}Stop it, or widen the ranges of its "
            f"parameters.",
        )


def _tell_of_exhaustion(study_name: str, record: Record, params: Mapping[str, Any]) -> None:
    history = record.history(-1)
    if not record.settings.avoid_duplicates or len(history.values) == 0:
        return
    point = record.domain.mask_inactive(record.transform.to_point(params)[None])
    if np.isnan(record.domain.features(point)).any():  # an invalid architecture
        return
    if record.domain.keys(point)[0] in history.keys:
        info_once(
            ("exhausted", study_name),
            f"The search space of study {study_name!r} is exhausted: every configuration has been "
            f"tried, and later trials repeat them. `study.stop()` in a callback ends the search.",
        )

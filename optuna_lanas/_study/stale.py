"""Which unfinished trials are given up: those whose workers must have died.

A worker that is killed leaves a trial that runs for ever. It is told by its age, counted in later
trials that have ended; with more workers, more of them end meanwhile. How many work at once is
seen from the trials that have ended, since those of dead workers never do. Where trials take
moments, a worker may wait for its storage while many others end, so a time is asked for as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from optuna.trial import FrozenTrial


N_OVERTAKING = 20  # for each worker
N_RECENT = 1_000
LEAST_AGE = 60.0  # seconds


def times_of(ended: Sequence[FrozenTrial]) -> np.ndarray:
    """Return `[n, 3]`: number, start and end of trials, in seconds."""
    rows = [
        (trial.number, _seconds(trial.datetime_start), _seconds(trial.datetime_complete))
        for trial in ended
    ]
    return np.array(rows).reshape(-1, 3)


def least_alive(times: np.ndarray) -> int:
    """Return the number below which unfinished trials are given up.

    Args:
        times: `[n, 3]`: number, start and end of all trials that have ended, in the order in
            which they did.
    """
    n_workers = 1 + _mean_overlap(times[-N_RECENT:, 1:])
    n_enough = round(N_OVERTAKING * n_workers)
    if n_enough > len(times):
        return 0
    is_old = times[:, 1] <= times[-1, 2] - LEAST_AGE
    last_old = times[is_old, 0].max(initial=0)
    return int(min(np.partition(times[:, 0], -n_enough)[-n_enough], last_old))


def _mean_overlap(times: np.ndarray) -> float:
    """Return how many trials still run when one ends, of those with starts and ends `[n, 2]`."""
    starts, ends = np.sort(times, axis=0).T
    n_running = np.searchsorted(starts, ends, side="right") - np.arange(1, len(ends) + 1)
    return float(np.maximum(n_running, 0).mean()) if len(ends) else 0.0


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()

"""Which unfinished trials are stale: their workers must have died.

A killed worker leaves a trial that never ends. It is recognised by its age, counted in later
trials that have ended. More workers end more trials in the same time, so the count grows with the
number of workers. That number is estimated from ended trials, since a dead worker's trial never
ends. A least age in seconds is also required: where trials take milliseconds, many may end while
a live worker waits for its storage.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.settings import Settings


def first_live_number(times: np.ndarray, settings: Settings) -> int:
    """Return the number below which unfinished trials are stale.

    Args:
        times: `[n, 3]`: number, start and end (seconds) of all trials that have ended, the last
            one last.
        settings: The settings.
    """
    recent = times[-settings.n_recent :, 1:]
    n_enough = round(settings.n_overtaking * (1 + _mean_overlap(recent)))
    if n_enough > len(times):
        return 0
    is_old = times[:, 1] <= recent[:, 1].max() - settings.min_stale_age
    last_old = times[is_old, 0].max(initial=0)
    return int(min(np.partition(times[:, 0], -n_enough)[-n_enough], last_old))


def _mean_overlap(times: np.ndarray) -> float:
    """Return how many trials still run when one ends, of `[n, 2]` starts and ends, on average."""
    starts, ends = np.sort(times, axis=0).T
    n_running = np.searchsorted(starts, ends, side="right") - np.arange(1, len(ends) + 1)
    return float(np.maximum(n_running, 0).mean()) if len(ends) else 0.0

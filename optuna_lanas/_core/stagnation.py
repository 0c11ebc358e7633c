"""A search that has found nothing better for long looks elsewhere in some of its trials.

Its samples crowd about the best one, and the model that they make may take the region of a
better one for bad, sure of itself. Elsewhere is a leaf that is drawn evenly. Its draw is told of
its own and its sibling's samples alone, so that those about the best do not speak; the kernel's
scales are those of the whole history.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas._core.history import History


LEAST = 20
SHARE_OF_HISTORY = 0.3
SHARE_OF_TRIALS = 0.3
N_LEVELS = 1


def looks_elsewhere(history: History, rng: np.random.Generator) -> bool:
    """Return whether this trial does; drawn where the search has stagnated.

    That is where more than `SHARE_OF_HISTORY` of the samples, and more than `LEAST` of them, came
    after the best one and could know of it: as many as are pending now were pending then. With
    several objectives there is no best one, and no trial does.

    Args:
        history: Of at least one sample.
        rng: Source of the draw.
    """
    if history.objectives is not None:
        return False
    n_after = len(history) - 1 - int(np.argmax(history.values))
    n_since = n_after - len(history.pending)
    has_stagnated = n_since > max(LEAST, SHARE_OF_HISTORY * len(history))
    return has_stagnated and bool(rng.random() < SHARE_OF_TRIALS)

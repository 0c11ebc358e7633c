"""What the core knows of a study: its samples, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from optuna_lanas._core.domain import Domain


@dataclass(frozen=True, eq=False)
class History:
    """The samples of a study.

    Attributes:
        points: `[n, n_params]`, NaN where a parameter is absent.
        encodings: `[n, dim]`.
        values: `[n]`, finite, the greater the better.
        objectives: `[n, m]`, finite, the greater the better, if there are several; else None.
        pending: `[n_pending, dim]`, encodings of samples whose values are not known yet.
        pending_points: `[n_pending, n_params]`, theirs.
        keys: The keys of all samples that have ended.
        pending_keys: The keys of pending ones.
    """

    points: np.ndarray
    encodings: np.ndarray
    values: np.ndarray
    objectives: np.ndarray | None
    pending: np.ndarray
    pending_points: np.ndarray
    keys: Set[Hashable | None]
    pending_keys: Set[Hashable | None]

    def __len__(self) -> int:
        return len(self.values)

    def is_new(self, domain: Domain, points: np.ndarray) -> np.ndarray:
        """Return `[n]` bools: which points are valid and not in the history."""
        known = (self.keys, self.pending_keys)
        return np.array(
            [k is not None and not any(k in keys for keys in known) for k in domain.keys(points)],
            dtype=bool,
        )

"""An array that grows by rows in amortised constant time."""

from __future__ import annotations

import numpy as np


class Rows:
    """Rows of equal length."""

    def __init__(self, n_columns: int, dtype: type = float) -> None:
        self._array: np.ndarray = np.empty((16, n_columns), dtype=dtype)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def array(self) -> np.ndarray:
        """`[n, n_columns]`, a view that is not to be written to."""
        return self._array[: self._n]

    def append(self, row: np.ndarray) -> None:
        """Add a row."""
        if self._n == len(self._array):
            self._array = np.concatenate([self._array, np.empty_like(self._array)])
        self._array[self._n] = row
        self._n += 1

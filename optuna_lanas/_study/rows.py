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

    def extend(self, rows: np.ndarray) -> None:
        """Add `[m, n_columns]` rows."""
        n = self._n + len(rows)
        if n > len(self._array):
            n_rows = max(n, 2 * len(self._array))
            grown = np.empty((n_rows, self._array.shape[1]), dtype=self._array.dtype)
            grown[: self._n] = self.array
            self._array = grown
        self._array[self._n : n] = rows
        self._n = n

"""The encoding of NASNet-like cells: counts of operations in canonical form.

Cells and terms are those of ``_cell_blocks``.
"""

from __future__ import annotations

import numpy as np

from optuna_lanas.spaces._cell_blocks import N_INPUTS


def encoding_names(n_blocks: int, operations: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the coordinates of :func:`encode_blocks`."""
    terms = [
        f"{block + 1}<{state}:{operation}"
        for block in range(n_blocks)
        for state in range(N_INPUTS + block)
        for operation in operations
    ]
    return (*terms, *operations)


def encode_blocks(cells: np.ndarray, n_operations: int) -> np.ndarray:
    """Return `[n, dim]` encodings of `[n, n_blocks, 2]` cells in canonical form.

    Each block counts (0, 1 or 2) its terms; the cell then counts its operations.
    """
    n, n_blocks, _ = cells.shape
    every = np.arange(n)
    parts = []
    for block in range(n_blocks):
        counts = np.zeros((n, (N_INPUTS + block) * n_operations))
        for side in range(2):
            counts[every, cells[:, block, side]] += 1
        parts.append(counts)
    used = cells[..., None] % n_operations == np.arange(n_operations)
    parts.append(used.sum(axis=(1, 2)).astype(float))
    return np.concatenate(parts, axis=1)

"""Channels and trainable parameters of NAS-Bench-101's networks, without torch."""

from __future__ import annotations

import numpy as np


STEM_CHANNELS = 128
N_STACKS = 3
N_CELLS_PER_STACK = 3
N_CLASSES = 10
KERNEL_AREA = {"conv3x3-bn-relu": 9, "conv1x1-bn-relu": 1, "maxpool3x3": 0}


def vertex_channels(matrix: np.ndarray, n_in: int, n_out: int) -> list[int]:
    """Return the channels of each vertex.

    The vertices that the output concatenates share its channels; the first of them take the
    remainder. Any other vertex has as many channels as the widest vertex that uses it.
    """
    n = len(matrix)
    channels = [n_in, *[0] * (n - 2), n_out]
    concatenated = [v for v in range(1, n - 1) if matrix[v, -1]]
    for place, vertex in enumerate(concatenated):
        share, left = divmod(n_out, len(concatenated))
        channels[vertex] = share + (place < left)
    for vertex in reversed(range(1, n - 1)):
        if vertex not in concatenated:
            channels[vertex] = max(channels[w] for w in np.flatnonzero(matrix[vertex, :-1]))
    return channels


def n_params(matrix: np.ndarray, ops: list[str]) -> int:
    """Return the number of trainable parameters of the network, nine copies of a cell."""
    n_in, total = STEM_CHANNELS, _convolution(3, STEM_CHANNELS, 9)
    for stack in range(N_STACKS):
        n_out = STEM_CHANNELS << stack
        for _ in range(N_CELLS_PER_STACK):
            total += _cell(matrix, ops, vertex_channels(matrix, n_in, n_out))
            n_in = n_out
    return total + (n_in + 1) * N_CLASSES


def _cell(matrix: np.ndarray, ops: list[str], channels: list[int]) -> int:
    """Return the parameters of a cell's operations and of its input's projections."""
    total = sum(_convolution(channels[0], channels[v], 1) for v in np.flatnonzero(matrix[0]))
    for vertex in range(1, len(ops) - 1):
        if KERNEL_AREA[ops[vertex]]:
            total += _convolution(channels[vertex], channels[vertex], KERNEL_AREA[ops[vertex]])
    return total


def _convolution(n_in: int, n_out: int, kernel_area: int) -> int:
    """Return the parameters of a convolution without bias and its batch normalisation."""
    return n_in * n_out * kernel_area + 2 * n_out

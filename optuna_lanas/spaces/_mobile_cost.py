"""Parameters and multiply-adds of the mobile space's networks, without torch.

The cost of a network is a sum over its blocks and the layers around them, all from a table.
"""

from __future__ import annotations

from functools import cache

import numpy as np


RESOLUTIONS = (128, 160, 192, 224)
WIDTHS = (0.75, 1.0, 1.25)
KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
MAX_DEPTH = 4
N_STAGES = 5
# MobileNetV3-Large: channels, stride, squeeze and excitation, and activation of each stage.
STEM_CHANNELS = 16
STAGE_CHANNELS = (24, 40, 80, 112, 160)
STAGE_STRIDES = (2, 2, 2, 1, 2)
STAGE_HAS_SE = (False, True, False, True, True)
STAGE_ACTIVATIONS = ("RE", "RE", "HS", "HS", "HS")
LAST_CHANNELS = 1280


def scaled_channels(channels: float, width: float = 1.0) -> int:
    """Return the multiple of 8 that is nearest, or the next if that is over a tenth too small."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def network_costs(
    n_classes: int,
    resolution: np.ndarray,
    width: np.ndarray,
    kernels: np.ndarray,
    expansions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters `[n]` and the multiply-adds `[n]` of networks.

    Args:
        n_classes: Number of classes.
        resolution: `[n]`, positions in ``RESOLUTIONS``.
        width: `[n]`, positions in ``WIDTHS``.
        kernels: `[n, n_stages, max_depth]`, positions in ``KERNELS``; -1 for an absent block.
        expansions: `[n, n_stages, max_depth]`, positions in ``EXPANSIONS``.
    """
    around, of_blocks = _cost_tables(n_classes)
    total = around[resolution, width].copy()
    for stage, block in np.ndindex(N_STAGES, MAX_DEPTH):
        kernel, expansion = kernels[:, stage, block], expansions[:, stage, block]
        costs = of_blocks[resolution, width, stage, block, kernel, expansion]
        total += np.where(kernel[:, None] >= 0, costs, 0)
    return total[:, 0], total[:, 1]


@cache
def _cost_tables(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the costs of the layers around the blocks, and of every possible block.

    Returns:
        `[n_resolutions, n_widths, 2]` and
        `[n_resolutions, n_widths, n_stages, max_depth, n_kernels, n_expansions, 2]`; the last axis
        holds parameters and multiply-adds.
    """
    around = np.zeros((len(RESOLUTIONS), len(WIDTHS), 2), dtype=np.int64)
    shape = (N_STAGES, MAX_DEPTH, len(KERNELS), len(EXPANSIONS), 2)
    blocks = np.zeros((len(RESOLUTIONS), len(WIDTHS), *shape), dtype=np.int64)
    for r, resolution in enumerate(RESOLUTIONS):
        for w, width in enumerate(WIDTHS):
            around[r, w] = _around(resolution, width, n_classes)
            for index in np.ndindex(*shape[:-1]):
                stage, block, k, e = index
                blocks[(r, w, *index)] = _block(
                    resolution, width, stage, block == 0, KERNELS[k], EXPANSIONS[e]
                )
    return around, blocks


def _around(resolution: int, width: float, n_classes: int) -> np.ndarray:
    """Return the cost of the stem, the fixed first block and the layers after the last stage."""
    stem, area = scaled_channels(STEM_CHANNELS, width), (resolution // 2) ** 2
    last = scaled_channels(STAGE_CHANNELS[-1], width)
    area_last = (resolution // 32) ** 2
    parts = [
        _convolution(3, stem, 3, area),
        _depthwise(stem, 3, area),
        _convolution(stem, stem, 1, area),
        _convolution(last, 6 * last, 1, area_last),
        _linear(6 * last, LAST_CHANNELS),
        _linear(LAST_CHANNELS, n_classes),
    ]
    return np.asarray(np.sum(parts, axis=0))


def _block(
    resolution: int, width: float, stage: int, is_first: bool, kernel: int, expansion: int
) -> np.ndarray:
    n_out = scaled_channels(STAGE_CHANNELS[stage], width)
    before = STAGE_CHANNELS[stage - 1] if stage else STEM_CHANNELS
    n_in = scaled_channels(before, width) if is_first else n_out
    n_middle = scaled_channels(n_in * expansion)
    size_out = resolution // 2 // int(np.prod(STAGE_STRIDES[: stage + 1]))
    size_in = size_out * STAGE_STRIDES[stage] if is_first else size_out
    parts = [
        _convolution(n_in, n_middle, 1, size_in**2),
        _depthwise(n_middle, kernel, size_out**2),
        _convolution(n_middle, n_out, 1, size_out**2),
    ]
    if STAGE_HAS_SE[stage]:
        squeezed = scaled_channels(n_middle // 4)
        parts += [_linear(n_middle, squeezed), _linear(squeezed, n_middle)]
    return np.asarray(np.sum(parts, axis=0))


def _convolution(n_in: int, n_out: int, kernel: int, area: int) -> np.ndarray:
    """Return the cost of a convolution without bias and its batch normalisation."""
    weights = n_in * n_out * kernel**2
    return np.array([weights + 2 * n_out, weights * area])


def _depthwise(channels: int, kernel: int, area: int) -> np.ndarray:
    weights = channels * kernel**2
    return np.array([weights + 2 * channels, weights * area])


def _linear(n_in: int, n_out: int) -> np.ndarray:
    return np.array([(n_in + 1) * n_out, n_in * n_out])

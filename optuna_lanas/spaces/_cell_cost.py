"""Parameters and multiply-adds of the network that a ``CellSpace`` builds, without torch.

A convolution has no bias, and a batch normalisation follows it. An ``area`` is the number of
pixels of the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from optuna_lanas.spaces._cell_architecture import Block
    from optuna_lanas.spaces._cell_architecture import CellArchitecture
    from optuna_lanas.spaces._cell_architecture import CellNetworkConfig


STEM_MULTIPLIER = 3


@dataclass(frozen=True)
class CellCost:
    """The cost of a network or of a part of it.

    Attributes:
        n_params: Trainable parameters.
        flops: Multiply-adds of the convolutions and the linear layer for one image.
    """

    n_params: int = 0
    flops: int = 0

    def __add__(self, other: CellCost) -> CellCost:
        return CellCost(self.n_params + other.n_params, self.flops + other.flops)


def network_cost(
    architecture: CellArchitecture,
    network: CellNetworkConfig,
    concatenates_all: bool,
    image_size: int,
) -> CellCost:
    """Return the cost of the whole network.

    Args:
        architecture: The cells.
        network: The network around them.
        concatenates_all: Whether all blocks make a cell's output.
        image_size: Pixels of a side of the square image.
    """
    channels, size = network.channels, image_size
    stem = STEM_MULTIPLIER * channels
    cost, previous = CellCost(), network.in_channels
    for _ in range(max(network.n_stem_strides, 1)):
        size = _halved(size) if network.n_stem_strides else size
        cost += _convolution(previous, stem, 9, size * size)
        previous = stem
    before_last, last = stem, stem
    for position in range(network.n_cells):
        is_reduction = position in network.reduction_cells
        blocks = architecture.reduction if is_reduction else architecture.normal
        channels *= 1 + is_reduction
        area = size * size
        cost += _convolution(before_last, channels, 1, area)
        cost += _convolution(last, channels, 1, area)
        size = _halved(size) if is_reduction else size
        cost += _cell(blocks, channels, size * size, is_reduction)
        n_outputs = len(output_blocks(blocks, concatenates_all))
        before_last, last = last, n_outputs * channels
    return cost + CellCost((last + 1) * network.n_classes, last * network.n_classes)


def output_blocks(blocks: tuple[Block, ...], concatenates_all: bool) -> list[int]:
    """Return the blocks that make a cell's output, from 0."""
    used = {state for block in blocks for state in (block.input_a, block.input_b)}
    return [b for b in range(len(blocks)) if concatenates_all or b + 2 not in used]


def _cell(blocks: tuple[Block, ...], channels: int, area: int, is_reduction: bool) -> CellCost:
    cost = CellCost()
    for block in blocks:
        for state, operation in ((block.input_a, block.op_a), (block.input_b, block.op_b)):
            is_strided = is_reduction and state < 2
            cost += _operation(operation, channels, area, is_strided)
    return cost


def _operation(operation: str, channels: int, area: int, is_strided: bool) -> CellCost:
    if operation == "skip_connect":
        return _convolution(channels, channels, 1, area) if is_strided else CellCost()
    if operation.endswith("_pool_3x3"):
        return CellCost()
    kernel = int(operation[-1]) ** 2
    depthwise = CellCost(channels * kernel, channels * kernel * area)
    separable = depthwise + _convolution(channels, channels, 1, area)
    return separable + separable if operation.startswith("sep_conv") else separable


def _convolution(n_in: int, n_out: int, kernel_area: int, area: int) -> CellCost:
    """Return the cost of a convolution and its batch normalisation's scale and shift."""
    weights = n_in * n_out * kernel_area
    return CellCost(weights + 2 * n_out, weights * area)


def _halved(size: int) -> int:
    return (size + 1) // 2

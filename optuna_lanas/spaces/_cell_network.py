"""Networks of a ``CellSpace`` in torch: one per architecture, and a supernet for all of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

import torch
from torch import nn
from torch import Tensor
from torch.nn import functional

from optuna_lanas.spaces._cell_architecture import Block
from optuna_lanas.spaces._cell_architecture import CellArchitecture
from optuna_lanas.spaces._cell_architecture import CellNetworkConfig
from optuna_lanas.spaces._cell_cost import output_blocks
from optuna_lanas.spaces._cell_cost import STEM_MULTIPLIER


class CellNetwork(nn.Module):
    """The network of a single architecture.

    It maps `[n, in_channels, size, size]` images to `[n, n_classes]` logits.

    Args:
        architecture: The cells.
        config: The network around them.
        concatenates_all: Whether all blocks make a cell's output.
    """

    def __init__(
        self, architecture: CellArchitecture, config: CellNetworkConfig, concatenates_all: bool
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.concatenates_all = concatenates_all
        n_outputs = {
            is_reduction: len(output_blocks(_cell(architecture, is_reduction), concatenates_all))
            for is_reduction in (False, True)
        }
        self.body = _Body(config, n_outputs, lambda r: _terms(_cell(architecture, r)))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.body(images, self.architecture, self.concatenates_all, False)
        return logits


class CellSupernet(nn.Module):
    """A network whose weights all architectures of a space share.

    Each block holds the weights of every operation on every earlier state. An architecture uses
    some of them. A cell always returns all blocks; blocks that are not part of the output are
    zeros.

    Args:
        n_blocks: Blocks of a cell.
        operations: Operations of the space.
        config: The network around the cells.
        concatenates_all: Whether all blocks make a cell's output.
    """

    def __init__(
        self,
        n_blocks: int,
        operations: tuple[str, ...],
        config: CellNetworkConfig,
        concatenates_all: bool,
    ) -> None:
        super().__init__()
        self.concatenates_all = concatenates_all
        terms = [
            (block, side, state, operation)
            for block in range(n_blocks)
            for side in range(2)
            for state in range(2 + block)
            for operation in operations
        ]
        self.body = _Body(config, {False: n_blocks, True: n_blocks}, lambda _: terms)

    def forward(self, images: Tensor, architecture: CellArchitecture) -> Tensor:
        """Return the logits of an architecture."""
        logits: Tensor = self.body(images, architecture, self.concatenates_all, True)
        return logits


_Term = tuple[int, int, int, str]  # block, side, state, operation


class _Body(nn.Module):
    def __init__(
        self,
        config: CellNetworkConfig,
        n_outputs: dict[bool, int],
        terms: Callable[[bool], Iterable[_Term]],
    ) -> None:
        super().__init__()
        stem = STEM_MULTIPLIER * config.channels
        self.stem = _stem(config, stem)
        self.cells = nn.ModuleList()
        before_last, last, channels, was_reduction = stem, stem, config.channels, False
        for position in range(config.n_cells):
            is_reduction = position in config.reduction_cells
            channels *= 1 + is_reduction
            self.cells.append(
                _Cell(before_last, last, channels, was_reduction, is_reduction, terms)
            )
            before_last, last = last, n_outputs[is_reduction] * channels
            was_reduction = is_reduction
        self.head = nn.Linear(last, config.n_classes)

    def forward(
        self,
        images: Tensor,
        architecture: CellArchitecture,
        concatenates_all: bool,
        keeps_all: bool,
    ) -> Tensor:
        before_last = last = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, _Cell), "The list holds nothing else."
            blocks = _cell(architecture, cell.is_reduction)
            outputs = output_blocks(blocks, concatenates_all)
            before_last, last = last, cell(before_last, last, blocks, outputs, keeps_all)
        logits: Tensor = self.head(last.mean(dim=(2, 3)))
        return logits


class _Cell(nn.Module):
    def __init__(
        self,
        before_last: int,
        last: int,
        channels: int,
        was_reduction: bool,
        is_reduction: bool,
        terms: Callable[[bool], Iterable[_Term]],
    ) -> None:
        super().__init__()
        self.is_reduction = is_reduction
        first = _FactorizedReduce(before_last, channels) if was_reduction else None
        self.first = first or _convolution(before_last, channels)
        self.second = _convolution(last, channels)
        self.operations = nn.ModuleDict()
        for block, side, state, operation in terms(is_reduction):
            stride = 2 if is_reduction and state < 2 else 1
            module = _operation(operation, channels, stride)
            self.operations[_name(block, side, state, operation)] = module

    def forward(
        self,
        before_last: Tensor,
        last: Tensor,
        blocks: tuple[Block, ...],
        outputs: list[int],
        keeps_all: bool,
    ) -> Tensor:
        states = [self.first(before_last), self.second(last)]
        for number, block in enumerate(blocks):
            a = self.operations[_name(number, 0, block.input_a, block.op_a)]
            b = self.operations[_name(number, 1, block.input_b, block.op_b)]
            states.append(a(states[block.input_a]) + b(states[block.input_b]))
        if keeps_all:
            made = states[2:]
            return torch.cat(
                [s if n in outputs else torch.zeros_like(s) for n, s in enumerate(made)], dim=1
            )
        return torch.cat([states[2 + number] for number in outputs], dim=1)


def _cell(architecture: CellArchitecture, is_reduction: bool) -> tuple[Block, ...]:
    return architecture.reduction if is_reduction else architecture.normal


def _terms(blocks: tuple[Block, ...]) -> Iterable[_Term]:
    for number, block in enumerate(blocks):
        yield number, 0, block.input_a, block.op_a
        yield number, 1, block.input_b, block.op_b


def _name(block: int, side: int, state: int, operation: str) -> str:
    return f"{block}_{side}_{state}_{operation}"


def _stem(config: CellNetworkConfig, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    previous, stride = config.in_channels, 2 if config.n_stem_strides else 1
    for _ in range(max(config.n_stem_strides, 1)):
        layers += [nn.ReLU()] if layers else []
        layers += [
            nn.Conv2d(previous, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        ]
        previous = channels
    return nn.Sequential(*layers)


def _operation(operation: str, channels: int, stride: int) -> nn.Module:
    if operation == "skip_connect":
        return nn.Identity() if stride == 1 else _FactorizedReduce(channels, channels)
    if operation == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, padding=1)
    if operation == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    kernel, dilation = int(operation[-1]), 2 if operation.startswith("dil_conv") else 1
    if dilation == 2:
        return nn.Sequential(*_separable(channels, kernel, stride, dilation))
    return nn.Sequential(
        *_separable(channels, kernel, stride, dilation),
        *_separable(channels, kernel, 1, dilation),
    )


def _separable(channels: int, kernel: int, stride: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))


class _FactorizedReduce(nn.Module):
    """Halve the image: each half of the channels sees every second pixel, one of them shifted."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(n_in, n_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(n_in, n_out - n_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, images: Tensor) -> Tensor:
        images = functional.relu(images)
        shifted = functional.pad(images, (0, 1, 0, 1))[:, :, 1:, 1:]
        halves: Tensor = self.norm(torch.cat([self.even(images), self.odd(shifted)], dim=1))
        return halves

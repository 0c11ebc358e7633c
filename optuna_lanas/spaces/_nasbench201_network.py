"""NAS-Bench-201's network of a cell, in torch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch import Tensor


CHANNELS = (16, 32, 64)
N_CELLS_PER_STAGE = 5


class NASBench201Network(nn.Module):
    """`[n, 3, size, size]` images to `[n, n_classes]` logits.

    It has three stages of five cells, with 16, 32 and 64 channels, and a residual block between
    stages.

    Args:
        edges: Six pairs (start, end) of nodes.
        ops: The operation on each edge.
        n_classes: Number of classes.
    """

    def __init__(
        self, edges: Sequence[tuple[int, int]], ops: Sequence[str], n_classes: int = 10
    ) -> None:
        super().__init__()
        n_in = CHANNELS[0]
        layers: list[nn.Module] = [
            nn.Conv2d(3, n_in, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_in),
        ]
        for channels in CHANNELS:
            layers += [_Residual(n_in, channels)] if channels != n_in else []
            layers += [_Cell(edges, ops, channels) for _ in range(N_CELLS_PER_STAGE)]
            n_in = channels
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(n_in), nn.ReLU())
        self.head = nn.Linear(n_in, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(images).mean(dim=(2, 3)))
        return logits


class _Cell(nn.Module):
    def __init__(
        self, edges: Sequence[tuple[int, int]], ops: Sequence[str], channels: int
    ) -> None:
        super().__init__()
        self.edges = list(edges)
        self.operations = nn.ModuleList(_operation(name, channels) for name in ops)

    def forward(self, images: Tensor) -> Tensor:
        nodes = {0: images}
        for (start, end), operation in zip(self.edges, self.operations, strict=True):
            made = operation(nodes[start])
            nodes[end] = nodes[end] + made if end in nodes else made
        return nodes[max(nodes)]


class _Zero(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images * 0.0


class _Residual(nn.Module):
    """Two convolutions, the first with stride 2, plus a projection of the pooled input."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *_convolution(n_in, n_out, 3, 2), *_convolution(n_out, n_out, 3, 1)
        )
        self.beside = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(n_in, n_out, 1, bias=False))

    def forward(self, images: Tensor) -> Tensor:
        total: Tensor = self.main(images) + self.beside(images)
        return total


def _operation(name: str, channels: int) -> nn.Module:
    if name == "none":
        return _Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(*_convolution(channels, channels, int(name[-1]), 1))


def _convolution(n_in: int, n_out: int, kernel: int, stride: int) -> list[nn.Module]:
    return [
        nn.ReLU(),
        nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(n_out),
    ]

"""NAS-Bench-101's network of a cell, in torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch import Tensor

from optuna_lanas.spaces._nasbench101_cost import N_CELLS_PER_STACK
from optuna_lanas.spaces._nasbench101_cost import N_CLASSES
from optuna_lanas.spaces._nasbench101_cost import N_STACKS
from optuna_lanas.spaces._nasbench101_cost import STEM_CHANNELS
from optuna_lanas.spaces._nasbench101_cost import vertex_channels


class NASBench101Network(nn.Module):
    """A stem and three stacks of three cells: `[n, 3, size, size]` images to `[n, 10]` logits.

    Args:
        matrix: The cell's edges.
        ops: The cell's operations, with "input" and "output".
    """

    def __init__(self, matrix: np.ndarray, ops: list[str]) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, STEM_CHANNELS, 3)]
        n_in = STEM_CHANNELS
        for stack in range(N_STACKS):
            n_out = STEM_CHANNELS << stack
            layers += [nn.MaxPool2d(2)] if stack else []
            for _ in range(N_CELLS_PER_STACK):
                layers.append(_Cell(matrix, ops, vertex_channels(matrix, n_in, n_out)))
                n_in = n_out
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(n_in, N_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(images).mean(dim=(2, 3)))
        return logits


class _Cell(nn.Module):
    def __init__(self, matrix: np.ndarray, ops: list[str], channels: list[int]) -> None:
        super().__init__()
        self.matrix = matrix.tolist()
        self.channels = channels
        self.projections = nn.ModuleDict(
            {str(v): _convolution(channels[0], channels[v], 1) for v in np.flatnonzero(matrix[0])}
        )
        self.operations = nn.ModuleList(
            _operation(ops[v], channels[v]) for v in range(1, len(ops) - 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        made = [images]
        for vertex, operation in enumerate(self.operations, start=1):
            terms = [
                made[w][:, : self.channels[vertex]]
                for w in range(1, vertex)
                if self.matrix[w][vertex]
            ]
            if self.matrix[0][vertex]:
                terms.append(self.projections[str(vertex)](images))
            made.append(operation(sum(terms)))
        last = len(self.matrix) - 1
        outputs = [made[v] for v in range(1, last) if self.matrix[v][last]]
        terms = [torch.cat(outputs, dim=1)] if outputs else []
        if self.matrix[0][last]:
            terms.append(self.projections[str(last)](images))
        return torch.stack(terms).sum(dim=0)


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _convolution(channels, channels, 3 if name == "conv3x3-bn-relu" else 1)


def _convolution(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    )

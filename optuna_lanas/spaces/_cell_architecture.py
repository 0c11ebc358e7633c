"""A pair of NASNet-like cells, and the settings of the network around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Block(NamedTuple):
    """One block: ``op_a(state input_a) + op_b(state input_b)``; states 0 and 1 are the inputs."""

    input_a: int
    op_a: str
    input_b: int
    op_b: str


@dataclass(frozen=True)
class CellArchitecture:
    """A normal and a reduction cell, a tuple of blocks each."""

    normal: tuple[Block, ...]
    reduction: tuple[Block, ...]


@dataclass(frozen=True)
class CellNetworkConfig:
    """The network around the cells.

    Attributes:
        n_classes: Number of classes.
        in_channels: Channels of an image.
        channels: Channels of each operation in the first cells; doubled by each reduction cell.
        n_cells: Number of cells, of which those after each third are reduction cells.
        n_stem_strides: Halvings of the image before the first cell: 0 for small images, 3 for
            ImageNet.
    """

    n_classes: int = 10
    in_channels: int = 3
    channels: int = 16
    n_cells: int = 8
    n_stem_strides: int = 0

    def __post_init__(self) -> None:
        for name in ("n_classes", "in_channels", "n_cells"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.channels < 2 or self.channels % 2:
            raise ValueError(f"`channels` must be even and positive, got {self.channels}.")
        if self.n_stem_strides < 0:
            raise ValueError(f"`n_stem_strides` must not be negative, got {self.n_stem_strides}.")

    @property
    def reduction_cells(self) -> frozenset[int]:
        """Positions of the reduction cells."""
        return frozenset({self.n_cells // 3, 2 * self.n_cells // 3})

"""A pair of NASNet-like cells, their operations, and the settings of the network around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from optuna_lanas._checks import check_int
from optuna_lanas._checks import wrong_value


NASNET_OPERATIONS = ("sep_conv_3x3", "max_pool_3x3", "skip_connect", "sep_conv_5x5")
DARTS_OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
OPERATIONS = tuple(sorted({*NASNET_OPERATIONS, *DARTS_OPERATIONS}))
CELL_TYPES = ("normal", "reduction")


class Block(NamedTuple):
    """A block: ``op_a(state input_a) + op_b(state input_b)``.

    States 0 and 1 are the cell's inputs; state ``2 + b`` is the output of block b, from 0.

    Example:
        .. testcode::

            from optuna_lanas.spaces import Block

            residual = Block(input_a=0, op_a="skip_connect", input_b=1, op_b="sep_conv_3x3")
    """

    input_a: int
    op_a: str
    input_b: int
    op_b: str


@dataclass(frozen=True)
class CellArchitecture:
    """A normal and a reduction cell.

    Attributes:
        normal: The blocks of the cells that keep the image's size.
        reduction: The blocks of the cells that halve the image's size.

    Example:
        .. testcode::

            from optuna_lanas.spaces import Block
            from optuna_lanas.spaces import CellArchitecture

            blocks = (Block(0, "skip_connect", 1, "sep_conv_3x3"),)
            architecture = CellArchitecture(normal=blocks, reduction=blocks)
    """

    normal: tuple[Block, ...]
    reduction: tuple[Block, ...]


@dataclass(frozen=True)
class CellNetworkConfig:
    """The network around the cells.

    Attributes:
        n_classes: Number of classes.
        in_channels: Channels of an image.
        channels: Channels of each operation in the first cells. Each reduction cell doubles them.
        n_cells: Number of cells. The cells at one third and at two thirds are reduction cells.
        n_stem_strides: How often the stem halves the image: 0 for small images, 3 for ImageNet.

    Raises:
        TypeError: If a number is no int; the message names it.
        ValueError: If a number is out of range.

    Example:
        .. testcode::

            from optuna_lanas.spaces import CellNetworkConfig
            from optuna_lanas.spaces import CellSpace

            space = CellSpace.nasnet(network=CellNetworkConfig(n_classes=100, n_cells=6))
    """

    n_classes: int = 10
    in_channels: int = 3
    channels: int = 16
    n_cells: int = 8
    n_stem_strides: int = 0

    def __post_init__(self) -> None:
        for name in ("n_classes", "in_channels", "n_cells"):
            check_int(name, getattr(self, name), 1, "Leave it out for the default.")
        check_int("n_stem_strides", self.n_stem_strides, 0, "0 is for small images.")
        check_int("channels", self.channels, None, "Leave it out for 16.")
        if self.channels < 2 or self.channels % 2:
            remedy = "16 is the default."
            raise wrong_value("channels", "even and positive", self.channels, remedy)

    @property
    def reduction_cells(self) -> frozenset[int]:
        """Positions of the reduction cells, from 0."""
        return frozenset({self.n_cells // 3, 2 * self.n_cells // 3})

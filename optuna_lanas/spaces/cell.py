"""Cells as in NASNet (Zoph et al., 2018) and DARTS (Liu et al., 2019), normal and reduction.

This is the open-domain space of LaNAS: a network is a stack of copies of two cells. A cell takes
the outputs of the two cells before it. Each of its blocks adds two operations on earlier states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_flag
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_names
from optuna_lanas._checks import check_type
from optuna_lanas._checks import needs
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces import _cell_blocks
from optuna_lanas.spaces import _cell_encoding
from optuna_lanas.spaces._cell_architecture import Block
from optuna_lanas.spaces._cell_architecture import CELL_TYPES
from optuna_lanas.spaces._cell_architecture import CellArchitecture
from optuna_lanas.spaces._cell_architecture import CellNetworkConfig
from optuna_lanas.spaces._cell_architecture import DARTS_OPERATIONS
from optuna_lanas.spaces._cell_architecture import NASNET_OPERATIONS
from optuna_lanas.spaces._cell_architecture import OPERATIONS
from optuna_lanas.spaces._cell_blocks import N_INPUTS
from optuna_lanas.spaces._cell_cost import CellCost
from optuna_lanas.spaces._cell_cost import network_cost
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace
from optuna_lanas.spaces._finite_space import hash_integers


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


__all__ = ["Block", "CellArchitecture", "CellNetworkConfig", "CellSpace"]

MAX_BLOCKS = 9


@dataclass(frozen=True, repr=False)
class CellSpace(FiniteSpace):
    """Normal and reduction cells; :meth:`nasnet` and :meth:`darts` give the published spaces.

    Parameters, for each cell type ("normal", "reduction"), block b = 1 .. n_blocks and side
    ("a", "b"): ``{type}_{b}_input_{side}``, a state among the two inputs and the blocks before,
    and ``{type}_{b}_op_{side}``. Two cells are the same if they differ only in the order of their
    blocks, or of the sides of a block.

    Encoding: counts in the canonical form. For each cell type, each block counts (0, 1, 2) each
    operation on each state; the cell then counts each operation. Five blocks and four operations
    give 2 x (80 + 4) counts.

    Attributes:
        n_blocks: Blocks of a cell, at most nine.
        operations: Operations to choose from.
        has_distinct_inputs: Whether the two inputs of a block must differ, as in DARTS. A cell
            with a block whose inputs are equal is then invalid.
        concatenates_all: Whether all blocks make a cell's output, as in DARTS, or only the blocks
            that no other block uses.
        network: The network that :meth:`build` makes.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If `n_blocks` is out of range, or if operations are unknown or repeated.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import CellSpace

            space = CellSpace.nasnet()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.n_params(space.suggest(trial)), n_trials=20)
    """

    n_blocks: int = 5
    operations: tuple[str, ...] = NASNET_OPERATIONS
    has_distinct_inputs: bool = False
    concatenates_all: bool = False
    network: CellNetworkConfig = field(default_factory=CellNetworkConfig)

    def __post_init__(self) -> None:
        remedy = "Drawing larger cells uniformly at random would take minutes per trial."
        check_int("n_blocks", self.n_blocks, 1, remedy, most=MAX_BLOCKS)
        names = check_names("operations", self.operations, OPERATIONS)
        object.__setattr__(self, "operations", names)
        check_flag("has_distinct_inputs", self.has_distinct_inputs)
        check_flag("concatenates_all", self.concatenates_all)
        remedy = "Leave it out for the default network."
        check_type("network", self.network, CellNetworkConfig, "a CellNetworkConfig", remedy)

    @classmethod
    def nasnet(cls, n_blocks: int = 5, network: CellNetworkConfig | None = None) -> CellSpace:
        """Return NASNet cells with the four operations of the paper's open-domain search."""
        network = CellNetworkConfig() if network is None else network
        return cls(n_blocks=n_blocks, network=network)

    @classmethod
    def darts(cls, network: CellNetworkConfig | None = None) -> CellSpace:
        """Return DARTS cells: four blocks of distinct inputs, seven operations."""
        network = CellNetworkConfig() if network is None else network
        return cls(4, DARTS_OPERATIONS, True, True, network)

    @property
    def n_encodings(self) -> int:
        """Number of valid params: 2.9e23 for five NASNet blocks, 2.8e20 for DARTS.

        It counts every order of a block's sides, and of a cell's blocks.
        """
        count = 1
        for n_states in range(N_INPUTS, N_INPUTS + self.n_blocks):
            n_pairs = n_states * (n_states - self.has_distinct_inputs)
            count *= n_pairs * len(self.operations) ** 2
        return count**2

    @property
    def encoding_names(self) -> tuple[str, ...]:
        """What each number of an encoding counts."""
        names = _cell_encoding.encoding_names(self.n_blocks, self.operations)
        return tuple(f"{cell_type}:{name}" for cell_type in CELL_TYPES for name in names)

    @property
    def _choices(self) -> Choices:
        choices: dict[str, tuple[Any, ...]] = {}
        for cell_type in CELL_TYPES:
            for block in range(self.n_blocks):
                for side in "ab":
                    states = tuple(range(N_INPUTS + block))
                    choices[f"{cell_type}_{block + 1}_input_{side}"] = states
                    choices[f"{cell_type}_{block + 1}_op_{side}"] = self.operations
        return choices

    def suggest(self, trial: optuna.trial.BaseTrial) -> CellArchitecture:
        """Return the architecture of a trial, in canonical form.

        Raises:
            optuna.TrialPruned: If the inputs of a block are equal but must be distinct.
        """
        check_trial(trial)
        architecture = self.architecture(
            {name: trial.suggest_categorical(name, c) for name, c in self._choices.items()}
        )
        if architecture is None:
            raise optuna.TrialPruned("The cell is invalid: both inputs of a block are the same.")
        return architecture

    def architecture(self, params: Mapping[str, Any]) -> CellArchitecture | None:
        """Return the architecture of params in canonical form, None for an invalid one."""
        cells, is_valid = self._canonical(columns_of(params))
        if not is_valid[0]:
            return None
        return CellArchitecture(*(self._blocks(cell) for cell in cells[0]))

    def params(self, architecture: CellArchitecture) -> dict[str, Any]:
        """Return params of an architecture, for ``study.enqueue_trial``.

        Raises:
            TypeError: If it is no CellArchitecture.
            ValueError: If it is not of this space.
        """
        self._check(architecture)
        params: dict[str, Any] = {}
        for cell_type in CELL_TYPES:
            for number, block in enumerate(getattr(architecture, cell_type), start=1):
                params |= {
                    f"{cell_type}_{number}_{name}": v for name, v in block._asdict().items()
                }
        return params

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, dim]` encodings; NaN for an invalid architecture."""
        cells, is_valid = self._canonical(columns)
        n_operations = len(self.operations)
        encodings = np.concatenate(
            [_cell_encoding.encode_blocks(cells[:, t], n_operations) for t in range(2)], axis=1
        )
        encodings[~is_valid] = np.nan
        return encodings

    def key(self, params: Mapping[str, Any]) -> str | None:
        """Return the canonical form in hexadecimal, None for an invalid architecture."""
        cells, is_valid = self._canonical(columns_of(params))
        return cells[0].astype(np.uint8).tobytes().hex() if is_valid[0] else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers: hashes (62 bits) of the canonical form, -1 for invalid ones."""
        cells, is_valid = self._canonical(columns)
        return np.where(is_valid, hash_integers(cells.reshape(len(cells), 4 * self.n_blocks)), -1)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        check_draws(n, rng)
        columns: dict[str, np.ndarray] = {}
        names = np.array(self.operations, dtype=object)
        for cell_type in CELL_TYPES:
            cells = _cell_blocks.sample_blocks(
                n, self.n_blocks, len(names), self.has_distinct_inputs, rng
            )
            for block, side in np.ndindex(self.n_blocks, 2):
                term = cells[:, block, side]
                prefix = f"{cell_type}_{block + 1}"
                columns[f"{prefix}_input_{'ab'[side]}"] = term // len(names)
                columns[f"{prefix}_op_{'ab'[side]}"] = names[term % len(names)]
        return columns

    def n_params(self, architecture: CellArchitecture) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        return self._cost(architecture, image_size=32).n_params

    def flops(self, architecture: CellArchitecture, image_size: int = 32) -> int:
        """Return the multiply-adds of the convolutions and the linear layer for one image.

        Args:
            architecture: The cells.
            image_size: Pixels of a side of the square image.
        """
        return self._cost(architecture, image_size).flops

    def draw(self, architecture: CellArchitecture) -> go.Figure:
        """Return a figure of the two cells; needs plotly and networkx."""
        self._check(architecture)
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_cells

        return draw_cells(architecture)

    def build(self, architecture: CellArchitecture) -> torch.nn.Module:
        """Return the network of an architecture; needs torch."""
        self._check(architecture)
        with needs("torch and torchvision", "torch", "Networks"):
            from optuna_lanas.spaces._cell_network import CellNetwork

        return CellNetwork(architecture, self.network, self.concatenates_all)

    def build_supernet(self) -> torch.nn.Module:
        """Return a network for all architectures, ``supernet(images, architecture)``."""
        with needs("torch and torchvision", "torch", "Networks"):
            from optuna_lanas.spaces._cell_network import CellSupernet

        return CellSupernet(self.n_blocks, self.operations, self.network, self.concatenates_all)

    def _cost(self, architecture: CellArchitecture, image_size: int) -> CellCost:
        self._check(architecture)
        check_int("image_size", image_size, 1, "It is the number of pixels of a side.")
        return network_cost(architecture, self.network, self.concatenates_all, image_size)

    def _check(self, architecture: Any) -> None:
        """Raise an error unless an architecture is of this space; it may be no canonical form."""
        kind, remedy = CellArchitecture, "Pass what `CellSpace.suggest` returns."
        check_type("architecture", architecture, kind, "a CellArchitecture", remedy)
        for blocks in (architecture.normal, architecture.reduction):
            is_known = len(blocks) == self.n_blocks and all(
                {block.op_a, block.op_b} <= set(self.operations)
                and {block.input_a, block.input_b} <= set(range(N_INPUTS + number))
                for number, block in enumerate(blocks)
            )
            if not is_known:
                rule = (
                    f"two cells of {self.n_blocks} blocks with operations among {self.operations}"
                )
                raise wrong_value("architecture", rule, architecture, remedy)

    def _blocks(self, cell: np.ndarray) -> tuple[Block, ...]:
        """Return the blocks of a cell, `[n_blocks, 2]` terms."""
        states, operations = np.divmod(cell, len(self.operations))
        return tuple(
            Block(int(s[0]), self.operations[o[0]], int(s[1]), self.operations[o[1]])
            for s, o in zip(states, operations, strict=True)
        )

    def _canonical(self, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return `[n, 2, n_blocks, 2]` canonical terms, and `[n]`: whether they are valid."""
        positions = self._positions(columns)
        n, n_operations = len(positions), len(self.operations)
        # The parameters alternate: input a, operation a, input b, operation b of each block.
        states, operations = positions.reshape(2 * n, self.n_blocks, 2, 2).transpose(3, 0, 1, 2)
        terms = states * n_operations + operations
        canonical = _cell_blocks.canonical_blocks(terms, n_operations)
        has_distinct = (states[..., 0] != states[..., 1]).all(axis=1).reshape(n, 2).all(axis=1)
        is_valid = has_distinct | (not self.has_distinct_inputs)
        return canonical.reshape(n, 2, self.n_blocks, 2), is_valid

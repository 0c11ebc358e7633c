"""Cells as in NASNet (Zoph et al., 2018) and DARTS (Liu et al., 2019), normal and reduction.

The open-domain space of LaNAS: a network is a stack of copies of two cells. A cell takes the
outputs of the two cells before it; each of its blocks adds two operations on earlier states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.spaces import _cell_blocks
from optuna_lanas.spaces._cell_architecture import Block
from optuna_lanas.spaces._cell_architecture import CellArchitecture
from optuna_lanas.spaces._cell_architecture import CellNetworkConfig
from optuna_lanas.spaces._cell_blocks import N_INPUTS
from optuna_lanas.spaces._cell_cost import CellCost
from optuna_lanas.spaces._cell_cost import network_cost


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


__all__ = ["Block", "CellArchitecture", "CellNetworkConfig", "CellSpace"]

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
MAX_BLOCKS = 9


@dataclass(frozen=True)
class CellSpace:
    """Normal and reduction cells; :meth:`nasnet` and :meth:`darts` give the published spaces.

    Parameters, for each cell type ("normal", "reduction"), block b = 1 .. n_blocks and side
    ("a", "b"): ``{type}_{b}_input_{side}``, a state among the two inputs and the blocks before,
    and ``{type}_{b}_op_{side}``. Cells that differ in the order of their blocks, or of the sides
    of a block, are the same.

    Encoding: for each cell type, counts (0, 1, 2) of each operation on each state in each block of
    the canonical form, then counts of each operation in the cell. With five blocks and four
    operations that is 2 x (80 + 4).

    Attributes:
        n_blocks: Blocks of a cell, at most nine.
        operations: Operations to choose from.
        has_distinct_inputs: Whether the two inputs of a block must differ, as in DARTS. A cell
            where they do not is invalid.
        concatenates_all: Whether all blocks make a cell's output, as in DARTS, or only those that
            no other block uses.
        network: The network that :meth:`build` makes.

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
        if not 1 <= self.n_blocks <= MAX_BLOCKS:
            raise ValueError(
                f"`n_blocks` must be in 1 .. {MAX_BLOCKS}, got {self.n_blocks}: drawing evenly "
                f"over cells of more would take minutes a trial."
            )
        unknown = sorted(set(self.operations) - set(OPERATIONS))
        if unknown or not self.operations:
            raise ValueError(
                f"`operations` must be among {OPERATIONS}, at least one, got {self.operations}."
            )
        if len(set(self.operations)) < len(self.operations):
            raise ValueError(f"`operations` must be distinct, got {self.operations}.")

    @classmethod
    def nasnet(cls, n_blocks: int = 5, network: CellNetworkConfig | None = None) -> CellSpace:
        """NASNet cells with the four operations of the paper's open-domain search."""
        return cls(n_blocks=n_blocks, network=network or CellNetworkConfig())

    @classmethod
    def darts(cls, network: CellNetworkConfig | None = None) -> CellSpace:
        """DARTS cells: four blocks of distinct inputs, seven operations, all in the output."""
        return cls(4, DARTS_OPERATIONS, True, True, network or CellNetworkConfig())

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """Four parameters for each block of each cell type."""
        operation = optuna.distributions.CategoricalDistribution(self.operations)
        found: dict[str, optuna.distributions.BaseDistribution] = {}
        for cell_type in CELL_TYPES:
            for block in range(self.n_blocks):
                states = tuple(range(N_INPUTS + block))
                for side in "ab":
                    found[f"{cell_type}_{block + 1}_input_{side}"] = (
                        optuna.distributions.CategoricalDistribution(states)
                    )
                    found[f"{cell_type}_{block + 1}_op_{side}"] = operation
        return found

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
        terms = [
            f"{block + 1}<{state}:{operation}"
            for block in range(self.n_blocks)
            for state in range(N_INPUTS + block)
            for operation in self.operations
        ]
        return tuple(f"{t}:{name}" for t in CELL_TYPES for name in (*terms, *self.operations))

    def suggest(self, trial: optuna.trial.BaseTrial) -> CellArchitecture:
        """Return the architecture of a trial, in canonical form.

        Raises:
            optuna.TrialPruned: If a block must have distinct inputs and has not.
        """
        params = {
            name: trial.suggest_categorical(name, distribution.choices)
            for name, distribution in self.distributions.items()
            if isinstance(distribution, optuna.distributions.CategoricalDistribution)
        }
        architecture = self.architecture(params)
        if architecture is None:
            raise optuna.TrialPruned("The cell is invalid: both inputs of a block are the same.")
        return architecture

    def architecture(self, params: Mapping[str, Any]) -> CellArchitecture | None:
        """Return the architecture of params in canonical form, None for an invalid one."""
        cells, is_valid = self._canonical(_columns(params))
        if not is_valid[0]:
            return None
        return CellArchitecture(*(self._blocks(cells[0, row]) for row in range(2)))

    def params(self, architecture: CellArchitecture) -> dict[str, Any]:
        """Return params of an architecture, for ``study.enqueue_trial``."""
        params: dict[str, Any] = {}
        for cell_type in CELL_TYPES:
            for number, block in enumerate(getattr(architecture, cell_type), start=1):
                params |= {
                    f"{cell_type}_{number}_{name}": v for name, v in block._asdict().items()
                }
        return params

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the encoding; NaN for an invalid architecture."""
        return np.asarray(self.encode_many(_columns(params))[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, dim]` encodings; a row of NaN for an invalid architecture."""
        cells, is_valid = self._canonical(columns)
        n, n_operations = len(cells), len(self.operations)
        rows = np.arange(n)
        parts = []
        for cell in np.moveaxis(cells, 1, 0):
            for block in range(self.n_blocks):
                counts = np.zeros((n, (N_INPUTS + block) * n_operations))
                for side in range(2):
                    counts[rows, np.minimum(cell[:, block, side], counts.shape[1] - 1)] += 1
                parts.append(counts)
            used = cell[..., None] % n_operations == np.arange(n_operations)
            parts.append(used.sum(axis=(1, 2)).astype(float))
        encodings = np.concatenate(parts, axis=1)
        encodings[~is_valid] = np.nan
        return encodings

    def key(self, params: Mapping[str, Any]) -> str | None:
        """Return the canonical form in hexadecimal, None for an invalid architecture."""
        cells, is_valid = self._canonical(_columns(params))
        return cells[0].astype(np.uint8).tobytes().hex() if is_valid[0] else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, hashes (62 bits) of the canonical form, -1 for invalid ones."""
        cells, is_valid = self._canonical(columns)
        words = np.zeros(len(cells), dtype=np.uint64)
        for term in cells.reshape(len(cells), 4 * self.n_blocks).T:
            words = (words ^ (term.astype(np.uint64) + np.uint64(1))) * np.uint64(_MULTIPLIER)
            words ^= words >> np.uint64(29)
        return np.where(is_valid, (words >> np.uint64(2)).astype(np.int64), -1)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return params of an architecture drawn evenly over architectures."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
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
        return {name: columns[name] for name in self.distributions}

    def n_params(self, architecture: CellArchitecture) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        return self._cost(architecture, image_size=32).n_params

    def flops(self, architecture: CellArchitecture, image_size: int = 32) -> int:
        """Return the multiply-adds of convolutions and the classifier for one image."""
        return self._cost(architecture, image_size).flops

    def draw(self, architecture: CellArchitecture) -> go.Figure:
        """Return a figure of the two cells; needs plotly and networkx."""
        from optuna_lanas.spaces._drawing import draw_cells

        return draw_cells(architecture)

    def build(self, architecture: CellArchitecture) -> torch.nn.Module:
        """Return the network of an architecture; needs torch."""
        from optuna_lanas.spaces._cell_network import CellNetwork

        return CellNetwork(architecture, self.network, self.concatenates_all)

    def build_supernet(self) -> torch.nn.Module:
        """Return one network for all architectures, ``supernet(images, architecture)``."""
        from optuna_lanas.spaces._cell_network import CellSupernet

        return CellSupernet(self.n_blocks, self.operations, self.network, self.concatenates_all)

    def _cost(self, architecture: CellArchitecture, image_size: int) -> CellCost:
        return network_cost(architecture, self.network, self.concatenates_all, image_size)

    def _blocks(self, cell: np.ndarray) -> tuple[Block, ...]:
        states, operations = np.divmod(cell, len(self.operations))
        return tuple(
            Block(int(s[0]), self.operations[o[0]], int(s[1]), self.operations[o[1]])
            for s, o in zip(states, operations, strict=True)
        )

    def _canonical(self, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """`[n, 2, n_blocks, 2]` canonical terms, and whether each architecture is valid."""
        missing = [name for name in self.distributions if name not in columns]
        if missing:
            raise ValueError(
                f"params must hold all parameters of this CellSpace; {missing} are missing. "
                f"Let `CellSpace.suggest` ask for them."
            )
        cells = np.stack([self._terms(columns, cell_type) for cell_type in CELL_TYPES], axis=1)
        n, n_operations = len(cells), len(self.operations)
        states = cells // n_operations
        is_distinct = (states[..., 0] != states[..., 1]).all(axis=(1, 2))
        flat = cells.reshape(n * 2, self.n_blocks, 2)
        canonical = _cell_blocks.canonical_blocks(flat, n_operations).reshape(cells.shape)
        return canonical, is_distinct | (not self.has_distinct_inputs)

    def _terms(self, columns: Mapping[str, np.ndarray], cell_type: str) -> np.ndarray:
        """`[n, n_blocks, 2]` terms of one cell type as suggested."""
        sides = []
        for block in range(1, self.n_blocks + 1):
            for side in "ab":
                state = _checked_states(columns, f"{cell_type}_{block}_input_{side}", block + 1)
                name = f"{cell_type}_{block}_op_{side}"
                matches = np.stack([np.asarray(columns[name]) == o for o in self.operations])
                if not matches.any(axis=0).all():
                    raise ValueError(f"`{name}` must be one of {self.operations}.")
                sides.append(state * len(self.operations) + matches.argmax(axis=0))
        return np.stack(sides, axis=1).reshape(-1, self.n_blocks, 2)


_MULTIPLIER = 0x9E3779B97F4A7C15


def _columns(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array([value], dtype=object) for name, value in params.items()}


def _checked_states(columns: Mapping[str, np.ndarray], name: str, n_states: int) -> np.ndarray:
    states = np.asarray(columns[name]).astype(np.int64)
    if ((states < 0) | (states >= n_states)).any():
        raise ValueError(f"`{name}` must be one of {tuple(range(n_states))}, got {states}.")
    return states

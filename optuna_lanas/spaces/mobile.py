"""A mobile space: inverted residual blocks as in MobileNetV3 (Howard et al., 2019).

Five stages of two to four blocks, a kernel and an expansion for each block (the choices of
Once-for-all, Cai et al., 2020), the width of all layers and the resolution of the images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas.spaces import _mobile_cost
from optuna_lanas.spaces._mobile_cost import EXPANSIONS
from optuna_lanas.spaces._mobile_cost import KERNELS
from optuna_lanas.spaces._mobile_cost import MAX_DEPTH
from optuna_lanas.spaces._mobile_cost import N_STAGES
from optuna_lanas.spaces._mobile_cost import RESOLUTIONS
from optuna_lanas.spaces._mobile_cost import WIDTHS


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


MIN_DEPTH = 2

_DEPTH_NAMES = tuple(f"depth_{stage}" for stage in range(1, N_STAGES + 1))
_BLOCKS = tuple((s, b) for s in range(1, N_STAGES + 1) for b in range(1, MAX_DEPTH + 1))
_N_CHOICES = len(KERNELS) * len(EXPANSIONS)


@dataclass(frozen=True)
class MobileArchitecture:
    """A network of the mobile space.

    Attributes:
        resolution: Pixels of a side of the images it is meant for.
        width: Factor of all channels.
        stages: For each stage, the (kernel, expansion) of its blocks.
    """

    resolution: int
    width: float
    stages: tuple[tuple[tuple[int, int], ...], ...]


class MobileSpace:
    """The mobile space: 2.6e20 architectures.

    Parameters: ``resolution`` in {128, 160, 192, 224}; ``width`` in {0.75, 1.0, 1.25};
    ``depth_s`` in {2, 3, 4} for the stages 1 .. 5; ``kernel_s_b`` in {3, 5, 7} and
    ``expansion_s_b`` in {3, 4, 6} for the blocks 1 .. 4 of each, always asked for. Those of blocks
    beyond a stage's depth change nothing, and the key leaves them out.

    Encoding, 97 numbers: at-least indicators of resolution (3), width (2) and depths (10); for
    each block at-least indicators of its kernel and expansion (80), zero if it is absent; the
    base-10 logarithms of the multiply-adds in millions and of the parameters in millions.

    Args:
        n_classes: Number of classes of the networks that are built and counted.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import MobileSpace

            space = MobileSpace()

            def objective(trial):
                architecture = space.suggest(trial)
                if space.flops(architecture) > 600e6:
                    raise optuna.TrialPruned("More than 600 million multiply-adds.")
                return space.n_params(architecture)

            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(objective, n_trials=5)
    """

    n_architectures = (
        len(RESOLUTIONS)
        * len(WIDTHS)
        * sum(_N_CHOICES**depth for depth in range(MIN_DEPTH, MAX_DEPTH + 1)) ** N_STAGES
    )
    encoding_names = (
        *(f"resolution>={least}" for least in RESOLUTIONS[1:]),
        *(f"width>={least}" for least in WIDTHS[1:]),
        *(f"{name}>={least}" for name in _DEPTH_NAMES for least in (3, 4)),
        *(
            f"{name}_{stage}_{block}>={least}"
            for stage, block in _BLOCKS
            for name, choices in (("kernel", KERNELS), ("expansion", EXPANSIONS))
            for least in choices[1:]
        ),
        "log10_mflops",
        "log10_mparams",
    )

    def __init__(self, n_classes: int = 1000) -> None:
        if n_classes < 1:
            raise ValueError(f"`n_classes` must be at least 1, got {n_classes}.")
        self.n_classes = n_classes

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """The 47 parameters."""
        kernel = optuna.distributions.IntDistribution(KERNELS[0], KERNELS[-1], step=2)
        expansion = optuna.distributions.CategoricalDistribution(EXPANSIONS)
        depth = optuna.distributions.IntDistribution(MIN_DEPTH, MAX_DEPTH)
        found: dict[str, optuna.distributions.BaseDistribution] = {
            "resolution": optuna.distributions.IntDistribution(128, 224, step=32),
            "width": optuna.distributions.FloatDistribution(0.75, 1.25, step=0.25),
            **dict.fromkeys(_DEPTH_NAMES, depth),
        }
        for stage, block in _BLOCKS:
            found[f"kernel_{stage}_{block}"] = kernel
            found[f"expansion_{stage}_{block}"] = expansion
        return found

    def suggest(self, trial: optuna.trial.BaseTrial) -> MobileArchitecture:
        """Return the architecture of a trial."""
        params: dict[str, Any] = {
            "resolution": trial.suggest_int("resolution", 128, 224, step=32),
            "width": trial.suggest_float("width", 0.75, 1.25, step=0.25),
        }
        for name in _DEPTH_NAMES:
            params[name] = trial.suggest_int(name, MIN_DEPTH, MAX_DEPTH)
        for stage, block in _BLOCKS:
            kernel, expansion = f"kernel_{stage}_{block}", f"expansion_{stage}_{block}"
            params[kernel] = trial.suggest_int(kernel, KERNELS[0], KERNELS[-1], step=2)
            params[expansion] = trial.suggest_categorical(expansion, EXPANSIONS)
        return self.architecture(params)

    def architecture(self, params: Mapping[str, Any]) -> MobileArchitecture:
        """Return the architecture of params."""
        _check(params)
        _choice_arrays({name: np.array([params[name]]) for name in self.distributions})
        stages = tuple(
            tuple(
                (int(params[f"kernel_{stage}_{block}"]), int(params[f"expansion_{stage}_{block}"]))
                for block in range(1, params[f"depth_{stage}"] + 1)
            )
            for stage in range(1, N_STAGES + 1)
        )
        return MobileArchitecture(int(params["resolution"]), float(params["width"]), stages)

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[97]` encoding."""
        return np.asarray(self.encode_many({n: np.array([v]) for n, v in params.items()})[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 97]` encodings."""
        resolution, width, kernels, expansions = _choice_arrays(columns)
        n = len(resolution)
        n_params, flops = self._costs(resolution, width, kernels, expansions)
        depths = (kernels >= 0).sum(axis=2)
        blocks = np.stack([kernels, expansions], axis=-1)[..., None] >= np.array([1, 2])
        return np.concatenate(
            [
                resolution[:, None] >= np.arange(1, len(RESOLUTIONS)),
                width[:, None] >= np.arange(1, len(WIDTHS)),
                (depths[:, :, None] >= np.array([3, 4])).reshape(n, 2 * N_STAGES),
                blocks.reshape(n, 4 * N_STAGES * MAX_DEPTH),
                np.log10(flops / 1e6)[:, None],
                np.log10(n_params / 1e6)[:, None],
            ],
            axis=1,
        )

    def key(self, params: Mapping[str, Any]) -> MobileArchitecture:
        """Return the architecture, which leaves out the params of absent blocks."""
        return self.architecture(params)

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, hashes (62 bits) of the architecture."""
        resolution, width, kernels, expansions = _choice_arrays(columns)
        blocks = np.where(kernels >= 0, 1 + kernels * len(EXPANSIONS) + expansions, 0)
        words = (resolution * len(WIDTHS) + width).astype(np.uint64)
        for block in blocks.reshape(len(blocks), N_STAGES * MAX_DEPTH).T:
            words = (words ^ (block.astype(np.uint64) + np.uint64(1))) * _MULTIPLIER
            words ^= words >> np.uint64(29)
        return np.asarray((words >> np.uint64(2)).astype(np.int64))

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return params of an architecture drawn evenly over architectures."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns.

        A stage of depth d has 9^d architectures, so deep ones are that much more frequent.
        """
        depths = np.arange(MIN_DEPTH, MAX_DEPTH + 1)
        weights = float(_N_CHOICES) ** depths
        columns: dict[str, np.ndarray] = {
            "resolution": rng.choice(RESOLUTIONS, size=n),
            "width": rng.choice(WIDTHS, size=n),
        }
        for name in _DEPTH_NAMES:
            columns[name] = rng.choice(depths, size=n, p=weights / weights.sum())
        for stage, block in _BLOCKS:
            columns[f"kernel_{stage}_{block}"] = rng.choice(KERNELS, size=n)
            columns[f"expansion_{stage}_{block}"] = rng.choice(EXPANSIONS, size=n)
        return columns

    def n_params(self, architecture: MobileArchitecture) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        return int(self._costs_of(architecture)[0])

    def flops(self, architecture: MobileArchitecture) -> int:
        """Return the multiply-adds of convolutions and linear layers for one image."""
        return int(self._costs_of(architecture)[1])

    def draw(self, architecture: MobileArchitecture) -> go.Figure:
        """Return bars, one a block, of its kernel and expansion; needs plotly and networkx."""
        from optuna_lanas.spaces._drawing import draw_chain

        blocks = [block for stage in architecture.stages for block in stage]
        labels = [f"{kernel}x{kernel}" for kernel, _ in blocks]
        return draw_chain(labels, [expansion for _, expansion in blocks], "expansion")

    def build(self, architecture: MobileArchitecture) -> torch.nn.Module:
        """Return torchvision's ``MobileNetV3`` of an architecture; needs torchvision."""
        from optuna_lanas.spaces._mobile_network import mobile_network

        network: torch.nn.Module = mobile_network(
            architecture.width, architecture.stages, self.n_classes
        )
        return network

    def _costs_of(self, architecture: MobileArchitecture) -> np.ndarray:
        shape = (1, N_STAGES, MAX_DEPTH)
        kernels, expansions = np.full(shape, -1), np.full(shape, -1)
        for stage, blocks in enumerate(architecture.stages):
            for block, (kernel, expansion) in enumerate(blocks):
                kernels[0, stage, block] = KERNELS.index(kernel)
                expansions[0, stage, block] = EXPANSIONS.index(expansion)
        resolution = np.array([RESOLUTIONS.index(architecture.resolution)])
        width = np.array([WIDTHS.index(architecture.width)])
        return np.concatenate(self._costs(resolution, width, kernels, expansions))

    def _costs(
        self,
        resolution: np.ndarray,
        width: np.ndarray,
        kernels: np.ndarray,
        expansions: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Parameters `[n]` and multiply-adds `[n]`, the sum over the blocks and what is around."""
        around, of_blocks = _cost_tables(self.n_classes)
        total = around[resolution, width].copy()
        for stage, block in np.ndindex(N_STAGES, MAX_DEPTH):
            kernel, expansion = kernels[:, stage, block], expansions[:, stage, block]
            costs = of_blocks[resolution, width, stage, block, kernel, expansion]
            total += np.where(kernel[:, None] >= 0, costs, 0)
        return total[:, 0], total[:, 1]


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_cost_tables = cache(_mobile_cost.cost_tables)


def _choice_arrays(
    columns: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions among the choices: resolution and width `[n]`, kernels and expansions `[n, 5, 4]`.

    Absent blocks have -1.
    """
    _check(columns)
    resolution = _positions("resolution", RESOLUTIONS, np.asarray(columns["resolution"]))
    width = _positions("width", WIDTHS, np.asarray(columns["width"]))
    depths = np.stack([np.asarray(columns[name]).astype(int) for name in _DEPTH_NAMES], axis=1)
    _positions("depth_s", tuple(range(MIN_DEPTH, MAX_DEPTH + 1)), depths)
    is_present = np.arange(MAX_DEPTH) < depths[:, :, None]
    found = []
    for name, choices in (("kernel", KERNELS), ("expansion", EXPANSIONS)):
        values = [np.asarray(columns[f"{name}_{s}_{b}"]).astype(int) for s, b in _BLOCKS]
        positions = _positions(f"{name}_s_b", choices, np.stack(values, axis=1))
        found.append(np.where(is_present, positions.reshape(is_present.shape), -1))
    return resolution, width, found[0], found[1]


def _positions(name: str, choices: tuple[float, ...], values: np.ndarray) -> np.ndarray:
    """Return the places of values among ascending choices."""
    values = values.astype(float)
    found = np.minimum(np.searchsorted(choices, values - 1e-9), len(choices) - 1)
    is_other = np.abs(np.array(choices)[found] - values) > 1e-6
    if is_other.any():
        raise ValueError(
            f"`{name}` must be one of {choices}, got {np.unique(values[is_other]).tolist()}."
        )
    return np.asarray(found)


def _check(columns: Mapping[str, Any]) -> None:
    missing = [name for name in MobileSpace().distributions if name not in columns]
    if missing:
        raise ValueError(
            f"params must hold all 47 parameters of MobileSpace; {missing} are missing. "
            f"Let `MobileSpace.suggest` ask for them."
        )

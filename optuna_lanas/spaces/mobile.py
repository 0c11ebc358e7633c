"""A mobile space: inverted residual blocks as in MobileNetV3 (Howard et al., 2019).

A network has five stages of two to four blocks. Each block has a kernel and an expansion, with the
choices of Once-for-all (Cai et al., 2020). All layers share a width, and all images a resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_type
from optuna_lanas._checks import needs
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace
from optuna_lanas.spaces._finite_space import hash_integers
from optuna_lanas.spaces._mobile_cost import EXPANSIONS
from optuna_lanas.spaces._mobile_cost import KERNELS
from optuna_lanas.spaces._mobile_cost import MAX_DEPTH
from optuna_lanas.spaces._mobile_cost import N_STAGES
from optuna_lanas.spaces._mobile_cost import network_costs
from optuna_lanas.spaces._mobile_cost import RESOLUTIONS
from optuna_lanas.spaces._mobile_cost import scaled_channels
from optuna_lanas.spaces._mobile_cost import STAGE_CHANNELS
from optuna_lanas.spaces._mobile_cost import STAGE_STRIDES
from optuna_lanas.spaces._mobile_cost import STEM_CHANNELS
from optuna_lanas.spaces._mobile_cost import WIDTHS


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


DEPTHS = tuple(range(2, MAX_DEPTH + 1))

_DEPTH_NAMES = tuple(f"depth_{stage}" for stage in range(1, N_STAGES + 1))
_BLOCKS = tuple((s, b) for s in range(1, N_STAGES + 1) for b in range(1, MAX_DEPTH + 1))
_N_CHOICES = len(KERNELS) * len(EXPANSIONS)
_CHOICES: Choices = {
    "resolution": RESOLUTIONS,
    "width": WIDTHS,
    **dict.fromkeys(_DEPTH_NAMES, DEPTHS),
    **{
        f"{name}_{stage}_{block}": choices
        for stage, block in _BLOCKS
        for name, choices in (("kernel", KERNELS), ("expansion", EXPANSIONS))
    },
}


@dataclass(frozen=True)
class MobileArchitecture:
    """A network of the mobile space.

    Attributes:
        resolution: Pixels of a side of the square images.
        width: Factor of all channels.
        stages: For each stage, the (kernel, expansion) of its blocks.

    Example:
        .. testcode::

            from optuna_lanas.spaces import MobileArchitecture
            from optuna_lanas.spaces import MobileSpace

            stages = (((3, 3), (3, 6)),) * 5
            print(MobileSpace().n_params(MobileArchitecture(224, 1.0, stages)))
    """

    resolution: int
    width: float
    stages: tuple[tuple[tuple[int, int], ...], ...]


class MobileSpace(FiniteSpace):
    """The mobile space: 2.6e20 architectures.

    Parameters: ``resolution`` in {128, 160, 192, 224}; ``width`` in {0.75, 1.0, 1.25};
    ``depth_s`` in {2, 3, 4} for the stages 1 .. 5; ``kernel_s_b`` in {3, 5, 7} and
    ``expansion_s_b`` in {3, 4, 6} for the blocks 1 .. 4 of each stage. A trial always has all of
    them. The params of blocks beyond a stage's depth change nothing, and the key ignores them.

    Encoding, 97 numbers. At-least indicators come first: resolution (3), width (2), depths (10),
    and the kernel and expansion of each block (80), zero for an absent block. Then come the
    base-10 logarithms of the multiply-adds in millions and of the parameters in millions.

    Args:
        n_classes: Number of classes.

    Raises:
        TypeError: If `n_classes` is no int.
        ValueError: If `n_classes` is below 1.

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
        len(RESOLUTIONS) * len(WIDTHS) * sum(_N_CHOICES**depth for depth in DEPTHS) ** N_STAGES
    )
    encoding_names = (
        *(f"{name}>={least}" for name, choices in _CHOICES.items() for least in choices[1:]),
        "log10_mflops",
        "log10_mparams",
    )

    def __init__(self, n_classes: int = 1000) -> None:
        check_int("n_classes", n_classes, 1, "ImageNet has 1000.")
        self.n_classes = n_classes

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """The 47 parameters."""
        kernel = optuna.distributions.IntDistribution(KERNELS[0], KERNELS[-1], step=2)
        expansion = optuna.distributions.CategoricalDistribution(EXPANSIONS)
        depth = optuna.distributions.IntDistribution(DEPTHS[0], DEPTHS[-1])
        found: dict[str, optuna.distributions.BaseDistribution] = {
            "resolution": optuna.distributions.IntDistribution(128, 224, step=32),
            "width": optuna.distributions.FloatDistribution(0.75, 1.25, step=0.25),
            **dict.fromkeys(_DEPTH_NAMES, depth),
        }
        for stage, block in _BLOCKS:
            found[f"kernel_{stage}_{block}"] = kernel
            found[f"expansion_{stage}_{block}"] = expansion
        return found

    @property
    def _choices(self) -> Choices:
        return _CHOICES

    def suggest(self, trial: optuna.trial.BaseTrial) -> MobileArchitecture:
        """Return the architecture of a trial."""
        check_trial(trial)
        params: dict[str, Any] = {
            "resolution": trial.suggest_int("resolution", 128, 224, step=32),
            "width": trial.suggest_float("width", 0.75, 1.25, step=0.25),
        }
        for name in _DEPTH_NAMES:
            params[name] = trial.suggest_int(name, DEPTHS[0], DEPTHS[-1])
        for stage, block in _BLOCKS:
            kernel, expansion = f"kernel_{stage}_{block}", f"expansion_{stage}_{block}"
            params[kernel] = trial.suggest_int(kernel, KERNELS[0], KERNELS[-1], step=2)
            params[expansion] = trial.suggest_categorical(expansion, EXPANSIONS)
        return self.architecture(params)

    def architecture(self, params: Mapping[str, Any]) -> MobileArchitecture:
        """Return the architecture of params."""
        resolution, width, kernels, expansions = self._networks(columns_of(params))
        stages = tuple(
            tuple(
                (KERNELS[kernel], EXPANSIONS[expansion])
                for kernel, expansion in zip(*blocks, strict=True)
                if kernel >= 0
            )
            for blocks in zip(kernels[0].tolist(), expansions[0].tolist(), strict=True)
        )
        return MobileArchitecture(RESOLUTIONS[resolution[0]], WIDTHS[width[0]], stages)

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 97]` encodings."""
        resolution, width, kernels, expansions = self._networks(columns)
        n = len(resolution)
        n_params, flops = network_costs(self.n_classes, resolution, width, kernels, expansions)
        depths = (kernels >= 0).sum(axis=2)
        blocks = np.stack([kernels, expansions], axis=-1)[..., None] >= np.array([1, 2])
        return np.concatenate(
            [
                resolution[:, None] >= np.arange(1, len(RESOLUTIONS)),
                width[:, None] >= np.arange(1, len(WIDTHS)),
                (depths[:, :, None] >= np.array(DEPTHS[1:])).reshape(n, 2 * N_STAGES),
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
        """Return `[n]` integers: hashes (62 bits) of the architecture."""
        resolution, width, kernels, expansions = self._networks(columns)
        blocks = np.where(kernels >= 0, 1 + kernels * len(EXPANSIONS) + expansions, 0)
        blocks = blocks.reshape(len(blocks), N_STAGES * MAX_DEPTH)
        return hash_integers(blocks, start=resolution * len(WIDTHS) + width)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns.

        A stage of depth d has 9^d architectures, so each depth is drawn in proportion to 9^d.
        """
        check_draws(n, rng)
        weights = float(_N_CHOICES) ** np.array(DEPTHS)
        columns: dict[str, np.ndarray] = {
            "resolution": rng.choice(RESOLUTIONS, size=n),
            "width": rng.choice(WIDTHS, size=n),
        }
        for name in _DEPTH_NAMES:
            columns[name] = rng.choice(DEPTHS, size=n, p=weights / weights.sum())
        for stage, block in _BLOCKS:
            columns[f"kernel_{stage}_{block}"] = rng.choice(KERNELS, size=n)
            columns[f"expansion_{stage}_{block}"] = rng.choice(EXPANSIONS, size=n)
        return columns

    def n_params(self, architecture: MobileArchitecture) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        return self._costs(architecture)[0]

    def flops(self, architecture: MobileArchitecture) -> int:
        """Return the multiply-adds of convolutions and linear layers for one image."""
        return self._costs(architecture)[1]

    def draw(self, architecture: MobileArchitecture) -> go.Figure:
        """Return a bar for each block, by stages: channels, kernel, expansion; needs plotly."""
        _check(architecture)
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_stages

        channels = [
            scaled_channels(n, architecture.width) for n in (STEM_CHANNELS, *STAGE_CHANNELS)
        ]
        size, heads, heights = architecture.resolution // 2, [], []
        for number, blocks in enumerate(architecture.stages):
            size //= STAGE_STRIDES[number]
            n_out = channels[number + 1]
            heads.append(f"stage {number + 1}<br>{n_out} channels<br>{size}×{size}")
            inputs = [channels[number], *[n_out] * (len(blocks) - 1)]
            heights.append([n * e for n, (_, e) in zip(inputs, blocks, strict=True)])
        kinds = [[f"{kernel}×{kernel}" for kernel, _ in blocks] for blocks in architecture.stages]
        texts = [[f"×{expansion}" for _, expansion in blocks] for blocks in architecture.stages]
        summary = (
            f"{sum(map(len, heights))} blocks, images of {architecture.resolution} pixels, "
            f"width {architecture.width:g}; on a bar: expansion"
        )
        title = "channels inside a block"
        return draw_stages(heads, heights, kinds, texts, title, "kernel", summary)

    def build(self, architecture: MobileArchitecture) -> torch.nn.Module:
        """Return torchvision's ``MobileNetV3`` of an architecture; needs torchvision."""
        _check(architecture)
        with needs("torch and torchvision", "torch", "Networks"):
            from optuna_lanas.spaces._mobile_network import mobile_network

        network: torch.nn.Module = mobile_network(
            architecture.width, architecture.stages, self.n_classes
        )
        return network

    def _costs(self, architecture: MobileArchitecture) -> tuple[int, int]:
        """Return the parameters and the multiply-adds of an architecture."""
        _check(architecture)
        kernels, expansions = np.full((2, 1, N_STAGES, MAX_DEPTH), -1)
        for stage, blocks in enumerate(architecture.stages):
            for block, (kernel, expansion) in enumerate(blocks):
                kernels[0, stage, block] = KERNELS.index(kernel)
                expansions[0, stage, block] = EXPANSIONS.index(expansion)
        resolution = np.array([RESOLUTIONS.index(architecture.resolution)])
        width = np.array([WIDTHS.index(architecture.width)])
        n_params, flops = network_costs(self.n_classes, resolution, width, kernels, expansions)
        return int(n_params[0]), int(flops[0])

    def _networks(
        self, columns: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return positions among the choices.

        Returns:
            Resolution and width, `[n]`; kernels and expansions, `[n, n_stages, max_depth]`, -1 for
            absent blocks.
        """
        resolution, width, *depths_and_blocks = self._positions(columns).T
        depths = DEPTHS[0] + np.stack(depths_and_blocks[:N_STAGES], axis=1)
        blocks = np.stack(depths_and_blocks[N_STAGES:], axis=1)
        blocks = blocks.reshape(-1, N_STAGES, MAX_DEPTH, 2)
        is_present = np.arange(MAX_DEPTH) < depths[:, :, None]
        kernels, expansions = np.moveaxis(np.where(is_present[..., None], blocks, -1), -1, 0)
        return resolution, width, kernels, expansions


def _check(architecture: Any) -> None:
    """Raise an error unless an architecture is of the mobile space."""
    kind, remedy = MobileArchitecture, "Pass what `MobileSpace.suggest` returns."
    check_type("architecture", architecture, kind, "a MobileArchitecture", remedy)
    check_choice("architecture.resolution", architecture.resolution, RESOLUTIONS)
    check_choice("architecture.width", float(architecture.width), WIDTHS)
    stages = architecture.stages
    choices = {(kernel, expansion) for kernel in KERNELS for expansion in EXPANSIONS}
    are_known = all(len(blocks) in DEPTHS and set(blocks) <= choices for blocks in stages)
    if len(stages) != N_STAGES or not are_known:
        rule = f"{N_STAGES} stages of {DEPTHS[0]} to {DEPTHS[-1]} blocks (kernel, expansion)"
        raise wrong_value("architecture.stages", rule, stages, remedy)

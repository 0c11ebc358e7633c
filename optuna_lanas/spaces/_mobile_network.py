"""The mobile space's networks: torchvision's MobileNetV3 with chosen blocks."""

from __future__ import annotations

from torch import nn
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.mobilenetv3 import MobileNetV3

from optuna_lanas.spaces._mobile_cost import LAST_CHANNELS
from optuna_lanas.spaces._mobile_cost import scaled_channels
from optuna_lanas.spaces._mobile_cost import STAGE_ACTIVATIONS
from optuna_lanas.spaces._mobile_cost import STAGE_CHANNELS
from optuna_lanas.spaces._mobile_cost import STAGE_HAS_SE
from optuna_lanas.spaces._mobile_cost import STAGE_STRIDES
from optuna_lanas.spaces._mobile_cost import STEM_CHANNELS


def mobile_network(
    width: float, stages: tuple[tuple[tuple[int, int], ...], ...], n_classes: int
) -> nn.Module:
    """Return the network: `[n, 3, size, size]` images to `[n, n_classes]` logits.

    Args:
        width: Factor of all channels.
        stages: For each stage, the (kernel, expansion) of its blocks.
        n_classes: Number of classes.
    """
    n_in = scaled_channels(STEM_CHANNELS, width)
    configs = [_config(n_in, 3, n_in, n_in, False, "RE", 1)]
    for stage, blocks in enumerate(stages):
        n_out = scaled_channels(STAGE_CHANNELS[stage], width)
        for position, (kernel, expansion) in enumerate(blocks):
            configs.append(
                _config(
                    n_in,
                    kernel,
                    scaled_channels(n_in * expansion),
                    n_out,
                    STAGE_HAS_SE[stage],
                    STAGE_ACTIVATIONS[stage],
                    1 if position else STAGE_STRIDES[stage],
                )
            )
            n_in = n_out
    network: nn.Module = MobileNetV3(configs, LAST_CHANNELS, num_classes=n_classes)
    return network


def _config(
    n_in: int, kernel: int, n_middle: int, n_out: int, has_se: bool, activation: str, stride: int
) -> InvertedResidualConfig:
    return InvertedResidualConfig(
        n_in, kernel, n_middle, n_out, has_se, activation, stride, dilation=1, width_mult=1.0
    )

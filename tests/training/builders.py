"""What the tests of training build; import it after the check for torch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import TrainingConfig


SPACE = CellSpace(
    2,
    ("sep_conv_3x3", "skip_connect"),
    network=CellNetworkConfig(in_channels=1, channels=4, n_cells=3),
)
CONFIG = TrainingConfig(n_epochs=3, batch_size=64, learning_rate=0.1, device="cpu")


@lru_cache
def digits() -> ImageData:
    """Digits for short runs: 200 images to train on, 100 to validate."""
    return load_images("digits", n_train=200, n_validation=100, n_test=100)


def cell_network(seed: int = 0) -> torch.nn.Module:
    """A small network of cells with batch normalisation; the seed sets its weights alone."""
    torch.manual_seed(seed)
    architecture = SPACE.architecture(SPACE.sample(np.random.default_rng(0)))
    assert architecture is not None
    return SPACE.build(architecture)


def linear_network(seed: int = 0) -> torch.nn.Module:
    """Logistic regression of digits: it learns within few steps."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

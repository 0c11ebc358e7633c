"""A weight-sharing supernet: trained once with random architectures, then asked about each."""

from __future__ import annotations

from collections.abc import Callable
import time

import numpy as np
import optuna
import torch
from torch import nn
from torch import Tensor
from torch.nn import functional

from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training._batches import MemoryBatches
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.loop import initial_state
from optuna_lanas.training.loop import resolve_device
from optuna_lanas.training.loop import take_step
from optuna_lanas.training.loop import TrainingTimeoutError


Draw = Callable[[np.random.Generator], CellArchitecture]


def random_architecture(space: CellSpace) -> Draw:
    """Return a function that draws an architecture evenly from the space."""

    def draw(rng: np.random.Generator) -> CellArchitecture:
        architecture = space.architecture(space.sample(rng))
        assert architecture is not None, "What a space samples is valid."
        return architecture

    return draw


def train_supernet(
    supernet: nn.Module,
    draw: Draw,
    data: ImageData,
    config: TrainingConfig,
    rng: np.random.Generator,
) -> None:
    """Train a supernet in place, every batch with another architecture.

    With ``config.ema_decay``, its weights are then the moving average.

    Args:
        supernet: From ``CellSpace.build_supernet``, new or trained before.
        draw: Draws an architecture; :func:`random_architecture` of the space, or of a region.
        data: Images.
        config: Settings.
        rng: Draws the architectures.

    Raises:
        TrainingTimeoutError: If the training takes longer than ``config.max_seconds``.
    """
    device = resolve_device(config.device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        batches = MemoryBatches(data, config, device)
        state = initial_state(supernet, config, batches.n_steps, device)
        start = time.perf_counter()
        for epoch in range(1, config.n_epochs + 1):
            torch.manual_seed(config.seed + 104_729 * epoch)
            supernet.train()
            for images, labels in batches.epoch(epoch):
                with torch.autocast(device.type, enabled=device.type == "cuda"):
                    logits = supernet(images, draw(rng))
                    loss = functional.cross_entropy(
                        logits, labels, label_smoothing=config.label_smoothing
                    )
                take_step(state, loss, config)
                if time.perf_counter() - start > config.max_seconds:
                    raise TrainingTimeoutError(
                        f"The supernet took longer than `max_seconds` = {config.max_seconds} s."
                    )
    if state.average is not None:
        supernet.load_state_dict(state.average.module.state_dict())


class SupernetObjective:
    """The validation accuracy of a trial's architecture with the supernet's weights.

    Batch normalisation uses each batch's own statistics, since the running ones are of all
    architectures together.

    Args:
        space: The space of the supernet.
        supernet: A trained supernet.
        data: Images.
        config: The settings it was trained with.
    """

    def __init__(
        self, space: CellSpace, supernet: nn.Module, data: ImageData, config: TrainingConfig
    ) -> None:
        self.space = space
        self.supernet = supernet
        self._batches = MemoryBatches(data, config, resolve_device(config.device))

    def __call__(self, trial: optuna.Trial) -> float:
        """Evaluate the trial's architecture."""
        return self.accuracy(self.space.suggest(trial))

    def accuracy(self, architecture: CellArchitecture) -> float:
        """Return the share of validation images whose class is predicted."""
        self.supernet.train()
        n_right = n_images = 0
        with torch.no_grad():
            for images, labels in self._batches.validation():
                predicted: Tensor = self.supernet(images, architecture).argmax(dim=1)
                n_right += int((predicted == labels).sum())
                n_images += len(labels)
        return n_right / n_images

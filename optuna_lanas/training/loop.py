"""The training loop: mixed precision on a GPU, cosine schedule, moving average, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
import time
from typing import Any

import torch
from torch import nn
from torch import Tensor
from torch.nn import functional

from optuna_lanas._checks import check_function
from optuna_lanas._checks import check_path
from optuna_lanas._checks import check_text
from optuna_lanas._checks import check_type
from optuna_lanas.training import _checkpoint
from optuna_lanas.training._batches import MemoryBatches
from optuna_lanas.training._state import initial_state
from optuna_lanas.training._state import TrainingState
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.folder import FolderBatches
from optuna_lanas.training.folder import FolderData


# A large prime, so that the epochs of neighbouring seeds have different augmentations.
_EPOCH_SEED_STEP = 104_729


class TrainingTimeoutError(RuntimeError):
    """A training run took longer than ``TrainingConfig.max_seconds``."""


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training run.

    Attributes:
        validation_accuracies: Accuracy after each epoch, in 0 .. 1.
        test_accuracy: Accuracy after the last epoch, in 0 .. 1.
        seconds: Training time of all epochs, including those before a resumption.
    """

    validation_accuracies: tuple[float, ...]
    test_accuracy: float
    seconds: float


def train(
    network: nn.Module,
    data: ImageData | FolderData,
    config: TrainingConfig,
    report: Callable[[int, float], None] | None = None,
    checkpoint: str | Path | None = None,
    identity: str = "",
) -> TrainingResult:
    """Train a network in place.

    The same network, data and settings give the same result on the same device, also if the run
    is interrupted and resumed from its checkpoint. With ``config.ema_decay``, the network has
    the moving average of its weights in the end.

    Args:
        network: Maps images, `[n, channels, size, size]`, to logits, `[n, n_classes]`.
        data: The images.
        config: The settings of the training run.
        report: Called after each epoch with its number, from 1, and the validation accuracy.
            Epochs in the checkpoint are reported first. An exception in it, such as
            ``optuna.TrialPruned``, ends the training.
        checkpoint: File written after each epoch; the run resumes from it if it exists.
        identity: What tells networks of the same modules apart, such as the repr of an
            architecture. The checkpoint of a different network is refused.

    Returns:
        The accuracies and the training time.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the checkpoint is of other settings, another network or other data, or is
            damaged, or if ``config.device`` is unknown.
        TrainingTimeoutError: If the training takes longer than ``config.max_seconds``.
        torch.OutOfMemoryError: If the device has too little memory.

    Example:
        ::

            digits = load_images("digits")
            network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
            result = train(network, digits, TrainingConfig(n_epochs=5))
            result.validation_accuracies[-1]
    """
    check_network("network", network)
    check_data(data, config)
    if report is not None:
        rule = "a function from an epoch and an accuracy"
        check_function("report", report, rule, "Pass `lambda epoch, accuracy: ...`.")
    checkpoint = None if checkpoint is None else check_path("checkpoint", checkpoint)
    check_text("identity", identity, "Pass the repr of the architecture.")
    device = resolve_device(config.device)
    with forked_rng(device):
        batches = _batches_of(data, config, device)
        state = initial_state(network, config, batches.n_steps, device)
        run = _checkpoint.run_of(network, data, config, identity) if checkpoint else {}
        if checkpoint is not None:
            _checkpoint.load(checkpoint, state, run)
        report = report or _ignore
        for epoch, validation_accuracy in enumerate(state.accuracies, start=1):
            report(epoch, validation_accuracy)
        for epoch in run_epochs(state, network, batches, config):
            state.accuracies.append(accuracy(state.evaluated.eval(), batches.validation()))
            if checkpoint is not None:
                _checkpoint.save(checkpoint, state, run)
            report(epoch, state.accuracies[-1])
    state.take_average()
    test_accuracy = accuracy(network.eval(), batches.test())
    return TrainingResult(tuple(state.accuracies), test_accuracy, state.seconds)


def run_epochs(
    state: TrainingState,
    forward: Callable[[Tensor], Tensor],
    batches: MemoryBatches | FolderBatches,
    config: TrainingConfig,
) -> Iterator[int]:
    """Train all epochs that the state lacks; yield the number of each, from 1, at its end.

    Args:
        state: Updated in place, except for its accuracies.
        forward: Maps images, `[n, channels, size, size]`, to logits, `[n, n_classes]`.
        batches: The training batches.
        config: The settings of the training run.

    Raises:
        TrainingTimeoutError: If the training takes longer than ``config.max_seconds``.
    """
    for epoch in range(len(state.accuracies) + 1, config.n_epochs + 1):
        # Seeded per epoch, so that a resumed run draws the same augmentations.
        torch.manual_seed(config.seed + _EPOCH_SEED_STEP * epoch)
        state.network.train()
        start, before = time.perf_counter(), state.seconds
        for images, labels in batches.epoch(epoch):
            _take_step(state, forward, images, labels, config)
            state.seconds = before + time.perf_counter() - start
            if state.seconds > config.max_seconds:
                raise TrainingTimeoutError(
                    f"Training must end within `max_seconds` = {config.max_seconds} s, but was "
                    f"in epoch {epoch} of {config.n_epochs} after {state.seconds:.3g} s. Raise "
                    f"`max_seconds`, or train fewer epochs or a smaller network."
                )
        yield epoch


def accuracy(
    forward: Callable[[Tensor], Tensor], batches: Iterable[tuple[Tensor, Tensor]]
) -> float:
    """Return the share of images whose class is predicted, in 0 .. 1."""
    n_correct = n_images = 0
    with torch.no_grad():
        for images, labels in batches:
            n_correct += int((forward(images).argmax(dim=1) == labels).sum())
            n_images += len(labels)
    return n_correct / n_images


def check_network(name: str, network: Any) -> None:
    """Raise a TypeError unless an argument is a network."""
    check_type(name, network, nn.Module, "a torch.nn.Module", "Pass what a space builds.")


def check_data(data: Any, config: Any, has_folders: bool = True) -> None:
    """Raise a TypeError unless images and settings are what they should be."""
    kinds: tuple[type, ...] = (ImageData, FolderData) if has_folders else (ImageData,)
    rule = " or ".join(kind.__name__ for kind in kinds)
    check_type("data", data, kinds, rule, 'Pass `load_images("digits")`.')
    remedy = "Pass TrainingConfig(...)."
    check_type("config", config, TrainingConfig, "a TrainingConfig", remedy)


def resolve_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is a GPU where there is one.

    Raises:
        ValueError: If torch knows no such device, or this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    n_gpus = torch.cuda.device_count()
    try:
        device = torch.device(name)
        if device.type != "cuda":
            torch.empty(0, device=device)
        is_here = device.type != "cuda" or (device.index or 0) < n_gpus
    except Exception:  # unknown, or not in this build of torch, which raises various errors
        is_here = False
    if not is_here:
        raise ValueError(
            f'`device` must be "auto", "cpu" or another device of this machine, got {name!r}. '
            f"Choose one; torch finds {n_gpus} GPUs here."
        )
    return device


@contextmanager
def forked_rng(device: torch.device) -> Iterator[None]:
    """Restore torch's random number generators at the end of the context."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _batches_of(
    data: ImageData | FolderData, config: TrainingConfig, device: torch.device
) -> MemoryBatches | FolderBatches:
    if isinstance(data, FolderData):
        return FolderBatches(data, config, device)
    return MemoryBatches(data, config, device)


def _take_step(
    state: TrainingState,
    forward: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    config: TrainingConfig,
) -> None:
    """Update weights, learning rate and moving average by the loss of a batch."""
    with torch.autocast(state.device.type, enabled=state.device.type == "cuda"):
        logits = forward(images)
        loss = functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
    state.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(state.scaler.scale(loss))
    state.scaler.unscale_(state.optimizer)
    nn.utils.clip_grad_norm_(state.network.parameters(), config.max_gradient_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.scheduler.step()
    if state.average is not None:
        state.average.update_parameters(state.network)


def _ignore(epoch: int, validation_accuracy: float) -> None:
    """Report nothing."""

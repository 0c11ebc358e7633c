"""A plain training loop: mixed precision on GPU, cosine schedule, moving average, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
import time

import torch
from torch import nn
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.lr_scheduler import LinearLR
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.lr_scheduler import SequentialLR
from torch.optim.swa_utils import AveragedModel

from optuna_lanas.training import _checkpoint
from optuna_lanas.training._batches import MemoryBatches
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.folder import FolderBatches
from optuna_lanas.training.folder import FolderData


class TrainingTimeoutError(RuntimeError):
    """A training run took longer than ``TrainingConfig.max_seconds``."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training run gave.

    Attributes:
        validation_accuracies: One for each epoch, in 0 .. 1.
        test_accuracy: After the last epoch, in 0 .. 1.
        seconds: How long all epochs took, those before a resumption included.
    """

    validation_accuracies: tuple[float, ...]
    test_accuracy: float
    seconds: float


@dataclass
class TrainingState:
    """All that changes while training."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    scaler: torch.amp.GradScaler
    average: AveragedModel | None
    accuracies: list[float]
    seconds: float


def train(
    network: nn.Module,
    data: ImageData | FolderData,
    config: TrainingConfig,
    report: Callable[[int, float], None] | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
) -> TrainingResult:
    """Train a network, in place.

    Args:
        network: `[n, channels, size, size]` images to `[n, n_classes]` logits.
        data: Images.
        config: Settings.
        report: Called after each epoch with its number, from 1, and the validation accuracy; what
            it raises (``optuna.TrialPruned``) ends the training. Epochs that a checkpoint holds
            are reported first.
        checkpoint: File that is written after each epoch, and continued from if it exists.
        identity: Tells networks of the same modules apart, such as an architecture's repr: a
            checkpoint of another one is refused.

    Raises:
        ValueError: If the checkpoint is of other settings, another network or other data.
        TrainingTimeoutError: If the training takes longer than ``config.max_seconds``.
        torch.OutOfMemoryError: If the device has too little memory.
    """
    device = resolve_device(config.device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        batches = batches_of(data, config, device)
        state = initial_state(network, config, batches.n_steps, device)
        run = _checkpoint.run_of(network, data, config, identity) if checkpoint else {}
        if checkpoint is not None:
            _checkpoint.load(checkpoint, state, run, device)
        n_done = len(state.accuracies)
        for epoch in range(1, config.n_epochs + 1):
            if epoch > n_done:
                torch.manual_seed(config.seed + 104_729 * epoch)
                _train_epoch(state, batches, epoch, config, device)
                evaluated = state.average or state.network
                state.accuracies.append(accuracy(evaluated, batches.validation()))
                if checkpoint is not None:
                    _checkpoint.save(checkpoint, state, run)
            if report is not None:
                report(epoch, state.accuracies[epoch - 1])
    if state.average is not None:
        network.load_state_dict(state.average.module.state_dict())
    return TrainingResult(
        tuple(state.accuracies), accuracy(network, batches.test()), state.seconds
    )


def accuracy(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the share of images whose class is predicted."""
    network.eval()
    n_right = n_images = 0
    with torch.inference_mode():
        for images, labels in batches:
            n_right += int((network(images).argmax(dim=1) == labels).sum())
            n_images += len(labels)
    return n_right / n_images


def batches_of(
    data: ImageData | FolderData, config: TrainingConfig, device: torch.device
) -> MemoryBatches | FolderBatches:
    """Return the batches of a data set in memory or on disk."""
    if isinstance(data, FolderData):
        return FolderBatches(data, config, device)
    return MemoryBatches(data, config, device)


def resolve_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is a GPU where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def initial_state(
    network: nn.Module, config: TrainingConfig, n_steps: int, device: torch.device
) -> TrainingState:
    """Move a network to its device and make what trains it.

    Channels-last saves a third of the time on a CPU as well.
    """
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )
    average = None
    if config.ema_decay:
        share = 1 - config.ema_decay
        average = AveragedModel(
            network,
            avg_fn=lambda averaged, current, _: averaged + (current - averaged) * share,
            use_buffers=True,
        )
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    scheduler = _schedule(optimizer, config, n_steps)
    return TrainingState(network, optimizer, scheduler, scaler, average, [], 0.0)


def _schedule(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, n_steps: int
) -> LRScheduler:
    """Linear warm-up, then half a cosine down to zero, a step a batch."""
    n_warmup, n_all = config.n_warmup_epochs * n_steps, config.n_epochs * n_steps
    cosine = CosineAnnealingLR(optimizer, T_max=max(1, n_all - n_warmup))
    if n_warmup == 0:
        return cosine
    warmup = LinearLR(optimizer, start_factor=1 / (n_warmup + 1), total_iters=n_warmup)
    return SequentialLR(optimizer, [warmup, cosine], milestones=[n_warmup])


def _train_epoch(
    state: TrainingState,
    batches: MemoryBatches | FolderBatches,
    epoch: int,
    config: TrainingConfig,
    device: torch.device,
) -> None:
    state.network.train()
    start, before = time.perf_counter(), state.seconds
    for images, labels in batches.epoch(epoch):
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            logits = state.network(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        take_step(state, loss, config)
        state.seconds = before + time.perf_counter() - start
        if state.seconds > config.max_seconds:
            raise TrainingTimeoutError(
                f"The training took longer than `max_seconds` = {config.max_seconds} s, in epoch "
                f"{epoch} of {config.n_epochs}."
            )


def take_step(state: TrainingState, loss: Tensor, config: TrainingConfig) -> None:
    """Update weights, learning rate and moving average by one batch's loss."""
    state.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(state.scaler.scale(loss))
    state.scaler.unscale_(state.optimizer)
    nn.utils.clip_grad_norm_(state.network.parameters(), config.max_gradient_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.scheduler.step()
    if state.average is not None:
        state.average.update_parameters(state.network)

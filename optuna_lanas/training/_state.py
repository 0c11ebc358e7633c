"""What a training run changes: the network and all that trains it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.lr_scheduler import LinearLR
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.lr_scheduler import SequentialLR
from torch.optim.swa_utils import AveragedModel

from optuna_lanas.training.config import TrainingConfig


@dataclass
class TrainingState:
    """All that changes during a training run; a checkpoint holds every field but the device.

    Attributes:
        network: The network that is trained.
        optimizer: SGD.
        scheduler: The learning rate; one step per batch.
        scaler: Loss scaling of mixed precision; disabled on a CPU.
        average: Exponential moving average of the weights, or None for none.
        device: Where the network is.
        accuracies: Validation accuracy after each finished epoch, in 0 .. 1.
        seconds: Training time so far.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    scaler: torch.amp.GradScaler
    average: AveragedModel | None
    device: torch.device
    accuracies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def evaluated(self) -> nn.Module:
        """The moving average if there is one, else the network."""
        return self.network if self.average is None else self.average

    def take_average(self) -> None:
        """Give the network the weights of its moving average, if there is one."""
        if self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())


def initial_state(
    network: nn.Module, config: TrainingConfig, n_steps: int, device: torch.device
) -> TrainingState:
    """Move a network to its device and return the state before the first epoch.

    Args:
        network: The network to train, in place.
        config: The settings of the training run.
        n_steps: Number of batches per epoch.
        device: Where to train.
    """
    # Channels-last saves a third of the time on a CPU as well.
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )
    return TrainingState(
        network=network,
        optimizer=optimizer,
        scheduler=_schedule(optimizer, config, n_steps),
        scaler=torch.amp.GradScaler(device.type, enabled=device.type == "cuda"),
        average=_moving_average(network, config.ema_decay) if config.ema_decay else None,
        device=device,
    )


def _moving_average(network: nn.Module, decay: float) -> AveragedModel:
    return AveragedModel(
        network,
        avg_fn=lambda averaged, current, _: averaged + (current - averaged) * (1 - decay),
        use_buffers=True,
    )


def _schedule(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, n_steps: int
) -> LRScheduler:
    """Return a linear warm-up followed by half a cosine down to zero, in steps of a batch."""
    n_warmup, n_all = config.n_warmup_epochs * n_steps, config.n_epochs * n_steps
    cosine = CosineAnnealingLR(optimizer, T_max=max(1, n_all - n_warmup))
    if n_warmup == 0:
        return cosine
    warmup = LinearLR(optimizer, start_factor=1 / (n_warmup + 1), total_iters=n_warmup)
    return SequentialLR(optimizer, [warmup, cosine], milestones=[n_warmup])

"""Training checkpoints: whole or not at all, and only for the settings they were made with."""

from __future__ import annotations

from dataclasses import asdict
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from optuna_lanas.training.config import TrainingConfig


if TYPE_CHECKING:
    from optuna_lanas.training.loop import TrainingState


# Settings that do not change what an epoch computes.
_FREE_SETTINGS = ("max_seconds", "device", "n_loader_workers")


def save(path: Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the state after an epoch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    torch.save(
        {
            "settings": _settings(config),
            "network": state.network.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "scheduler": state.scheduler.state_dict(),
            "scaler": state.scaler.state_dict(),
            "average": state.average.state_dict() if state.average else None,
            "accuracies": state.accuracies,
            "seconds": state.seconds,
        },
        temporary,
    )
    temporary.replace(path)


def load(path: Path, state: TrainingState, config: TrainingConfig, device: torch.device) -> None:
    """Bring the state to that of the file, if there is one.

    Raises:
        ValueError: If the file was written with other settings.
    """
    if not path.is_file():
        return
    found = torch.load(path, map_location=device, weights_only=True)
    if found["settings"] != _settings(config):
        raise ValueError(
            f"`checkpoint` must be of a run with the same settings; {path} has "
            f"{found['settings']}. Remove it, or name another file."
        )
    state.network.load_state_dict(found["network"])
    state.optimizer.load_state_dict(found["optimizer"])
    state.scheduler.load_state_dict(found["scheduler"])
    state.scaler.load_state_dict(found["scaler"])
    if state.average is not None:
        state.average.load_state_dict(found["average"])
    state.accuracies[:] = found["accuracies"]
    state.seconds = found["seconds"]


def _settings(config: TrainingConfig) -> dict[str, object]:
    return {name: value for name, value in asdict(config).items() if name not in _FREE_SETTINGS}

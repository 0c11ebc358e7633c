"""Training checkpoints: written whole or not at all, and read only by the run that wrote them."""

from __future__ import annotations

from dataclasses import asdict
import os
from pathlib import Path
from typing import Any
import zlib

import torch
from torch import nn

from optuna_lanas.training._state import TrainingState
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.folder import FolderData


# Settings that do not change what an epoch computes.
_FREE_SETTINGS = ("max_seconds", "device", "n_loader_workers")

_CONTENT = {
    *("run", "network", "optimizer", "scheduler", "scaler", "average", "accuracies", "seconds"),
}


class DamagedCheckpointError(ValueError):
    """A file that should be a checkpoint cannot be read as one."""


def run_of(
    network: nn.Module, data: ImageData | FolderData, config: TrainingConfig, identity: str
) -> dict[str, object]:
    """Return what identifies a run: its settings and checksums of its network and data.

    Args:
        network: The network.
        data: The images.
        config: The settings of the training run.
        identity: What tells networks of the same modules apart.
    """
    settings = {name: v for name, v in asdict(config).items() if name not in _FREE_SETTINGS}
    described = f"{identity}\n{network}"
    return {**settings, "network": zlib.crc32(described.encode()), "data": _described(data)}


def save(path: Path, state: TrainingState, run: dict[str, object]) -> None:
    """Write the state of a run to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in a single step: an interrupted write must not destroy the last checkpoint.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    torch.save(
        {
            "run": run,
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


def load(path: Path, state: TrainingState, run: dict[str, object]) -> None:
    """Restore the state in place from a file; a missing file changes nothing.

    Raises:
        ValueError: If another run wrote the file: other settings, another network or other data.
        DamagedCheckpointError: If the file is damaged or no checkpoint. It is never unpickled.
    """
    if not path.exists():
        return
    found = _read(path, state.device)
    before = found["run"]
    different = sorted(name for name, value in run.items() if before.get(name) != value)
    if different:
        raise ValueError(
            f"`checkpoint` must be of a run with the same settings, network and data; {path} "
            f"differs in {', '.join(different)}. Remove the file, or name another file."
        )
    try:
        _restore(state, found)
    except Exception as error:  # whatever foreign content raises
        raise _damaged(path, f"cannot be restored ({type(error).__name__})") from None


def _restore(state: TrainingState, found: dict[str, Any]) -> None:
    state.network.load_state_dict(found["network"])
    state.optimizer.load_state_dict(found["optimizer"])
    state.scheduler.load_state_dict(found["scheduler"])
    if found["scaler"]:  # empty if the file was written on a CPU
        state.scaler.load_state_dict(found["scaler"])
    if state.average is not None:
        state.average.load_state_dict(found["average"])
    state.accuracies[:] = found["accuracies"]
    state.seconds = found["seconds"]


def _read(path: Path, device: torch.device) -> dict[str, Any]:
    """Return the content of a file."""
    try:
        found = torch.load(path, map_location=device, weights_only=True)
        if set(found) == _CONTENT and isinstance(found["run"], dict):
            content: dict[str, Any] = found
            return content
        problem = "holds something else"
    except Exception as error:  # whatever a damaged file raises
        problem = f"cannot be read ({type(error).__name__})"
    raise _damaged(path, problem)


def _damaged(path: Path, problem: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(
        f"`checkpoint` must be a checkpoint of `train`, but {path} {problem}. Remove the file, or "
        f"name another file."
    )


def _described(data: ImageData | FolderData) -> str:
    if not isinstance(data, ImageData):
        return f"{data.root}, {data.n_classes} classes, {data.image_size} pixels"
    parts = (data.train_images, data.train_labels, data.validation_images, data.test_images)
    sums = ", ".join(f"{zlib.crc32(part.numpy().tobytes()):08x}" for part in parts)
    return f"{data.name}, {len(data.train_labels)} images, {sums}"

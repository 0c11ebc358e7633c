"""A space's network tried with the data's images, before a search of days."""

from __future__ import annotations

from typing import Any

import optuna
import torch
from torch import nn
from torch import Tensor

from optuna_lanas._checks import check_type
from optuna_lanas._checks import shown
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.folder import FolderData


N_TRIES = 100  # random architectures of which one should be valid
FOLDER_CHANNELS = 3


def check_networks(space: Any, data: ImageData | FolderData) -> None:
    """Raise an error unless a random architecture's network takes the images and tells classes.

    Nothing is checked where no random architecture is valid, or where the network is too large
    for the memory of the CPU.

    Raises:
        TypeError: If ``space.build`` returns no network.
        ValueError: If the network fails for the images, or has fewer outputs than classes.
    """
    architecture = _random_architecture(space)
    if architecture is None:
        return
    n_channels = data.n_channels if isinstance(data, ImageData) else FOLDER_CHANNELS
    shape, n_classes = (2, n_channels, data.image_size, data.image_size), data.n_classes
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            network = space.build(architecture)
            remedy = "Return one from `space.build`."
            check_type("space.build", network, nn.Module, "a torch.nn.Module", remedy)
            logits = network.eval()(torch.zeros(shape))
    except Exception as error:
        if isinstance(error, TypeError) and "`space.build`" in str(error):
            raise
        if is_out_of_memory(error):
            return
        raise _wrong_networks(shape, n_classes, f"{type(error).__name__}: {error}") from error
    is_right = isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[0] == shape[0]
    if not is_right or logits.shape[1] < n_classes:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise _wrong_networks(shape, n_classes, f"an output of {got}")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a run has failed for memory."""
    # The allocator of a CPU raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _random_architecture(space: Any) -> Any:
    """A valid architecture, None if none was found."""
    storage = optuna.storages.InMemoryStorage()
    storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "space")
    study = optuna.Study("space", storage, sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(N_TRIES):
        try:
            return space.suggest(study.ask())
        except optuna.TrialPruned:
            continue
    return None


def _wrong_networks(shape: tuple[int, ...], n_classes: int, got: str) -> ValueError:
    n_channels = shape[1]
    return ValueError(
        f"`space` must build networks for the data, from images of shape {shape} to {n_classes} "
        f"logits each, got {shown(got)}. Match its channels and classes to the data, for example "
        f"by CellNetworkConfig(in_channels={n_channels}, n_classes={n_classes})."
    )

"""An Optuna objective that trains the architecture of each trial."""

from __future__ import annotations

from dataclasses import replace
import hashlib
import math
from pathlib import Path
from typing import Any
from typing import Protocol

import optuna
import torch

from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.loop import train
from optuna_lanas.training.loop import TrainingTimeoutError


class TrainableSpace(Protocol):
    """An architecture space whose architectures can be built."""

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """Return the architecture of a trial."""
        ...

    def build(self, architecture: Any, /) -> torch.nn.Module:
        """Return the network of an architecture."""
        ...

    def n_params(self, architecture: Any, /) -> int:
        """Return its number of trainable parameters."""
        ...


class TrainingObjective:
    """The validation accuracy of a trial's architecture after training; to be maximised.

    Every epoch is reported, and the trial is pruned when the study's pruner says so. A run that
    takes too long or too much memory is a failed trial (NaN), with the reason in its user
    attribute "failure". User attributes "n_params", "test_accuracy" and "seconds" tell about the
    others.

    Args:
        space: What to search.
        data: What to train on.
        config: How to train.
        checkpoints: Folder for a checkpoint of each architecture, from which a later trial of it
            goes on (such as one that ``RetryFailedTrialCallback`` enqueues); removed once a trial
            of it is complete or pruned. None for none.

    Example:
        ::

            data = load_images("digits")
            space = CellSpace.nasnet(network=CellNetworkConfig(in_channels=1, channels=8))
            objective = TrainingObjective(space, data, TrainingConfig(n_epochs=3))
            study = optuna.create_study(direction="maximize", sampler=LaNASSampler(space=space))
            study.optimize(objective, n_trials=100)
    """

    def __init__(
        self,
        space: TrainableSpace,
        data: ImageData,
        config: TrainingConfig,
        checkpoints: Path | None = None,
    ) -> None:
        self.space = space
        self.data = data
        self.config = config
        self.checkpoints = checkpoints

    def __call__(self, trial: optuna.Trial) -> float:
        """Train the trial's architecture."""
        architecture = self.space.suggest(trial)
        trial.set_user_attr("n_params", self.space.n_params(architecture))

        def report(epoch: int, accuracy: float) -> None:
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"Pruned after epoch {epoch}.")

        identity = repr(architecture)
        checkpoint = self._checkpoint(identity)
        try:
            network = self._built(architecture)
            result = train(network, self.data, self.config, report, checkpoint, identity)
        except optuna.TrialPruned:
            _remove(checkpoint)
            raise
        except RuntimeError as error:
            if not _takes_too_much(error):
                raise
            trial.set_user_attr("failure", f"{type(error).__name__}: {error}")
            return math.nan
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        _remove(checkpoint)
        trial.set_user_attr("test_accuracy", result.test_accuracy)
        trial.set_user_attr("seconds", result.seconds)
        return result.validation_accuracies[-1]

    def _built(self, architecture: Any) -> torch.nn.Module:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(self.config.seed)
            return self.space.build(architecture)

    def _checkpoint(self, identity: str) -> Path | None:
        if self.checkpoints is None:
            return None
        return self.checkpoints / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.pt"

    def on_device(self, device: str) -> TrainingObjective:
        """Return the same objective on another device."""
        config = replace(self.config, device=device)
        return TrainingObjective(self.space, self.data, config, self.checkpoints)


def _remove(checkpoint: Path | None) -> None:
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)


def _takes_too_much(error: RuntimeError) -> bool:
    """Whether it is about time or memory; a CPU's allocator has no error class of its own."""
    is_known = isinstance(error, (TrainingTimeoutError, torch.OutOfMemoryError))
    return is_known or "DefaultCPUAllocator" in str(error)

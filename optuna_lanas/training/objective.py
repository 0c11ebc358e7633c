"""An Optuna objective: train the architecture of each trial."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
import hashlib
import math
from pathlib import Path
from typing import Any
from typing import Protocol

import optuna
import torch

from optuna_lanas._checks import check_methods
from optuna_lanas._checks import check_path
from optuna_lanas._log import warn_once
from optuna_lanas.training._checkpoint import DamagedCheckpointError
from optuna_lanas.training._try_network import check_networks
from optuna_lanas.training._try_network import is_out_of_memory
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.folder import FolderData
from optuna_lanas.training.loop import check_data
from optuna_lanas.training.loop import resolve_device
from optuna_lanas.training.loop import train
from optuna_lanas.training.loop import TrainingResult
from optuna_lanas.training.loop import TrainingTimeoutError


class TrainableSpace(Protocol):
    """An architecture space that builds its architectures."""

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """Return the architecture of a trial."""
        ...

    def build(self, architecture: Any, /) -> torch.nn.Module:
        """Return the network of an architecture."""
        ...


class TrainingObjective:
    """The validation accuracy of a trial's architecture after training; maximise it.

    Each epoch is reported, and the study's pruner may prune the trial after it. A run that takes
    too long or too much memory is a failed trial (NaN); its user attribute "failure" holds the
    reason. A complete trial has the user attributes "n_params", "test_accuracy" and "seconds".

    All arguments are checked at once. A network of a random architecture is built on the CPU and
    sees two images, so that wrong channels, sizes or classes are told before the search.

    Args:
        space: The space to search. It needs no ``n_params``.
        data: The images.
        config: The settings of each training run.
        checkpoints: Folder of the checkpoints, a file for each architecture; None for none. A
            later trial of the architecture, such as ``RetryFailedTrialCallback`` enqueues, resumes
            from its file; a damaged file is replaced. A complete or pruned trial removes it.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If networks of the space do not fit the data, if ``config.device`` is not on
            this machine, or if the folder of the data is not as it should be.

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
        data: ImageData | FolderData,
        config: TrainingConfig,
        checkpoints: str | Path | None = None,
    ) -> None:
        rule = "an object with the methods suggest(trial) and build(architecture)"
        check_methods("space", space, ("suggest", "build"), rule, "Pass CellSpace.nasnet().")
        check_data(data, config)
        checkpoints = None if checkpoints is None else check_path("checkpoints", checkpoints)
        resolve_device(config.device)
        check_networks(space, data)
        self.space = space
        self.data = data
        self.config = config
        self.checkpoints = checkpoints

    def __call__(self, trial: optuna.Trial) -> float:
        """Return the validation accuracy after the last epoch, or NaN for a failed run.

        Raises:
            optuna.TrialPruned: If the pruner prunes the trial.
        """
        architecture = self.space.suggest(trial)
        count = getattr(self.space, "n_params", None)
        if callable(count):  # known even where the network is too large to be built
            trial.set_user_attr("n_params", count(architecture))
        try:
            result = self._trained(trial, architecture)
        except RuntimeError as error:
            if not _takes_too_much(error):
                raise
            trial.set_user_attr("failure", f"{type(error).__name__}: {error}")
            return math.nan
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        trial.set_user_attr("test_accuracy", result.test_accuracy)
        trial.set_user_attr("seconds", result.seconds)
        return result.validation_accuracies[-1]

    def on_device(self, device: str) -> TrainingObjective:
        """Return the same objective on another device, such as "cuda:1".

        Raises:
            ValueError: If the device is not on this machine.
        """
        resolve_device(device)
        other = copy(self)
        other.config = replace(self.config, device=device)
        return other

    def _trained(self, trial: optuna.Trial, architecture: Any) -> TrainingResult:
        """Train an architecture; remove its checkpoint once it is trained or pruned."""

        def report(epoch: int, accuracy: float) -> None:
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"Pruned after epoch {epoch}.")

        identity = repr(architecture)
        checkpoint = self._checkpoint(identity)
        try:
            try:
                result = self._train(trial, architecture, report, checkpoint, identity)
            except DamagedCheckpointError as error:
                if checkpoint is None or not checkpoint.is_file():
                    raise
                _remove(checkpoint)
                warn_once(
                    ("checkpoint", str(checkpoint)), f"The training starts again, since {error}"
                )
                result = self._train(trial, architecture, report, checkpoint, identity)
        except optuna.TrialPruned:
            _remove(checkpoint)
            raise
        _remove(checkpoint)
        return result

    def _train(
        self,
        trial: optuna.Trial,
        architecture: Any,
        report: Callable[[int, float], None],
        checkpoint: Path | None,
        identity: str,
    ) -> TrainingResult:
        network = self._built(architecture)
        if "n_params" not in trial.user_attrs:
            sizes = [weight.numel() for weight in network.parameters() if weight.requires_grad]
            trial.set_user_attr("n_params", sum(sizes))
        return train(network, self.data, self.config, report, checkpoint, identity)

    def _built(self, architecture: Any) -> torch.nn.Module:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(self.config.seed)
            return self.space.build(architecture)

    def _checkpoint(self, identity: str) -> Path | None:
        if self.checkpoints is None:
            return None
        return self.checkpoints / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.pt"


def _remove(checkpoint: Path | None) -> None:
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)


def _takes_too_much(error: RuntimeError) -> bool:
    """Whether a run failed for time or memory."""
    return isinstance(error, TrainingTimeoutError) or is_out_of_memory(error)

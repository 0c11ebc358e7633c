"""A weight-sharing supernet: trained once on random architectures, then evaluated for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna
from torch import nn

from optuna_lanas._checks import check_function
from optuna_lanas._checks import check_rng
from optuna_lanas._checks import check_type
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training._batches import MemoryBatches
from optuna_lanas.training._state import initial_state
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.loop import accuracy
from optuna_lanas.training.loop import check_data
from optuna_lanas.training.loop import check_network
from optuna_lanas.training.loop import forked_rng
from optuna_lanas.training.loop import resolve_device
from optuna_lanas.training.loop import run_epochs


Draw = Callable[[np.random.Generator], CellArchitecture]


def random_architecture(space: CellSpace) -> Draw:
    """Return a function that draws an architecture of the space uniformly at random.

    Example:
        ::

            draw = random_architecture(CellSpace.nasnet())
            draw(np.random.default_rng(0))
    """
    check_type("space", space, CellSpace, "a CellSpace", "Pass CellSpace.nasnet().")

    def draw(rng: np.random.Generator) -> CellArchitecture:
        architecture = space.architecture(space.sample(rng))
        assert architecture is not None, "A space samples valid architectures only."
        return architecture

    return draw


def train_supernet(
    supernet: nn.Module,
    draw: Draw,
    data: ImageData,
    config: TrainingConfig,
    rng: np.random.Generator,
) -> None:
    """Train a supernet in place, each batch with another random architecture.

    With ``config.ema_decay``, the supernet has the moving average of its weights in the end.

    Args:
        supernet: A network of ``CellSpace.build_supernet``, untrained or trained before.
        draw: Draws an architecture; :func:`random_architecture` draws from the whole space.
        data: The images.
        config: The settings of the training run.
        rng: Draws the architectures.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``config.device`` is unknown.
        TrainingTimeoutError: If the training takes longer than ``config.max_seconds``.

    Example:
        ::

            digits = load_images("digits")
            network = CellNetworkConfig(in_channels=1, channels=8, n_cells=3)
            space = CellSpace.nasnet(n_blocks=2, network=network)
            supernet = space.build_supernet()
            config = TrainingConfig(n_epochs=10, crops=False)
            rng = np.random.default_rng(0)
            train_supernet(supernet, random_architecture(space), digits, config, rng)
    """
    check_network("supernet", supernet)
    rule = "a function from a random generator to an architecture"
    check_function("draw", draw, rule, "Pass random_architecture(space).")
    check_data(data, config, has_folders=False)
    check_rng("rng", rng)
    device = resolve_device(config.device)
    with forked_rng(device):
        batches = MemoryBatches(data, config, device)
        state = initial_state(supernet, config, batches.n_steps, device)
        for _ in run_epochs(state, lambda images: supernet(images, draw(rng)), batches, config):
            pass  # a supernet is evaluated for single architectures, after training
    state.take_average()


class SupernetObjective:
    """The validation accuracy of a trial's architecture with the supernet's weights.

    Maximise it. Batch normalisation uses the statistics of each batch: the running statistics
    mix all architectures.

    Args:
        space: The space of the supernet.
        supernet: A trained supernet.
        data: The images.
        config: The settings that the supernet was trained with.

    Example:
        ::

            objective = SupernetObjective(space, supernet, digits, config)
            study = optuna.create_study(direction="maximize", sampler=LaNASSampler(space=space))
            study.optimize(objective, n_trials=100)
    """

    def __init__(
        self, space: CellSpace, supernet: nn.Module, data: ImageData, config: TrainingConfig
    ) -> None:
        check_type("space", space, CellSpace, "a CellSpace", "Pass the supernet's space.")
        check_network("supernet", supernet)
        check_data(data, config, has_folders=False)
        self.space = space
        self.supernet = supernet
        self._batches = MemoryBatches(data, config, resolve_device(config.device))

    def __call__(self, trial: optuna.Trial) -> float:
        """Return the validation accuracy of the trial's architecture."""
        return self.accuracy(self.space.suggest(trial))

    def accuracy(self, architecture: CellArchitecture) -> float:
        """Return the share of validation images whose class is predicted, in 0 .. 1."""
        self.supernet.train()
        batches = self._batches.validation()
        return accuracy(lambda images: self.supernet(images, architecture), batches)

"""PyTorch Lightning with its pruning callback, before and after: the sampler's line differs.

    pip install 'optuna-integration[pytorch-lightning]' torch
    python -m examples.dropin.lightning_pruning

The callback reports the validation accuracy of every epoch to the trial and asks the study's
pruner. It works with any sampler.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import lru_cache
import logging
from typing import Any
import warnings

import lightning
import optuna
from optuna.samplers import BaseSampler
from optuna_integration import PyTorchLightningPruningCallback
from sklearn.datasets import load_digits
import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import TensorDataset

from optuna_lanas import LaNASSampler


N_EPOCHS = 6


class Digits(lightning.LightningModule):
    """A network of one hidden layer for handwritten digits."""

    def __init__(self, width: int, dropout: float, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(64, width),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(width, 10),
        )

    def training_step(self, batch: Any, index: int) -> Any:
        images, digits = batch
        return functional.cross_entropy(self.layers(images), digits)

    def validation_step(self, batch: Any, index: int) -> None:
        images, digits = batch
        self.log("accuracy", (self.layers(images).argmax(dim=1) == digits).float().mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.rate)


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune the network with both samplers; print the accuracy and the number of pruned trials."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.lightning_pruning")
    parser.add_argument("--trials", type=int, default=30)
    n_trials = parser.parse_args(arguments).trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")  # about the number of its workers
    print("before (TPE):  ", summary(tune(optuna.samplers.TPESampler(seed=0), n_trials)))
    print("after  (LaNAS):", summary(tune(LaNASSampler(seed=0), n_trials)))


def tune(sampler: BaseSampler, n_trials: int) -> optuna.Study:
    """Return a study of the network's validation accuracy."""
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=n_trials)
    return study


def objective(trial: optuna.Trial) -> float:
    """Return the validation accuracy of the network that a trial suggests."""
    lightning.seed_everything(0, verbose=False)
    network = Digits(
        width=trial.suggest_int("width", 4, 128, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.7),
        rate=trial.suggest_float("rate", 1e-5, 1e-1, log=True),
    )
    trainer = lightning.Trainer(
        max_epochs=N_EPOCHS,
        accelerator="cpu",
        callbacks=[PyTorchLightningPruningCallback(trial, monitor="accuracy")],
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
    )
    train, valid = _data()
    trainer.fit(network, DataLoader(train, 64, shuffle=True), DataLoader(valid, len(valid)))
    return float(trainer.callback_metrics["accuracy"])


def summary(study: optuna.Study) -> str:
    """Return the best accuracy and the number of pruned trials, in words."""
    n_pruned = len(study.get_trials(states=[optuna.trial.TrialState.PRUNED], deepcopy=False))
    return f"{study.best_value:.4f}, {n_pruned} of {len(study.trials)} trials pruned"


@lru_cache(maxsize=1)
def _data() -> tuple[TensorDataset, TensorDataset]:
    images, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    return TensorDataset(x[:1200], y[:1200]), TensorDataset(x[1200:], y[1200:])


if __name__ == "__main__":
    main()

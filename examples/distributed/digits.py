"""The objective of this folder's examples: a small network for handwritten digits."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


N_EPOCHS = 15


def objective(trial: optuna.Trial) -> float:
    """Return the validation accuracy of the network that a trial suggests."""
    n_layers = trial.suggest_int("n_layers", 1, 3)
    return accuracy(
        widths=[trial.suggest_int(f"width_{i}", 8, 128, log=True) for i in range(n_layers)],
        activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
    )


def accuracy(widths: list[int], activation: str, learning_rate: float) -> float:
    """Return the validation accuracy of a network that was trained for `N_EPOCHS`."""
    train_x, valid_x, train_y, valid_y = _data()
    network = MLPClassifier(
        hidden_layer_sizes=widths,
        activation=activation,
        learning_rate_init=learning_rate,
        random_state=0,
    )
    for _ in range(N_EPOCHS):
        network.partial_fit(train_x, train_y, classes=range(10))
    return float(network.score(valid_x, valid_y))


def report(study: optuna.Study) -> None:
    """Print what a study has found."""
    trials = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    distinct = len({tuple(sorted(trial.params.items())) for trial in trials})
    print(f"{len(trials)} trials of {distinct} configurations; best: {study.best_value:.4f}")
    print(f"with {study.best_params}")


@lru_cache(maxsize=1)
def _data() -> list[Any]:
    x, y = load_digits(return_X_y=True)
    split: list[Any] = train_test_split(
        x.astype(np.float64) / 16, y, test_size=0.5, random_state=0
    )
    return split

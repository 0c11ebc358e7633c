"""The three searches that the gallery shows: conditional, numeric, and of architectures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_diabetes
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.tables import NASBench201Table


N_IMAGES = 400
SPACE = NASBench201Space()


def studies() -> dict[str, optuna.Study]:
    """Return the finished searches by name."""
    return {"conditional": conditional(), "numeric": numeric(), "architectures": architectures()}


def conditional(n_trials: int = 100) -> optuna.Study:
    """Choose and tune a classifier of handwritten digits, each with parameters of its own."""
    sampler = LaNASSampler(seed=1)
    return _searched(classifier, n_trials, "maximize", "accuracy", sampler)


def numeric(n_trials: int = 100) -> optuna.Study:
    """Tune gradient boosting on diabetes data, five numeric parameters."""
    sampler = LaNASSampler(seed=0)
    return _searched(boosting, n_trials, "minimize", "mean squared error", sampler)


def architectures(n_trials: int = 150) -> optuna.Study:
    """Search the cells of NAS-Bench-201 by their measured accuracies on CIFAR-100."""
    table = NASBench201Table("cifar100")

    def accuracy(trial: optuna.Trial) -> float:
        return float(table.query(SPACE.suggest(trial)).validation_accuracy or "nan")

    sampler = LaNASSampler(space=SPACE, seed=0)
    return _searched(accuracy, n_trials, "maximize", "validation accuracy", sampler)


def classifier(trial: optuna.Trial) -> float:
    name = trial.suggest_categorical("model", ["forest", "neighbours", "svm"])
    if name == "forest":
        model: Any = RandomForestClassifier(
            n_estimators=trial.suggest_int("forest_trees", 5, 60, log=True),
            max_depth=trial.suggest_int("forest_depth", 1, 16),
            random_state=0,
        )
    elif name == "neighbours":
        model = KNeighborsClassifier(
            n_neighbors=trial.suggest_int("neighbours_k", 1, 40),
            weights=trial.suggest_categorical("neighbours_weights", ["uniform", "distance"]),
        )
    else:
        kernel = trial.suggest_categorical("svm_kernel", ["linear", "poly", "rbf"])
        gamma = trial.suggest_float("svm_gamma", 1e-5, 1e-1, log=True) if kernel == "rbf" else 0.01
        model = SVC(
            C=trial.suggest_float("svm_C", 1e-3, 1e2, log=True), kernel=kernel, gamma=gamma
        )
    scale = trial.suggest_categorical("scale", [False, True])
    images, labels = _digits()
    pipeline = make_pipeline(StandardScaler(), model) if scale else model
    return float(cross_val_score(pipeline, images, labels, cv=3).mean())


def boosting(trial: optuna.Trial) -> float:
    model = HistGradientBoostingRegressor(
        learning_rate=trial.suggest_float("learning_rate", 1e-3, 1.0, log=True),
        max_iter=trial.suggest_int("max_iter", 10, 100),
        max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 2, 64, log=True),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 100),
        l2_regularization=trial.suggest_float("l2_regularization", 1e-3, 1e3, log=True),
        random_state=0,
    )
    features, target = load_diabetes(return_X_y=True)
    scores = cross_val_score(model, features, target, cv=3, scoring="neg_mean_squared_error")
    return float(-scores.mean())


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = load_digits(return_X_y=True)
    return images[:N_IMAGES], labels[:N_IMAGES]


def _searched(
    objective: Callable[[optuna.Trial], float],
    n_trials: int,
    direction: str,
    name: str,
    sampler: LaNASSampler,
) -> optuna.Study:
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.set_metric_names([name])
    study.optimize(objective, n_trials=n_trials)
    return study

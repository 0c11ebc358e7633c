"""Objectives of `conditional` that train scikit-learn's models on the data that it comes with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
import warnings

import numpy as np
from optuna.trial import BaseTrial


MAX_LOSS = 3.0  # of a model that is sure of the wrong class


def digits(seed: int) -> Callable[[BaseTrial], float]:
    """Return the error of one of four models on held-out digits, as an objective."""

    def objective(trial: BaseTrial) -> float:
        train, test, train_labels, test_labels = _split("digits", seed)
        model = _fitted(_classifier(trial), train, train_labels)
        return 1.0 - float(model.score(test, test_labels))

    return objective


def pipeline(seed: int) -> Callable[[BaseTrial], float]:
    """Return the log loss of a preprocessing and a model on held-out tumours, as an objective."""

    def objective(trial: BaseTrial) -> float:
        from sklearn.pipeline import make_pipeline

        model = make_pipeline(*_preprocessing(trial), _probabilistic(trial))
        return _log_loss(model, "breast_cancer", seed)

    return objective


def network(seed: int) -> Callable[[BaseTrial], float]:
    """Return the log loss of a network on held-out digits, as an objective."""

    def objective(trial: BaseTrial) -> float:
        from sklearn.neural_network import MLPClassifier

        n_layers = trial.suggest_int("n_layers", 1, 4)
        widths = [trial.suggest_int(f"width_{i}", 4, 128, log=True) for i in range(n_layers)]
        optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
        if optimizer == "sgd":
            own = {
                "learning_rate_init": trial.suggest_float("sgd_rate", 1e-4, 1.0, log=True),
                "momentum": trial.suggest_float("momentum", 0.0, 0.99),
                "nesterovs_momentum": trial.suggest_categorical("nesterov", [False, True]),
            }
        else:
            own = {
                "learning_rate_init": trial.suggest_float("adam_rate", 1e-5, 0.1, log=True),
                "beta_1": 1.0 - trial.suggest_float("one_minus_beta_1", 1e-2, 0.5, log=True),
                "beta_2": 1.0 - trial.suggest_float("one_minus_beta_2", 1e-4, 0.1, log=True),
            }
        model = MLPClassifier(
            widths,
            activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
            solver=optimizer,
            alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
            batch_size=trial.suggest_int("batch_size", 16, 256, log=True),
            max_iter=10,
            random_state=0,
            **own,
        )
        return _log_loss(model, "digits", seed)

    return objective


def _classifier(trial: BaseTrial) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    family = trial.suggest_categorical("family", ["logistic", "neighbours", "forest", "svm"])
    if family == "logistic":
        c = trial.suggest_float("logistic_c", 1e-4, 1e2, log=True)
        return LogisticRegression(C=c, max_iter=50)
    if family == "neighbours":
        return KNeighborsClassifier(
            trial.suggest_int("n_neighbours", 1, 50, log=True),
            weights=trial.suggest_categorical("weights", ["uniform", "distance"]),
            p=trial.suggest_float("power", 1.0, 4.0),
        )
    if family == "forest":
        return RandomForestClassifier(
            trial.suggest_int("n_trees", 4, 64, log=True),
            max_depth=trial.suggest_int("max_depth", 2, 20),
            max_features=trial.suggest_float("max_features", 0.05, 1.0),
            random_state=0,
        )
    kernel = trial.suggest_categorical("kernel", ["rbf", "poly", "sigmoid"])
    return SVC(
        C=trial.suggest_float("svm_c", 1e-3, 1e3, log=True),
        kernel=kernel,
        gamma=trial.suggest_float("gamma", 1e-5, 1e1, log=True),
        degree=trial.suggest_int("degree", 2, 5) if kernel == "poly" else 3,
        coef0=trial.suggest_float("coef0", -1.0, 1.0) if kernel != "rbf" else 0.0,
    )


def _preprocessing(trial: BaseTrial) -> list[Any]:
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.preprocessing import StandardScaler

    kind = trial.suggest_categorical("scaling", ["none", "standard", "quantile"])
    steps: list[Any] = [StandardScaler()] if kind == "standard" else []
    if kind == "quantile":
        n_quantiles = trial.suggest_int("n_quantiles", 5, 200, log=True)
        steps.append(QuantileTransformer(n_quantiles=n_quantiles))
    reduction = trial.suggest_categorical("reduction", ["none", "pca", "best"])
    if reduction == "pca":
        whiten = trial.suggest_categorical("whiten", [False, True])
        steps.append(PCA(trial.suggest_int("n_components", 1, 20), whiten=whiten, random_state=0))
    elif reduction == "best":
        steps.append(SelectKBest(k=trial.suggest_int("n_best", 1, 30)))
    return steps


def _probabilistic(trial: BaseTrial) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    family = trial.suggest_categorical("model", ["bayes", "boosting", "logistic", "neighbours"])
    if family == "bayes":
        return GaussianNB(var_smoothing=trial.suggest_float("smoothing", 1e-12, 1.0, log=True))
    if family == "boosting":
        return HistGradientBoostingClassifier(
            learning_rate=trial.suggest_float("boosting_rate", 1e-3, 1.0, log=True),
            max_iter=trial.suggest_int("n_trees", 4, 64, log=True),
            max_leaf_nodes=trial.suggest_int("n_leaves", 2, 64, log=True),
            l2_regularization=trial.suggest_float("boosting_penalty", 1e-6, 10.0, log=True),
            random_state=0,
        )
    if family == "logistic":
        c = trial.suggest_float("logistic_c", 1e-4, 1e4, log=True)
        return LogisticRegression(C=c, max_iter=100)
    return KNeighborsClassifier(
        trial.suggest_int("n_neighbours", 1, 100, log=True),
        weights=trial.suggest_categorical("weights", ["uniform", "distance"]),
        p=trial.suggest_float("power", 1.0, 4.0),
    )


def _log_loss(model: Any, data: str, seed: int) -> float:
    from sklearn.metrics import log_loss

    train, test, train_labels, test_labels = _split(data, seed)
    predicted = _fitted(model, train, train_labels).predict_proba(test)
    if not np.isfinite(predicted).all():
        return MAX_LOSS
    return min(float(log_loss(test_labels, predicted)), MAX_LOSS)


def _fitted(model: Any, samples: np.ndarray, labels: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence, and of rates that are too great
        return model.fit(samples, labels)


@cache
def _split(data: str, seed: int) -> Any:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    samples, labels = getattr(datasets, f"load_{data}")(return_X_y=True)
    samples = samples / 16.0 if data == "digits" else samples
    n_train = {"digits": 500, "breast_cancer": 250}[data]
    return train_test_split(
        samples, labels, train_size=n_train, stratify=labels, random_state=seed
    )

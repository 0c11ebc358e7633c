"""A scikit-learn pipeline tuned by `OptunaSearchCV`, before and after: the sampler's line differs.

pip install 'optuna-integration[sklearn]'
python -m examples.dropin.search_cv
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler
from optuna_integration import OptunaSearchCV
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from optuna_lanas import LaNASSampler


DISTRIBUTIONS = {
    "pca__n_components": IntDistribution(5, 60),
    "svc__kernel": CategoricalDistribution(["rbf", "poly", "sigmoid"]),
    "svc__C": FloatDistribution(1e-2, 1e3, log=True),
    "svc__gamma": FloatDistribution(1e-5, 1e-1, log=True),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune the pipeline with both samplers and print their cross-validated accuracies."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.search_cv")
    parser.add_argument("--trials", type=int, default=30)
    n_trials = parser.parse_args(arguments).trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(f"before (TPE):   {accuracy(optuna.samplers.TPESampler(seed=0), n_trials):.4f}")
    print(f"after  (LaNAS): {accuracy(LaNASSampler(seed=0), n_trials):.4f}")


def accuracy(sampler: BaseSampler, n_trials: int) -> float:
    """Return the best mean accuracy of three folds."""
    search = OptunaSearchCV(
        make_pipeline(StandardScaler(), PCA(random_state=0), SVC()),
        DISTRIBUTIONS,
        cv=3,
        n_trials=n_trials,
        random_state=0,
        study=optuna.create_study(direction="maximize", sampler=sampler),
    )
    images, digits = load_digits(return_X_y=True)
    search.fit(images[:600], digits[:600])
    return float(search.best_score_)


if __name__ == "__main__":
    main()

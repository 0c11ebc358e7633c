"""Ray Tune with LaNAS as its search algorithm.

    pip install 'optuna_lanas[ray]'
    python -m examples.distributed.ray_tune

Ray starts the trials, on this machine or on its cluster, and asks the sampler for each one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import optuna
from ray import tune
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch

from examples.distributed.digits import accuracy
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the search and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.ray_tune")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--concurrent", type=int, default=2, help="trials at once")
    options = parser.parse_args(arguments)
    search = OptunaSearch(suggest, sampler=LaNASSampler(seed=0), metric="accuracy", mode="max")
    tuner = tune.Tuner(
        train,
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(search, options.concurrent), num_samples=options.trials
        ),
    )
    best = tuner.fit().get_best_result(metric="accuracy", mode="max")
    assert best.metrics is not None, "every trial reports its accuracy"
    print(f"best: {best.metrics['accuracy']:.4f} with {best.config}")


def suggest(trial: optuna.Trial) -> None:
    """Suggest the parameters of a network; Ray passes them to `train`."""
    n_layers = trial.suggest_int("n_layers", 1, 3)
    for i in range(n_layers):
        trial.suggest_int(f"width_{i}", 8, 128, log=True)
    trial.suggest_categorical("activation", ["relu", "tanh", "logistic"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)


def train(config: dict[str, Any]) -> dict[str, float]:
    """Train the network of a configuration."""
    widths = [config[f"width_{i}"] for i in range(config["n_layers"])]
    return {"accuracy": accuracy(widths, config["activation"], config["learning_rate"])}


if __name__ == "__main__":
    main()

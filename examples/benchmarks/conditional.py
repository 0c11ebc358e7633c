"""Conditional spaces: which parameters a trial asks for depends on the values of others.

- `conditional-optimizer`: one of four optimizers, then its own parameters. A synthetic function,
  whose optimum is drawn from the seed.
- `conditional-layers`: the number of layers, then each layer's width and activation. A synthetic
  function.
- `conditional-digits`: one of four scikit-learn models, then its own parameters. The value is its
  error on held-out images of handwritten digits; the split is drawn from the seed.
- `conditional-pipeline`: a preprocessing, a model, and the parameters of both. The value is the
  log loss on held-out samples of the breast cancer data.
- `conditional-network`: a network of a variable number of layers, and one of two optimizers with
  its own parameters. The value is the log loss on held-out images of digits.

    python -m examples.benchmarks.conditional --seeds 10 --trials 100

compares LaNAS with random search and with TPE that groups the parameters (``group=True``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import fmean
from statistics import median
from statistics import stdev
import warnings

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import BaseTrial

from examples.benchmarks.conditional_models import digits
from examples.benchmarks.conditional_models import network
from examples.benchmarks.conditional_models import pipeline
from examples.benchmarks.counts import positive
from examples.benchmarks.problem import Problem
from optuna_lanas import LaNASSampler


# The median of 200 random trials, and a bound that no model reaches, of problems with real data.
MODELS = {
    "conditional-digits": (digits, 0.07),
    "conditional-pipeline": (pipeline, 0.42),
    "conditional-network": (network, 2.29),
}
SYNTHETIC = ("conditional-optimizer", "conditional-layers")
NAMES = [*SYNTHETIC, *MODELS]
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "lanas": lambda seed: LaNASSampler(seed=seed),
    "tpe-group": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
N_MEDIAN = 1000
OPTIMIZERS: dict[str, dict[str, tuple[float, float]]] = {
    "sgd": {"rate": (1e-4, 1.0)},
    "momentum": {"rate": (1e-4, 1.0), "one_minus_momentum": (1e-3, 0.5)},
    "rmsprop": {"rate": (1e-6, 1e-1), "one_minus_decay": (1e-3, 0.5), "epsilon": (1e-10, 1e-2)},
    "adam": {
        "rate": (1e-6, 1e-1),
        "one_minus_beta_1": (1e-3, 0.5),
        "one_minus_beta_2": (1e-4, 0.1),
        "epsilon": (1e-10, 1e-2),
    },
}
N_LAYERS, WIDTHS = (1, 6), (8, 512)
ACTIVATIONS = ("relu", "gelu", "tanh", "swish")


def load(name: str, seed: int) -> Problem:
    """Return an instance of the problem of that name."""
    if name in MODELS:
        make_models, median_of_random = MODELS[name]
        objective = make_models(seed)
        return Problem(name, "conditional", "minimize", objective, 0.0, median_of_random)
    make = {"conditional-optimizer": _optimizer, "conditional-layers": _layers}[name]
    objective = make(np.random.default_rng([seed, sum(name.encode())]))
    study = _run(objective, optuna.samplers.RandomSampler(seed=seed), N_MEDIAN)
    values = [trial.value for trial in study.trials if trial.value is not None]
    return Problem(name, "conditional", "minimize", objective, 0.0, median(values))


def _optimizer(rng: np.random.Generator) -> Callable[[BaseTrial], float]:
    names = list(OPTIMIZERS)
    floors = dict(zip(names, rng.permutation([0.0, 0.1, 0.3, 0.6]), strict=True))
    best = {
        (optimizer, name): rng.uniform(0.15, 0.85)
        for optimizer, own in OPTIMIZERS.items()
        for name in ("weight_decay", *own)
    }

    def objective(trial: BaseTrial) -> float:
        optimizer = trial.suggest_categorical("optimizer", names)
        places = {"weight_decay": _place(trial, "weight_decay", 1e-6, 1e-1)}
        for name, (low, high) in OPTIMIZERS[optimizer].items():
            places[name] = _place(trial, f"{optimizer}_{name}", low, high)
        misses = [(place - best[optimizer, name]) ** 2 for name, place in places.items()]
        return float(floors[optimizer] + np.log1p(10.0 * sum(misses)))

    return objective


def _layers(rng: np.random.Generator) -> Callable[[BaseTrial], float]:
    best_n = int(rng.integers(2, N_LAYERS[1] + 1))
    best_width = rng.uniform(0.15, 0.85, N_LAYERS[1])
    best_activation = rng.integers(len(ACTIVATIONS), size=N_LAYERS[1])

    def objective(trial: BaseTrial) -> float:
        n_layers = trial.suggest_int("n_layers", *N_LAYERS)
        loss = 0.3 * abs(n_layers - best_n)
        for i in range(n_layers):
            width = np.log(trial.suggest_int(f"width_{i}", *WIDTHS, log=True) / WIDTHS[0])
            place = width / np.log(WIDTHS[1] / WIDTHS[0])
            activation = trial.suggest_categorical(f"activation_{i}", ACTIVATIONS)
            loss += 2.0 * (place - best_width[i]) ** 2
            loss += 0.1 * (activation != ACTIVATIONS[best_activation[i]])
        return float(loss)

    return objective


def _place(trial: BaseTrial, name: str, low: float, high: float) -> float:
    value = trial.suggest_float(name, low, high, log=True)
    return float(np.log(value / low) / np.log(high / low))


def _run(
    objective: Callable[[BaseTrial], float], sampler: BaseSampler, n_trials: int
) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return study


def _main() -> None:
    parser = argparse.ArgumentParser(description="Compare samplers on conditional spaces.")
    parser.add_argument("--seeds", type=positive, default=10)
    parser.add_argument("--trials", type=positive, default=100)
    parser.add_argument("--problems", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    n_trials, n_seeds = arguments.trials, arguments.seeds
    print(f"Best value of {n_trials} trials (in brackets: half as many), {n_seeds} seeds:")
    for name in arguments.problems:
        for sampler in arguments.samplers:
            best, half = [], []
            for seed in range(arguments.seeds):
                study = _run(load(name, seed).objective, SAMPLERS[sampler](seed), arguments.trials)
                values = [t.value for t in study.trials if t.value is not None]
                best.append(min(values))
                half.append(min(values[: len(values) // 2]))
            spread = stdev(best) if len(best) > 1 else 0.0
            print(f"{name:22} {sampler:10} {fmean(best):.4f} ± {spread:.4f} ({fmean(half):.4f})",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    _main()

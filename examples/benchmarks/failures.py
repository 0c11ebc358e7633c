"""Samplers on objectives that fail: in a region, at random, or both.

`python -m examples.benchmarks.failures` prints, for each objective, each sampler's best loss, its
mean difference from TPE's with the standard error over paired seeds, and the share of trials that
failed after the first ten.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import math

import numpy as np
import optuna
from optuna.trial import TrialState

from optuna_lanas import LaNASSampler


SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "lanas": lambda seed: LaNASSampler(seed=seed),
    "lanas-off": lambda seed: LaNASSampler(seed=seed, consider_failed_trials=False),
}
OBJECTIVES = {  # the memory limit, and the share of trials that crash at random
    "memory": (1.9, 0.0),
    "less memory": (1.5, 0.0),
    "random": (math.inf, 0.2),
    "both": (1.9, 0.2),
}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.failures")
    parser.add_argument("--objectives", nargs="+", choices=list(OBJECTIVES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for name in options.objectives or OBJECTIVES:
        runs = {
            sampler: np.array([run(name, sampler, seed, options.trials) for seed in seeds])
            for sampler in SAMPLERS
        }
        for sampler, found in runs.items():
            best, failed = found.mean(axis=0)
            difference = found[:, 0] - runs["tpe"][:, 0]
            error = difference.std(ddof=1) / math.sqrt(len(seeds)) if len(seeds) > 1 else math.nan
            print(
                f"{name:11} {sampler:9} best {best:.4f}  "
                f"to TPE's {difference.mean():+.4f} ({error:.4f})  failed {failed:.2f}",
                flush=True,
            )


def run(name: str, sampler: str, seed: int, n_trials: int) -> tuple[float, float]:
    """Return the best loss of a study, and the share of its later trials that failed."""
    limit, crash = OBJECTIVES[name]
    centre = np.random.default_rng(seed).uniform(0.3, 0.7, 2)

    def objective(trial: optuna.Trial) -> float:
        width = math.log2(trial.suggest_int("width", 8, 1024, log=True)) / 7 - 3 / 7
        depth = (trial.suggest_int("depth", 1, 16) - 1) / 15
        batch = math.log2(trial.suggest_int("batch", 8, 512, log=True)) / 6 - 0.5
        rate = math.log10(trial.suggest_float("rate", 1e-5, 1e-1, log=True)) / 4 + 1.25
        activation = trial.suggest_categorical("activation", range(3))
        if 2.0 * width + 0.8 * depth + batch > limit:
            raise MemoryError
        if np.random.default_rng([seed, trial.number]).random() < crash:
            raise RuntimeError("a crash at random")
        size = 0.8 * (1 - width) ** 2 + 0.5 * (1 - depth) ** 2
        speed = (batch - centre[0] - 0.2) ** 2 + 2.0 * (rate - centre[1]) ** 2
        return float(size + speed + 0.05 * abs(activation - seed % 3))

    study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    study.optimize(objective, n_trials=n_trials, catch=(MemoryError, RuntimeError))
    failed = [trial.state == TrialState.FAIL for trial in study.trials[10:]]
    return study.best_value, float(np.mean(failed))


if __name__ == "__main__":
    main()

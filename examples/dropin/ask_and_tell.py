"""Ask and tell: batches that are evaluated outside Optuna, as in a notebook or a laboratory.

    python -m examples.dropin.ask_and_tell

Before and after differ in the sampler's line. Pending trials count as visits without a value, so
the trials of a batch differ from each other.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import optuna
from optuna.samplers import BaseSampler

from optuna_lanas import LaNASSampler


DISTRIBUTIONS: dict[str, optuna.distributions.BaseDistribution] = {
    "temperature": optuna.distributions.FloatDistribution(20.0, 90.0),
    "minutes": optuna.distributions.IntDistribution(5, 60, step=5),
    "solvent": optuna.distributions.CategoricalDistribution(["water", "ethanol", "acetone"]),
}
EFFECT = {"water": 0.6, "ethanol": 0.9, "acetone": 0.7}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run batches with both samplers and print the best yield."""
    parser = argparse.ArgumentParser(prog="python -m examples.dropin.ask_and_tell")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--size", type=int, default=4, help="trials of a batch")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    before = search(optuna.samplers.TPESampler(seed=0), options.batches, options.size)
    after = search(LaNASSampler(seed=0), options.batches, options.size)
    print(f"before (TPE):   {before.best_value:.4f} with {before.best_params}")
    print(f"after  (LaNAS): {after.best_value:.4f} with {after.best_params}")


def search(sampler: BaseSampler, n_batches: int, size: int) -> optuna.Study:
    """Return a study of batches: ask for each, evaluate its trials, tell their values."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(n_batches):
        batch = [study.ask(DISTRIBUTIONS) for _ in range(size)]
        for trial in batch:
            study.tell(trial, reaction_yield(**trial.params))
    return study


def reaction_yield(temperature: float, minutes: int, solvent: str) -> float:
    """Return the yield of an invented reaction, between 0 and 1."""
    warmth = 1.0 - ((temperature - 64.0) / 70.0) ** 2
    patience = minutes / (minutes + 10.0)
    return EFFECT[solvent] * warmth * patience


if __name__ == "__main__":
    main()

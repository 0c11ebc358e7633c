"""One run: a sampler on a problem at a seed, trial by trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
import time

import numpy as np
import optuna
from optuna.trial import TrialState

from examples.benchmarks.catalogue import load
from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from examples.benchmarks.samplers import OPTUNA
from examples.benchmarks.samplers import PEERS


N_WHOLE = 2_000


@dataclass(frozen=True)
class Run:
    """What to run. With `until_optimum`, the run ends at the trial that finds the optimum."""

    problem: str
    sampler: str
    seed: int
    n_trials: int
    until_optimum: bool = False


@dataclass(frozen=True)
class Row:
    """A trial of a run.

    Attributes:
        trial: Its number, from 1.
        value: The objective's value, NaN for an invalid configuration.
        regret: The normalised regret of the best value so far, NaN before the first one.
        distinct: How many distinct valid configurations the run has evaluated so far.
        seconds: What the trial took; the objective is a look-up, so this is the sampler's time.
    """

    trial: int
    value: float
    regret: float
    distinct: int
    seconds: float


def execute(run: Run) -> list[Row]:
    """Returns the rows of a run.

    Of a long run, only every hundredth row and those that set a new best are kept after
    `N_WHOLE` trials, and the last.
    """
    problem = load(run.problem, run.seed)
    evaluations = _in_study(problem, run) if run.sampler in OPTUNA else _with_peer(problem, run)
    rows: list[Row] = []
    for row in _rows(problem, evaluations):
        is_last = row.trial == run.n_trials or (run.until_optimum and row.regret <= 0)
        is_new_best = bool(rows) and row.regret < rows[-1].regret
        if row.trial <= N_WHOLE or row.trial % 100 == 0 or is_new_best or is_last:
            rows.append(row)
        if is_last:
            break
    return rows


def _rows(problem: Problem, evaluations: Iterator[tuple[Params, float, float]]) -> Iterator[Row]:
    best = max if problem.direction == "maximize" else min
    incumbent, keys = math.nan, set()
    for trial, (params, value, seconds) in enumerate(evaluations, start=1):
        if not math.isnan(value):
            keys.add(problem.key(params))
            incumbent = value if math.isnan(incumbent) else best(incumbent, value)
        regret = problem.normalised_regret(incumbent)
        yield Row(trial, value, regret, len(keys), seconds)


def _in_study(problem: Problem, run: Run) -> Iterator[tuple[Params, float, float]]:
    sampler = OPTUNA[run.sampler](problem, run.seed)
    study = optuna.create_study(direction=problem.direction, sampler=sampler)
    while True:
        start = time.perf_counter()
        trial = study.ask()
        try:
            value = problem.objective(trial)
            study.tell(trial, value)
        except optuna.TrialPruned:
            value = math.nan
            study.tell(trial, state=TrialState.PRUNED)
        yield trial.params, value, time.perf_counter() - start


def _with_peer(problem: Problem, run: Run) -> Iterator[tuple[Params, float, float]]:
    task = Task(problem.distributions(), problem.key)
    propose, rng = PEERS[run.sampler](task), np.random.default_rng(run.seed)
    sign = 1.0 if problem.direction == "maximize" else -1.0
    history: list[Sample] = []
    while True:
        start = time.perf_counter()
        params = propose(history, rng)
        value = problem.evaluate(params)
        history.append(Sample(params, sign * value, problem.key(params)))
        yield params, value, time.perf_counter() - start

"""One run: a sampler on a problem at a seed, trial by trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
import time

import numpy as np
import optuna
from optuna.samplers import BaseSampler
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
        regret: The normalised regret of the best value so far, NaN before the first value.
        distinct: The number of distinct valid configurations so far.
        seconds: Time of the trial; the objective is a look-up, so this is the sampler's time.
    """

    trial: int
    value: float
    regret: float
    distinct: int
    seconds: float


def execute(run: Run, sampler: BaseSampler | None = None) -> list[Row]:
    """Return the rows of a run.

    All rows of the first `N_WHOLE` trials are kept. Of later trials, every hundredth row, the rows
    of a new best value and the last one are kept.

    Args:
        run: What to run.
        sampler: The sampler; None for the one that the run names.
    """
    problem = load(run.problem, run.seed)
    if sampler is None and run.sampler in PEERS:
        evaluations = _with_peer(problem, run)
    else:
        sampler = sampler or OPTUNA[run.sampler](problem, run.seed)
        evaluations = _in_study(problem, sampler)
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


def _in_study(problem: Problem, sampler: BaseSampler) -> Iterator[tuple[Params, float, float]]:
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

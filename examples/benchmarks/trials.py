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
from examples.benchmarks.nasbench101 import TRAINING_TIME
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
        training_time: Simulated seconds of training of all trials so far, NaN where unknown.
    """

    trial: int
    value: float
    regret: float
    distinct: int
    seconds: float
    training_time: float = math.nan


@dataclass(frozen=True)
class Evaluation:
    """What a trial was; the value is NaN for an invalid or a pruned one."""

    params: Params
    value: float
    seconds: float
    training_time: float = math.nan


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


def _rows(problem: Problem, evaluations: Iterator[Evaluation]) -> Iterator[Row]:
    sign = 1.0 if problem.direction == "maximize" else -1.0
    best, incumbent, training_time, keys = -math.inf, math.nan, 0.0, set()
    for trial, found in enumerate(evaluations, start=1):
        training_time += found.training_time
        if not math.isnan(found.value):
            keys.add(problem.key(found.params))
            if sign * found.value > best:
                best = sign * found.value
                incumbent = found.value if problem.report is None else problem.report(found.params)
        regret = problem.normalised_regret(incumbent)
        yield Row(trial, found.value, regret, len(keys), found.seconds, training_time)


def _in_study(problem: Problem, sampler: BaseSampler) -> Iterator[Evaluation]:
    pruner = problem.pruner() if problem.pruner else None
    study = optuna.create_study(direction=problem.direction, sampler=sampler, pruner=pruner)
    while True:
        start = time.perf_counter()
        trial = study.ask()
        unknown = math.nan
        try:
            value = problem.objective(trial)
            study.tell(trial, value)
        except optuna.TrialPruned:
            value, unknown = math.nan, 0.0  # nothing was trained of an invalid architecture
            study.tell(trial, state=TrialState.PRUNED)
        seconds = time.perf_counter() - start
        training_time = trial.user_attrs.get(TRAINING_TIME, unknown)
        yield Evaluation(trial.params, value, seconds, training_time)


def _with_peer(problem: Problem, run: Run) -> Iterator[Evaluation]:
    task = Task(problem.distributions(), problem.key, getattr(problem.space, "sample", None))
    propose, rng = PEERS[run.sampler](task), np.random.default_rng(run.seed)
    sign = 1.0 if problem.direction == "maximize" else -1.0
    history: list[Sample] = []
    while True:
        start = time.perf_counter()
        params = propose(history, rng)
        value = problem.evaluate(params)
        history.append(Sample(params, sign * value, problem.key(params)))
        yield Evaluation(params, value, time.perf_counter() - start)

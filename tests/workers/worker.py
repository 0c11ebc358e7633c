"""Worker processes on one study, some of which are killed and replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
import random
import time
from typing import Any
from typing import TypeAlias

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from examples.benchmarks import tables
from optuna_lanas import LaNASSampler
from optuna_lanas._study.published import known_params
from tests.workers.storages import Opener


PROBLEM = "nasbench201-cifar100"
STUDY = "shared"
SEED = 0
MEAN_TRAINING = 0.01  # seconds


@dataclass(frozen=True)
class Logs:
    """What the workers wrote down, apart from the study.

    Attributes:
        numbers: By worker, the numbers of the trials that its objective was called for.
        repeats: By worker, the numbers of the trials that were given params that it knew.
        exit_codes: By worker; killed ones have -9.
        killed: The workers that were killed.
    """

    numbers: list[list[int]]
    repeats: list[list[int]]
    exit_codes: list[int | None]
    killed: list[int]


class Watchful(LaNASSampler):
    """A LaNASSampler that writes down which trials repeat another that it knows."""

    log: Path

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        others = [other for other in study.get_trials() if other.number != trial.number]
        known = [known_params(other) for other in others]
        params = super().sample_relative(study, trial, search_space)
        if search_space and params in known:
            _write(self.log, trial.number)
        return params


Objective: TypeAlias = Callable[[optuna.Trial], float]


def cell_accuracy(trial: optuna.Trial) -> float:
    """15,625 configurations."""
    return tables.load(PROBLEM).objective(trial)


def grid_value(trial: optuna.Trial) -> float:
    """80 configurations."""
    return trial.suggest_int("x", 0, 9) + 0.1 * trial.suggest_int("y", 0, 7)


def create_study(open_storage: Opener) -> optuna.Study:
    return optuna.create_study(study_name=STUDY, storage=open_storage(), direction="maximize")


def run_workers(
    open_storage: Opener,
    folder: Path,
    n_workers: int,
    n_trials: int,
    n_kills: int,
    rng: np.random.Generator,
    objective: Objective,
) -> Logs:
    """Run workers of `n_trials` each; kill some at random times, and start one more for each.

    The study must exist.
    """
    workers: list[ForkServerProcess] = []
    killed: list[int] = []
    study = optuna.load_study(study_name=STUDY, storage=open_storage())
    try:
        for _ in range(n_workers):
            _start(workers, open_storage, folder, n_trials, objective)
        for at in sorted(rng.integers(1, n_workers * n_trials * 2 // 3, n_kills)):
            _wait_for(study, at, workers)
            time.sleep(rng.uniform(0.0, 0.1))
            alive = [i for i, worker in enumerate(workers) if worker.is_alive()]
            killed.append(int(rng.choice(alive)))
            workers[killed[-1]].kill()
            _start(workers, open_storage, folder, n_trials, objective)
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            worker.kill()  # those that an interrupted test leaves
    numbers = [_read(_log(folder, i)) for i in range(len(workers))]
    repeats = [_read(_repeats(_log(folder, i))) for i in range(len(workers))]
    return Logs(numbers, repeats, [worker.exitcode for worker in workers], killed)


def _start(
    workers: list[ForkServerProcess],
    open_storage: Opener,
    folder: Path,
    n_trials: int,
    objective: Objective,
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["optuna_lanas", "scipy.optimize", __name__])
    arguments = (open_storage, _log(folder, len(workers)), n_trials, objective)
    worker = context.Process(target=_work, args=arguments)
    worker.start()
    workers.append(worker)


def _work(open_storage: Opener, log: Path, n_trials: int, objective: Objective) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def logged(trial: optuna.Trial) -> float:
        _write(log, trial.number)
        value = objective(trial)
        time.sleep(random.expovariate(1.0 / MEAN_TRAINING))
        return value

    sampler = Watchful(seed=SEED)
    sampler.log = _repeats(log)
    study = optuna.load_study(study_name=STUDY, storage=open_storage(), sampler=sampler)
    study.optimize(logged, n_trials=n_trials)


def _wait_for(study: optuna.Study, n_trials: int, workers: list[ForkServerProcess]) -> None:
    while len(study.get_trials(deepcopy=False)) < n_trials:
        if not any(worker.is_alive() for worker in workers):
            raise RuntimeError(f"All workers ended before there were {n_trials} trials.")
        time.sleep(0.02)


def _log(folder: Path, worker: int) -> Path:
    return folder / f"worker-{worker}.log"


def _repeats(log: Path) -> Path:
    return log.with_suffix(".repeats")


def _write(log: Path, number: int) -> None:
    with log.open("a") as file:
        file.write(f"{number}\n")


def _read(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []

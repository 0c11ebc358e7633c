"""How a search scales with its number of workers, on NAS-Bench-201's own training times.

    python -m examples.benchmarks.async_scale --output results/async_scale

Simulates 1 to 512 asynchronous workers with each sampler, until they find the optimum of the table
(mean validation accuracy of the seeds). Writes `runs.csv` with one row per run, a table of
wall-clock time, speed-up and sample efficiency, and two figures. A repeated command resumes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
import multiprocessing
import os
from pathlib import Path

import numpy as np
import optuna

from examples.benchmarks import tables
from examples.benchmarks.async_report import KEY
from examples.benchmarks.async_report import markdown
from examples.benchmarks.async_report import read
from examples.benchmarks.async_report import summary
from examples.benchmarks.async_report import write_report
from examples.benchmarks.counts import positive
from examples.benchmarks.results import versions
from examples.benchmarks.samplers import OPTUNA
from examples.benchmarks.simulated_workers import simulate
from examples.benchmarks.simulated_workers import Simulation
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd
with needs("rich", "benchmarks", "The benchmarks"):
    from rich.progress import track


SAMPLERS = ("lanas", "tpe", "tpe-no-liar", "gp", "nsga2", "random")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Limit:
    """Limits of a sampler whose proposals are slow when many trials are running."""

    n_workers: int
    n_seeds: int
    n_trials: int


LIMITS = {"gp": Limit(n_workers=8, n_seeds=3, n_trials=300)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate what the command line asks for, and report all that the output folder holds."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.smoke:
        options.workers, options.seeds, options.max_trials = [1, 4], 2, 40
        options.problems, options.samplers = ["nasbench201-cifar100"], ["lanas", "random"]
    if "gp" in options.samplers and find_spec("torch") is None:
        parser.error("--samplers gp needs torch (`pip install torch`); or name the other samplers")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "runs.csv"
    _simulate_all(_simulations(options), path, options.jobs)
    runs = read(options.output)
    written = [path, *write_report(runs, options.output)]
    print("\n".join([markdown(summary(runs)), *map(str, written)]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.benchmarks.async_scale", description=__doc__
    )
    problems = tables.names("nasbench201")
    parser.add_argument("--samplers", nargs="+", choices=list(OPTUNA), default=list(SAMPLERS))
    parser.add_argument("--problems", nargs="+", choices=problems, default=problems)
    parser.add_argument("--workers", nargs="+", type=positive, default=list(WORKERS))
    parser.add_argument("--seeds", type=positive, default=10, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--max-trials", type=positive, default=3_000, help="end of a run")
    parser.add_argument("--jobs", type=positive, default=1, help="processes, each with one thread")
    parser.add_argument("--output", type=Path, default=Path("results/async_scale"))
    parser.add_argument("--smoke", action="store_true", help="a size for a few seconds")
    return parser


def _simulations(options: argparse.Namespace) -> list[Simulation]:
    """Return what the command line asks for, within the limits."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    most = Limit(max(options.workers), seeds.stop, options.max_trials)
    asked = product(seeds, options.samplers, options.workers, options.problems)
    simulations = []
    for seed, sampler, n_workers, problem in asked:
        limit = LIMITS.get(sampler, most)
        if seed < limit.n_seeds and n_workers <= limit.n_workers:
            n_trials = min(options.max_trials, limit.n_trials)
            simulations.append(Simulation(problem, sampler, n_workers, seed, n_trials))
    return simulations


def _simulate_all(simulations: list[Simulation], path: Path, n_jobs: int) -> None:
    done = _done(path)
    left = [s for s in simulations if done.get(_key(s), 0) < s.max_trials]
    print(f"{len(simulations) - len(left)} of {len(simulations)} runs are done in {path}.")
    if not left:
        return
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # read by the processes
    with ProcessPoolExecutor(n_jobs, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_simulate, simulation) for simulation in left]
        for future in track(as_completed(futures), "simulations", total=len(left)):
            row = pd.DataFrame([future.result()])
            row.to_csv(path, mode="a", header=not path.exists(), index=False)


def _simulate(simulation: Simulation) -> dict[str, object]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return {**asdict(simulation), **asdict(simulate(simulation)), **versions()}


def _done(path: Path) -> dict[tuple[object, ...], float]:
    """Return, by run, its number of finished trials; infinite if the run found the optimum."""
    if not path.exists():
        return {}
    rows = pd.read_csv(path)
    enough = rows["n_ended"].where(~rows["found"], np.inf)
    keys = rows[KEY].itertuples(index=False, name=None)
    return dict(zip(keys, enough, strict=True))


def _key(simulation: Simulation) -> tuple[object, ...]:
    return tuple(asdict(simulation)[name] for name in KEY)


if __name__ == "__main__":
    main()

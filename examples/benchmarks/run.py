"""Runs samplers on problems: `python -m examples.benchmarks.run --help`.

Runs that the output folder already holds are skipped, so a stopped command resumes. To repeat a
sampler's runs, remove its files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures import ProcessPoolExecutor
from itertools import product
import multiprocessing
import os
from pathlib import Path
import sys

import optuna

from examples.benchmarks import nasbench101
from examples.benchmarks import results
from examples.benchmarks.catalogue import FAMILIES
from examples.benchmarks.counts import positive
from examples.benchmarks.samplers import OPTUNA
from examples.benchmarks.samplers import PEERS
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas._checks import needs


with needs("rich", "benchmarks", "The benchmarks"):
    from rich.progress import BarColumn
    from rich.progress import MofNCompleteColumn
    from rich.progress import Progress
    from rich.progress import TextColumn
    from rich.progress import TimeRemainingColumn


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = make_parser("python -m examples.benchmarks.run", __doc__, "results")
    names = [*OPTUNA, *PEERS]
    parser.add_argument("--samplers", nargs="+", choices=names, required=True)
    options = parser.parse_args(arguments)
    run_all(run_one, runs_of(options, options.samplers), options.output, options.jobs)


def make_parser(
    name: str, text: str | None, output: str, problems: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """Return the parser of a command that runs samplers on problems and seeds.

    Args:
        name: The command.
        text: Its description.
        output: The default folder of its results.
        problems: The default problems; if empty, the command line must give some.
    """
    parser = argparse.ArgumentParser(prog=name, description=text)
    what = parser.add_mutually_exclusive_group(required=not problems)
    what.add_argument("--families", nargs="+", choices=list(FAMILIES), default=[])
    what.add_argument("--problems", nargs="+", default=[])
    parser.set_defaults(default_problems=problems)
    parser.add_argument("--seeds", type=positive, default=10, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=positive, default=200, help="most trials of a run")
    parser.add_argument("--until-optimum", action="store_true", help="end a run at the optimum")
    parser.add_argument("--jobs", type=positive, default=1, help="processes, each with one thread")
    parser.add_argument("--output", type=Path, default=Path(output))
    return parser


def runs_of(options: argparse.Namespace, samplers: Sequence[str]) -> list[Run]:
    """Return the runs that the options of `make_parser` ask for."""
    named = [*options.problems, *(name for f in options.families for name in FAMILIES[f])]
    problems = named or options.default_problems
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    return [
        Run(problem, sampler, seed, options.trials, options.until_optimum)
        for problem, seed, sampler in product(problems, seeds, samplers)
    ]


def run_all(
    run_one: Callable[[Run, Path], Run], runs: list[Run], folder: Path, n_jobs: int
) -> None:
    """Execute, in processes of their own, the runs that the folder does not hold yet."""
    left = [run for run in runs if not results.is_done(run, folder)]
    _check_tables({run.problem for run in left})
    print(f"{len(runs) - len(left)} of {len(runs)} runs are done already in {folder}.")
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # read by the processes
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    pool = ProcessPoolExecutor(n_jobs, multiprocessing.get_context("spawn"))
    with pool, Progress(*columns, TimeRemainingColumn()) as progress:
        bar = progress.add_task("runs", total=len(left))
        for future in as_completed([pool.submit(_quietly, run_one, run, folder) for run in left]):
            done = future.result()
            progress.update(bar, advance=1, description=f"{done.problem} {done.sampler}")


def _check_tables(problems: set[str]) -> None:
    """End with a message where a problem's file is missing or wrong; read it once if it is not."""
    try:
        for name in sorted(problems & {"nasbench101", *nasbench101.names()}):
            nasbench101.load(name, seed=0)
    except ValueError as error:
        sys.exit(str(error))


def _quietly(run_one: Callable[[Run, Path], Run], run: Run, folder: Path) -> Run:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return run_one(run, folder)


def run_one(run: Run, folder: Path) -> Run:
    """Execute a run and write its rows."""
    results.write(run, execute(run), folder)
    return run


if __name__ == "__main__":
    main()

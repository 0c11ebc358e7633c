"""How a search scales with its number of workers, on NAS-Bench-201's own training times.

    python -m examples.benchmarks.async_scale --output results/async_scale

Simulates 1 to 512 asynchronous workers with each sampler, until they find the optimum of the table
(mean validation accuracy of the seeds). Writes one row a run to `runs.csv`, where a command given
again goes on; a table of wall-clock time, speed-up and sample efficiency; and two figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product
import multiprocessing
import os
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from rich.progress import track

from examples.benchmarks import tables
from examples.benchmarks.figures import COLOURS
from examples.benchmarks.results import versions
from examples.benchmarks.samplers import OPTUNA
from examples.benchmarks.simulated_workers import simulate
from examples.benchmarks.simulated_workers import Simulation


SAMPLERS = ("lanas", "tpe", "nsga2", "random")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
ALL = "all problems"
KEY = ["problem", "sampler", "n_workers", "seed"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulates what the command line asks for, and reports all that the output folder holds."""
    options = _parser().parse_args(arguments)
    if options.smoke:
        options.workers, options.seeds, options.max_trials = [1, 4], 2, 40
        options.problems, options.samplers = ["nasbench201-cifar100"], ["lanas", "random"]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    simulations = [
        Simulation(problem, sampler, n_workers, seed, options.max_trials)
        for seed, sampler, n_workers, problem in product(
            seeds, options.samplers, options.workers, options.problems
        )
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "runs.csv"
    _simulate_all(simulations, path, options.jobs, _done(path, options.max_trials))
    runs = pd.read_csv(path).drop_duplicates(KEY, keep="last")
    written = [path, *write_report(runs, options.output)]
    print("\n".join([markdown(summary(runs)), *map(str, written)]))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Returns one row for each problem (and all of them), sampler and number of workers.

    Hours and trials are means over the runs; trials are those that had ended. A run that missed
    the optimum counts with those it had: where `found` is below 1, both are lower bounds.
    `speed-up` and `efficiency` divide the hours and trials of one worker by those of several (64
    workers that waste nothing have 64 and 1); they are NaN where either is a lower bound.
    """
    groups = pd.concat([runs, runs.assign(problem=ALL)]).groupby(KEY[:-1])
    table = groups.agg(
        runs=("seed", "size"),
        found=("found", "mean"),
        trials=("n_ended", "mean"),
        hours=("hours", "mean"),
    )
    exact = table[table["found"] == 1.0]
    of_one = exact[exact.index.get_level_values("n_workers") == 1].droplevel("n_workers")
    of_one = of_one.reindex(exact.index.droplevel("n_workers"))
    table["speed-up"] = pd.Series(of_one["hours"].to_numpy() / exact["hours"], exact.index)
    table["efficiency"] = pd.Series(of_one["trials"].to_numpy() / exact["trials"], exact.index)
    return table


def markdown(table: pd.DataFrame) -> str:
    """Returns a summary as a Markdown table."""
    flat = table.reset_index()
    digits = {"found": 2, "trials": 0, "hours": 2, "speed-up": 1, "efficiency": 2}
    for column, n_digits in digits.items():
        flat[column] = flat[column].map(f"{{:.{n_digits}f}}".format).replace("nan", "-")
    lines = [list(flat.columns), ["---"] * flat.shape[1], *flat.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_report(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes `tables.md`, `hours.html` and `efficiency.html` into a folder, and returns them."""
    table = summary(runs)
    paths = [folder / name for name in ("tables.md", "hours.html", "efficiency.html")]
    found_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    paths[0].write_text(f"{markdown(table)}\n\nVersions: {found_with}\n", encoding="utf-8")
    figures = (
        figure(table["hours"], "hours to the optimum (simulated wall-clock)", with_ideal=True),
        figure(table["efficiency"], "trials of one worker / trials of all", with_ideal=False),
    )
    for path, plot in zip(paths[1:], figures, strict=True):
        plot.write_html(path, include_plotlyjs="directory")
    return paths


def figure(column: pd.Series, title: str, *, with_ideal: bool) -> go.Figure:
    """Returns a column of a summary by the number of workers, a panel a problem, log-log.

    Args:
        column: Indexed by problem, sampler and number of workers.
        title: Of the vertical axis.
        with_ideal: Whether to draw, dotted, what falls as 1 / workers from the fewest ones.
    """
    problems = list(column.index.unique("problem"))
    plot = make_subplots(1, len(problems), subplot_titles=problems, shared_yaxes=True)
    plot.update_layout(template="plotly_white")
    plot.update_xaxes(type="log", title="workers", dtick=np.log10(2))
    plot.update_yaxes(type="log")
    plot.update_yaxes(title=title, col=1)
    colours = dict(zip(column.index.unique("sampler"), COLOURS, strict=False))
    for panel, problem in enumerate(problems, start=1):
        for sampler, values in column[problem].groupby("sampler"):
            workers = values.index.get_level_values("n_workers").to_numpy()
            style = {
                "name": sampler,
                "legendgroup": sampler,
                "line_color": colours[sampler],
            }
            curve = go.Scatter(x=workers, y=values, showlegend=panel == 1, **style)
            plot.add_trace(curve, 1, panel)
            if with_ideal:
                ideal = values.iloc[0] * workers[0] / workers
                style["line_dash"] = "dot"
                dotted = go.Scatter(x=workers, y=ideal, mode="lines", showlegend=False, **style)
                plot.add_trace(dotted, 1, panel)
    return plot


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.benchmarks.async_scale", description=__doc__
    )
    problems = tables.names("nasbench201")
    parser.add_argument("--samplers", nargs="+", choices=list(OPTUNA), default=list(SAMPLERS))
    parser.add_argument("--problems", nargs="+", choices=problems, default=problems)
    parser.add_argument("--workers", nargs="+", type=int, default=list(WORKERS))
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--max-trials", type=int, default=3_000, help="a run ends there")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread")
    parser.add_argument("--output", type=Path, default=Path("results/async_scale"))
    parser.add_argument("--smoke", action="store_true", help="a size for a few seconds")
    return parser


def _simulate_all(
    simulations: list[Simulation], path: Path, n_jobs: int, done: set[tuple[object, ...]]
) -> None:
    left = [s for s in simulations if (s.problem, s.sampler, s.n_workers, s.seed) not in done]
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


def _done(path: Path, max_trials: int) -> set[tuple[object, ...]]:
    """The keys of runs that found the optimum, or have tried as long as is asked for."""
    if not path.exists():
        return set()
    rows = pd.read_csv(path)
    rows = rows[rows["found"] | (rows["n_ended"] >= max_trials)]
    return set(rows[KEY].itertuples(index=False, name=None))


if __name__ == "__main__":
    main()

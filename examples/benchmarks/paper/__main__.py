"""Runs methods on all of NAS-Bench-101 until they find the best cell, and counts their samples.

Runs that the output file already holds are skipped, so a stopped command resumes.
Needs the environment variable NASBENCH101_TABLE (docs/data.md).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import csv
from dataclasses import asdict
from dataclasses import dataclass
from itertools import product
from pathlib import Path
import sys
import time

from examples.benchmarks.counts import positive
from examples.benchmarks.paper import cells
from examples.benchmarks.paper import methods
from examples.benchmarks.results import versions
from optuna_lanas._checks import needs
from optuna_lanas.spaces import NASBench101Space


with needs("rich", "benchmarks", "The benchmarks"):
    from rich.progress import track


DEFAULT_HEIGHT = 5
NO_HEIGHT = 0


@dataclass(frozen=True)
class Run:
    """What to run; `height` is 0 for a method without such a tree."""

    method: str
    height: int
    seed: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = _parser().parse_args(arguments)
    try:
        table = cells.load()
    except ValueError as error:
        sys.exit(str(error))
    if not table.is_whole:
        print(
            f"The table holds {len(table):,} of {NASBench101Space.n_architectures:,} cells: "
            f"samples to its best cell do not compare with the paper's."
        )
    most = min(options.most, len(table))
    try:
        done = set(_done(options.output))
    except (KeyError, ValueError):
        sys.exit(f"{options.output} is no table of runs of this version: name another --output.")
    runs = [run for run in _runs(options) if run not in done]
    for run in track(runs, f"{len(done)} runs are done"):
        start = time.perf_counter()
        outcome = methods.run(table, run.method, run.height, run.seed, most)
        seconds = round(time.perf_counter() - start, 3)
        _append({**asdict(run), **asdict(outcome), "seconds": seconds}, options.output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.benchmarks.paper", description=__doc__
    )
    names = [*methods.LANAS, *methods.OTHERS]
    parser.add_argument("--methods", nargs="+", choices=names, default=["lanas"])
    parser.add_argument("--heights", nargs="+", type=positive, default=[DEFAULT_HEIGHT])
    parser.add_argument("--seeds", type=positive, default=20, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--most",
        type=int,
        default=sys.maxsize,
        help="greatest number of evaluations of a run; by default the table's number of cells",
    )
    parser.add_argument("--output", type=Path, default=Path("results/paper/runs.csv"))
    return parser


def _runs(options: argparse.Namespace) -> Iterator[Run]:
    """Yield runs seed by seed, so a stopped command has equally many seeds of every method."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for seed, method in product(seeds, options.methods):
        for height in options.heights if method in methods.LANAS else [NO_HEIGHT]:
            yield Run(method, height, seed)


def _done(path: Path) -> Iterator[Run]:
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if "accuracy" not in (rows.fieldnames or ()):
                raise ValueError
            for row in rows:
                yield Run(row["method"], int(row["height"]), int(row["seed"]))


def _append(row: dict[str, object], path: Path) -> None:
    row = row | versions()
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()

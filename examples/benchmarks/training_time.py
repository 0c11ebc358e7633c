"""Regrets at equal simulated training time, from results of problems that hold training times.

    python -m examples.benchmarks.training_time --results results

The times are shares of the least total time of a run in the table, so every run lasts that long.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import numpy as np

from examples.benchmarks import results
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


SHARES = (0.1, 0.25, 0.5, 1.0)
HOUR = 3600.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.training_time")
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)
    try:
        print("\n".join(table(results.read(options.results))))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


def table(rows: pd.DataFrame) -> list[str]:
    """Return the lines of a table: mean normalised regrets by problem, sampler and time.

    Raises:
        ValueError: If no row holds a training time.
    """
    keys = ["problem", "sampler", "seed"]
    if "training_time" in rows:
        is_timed = rows.groupby(keys)["training_time"].transform(lambda times: times.notna().all())
        rows = rows[is_timed.astype(bool)]
    if "training_time" not in rows or rows.empty:
        raise ValueError(
            "`results` must hold training times, got none. Run `nasbench101-validation`, "
            "`nasbench101-noisy` or `nasbench101-epochs` with a sampler of Optuna or LaNAS."
        )
    runs = rows.groupby(keys)
    shortest = float(runs["training_time"].max().min())
    times = [share * shortest for share in SHARES]
    titles = [f"{time / HOUR:,.1f} h" for time in times]
    lines = [_line("problem", "sampler", "runs", *titles), _line(*["---"] * (3 + len(times)))]
    found = pd.DataFrame(
        {key: [regret_at(run, time) for time in times] for key, run in runs}, index=titles
    ).T
    for (problem, sampler), group in found.groupby(level=[0, 1]):
        means = [f"{mean:.3f}" for mean in group.mean()]
        lines.append(_line(problem, sampler, len(group), *means))
    return lines


def regret_at(run: pd.DataFrame, time: float) -> float:
    """Return a run's regret once a time was used up, NaN before its first value."""
    done = run[run["training_time"] <= time]
    return float(done["regret"].iloc[-1]) if len(done) else np.nan


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()

"""The peers of this benchmark beside their published results, after 150 evaluations.

    python -m examples.benchmarks.paper.crosscheck --runs results/paper/runs-150.csv

The published errors are those of table 1 of White et al., "BANANAS" (AAAI 2021, arXiv 1910.11858):
the test error of the cell of least validation error after 150 evaluations, mean of 200 runs.
WeakNAS's is in the output of its authors' notebook. Here a search sees the mean test accuracy, so
its best cell has the least test error that it evaluated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from examples.benchmarks.paper.report import Estimate
from examples.benchmarks.paper.report import mean
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


PUBLISHED = {  # method here -> name there, test error in percent
    "random": ("random search", 6.341),
    "random-encodings": ("random search", 6.341),
    "mcts": ("AlphaX, Monte Carlo tree search", 6.233),
    "evolution-30": ("regularized evolution", 6.109),
    "ensemble-predictor": ("BANANAS", 5.923),
    "weak-predictor": ("WeakNAS", 5.90),
}
N_EVALUATIONS = 150


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.paper.crosscheck")
    parser.add_argument("--runs", type=Path, default=Path("results/paper/runs-150.csv"))
    options = parser.parse_args(arguments)
    try:
        runs = pd.read_csv(options.runs)
    except FileNotFoundError:
        sys.exit(
            f"`--runs` must be a table of runs, but there is no file {options.runs}. Make it with "
            f"`python -m examples.benchmarks.paper --most {N_EVALUATIONS}`."
        )
    print("\n".join(table(runs)))


def table(runs: pd.DataFrame) -> list[str]:
    """Return the lines of a table: test errors here and as published."""
    lines = [
        "| method here | runs | test error here, % | published, % | as |",
        "| --- | --- | --- | --- | --- |",
    ]
    for method, group in runs.groupby("method"):
        name, error = PUBLISHED.get(str(method), ("-", "-"))
        found = mean(100 * (1 - group["accuracy"].to_numpy(dtype=float)))
        lines.append(f"| {method} | {len(group)} | {_text(found)} | {error} | {name} |")
    return lines


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"


if __name__ == "__main__":
    main()

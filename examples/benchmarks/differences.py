"""Regrets and paired differences of two samplers: `python -m examples.benchmarks.differences`.

Runs are paired by problem and seed. The mean is over the seeds of a problem, then over problems.

Notation
    P        problems of a family
    n_p      seeds of a problem that both samplers have
    s_p^2    variance of a problem's differences
    error    sqrt(sum_p s_p^2 / n_p) / P, for the same problems and other seeds
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from examples.benchmarks import results
from examples.benchmarks.summary import curves
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


LEVELS = ("family", "problem")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.benchmarks.differences", description=__doc__
    )
    parser.add_argument("sampler", help="the first sampler, such as `lanas`")
    parser.add_argument("others", nargs="+", help="the samplers to compare it with")
    parser.add_argument("--results", type=Path, nargs="+", default=[Path("results")])
    parser.add_argument("--trials", type=int, nargs="+", default=[25, 50])
    parser.add_argument("--by", choices=LEVELS, default="family")
    options = parser.parse_args(arguments)
    rows = pd.concat([results.read(folder) for folder in options.results], ignore_index=True)
    print(table(rows, options.sampler, options.others, options.trials, options.by))


def table(
    rows: pd.DataFrame,
    sampler: str,
    others: Sequence[str],
    trials: Sequence[int],
    by: str = "family",
) -> str:
    """Return the differences of a sampler from others as a table in Markdown."""
    lines = ["| | runs | trials | " + f"{sampler} | other | difference (error) |"]
    lines.append("|---|---|---|---|---|---|")
    for other in others:
        for trial in trials:
            for name, row in paired(rows, sampler, other, trial, by).iterrows():
                error = "-" if np.isnan(row["error"]) else f"{row['error']:.3f}"
                lines.append(
                    f"| {name}, {other} | {row['runs']:.0f} | {trial} | {row['sampler']:.3f} | "
                    f"{row['other']:.3f} | {row['difference']:+.3f} ({error}) |"
                )
    return "\n".join(lines)


def paired(
    rows: pd.DataFrame, sampler: str, other: str, trial: int, by: str = "family"
) -> pd.DataFrame:
    """Return how the regrets of two samplers differ after a number of trials.

    Args:
        rows: The rows of `results.read`.
        sampler: The first sampler.
        other: The second one.
        trial: The number of trials.
        by: `family` or `problem`.

    Returns:
        For each family or problem: the number of paired `runs`, the mean regrets of `sampler` and
        `other`, their `difference` (negative where the first is better), and its `error` (NaN if a
        problem has a single seed).
    """
    chosen = rows[rows["sampler"].isin([sampler, other])]
    wide = curves(chosen)
    at = wide[trial] if trial in wide.columns else wide.iloc[:, :0].mean(axis=1)
    pairs = at.unstack("sampler").reindex(columns=[sampler, other]).dropna()
    pairs = pairs.set_axis(["sampler", "other"], axis=1)
    pairs["difference"] = pairs["sampler"] - pairs["other"]
    groups = pairs.groupby(list(LEVELS))
    problems = groups.mean().assign(
        runs=groups.size(), error=groups["difference"].var() / groups.size()
    )
    found = problems.groupby(by)
    variance = found["error"].agg(lambda errors: errors.sum(skipna=False))
    means = found[["sampler", "other", "difference"]].mean()
    return means.assign(runs=found["runs"].sum(), error=np.sqrt(variance) / found.size())


if __name__ == "__main__":
    main()

"""Summaries of results: average regret, trials to the optimum, repeats and time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


CHECKPOINTS = (50, 100, 200)
N_RESAMPLES = 1_000


def curves(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each run's normalised regret by trial: an index (family, problem, sampler, seed).

    A value holds until the next row of its run, or for ever once the optimum is found. After the
    end of a run without the optimum, values are NaN.
    """
    index = ["family", "problem", "sampler", "seed"]
    wide = rows.pivot_table(index=index, columns="trial", values="regret", aggfunc="last")
    filled = wide.ffill(axis=1)
    is_later = wide.bfill(axis=1).isna()
    return filled.where(~is_later | (filled <= 0))


def family_regret(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the average normalised regret of each family and sampler at the checkpoints.

    The mean is over the seeds of a problem, then over problems, so all problems have the same
    weight. It is NaN where a run ended before the checkpoint.
    """
    wide = curves(rows)
    columns = [trial for trial in CHECKPOINTS if trial in wide.columns]
    by_problem = _strict_mean(wide[columns], ["family", "problem", "sampler"])
    return _strict_mean(by_problem, ["family", "sampler"])


def _strict_mean(table: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """Return the means of groups, NaN if any row of the group is NaN."""
    groups = table.groupby(levels)
    return groups.mean().where(groups.count().eq(groups.size(), axis=0))


def trials_to_optimum(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each run's trial and number of distinct configurations at its optimum.

    A run that missed the optimum has `found` False and the numbers of its last trial.
    """
    runs = rows.sort_values("trial").groupby(["family", "problem", "sampler", "seed"])
    last = runs[["trial", "distinct"]].last()
    at_optimum = rows[rows["regret"] <= 0].sort_values("trial")
    first = at_optimum.groupby(["family", "problem", "sampler", "seed"])[
        ["trial", "distinct"]
    ].first()
    filled = first.reindex(last.index)
    return filled.fillna(last).astype(int).assign(found=filled["trial"].notna())


def optimum_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and median trials to the optimum and the share of runs that found it."""
    runs = trials_to_optimum(rows).groupby(["problem", "sampler"])
    return pd.DataFrame(
        {
            "runs": runs["trial"].size(),
            "found": runs["found"].mean(),
            "mean trials": runs["trial"].mean(),
            "median trials": runs["trial"].median(),
            "mean distinct": runs["distinct"].mean(),
        }
    )


def repeats_and_time(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of trials that repeat a configuration, and milliseconds per trial."""
    runs = rows.groupby(["family", "sampler", "problem", "seed"])
    shares = 1 - runs["distinct"].max() / runs["trial"].max()
    by_run = pd.DataFrame({"repeats": shares, "ms a trial": 1e3 * runs["seconds"].mean()})
    return by_run.groupby(["family", "sampler"]).mean()


def bootstrap_band(
    regrets: npt.NDArray[np.float64], rng: np.random.Generator, coverage: float = 0.95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lower and upper end of the mean's interval at each trial.

    Args:
        regrets: `[n_runs, n_trials]`; runs are drawn with replacement.
        rng: Source of the draws.
        coverage: Coverage of the interval between quantiles of the resampled means.

    Returns:
        Two arrays `[n_trials]`.
    """
    n_runs = len(regrets)
    weights = rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=N_RESAMPLES) / n_runs
    low, high = np.quantile(weights @ regrets, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    return low, high

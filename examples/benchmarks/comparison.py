"""Who beats whom: wins with a paired test, and mean ranks with a critical difference.

Notation
    k    samplers
    N    problems, the blocks of the ranks; a problem's regret is the mean over its seeds
    CD   q sqrt(k (k + 1) / (6 N)), Nemenyi's critical difference (Demsar, 2006, section 3.2.2)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
import math

import numpy as np
import pandas as pd

from examples.benchmarks.summary import curves


LEVEL = 0.05
MIN_RANKED = 3  # Friedman's test compares three samplers or more


@dataclass(frozen=True)
class Ranks:
    """Samplers ranked on the problems that all of them ran.

    Attributes:
        means: Each sampler's mean rank, the best first.
        n_problems: How many problems were ranked.
        critical_difference: Mean ranks that are closer do not differ at `LEVEL`.
        p_value: Of Friedman's test that all samplers are alike.
    """

    means: pd.Series
    n_problems: int
    critical_difference: float
    p_value: float


def pairwise(rows: pd.DataFrame, trial: int) -> pd.DataFrame:
    """Returns how the runs of two samplers compare after a number of trials.

    Runs are paired by problem and seed. A row is a pair (`sampler`, `other`) with the number of
    `runs` that both have, the shares of them that are `won` and `tied` by the first, and the
    `p` of Wilcoxon's signed-rank test, two-sided; 1 where all are tied, NaN without runs.
    """
    at = _regrets(rows, trial)
    pairs = list(permutations(at.columns, 2))
    index = pd.MultiIndex.from_tuples(pairs, names=["sampler", "other"])
    compared = [_compare(at[[one, other]].dropna().to_numpy()) for one, other in pairs]
    return pd.DataFrame(compared, index, ["runs", "won", "tied", "p"])


def _regrets(rows: pd.DataFrame, trial: int) -> pd.DataFrame:
    """Returns regrets by run and sampler: NaN for all of a sampler's runs on a problem if one is.

    Where runs ended before the trial, those that had found the optimum would speak for the rest.
    """
    at = curves(rows)[trial]
    reached = at.notna().groupby(["problem", "sampler"]).transform("all")
    return at.where(reached).unstack("sampler")


def _compare(regrets: np.ndarray) -> tuple[int, float, float, float]:
    """Compares the columns of `[n_runs, 2]` regrets."""
    from scipy.stats import wilcoxon

    one, other = regrets.T
    if len(one) == 0:
        return 0, math.nan, math.nan, math.nan
    is_tied = one == other
    p = 1.0 if is_tied.all() else float(wilcoxon(one, other, zero_method="zsplit").pvalue)
    return len(one), float((one < other).mean()), float(is_tied.mean()), p


def ranks(rows: pd.DataFrame, trial: int) -> Ranks | None:
    """Returns the mean ranks after a number of trials, None if less than three can be ranked.

    A sampler is ranked if it has a regret on every problem that the rows hold; equal regrets
    share their mean rank.
    """
    from scipy.stats import friedmanchisquare
    from scipy.stats import studentized_range

    by_run = _regrets(rows, trial)
    at = by_run.groupby("problem").mean().dropna(axis=1)
    n_problems, k = at.shape
    if k < MIN_RANKED:
        return None
    q = studentized_range.ppf(1 - LEVEL, k, math.inf) / math.sqrt(2)
    return Ranks(
        means=at.rank(axis=1).mean().sort_values(),
        n_problems=n_problems,
        critical_difference=float(q * math.sqrt(k * (k + 1) / (6 * n_problems))),
        p_value=float(friedmanchisquare(*at.to_numpy().T).pvalue),
    )


def ranks_by_family(rows: pd.DataFrame, trial: int) -> pd.DataFrame:
    """Returns the ranks on each family's problems and on `all`, where three samplers ran there.

    A column for each sampler (NaN where it ran on some of the problems only), and `problems`,
    `CD` and `p`.
    """
    families = {str(family): part for family, part in rows.groupby("family")}
    ranked = {name: ranks(part, trial) for name, part in {**families, "all": rows}.items()}
    found = {name: r for name, r in ranked.items() if r is not None}
    means = pd.DataFrame({name: r.means for name, r in found.items()}).sort_index().T.round(2)
    return means.assign(
        problems=[r.n_problems for r in found.values()],
        CD=[round(r.critical_difference, 2) for r in found.values()],
        p=[f"{r.p_value:.1g}" for r in found.values()],
    ).rename_axis("family")

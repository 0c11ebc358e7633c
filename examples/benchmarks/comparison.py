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

from examples.benchmarks.summary import curves
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


LEVEL = 0.05
MIN_RANKED = 3  # Friedman's test needs three samplers or more


@dataclass(frozen=True)
class Ranks:
    """Ranks of samplers on the problems that all of them ran.

    Attributes:
        means: Each sampler's mean rank, the best first.
        n_problems: The number of problems.
        critical_difference: Closer mean ranks do not differ significantly at `LEVEL`.
        p_value: The p-value of Friedman's test that all samplers are equal.
    """

    means: pd.Series
    n_problems: int
    critical_difference: float
    p_value: float


def pairwise(rows: pd.DataFrame, trial: int) -> pd.DataFrame:
    """Return how the runs of two samplers compare after a number of trials.

    Runs are paired by problem and seed. A row is a pair (`sampler`, `other`). It holds the number
    of `runs` that both have, and the shares that the first sampler has `won` and `tied`. `p` is of
    Wilcoxon's two-sided signed-rank test: 1 if all runs are tied, NaN without runs.
    """
    at = _regrets(rows, trial)
    pairs = list(permutations(at.columns, 2))
    index = pd.MultiIndex.from_tuples(pairs, names=["sampler", "other"])
    compared = [_compare(at[[one, other]].dropna().to_numpy()) for one, other in pairs]
    return pd.DataFrame(compared, index, ["runs", "won", "tied", "p"])


def _regrets(rows: pd.DataFrame, trial: int) -> pd.DataFrame:
    """Return regrets by run and sampler.

    If one of a sampler's runs on a problem ended before the trial, all its runs there are NaN. The
    remaining runs, which found the optimum, would misrepresent it.
    """
    at = curves(rows)[trial]
    reached = at.notna().groupby(["problem", "sampler"]).transform("all")
    return at.where(reached).unstack("sampler")


def _compare(regrets: np.ndarray) -> tuple[int, float, float, float]:
    """Compare the columns of `[n_runs, 2]` regrets."""
    from scipy.stats import wilcoxon

    one, other = regrets.T
    if len(one) == 0:
        return 0, math.nan, math.nan, math.nan
    is_tied = one == other
    p = 1.0 if is_tied.all() else float(wilcoxon(one, other, zero_method="zsplit").pvalue)
    return len(one), float((one < other).mean()), float(is_tied.mean()), p


def ranks(rows: pd.DataFrame, trial: int) -> Ranks | None:
    """Return the mean ranks after a number of trials, None for fewer than three samplers.

    A sampler is ranked if it has a regret on every problem of the rows. Equal regrets share
    their mean rank.
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
    """Return the mean ranks on each family's problems and on `all`, of three samplers or more.

    There is a column for each sampler (NaN if it missed some of the problems), and the columns
    `problems`, `CD` and `p`.
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

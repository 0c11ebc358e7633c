"""The comparison of samplers: wins, p-values and mean ranks of known regrets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from examples.benchmarks import comparison


def at_first_trial(regrets: dict[str, list[list[float]]]) -> pd.DataFrame:
    """Return rows of runs of one trial; a sampler's regrets are `[n_problems][n_seeds]`."""
    return pd.DataFrame(
        [
            {"family": "f", "problem": f"p{p}", "sampler": sampler, "seed": s, "trial": 1,
             "regret": regret}
            for sampler, problems in regrets.items()
            for p, seeds in enumerate(problems)
            for s, regret in enumerate(seeds)
        ]
    )  # fmt: skip


def test_wins_pair_the_runs_and_count_the_ties_apart() -> None:
    rows = at_first_trial({"a": [[0.1, 0.2], [0.3, 0.5]], "b": [[0.1, 0.3], [0.2]]})
    pair = comparison.pairwise(rows, 1).loc[("a", "b")]
    assert pair[["runs", "won", "tied"]].tolist() == [3, 1 / 3, 1 / 3]
    back = comparison.pairwise(rows, 1).loc[("b", "a")]
    assert pair["won"] + pair["tied"] + back["won"] == pytest.approx(1)
    assert pair["p"] == back["p"]


def test_p_is_wilcoxons_and_1_if_all_runs_are_tied() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((4, 10)), rng.random((4, 10)) + 0.2
    rows = at_first_trial({"a": one.tolist(), "b": other.tolist(), "c": one.tolist()})
    pairs = comparison.pairwise(rows, 1)
    assert pairs.loc[("a", "b"), "p"] == pytest.approx(wilcoxon(one.ravel(), other.ravel()).pvalue)
    assert pairs.loc[("a", "c"), ["won", "tied", "p"]].tolist() == [0, 1, 1]


def test_samplers_without_common_runs_have_no_p() -> None:
    rows = pd.concat([at_first_trial({"a": [[0.1]]}), at_first_trial({"b": [[], [0.2]]})])
    pair = comparison.pairwise(rows, 1).loc[("a", "b")]
    assert pair["runs"] == 0
    assert np.isnan(pair["p"])


def test_runs_that_found_the_optimum_do_not_stand_for_runs_that_ended_early() -> None:
    others = at_first_trial({name: [[0.5, 0.1], [0.5, 0.1]] for name in "abc"})
    found, ended = at_first_trial({"d": [[0.0]]}), at_first_trial({"d": [[], [0.9]]})
    later = others.assign(trial=2, regret=others["sampler"].map({"a": 0.01, "b": 0.02, "c": 0.03}))
    rows = pd.concat([others, later, found, ended.assign(problem="p0", seed=1)])
    assert comparison.pairwise(rows, 1).loc[("d", "a"), "runs"] == 2
    assert comparison.pairwise(rows, 2).loc[("d", "a"), "runs"] == 0
    assert comparison.pairwise(rows, 2).loc[("a", "b"), "runs"] == 4
    ranked = comparison.ranks(rows, 2)
    assert ranked is not None
    assert set(ranked.means.index) == {"a", "b", "c"}


def test_mean_ranks_of_problems_with_nemenyis_critical_difference() -> None:
    problems = [[[0.1], [0.2], [0.3]], [[0.2], [0.2], [0.1]]]
    rows = at_first_trial({name: [problem[i] for problem in problems] for i, name in
                           enumerate("abc")})  # fmt: skip
    ranks = comparison.ranks(rows, 1)
    assert ranks is not None
    assert ranks.means.to_dict() == {"a": 1.75, "b": 2.25, "c": 2.0}
    # q for three samplers at 5 % is 2.343 (Demsar, 2006, table 5)
    assert ranks.critical_difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 2)), rel=1e-3)


def test_a_clear_order_is_significant_and_a_partial_sampler_unranked() -> None:
    rows = at_first_trial(
        {name: [[x]] * 10 for name, x in zip("abc", (0.1, 0.2, 0.3), strict=True)}
    )
    partial = at_first_trial({"d": [[0.0]] * 3})
    ranks = comparison.ranks(pd.concat([rows, partial]), 1)
    assert ranks is not None
    assert list(ranks.means.index) == ["a", "b", "c"]
    assert ranks.p_value < 1e-3
    assert comparison.ranks(partial, 1) is None


def test_equal_shares_of_all_orders_are_no_difference() -> None:
    orders = [p for p in product((1.0, 2.0, 3.0), repeat=3) if len(set(p)) == 3]
    rows = at_first_trial({name: [[order[i]] for order in orders] for i, name in enumerate("abc")})
    ranks = comparison.ranks(rows, 1)
    assert ranks is not None
    assert ranks.means.nunique() == 1
    assert ranks.p_value == pytest.approx(1)


def test_ranks_by_family_leave_out_a_sampler_that_missed_some_problems() -> None:
    rows = at_first_trial({name: [[x]] * 4 for name, x in zip("abcd", (1, 2, 3, 0), strict=True)})
    rows["family"] = rows["problem"].map({"p0": "f", "p1": "f", "p2": "g", "p3": "g"})
    table = comparison.ranks_by_family(rows[(rows["sampler"] != "d") | (rows["family"] == "f")], 1)
    assert table.loc["f", ["a", "b", "c", "d", "problems"]].tolist() == [2, 3, 4, 1, 2]
    assert table.loc["all", ["a", "b", "c", "problems"]].tolist() == [1, 2, 3, 4]
    assert np.isnan(table.loc["all", "d"])
    two = rows[rows["sampler"].isin(["a", "b"])]
    assert len(comparison.ranks_by_family(two, 1)) == 0

"""The summaries of known regrets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from examples.benchmarks import summary


def rows_of(
    sampler: str, seed: int, regrets: list[float], problem: str = "p", family: str = "f"
) -> pd.DataFrame:
    """Return the rows of a run that never repeats a configuration."""
    trial = np.arange(1, len(regrets) + 1)
    return pd.DataFrame(
        {
            "family": family, "problem": problem, "sampler": sampler, "seed": seed,
            "trial": trial, "regret": regrets, "distinct": trial, "seconds": 0.001,
        }
    )  # fmt: skip


ROWS = pd.concat(
    [
        rows_of("a", 0, [1.0, 0.5, 0.0]),
        rows_of("a", 1, [1.0, 0.0]),  # ended at its optimum
        rows_of("b", 0, [1.0, 0.6, 0.2]),
        rows_of("b", 1, [0.8, 0.6, 0.0]),
    ]
)


def test_a_run_that_ended_at_its_optimum_stays_there() -> None:
    assert summary.curves(ROWS).loc[("f", "p", "a", 1)].tolist() == [1.0, 0.0, 0.0]


def test_a_run_that_ended_without_its_optimum_has_no_later_regret() -> None:
    rows = pd.concat([ROWS, rows_of("b", 2, [0.9, 0.5])])
    late = summary.curves(rows).loc[("f", "p", "b")][3].tolist()
    assert late[:2] == [0.2, 0.0]
    assert np.isnan(late[2])


def test_trials_to_optimum() -> None:
    runs = summary.trials_to_optimum(ROWS).droplevel(["family", "problem"])
    assert runs["trial"].to_dict() == {("a", 0): 3, ("a", 1): 2, ("b", 0): 3, ("b", 1): 3}
    assert runs["found"].tolist() == [True, True, False, True]
    table = summary.optimum_table(ROWS)
    assert table.loc[("p", "b"), "found"] == 0.5


def test_every_problem_of_a_family_has_the_same_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "CHECKPOINTS", (1,))
    rows = pd.concat([rows_of("a", seed, [0.0], "easy") for seed in range(9)])
    rows = pd.concat([rows, rows_of("a", 0, [1.0], "hard")])
    assert summary.family_regret(rows).loc[("f", "a"), 1] == 0.5


def test_the_band_of_equal_runs_has_no_width_and_others_hold_the_mean() -> None:
    rng = np.random.default_rng(0)
    low, high = summary.bootstrap_band(np.full((5, 3), 0.3), rng)
    assert low == pytest.approx(0.3)
    assert high == pytest.approx(0.3)
    regrets = rng.normal(size=(400, 2))
    low, high = summary.bootstrap_band(regrets, rng)
    half_width = 1.96 * regrets.std(axis=0) / 20
    assert (high - low) / 2 == pytest.approx(half_width, rel=0.15)

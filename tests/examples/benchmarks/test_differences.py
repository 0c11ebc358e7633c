"""Paired differences: their mean over problems and its error, of known regrets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.benchmarks import differences


def rows_of(regrets: dict[str, list[list[float]]], trial: int = 25) -> pd.DataFrame:
    """Return rows of runs; a sampler's regrets are `[n_problems][n_seeds]`."""
    return pd.DataFrame(
        [
            {"family": "f", "problem": f"p{p}", "sampler": sampler, "seed": s, "trial": trial,
             "regret": regret}
            for sampler, problems in regrets.items()
            for p, seeds in enumerate(problems)
            for s, regret in enumerate(seeds)
        ]
    )  # fmt: skip


def test_problems_have_the_same_weight_and_their_errors_add() -> None:
    rows = rows_of({"a": [[0.1, 0.3], [0.5, 0.5, 0.8]], "b": [[0.2, 0.2], [0.1, 0.2, 0.3]]})
    found = differences.paired(rows, "a", "b", 25).loc["f"]
    assert found["runs"] == 5
    assert found["sampler"] == pytest.approx((0.2 + 0.6) / 2)
    assert found["difference"] == pytest.approx((0.0 + 0.4) / 2)
    variances = [np.var([-0.1, 0.1], ddof=1) / 2, np.var([0.4, 0.3, 0.5], ddof=1) / 3]
    assert found["error"] == pytest.approx(np.sqrt(sum(variances)) / 2)
    by_problem = differences.paired(rows, "a", "b", 25, by="problem")
    assert by_problem.loc["p1", "difference"] == pytest.approx(0.4)


def test_runs_that_only_one_sampler_has_are_left_out() -> None:
    rows = rows_of({"a": [[0.1, 0.3]], "b": [[0.2, 0.2, 0.9], [0.7]]})
    found = differences.paired(rows, "a", "b", 25)
    assert found["runs"].tolist() == [2]
    assert differences.paired(rows, "a", "c", 25).empty
    assert differences.paired(rows, "a", "b", 50).empty


def test_a_single_seed_has_no_error() -> None:
    rows = rows_of({"a": [[0.1, 0.3], [0.5]], "b": [[0.2, 0.2], [0.7]]})
    found = differences.paired(rows, "a", "b", 25).loc["f"]
    assert found["difference"] == pytest.approx(-0.1)
    assert np.isnan(found["error"])


def test_the_command_reads_several_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of({"a": [[0.1, 0.3]], "b": [[0.2, 0.6]]})
    for (sampler, seed), part in rows.groupby(["sampler", "seed"]):
        path = tmp_path / str(sampler) / "p0" / str(sampler) / f"{seed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.to_csv(path, index=False)
    folders = [str(tmp_path / name) for name in "ab"]
    differences.main(["a", "b", "--trials", "25", "--results", *folders])
    assert "| f, b | 2 | 25 | 0.200 | 0.400 | -0.200 (0.100) |" in capsys.readouterr().out

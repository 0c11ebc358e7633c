"""Runs: repeatable, complete, resumed, and reported."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
import pickle

import numpy as np
import pandas as pd
import pytest

from examples.benchmarks import nasbench101
from examples.benchmarks import report
from examples.benchmarks import results
from examples.benchmarks import run
from examples.benchmarks import trials
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run


@pytest.mark.parametrize("sampler", ["tpe", "local-search"])
def test_the_same_run_gives_the_same_rows(sampler: str) -> None:
    spec = Run("nasbench201-cifar10", sampler, seed=3, n_trials=25)
    values = [[(row.value, row.distinct) for row in execute(spec)] for _ in range(2)]
    assert values[0] == values[1]


def test_regret_never_rises_and_distinct_counts_configurations() -> None:
    rows = execute(Run("nasbench201-cifar10", "tpe", seed=0, n_trials=60))
    regrets = [row.regret for row in rows]
    assert regrets == sorted(regrets, reverse=True)
    assert [row.trial for row in rows] == list(range(1, 61))
    assert rows[-1].distinct <= 60


def test_a_run_until_the_optimum_ends_there() -> None:
    rows = execute(Run("hpobench-car", "local-search", 0, 2000, until_optimum=True))
    assert [row.regret == 0 for row in rows] == [False] * (len(rows) - 1) + [True]


def test_a_long_run_keeps_checkpoints_and_new_best_values(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Run("nasbench201-imagenet", "random", seed=0, n_trials=750)
    whole = execute(spec)
    monkeypatch.setattr(trials, "N_WHOLE", 50)
    kept = [row.trial for row in execute(spec)]
    bests = [b.trial for a, b in pairwise(whole) if b.regret < a.regret]
    assert kept == sorted({*range(1, 51), *range(100, 800, 100), *bests, 750})


@pytest.mark.slow
def test_a_repeated_command_skips_finished_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--problems", "nasbench201-cifar10", "5d-sphere", "--samplers", "random"]
    command += ["evolution", "--seeds", "2", "--trials", "10", "--output", str(tmp_path)]
    run.main(command)
    assert "0 of 8 runs are done" in capsys.readouterr().out
    rows = results.read(tmp_path)
    assert len(rows) == 8 * 10
    assert set(rows["sampler"]) == {"random", "evolution"}
    assert rows[["optuna", "numpy", "optuna_lanas"]].notna().all(axis=None)
    run.main(command)
    assert "8 of 8 runs are done" in capsys.readouterr().out
    pd.testing.assert_frame_equal(results.read(tmp_path), rows)

    report.main(["--results", str(tmp_path), "--output", str(tmp_path / "report")])
    text = (tmp_path / "report" / "tables.md").read_text()
    assert "| nasbench201 |" in text
    assert (tmp_path / "report" / "regret-functions5d.png").read_bytes()[:4] == b"\x89PNG"
    assert "plotly" in (tmp_path / "report" / "regret-functions5d.html").read_text()[:2000]


def test_the_error_of_an_empty_folder_says_how_to_make_results(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"examples\.benchmarks\.run"):
        results.read(tmp_path)


def test_the_share_of_runs_with_the_optimum_rises_to_the_share_found() -> None:
    runs = [
        pd.DataFrame({"family": "f", "problem": "p", "sampler": "a", "seed": seed,
                      "trial": [1, 2, 3], "regret": regrets})
        for seed, regrets in enumerate([[1.0, 0.0, 0.0], [1.0, 0.4, 0.1]])
    ]  # fmt: skip
    (curve,) = report.found_curves(pd.concat(runs))
    assert curve.mean.tolist() == [0.0, 0.5, 0.5]
    assert curve.high.max() == 1


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"a,b\n1,2\n", b"trial,regret\nx,y\n"])
def test_a_damaged_run_is_made_anew_and_named_in_a_report(content: bytes, tmp_path: Path) -> None:
    spec = Run("nasbench201-cifar10", "random", seed=0, n_trials=5)
    path = results.path_of(spec, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert not results.is_done(spec, tmp_path)
    if content[:1] in (b"", b"\x00"):
        with pytest.raises(ValueError, match=r"`folder` must hold results, but .*0\.csv is none"):
            results.read(tmp_path)
    results.write(spec, execute(spec), tmp_path)
    assert results.is_done(spec, tmp_path)


@pytest.mark.parametrize("kind", ["missing", "text", "pickle", "npy", "npz"])
def test_a_table_that_is_none_is_told(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.npz"
    if kind in ("text", "pickle"):
        path.write_bytes(b"a text" if kind == "text" else pickle.dumps([1]))
    elif kind != "missing":
        with path.open("wb") as file:
            (np.save if kind == "npy" else np.savez)(file, np.zeros(3))
    monkeypatch.setenv(nasbench101.VARIABLE, str(path))
    with pytest.raises(ValueError, match=r"`NASBENCH101_TABLE` must be .*\. Set the") as caught:
        nasbench101.table()
    assert "allow_pickle" not in str(caught.value)


def test_a_run_without_its_table_ends_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(nasbench101.VARIABLE, str(tmp_path / "absent"))
    asked = ["--samplers", "random", "--problems", "nasbench101-noisy", "--seeds", "1"]
    with pytest.raises(SystemExit, match=r"there is no file .*absent.* The official files are"):
        run.main([*asked, "--output", str(tmp_path)])


@pytest.mark.parametrize("count", ["0", "-5", "2.5", "many"])
def test_a_count_that_is_none_is_told(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--trials", count])
    assert f"--trials: must be an int of at least 1, got '{count}'" in capsys.readouterr().err

"""Simulated workers: the clock, the report, and how LaNAS scales."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from examples.benchmarks import async_report
from examples.benchmarks import async_scale
from examples.benchmarks import simulated_workers
from examples.benchmarks import tables
from examples.benchmarks.simulated_workers import Outcome
from examples.benchmarks.simulated_workers import simulate
from examples.benchmarks.simulated_workers import Simulation
from examples.benchmarks.simulated_workers import training_seconds


PROBLEM = "nasbench201-cifar100"


def test_the_training_time_is_the_table_s() -> None:
    operations = ("nor_conv_3x3", "nor_conv_3x3", "none", "nor_conv_3x3", "avg_pool_3x3")
    cell = {f"Op{i}": op for i, op in enumerate([*operations, "skip_connect"])}
    assert training_seconds("nasbench201-cifar10")(cell) == pytest.approx(2255.4342)


@pytest.mark.parametrize("n_workers", [1, 10])
def test_workers_that_train_for_one_hour_each_share_the_hours(
    n_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_workers, "training_seconds", lambda problem: lambda params: 3600)
    outcome = simulate(Simulation(PROBLEM, "random", n_workers, seed=0, max_trials=100))
    assert outcome == Outcome(False, 100, 99 + n_workers, 100 / n_workers)


def test_the_optimum_ends_a_simulation() -> None:
    outcome = simulate(Simulation(PROBLEM, "lanas", n_workers=4, seed=0, max_trials=400))
    assert outcome.found
    assert outcome.n_ended < 400


@pytest.mark.slow
def test_the_smoke_size_writes_its_report_and_goes_on(tmp_path: Path) -> None:
    async_scale.main(["--smoke", "--output", str(tmp_path)])
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert len(runs) == 8
    async_scale.main(["--smoke", "--output", str(tmp_path)])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "runs.csv"), runs)
    assert "| nasbench201-cifar100 | lanas | 4 |" in (tmp_path / "tables.md").read_text()
    assert "plotly" in (tmp_path / "hours.html").read_text()


@pytest.mark.slow
def test_a_run_that_missed_the_optimum_is_made_anew_when_longer_ones_are_asked_for(
    tmp_path: Path,
) -> None:
    command = ["--samplers", "random", "--workers", "3", "--seeds", "1", "--problems", PROBLEM]
    for max_trials in ("5", "9", "7"):
        async_scale.main([*command, "--output", str(tmp_path), "--max-trials", max_trials])
    assert pd.read_csv(tmp_path / "runs.csv")["n_ended"].tolist() == [5, 9]
    assert "| random | 3 | 1 | 0.00 | > 9 |" in (tmp_path / "tables.md").read_text()


def test_slow_samplers_have_limits() -> None:
    arguments = ["--samplers", "gp", "lanas", "--seeds", "4", "--problems", PROBLEM]
    simulations = async_scale._simulations(async_scale._parser().parse_args(arguments))
    assert {s.n_workers for s in simulations if s.sampler == "gp"} == {1, 2, 4, 8}
    assert {(s.seed, s.max_trials) for s in simulations if s.sampler == "gp"} == {
        (seed, 300) for seed in range(3)
    }
    assert len([s for s in simulations if s.sampler == "lanas"]) == 40


def test_the_summary_divides_one_worker_by_several() -> None:
    rows = [
        ("a", "lanas", 1, 0, True, 100, 60.0),
        ("a", "lanas", 1, 1, True, 200, 90.0),
        ("a", "lanas", 8, 0, True, 150, 10.0),
        ("a", "lanas", 8, 1, True, 250, 15.0),
        ("a", "random", 1, 0, False, 900, 500.0),
        ("a", "random", 8, 0, True, 800, 60.0),
    ]
    columns = ["problem", "sampler", "n_workers", "seed", "found", "n_ended", "hours"]
    summary = async_report.summary(pd.DataFrame(rows, columns=columns))
    assert summary.loc[("a", "lanas", 8), ["speed-up", "efficiency"]].tolist() == [6.0, 0.75]
    assert summary.loc[("a", "random", 8), ["speed-up", "efficiency"]].isna().all()
    assert summary.loc[(async_report.ALL, "lanas", 8), "hours"] == 12.5
    assert "| a | random | 1 | 1 | 0.00 | > 900 | > 500.00 | - | - |" in async_report.markdown(
        summary
    )


@pytest.mark.slow
def test_lanas_scales_on_nasbench201(tmp_path: Path) -> None:
    """Over the three data sets and 10 seeds, against losing what docs/distributed.md measured.

    The goals, 0.8 and 25, are met by some sets of ten seeds and missed by these.
    """
    command = ["--samplers", "lanas", "--workers", "1", "8", "64", "--seeds", "10"]
    command += ["--problems", *tables.names("nasbench201"), "--jobs", str(os.cpu_count())]
    async_scale.main([*command, "--output", str(tmp_path)])
    summary = async_report.summary(pd.read_csv(tmp_path / "runs.csv"))
    of_all = summary.loc[async_report.ALL].loc["lanas"]
    assert (of_all["found"] == 1.0).all()
    assert of_all.loc[8, "efficiency"] >= 0.65
    assert of_all.loc[64, "speed-up"] >= 20

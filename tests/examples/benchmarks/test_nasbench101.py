"""NAS-Bench-101's problems on a small file in the official format, with made-up accuracies."""

from __future__ import annotations

from collections.abc import Iterator
import math
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from examples.benchmarks import catalogue
from examples.benchmarks import nasbench101
from examples.benchmarks import run
from examples.benchmarks import training_time
from examples.benchmarks.nasbench101 import EPOCHS
from examples.benchmarks.nasbench101 import TRAINING_TIME
from examples.benchmarks.nasbench101 import VARIABLE
from examples.benchmarks.paper import __main__ as paper
from examples.benchmarks.paper import cells
from examples.benchmarks.paper import crosscheck
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.tables import NASBench101Table
from tests.tables import nasbench101_small
from tests.tables.nasbench101_writer import write_records


SPACE = NASBench101Space()
N_SMALL = 91  # cells of up to four vertices


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "cells.tfrecord"
    nasbench101_small.write(path, n_vertices=4)
    return path


@pytest.fixture
def table(official: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NASBench101Table]:
    monkeypatch.setenv(VARIABLE, str(official))
    cells.load.cache_clear()
    yield NASBench101Table.read(official)
    cells.load.cache_clear()


def some_params(table: NASBench101Table, row: int) -> dict[str, object]:
    return SPACE.params(table.cell(row))


def test_every_kind_of_file_gives_the_same_cells(
    official: Path, table: NASBench101Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = nasbench101.table()
    assert len(found) == N_SMALL
    assert found.hash64.tolist() == [int(each[:16], 16) for each in table.hashes.tolist()]
    n_correct = 3 * nasbench101.N_IMAGES * found.accuracies
    np.testing.assert_allclose(n_correct, np.rint(n_correct), atol=1e-9)
    means = tmp_path / "means.npz"
    np.savez(
        means,
        hash64=found.hash64,
        n_vertices=found.n_vertices,
        adj_bits=found.bits,
        ops=found.operations,
        test_acc108_num=np.rint(n_correct).astype(np.uint16),
        test_acc108_den=3 * nasbench101.N_IMAGES,
    )
    table.save(tmp_path / "nasbench_full.tfrecord.npz")
    for path in (f"{official}.npz", tmp_path, means):
        monkeypatch.setenv(VARIABLE, str(path))
        other = nasbench101.table()
        for name in ("hash64", "n_vertices", "bits", "operations", "accuracies"):
            np.testing.assert_array_equal(getattr(other, name), getattr(found, name))
        assert (other.measured is None) == (path == means)


def test_the_values_are_those_of_the_table(table: NASBench101Table) -> None:
    for row in (0, 40, 90):
        found = table.query(table.hashes[row].decode())
        trial = optuna.trial.FixedTrial(some_params(table, row))
        for name, expected in (
            ("nasbench101", found.test_accuracy),
            ("nasbench101-validation", found.validation_accuracy),
            ("nasbench101-epochs", found.validation_accuracy),
        ):
            problem = catalogue.load(name, seed=0)
            assert problem.objective(trial) == pytest.approx(expected, abs=1e-7)
            assert problem.evaluate(trial.params) == problem.objective(trial)


def test_optimum_and_median_are_those_of_the_validation(table: NASBench101Table) -> None:
    problem = catalogue.load("nasbench101-validation", seed=0)
    means = table.measurements[:, -1, :, 1, 2].astype(float).mean(axis=1)
    assert problem.optimum == pytest.approx(means.max(), abs=1e-7)
    assert problem.median == pytest.approx(np.median(means), abs=1e-7)


def test_a_noisy_trial_is_a_run_and_the_report_is_the_mean_test_accuracy(
    table: NASBench101Table,
) -> None:
    params = some_params(table, 40)
    runs = table.measurements[40, -1, :, 1, 2]
    problem = catalogue.load("nasbench101-noisy", seed=3)
    drawn = [problem.evaluate(params) for _ in range(60)]
    assert set(drawn) == set(runs.astype(float).tolist())
    again = catalogue.load("nasbench101-noisy", seed=3)
    assert [again.evaluate(params) for _ in range(60)] == drawn
    assert problem.report is not None
    mean = table.measurements[40, -1, :, 1, 3].astype(float).mean()
    assert problem.report(params) == pytest.approx(mean, abs=1e-7)
    assert problem.optimum == catalogue.load("nasbench101", seed=0).optimum


def test_the_regret_of_a_noisy_run_is_that_of_its_best_trial(table: NASBench101Table) -> None:
    rows = execute(Run("nasbench101-noisy", "random", 0, 60))
    test = nasbench101.table().accuracies
    best = max((row for row in rows if not math.isnan(row.value)), key=lambda row: row.value)
    optimum, median = test.max(), np.median(test)
    reported = optimum - best.regret * (optimum - median)
    assert np.abs(test - reported).min() < 1e-12
    assert rows[-1].regret == best.regret >= 0


@pytest.mark.slow
def test_a_trial_reports_after_each_number_of_epochs(table: NASBench101Table) -> None:
    problem = catalogue.load("nasbench101-epochs", seed=0)
    assert problem.pruner is not None
    study = optuna.create_study(
        direction="maximize",
        sampler=LaNASSampler(seed=0, space=problem.space),
        pruner=problem.pruner(),
    )
    study.optimize(problem.objective, n_trials=30)
    pruned = [t for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert pruned
    assert complete
    for trial in [*pruned, *complete]:
        cell = SPACE.cell(trial.params)
        assert cell is not None
        steps = list(trial.intermediate_values)
        assert steps == list(EPOCHS[: len(steps)])
        trained = steps if trial in pruned else EPOCHS
        times = [table.query(cell, epochs=epochs).training_time or 0.0 for epochs in trained]
        assert trial.user_attrs[TRAINING_TIME] == pytest.approx(sum(times), rel=1e-6)
        for step, value in trial.intermediate_values.items():
            expected = table.query(cell, epochs=step).validation_accuracy
            assert value == pytest.approx(expected, abs=1e-7)
    rows = execute(Run("nasbench101-epochs", "random", 0, 20))
    times_so_far = [row.training_time for row in rows]
    assert times_so_far == sorted(times_so_far)
    assert times_so_far[-1] > 0


def test_what_a_file_lacks_is_told(
    tmp_path: Path, official: Path, table: NASBench101Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path / "short.tfrecord"
    nasbench101_small.write(short, n_vertices=3, budgets=[108])
    monkeypatch.setenv(VARIABLE, str(short))
    catalogue.load("nasbench101-validation", seed=0)
    with pytest.raises(ValueError, match=r"must be the path of nasbench_full\.tfrecord"):
        catalogue.load("nasbench101-epochs", seed=0)
    means = tmp_path / "means.npz"
    empty = np.zeros(1, dtype=np.uint32)
    np.savez(
        means,
        **dict.fromkeys(nasbench101.MEANS[:5], empty),  # type: ignore[arg-type]
        test_acc108_den=29_952,
    )
    monkeypatch.setenv(VARIABLE, str(means))
    with pytest.raises(ValueError, match=r"which holds mean test accuracies alone\. Set the"):
        catalogue.load("nasbench101-noisy", seed=0)


@pytest.mark.slow
def test_other_cells_than_the_files_are_never_proposed(
    table: NASBench101Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file with few of the cells, which random params nearly never give."""
    rng = np.random.default_rng(0)
    known = [SPACE.cell(SPACE.sample(rng)) for _ in range(60)]
    records = [r for cell in known if cell for r in nasbench101_small.runs(cell, [108], rng)]
    write_records(tmp_path / "few.tfrecord", records)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "few.tfrecord"))
    problem = catalogue.load("nasbench101-validation", seed=0)
    study = optuna.create_study(
        direction="maximize", sampler=LaNASSampler(seed=0, space=problem.space)
    )
    study.optimize(problem.objective, n_trials=15)
    assert all(trial.value is not None for trial in study.trials)
    assert {SPACE.key(t.params) for t in study.trials} <= {c.module_hash for c in known if c}
    unknown = SPACE.params(table.cell(0))
    assert problem.key(unknown) is None
    with pytest.raises(optuna.TrialPruned, match="does not have this cell"):
        problem.objective(optuna.trial.FixedTrial(unknown))
    rows = execute(Run("nasbench101-validation", "evolution", 0, 12))
    assert not any(math.isnan(row.value) for row in rows)


@pytest.mark.slow
def test_the_documented_commands_run_on_the_small_file(
    table: NASBench101Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    methods = ["lanas", "random", "evolution-500", "evolution-500-new", "mcts", "weak-predictor"]
    paper.main(["--methods", *methods, "--seeds", "2", "--output", str(runs)])
    assert f"The table holds {N_SMALL} of 423,624 cells" in capsys.readouterr().out
    found = pd.read_csv(runs)
    assert len(found) == 2 * len(methods)
    assert (found["samples"] <= N_SMALL).all()
    assert found.loc[found["method"] == "random", "is_found"].all()
    best = nasbench101.table().accuracies.max()
    assert (found["is_found"] == (found["accuracy"] == best)).all()
    names = ["nasbench101", *nasbench101.names()]
    run.main(
        ["--samplers", "lanas-space", "random", "--problems", *names, "--seeds", "1",
         "--trials", "30", "--output", str(tmp_path / "results")]
    )  # fmt: skip
    assert len(list(tmp_path.glob("results/*/*/0.csv"))) == 2 * len(names)
    capsys.readouterr()
    training_time.main(["--results", str(tmp_path / "results")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 2 * len(nasbench101.names())


def test_regrets_are_those_at_the_same_training_time() -> None:
    rows = pd.DataFrame(
        {
            "problem": "p", "sampler": ["a"] * 3 + ["b"] * 2, "seed": 0,
            "regret": [0.9, 0.5, 0.1, 0.8, 0.2],
            "training_time": [3600.0, 7200.0, 36_000.0, 1800.0, 36_000.0],
        }
    )  # fmt: skip
    assert training_time.table(rows)[0].endswith("| 1.0 h | 2.5 h | 5.0 h | 10.0 h |")
    assert training_time.table(rows)[2:] == [
        "| p | a | 1 | 0.900 | 0.500 | 0.500 | 0.100 |",
        "| p | b | 1 | 0.800 | 0.800 | 0.800 | 0.200 |",
    ]
    with pytest.raises(ValueError, match="`results` must hold training times"):
        training_time.table(rows.assign(training_time=math.nan))


def test_peers_stand_beside_their_published_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("method,accuracy\nrandom,0.93\nrandom,0.94\nlanas,0.94\n")
    crosscheck.main(["--runs", str(runs)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| lanas | 1 | 6.000 (6.000-6.000) | - | - |"
    assert lines[3] == "| random | 2 | 6.500 (6.000-7.000) | 6.341 | random search |"
    with pytest.raises(SystemExit, match="there is no file"):
        crosscheck.main(["--runs", str(tmp_path / "absent.csv")])

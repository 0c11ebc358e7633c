"""The paper's comparison on NAS-Bench-101: the sampler's own search, distinct cells counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import os
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from examples.benchmarks import catalogue
from examples.benchmarks.nasbench101 import VARIABLE
from examples.benchmarks.paper import __main__ as command
from examples.benchmarks.paper import cells
from examples.benchmarks.paper import evolution
from examples.benchmarks.paper import lanas
from examples.benchmarks.paper import mcts
from examples.benchmarks.paper import methods
from examples.benchmarks.paper import random_search
from examples.benchmarks.paper import report
from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.evolution import Evolution
from examples.benchmarks.paper.lanas import Published
from examples.benchmarks.paper.leaf import LeafDraws
from examples.benchmarks.paper.outcome import Ledger
from optuna_lanas import LaNASSampler
from optuna_lanas._core.search_tree import learn


needs_table = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} is not set")


@pytest.fixture(scope="module")
def table() -> Iterator[Cells]:
    yield cells.load()
    cells.load.cache_clear()


def random_encodings(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(cells.N_MASKS, size=n), rng.choice(cells.VALID_CODES, size=n)


def params_of(mask: int, code: int) -> dict[str, object]:
    space = catalogue.load("nasbench101", 0).space
    choices = [d.choices for d in space.distributions.values()]
    indices = [mask >> bit & 1 for bit in range(21)] + [code >> 2 * v & 3 for v in range(5)]
    values = [c[i] for c, i in zip(choices, indices, strict=True)]
    return dict(zip(space.distributions, values, strict=True))


@needs_table
def test_an_encoding_is_the_cell_that_the_space_says(table: Cells) -> None:
    problem = catalogue.load("nasbench101", 0)
    masks, codes = random_encodings(60)
    rows = table.rows_of(masks, codes)
    assert 0.5 < np.mean(rows >= 0) < 0.9
    for mask, code, row in zip(masks.tolist(), codes.tolist(), rows.tolist(), strict=True):
        params = params_of(mask, code)
        assert (problem.space.key(params) is None) == (row < 0)
        assert table.row(mask, code) == row
        if row >= 0:
            assert table.accuracies[row] == problem.evaluate(params)
            assert (table.encodings[row] == problem.space.encode(params)).all()


@needs_table
def test_the_encodings_of_all_cells_are_counted(table: Cells) -> None:
    rows = table.rows_of(*random_encodings(100_000))
    counts = table.n_encodings
    assert counts.min() == 1
    assert counts.sum() / (2**21 * 3**5) == pytest.approx(np.mean(rows >= 0), abs=0.01)
    commonest = counts.argmax()
    assert counts[commonest] / counts.sum() == pytest.approx(
        np.mean(rows[rows >= 0] == commonest), abs=0.01
    )


@needs_table
def test_the_sampler_draws_from_the_leaf_that_the_benchmark_selects(table: Cells) -> None:
    """With the same settings, at every trial of a study."""
    problem = catalogue.load("nasbench101", 0)
    sampler = LaNASSampler.paper(seed=0, n_select=20, height=4, space=problem.space)
    settings = Published(n_select=20, height=4)
    assert lanas.core_settings(settings) == sampler.settings
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(problem.objective, n_trials=60)
    encodings = np.array([problem.space.encode(trial.params) for trial in study.trials])
    accuracies = np.array(study.trials_dataframe()["value"])
    for first in (20, 40):
        history = lanas.history_of(encodings[:first], accuracies[:first])
        search_tree = learn(history, sampler.settings)
        walk = lanas.Walk(search_tree, settings.exploration)
        leaves = search_tree.tree.route(encodings[first : first + 20])
        for leaf, accuracy in zip(leaves, accuracies[first : first + 20], strict=True):
            assert walk.select() == leaf
            walk.visit(leaf, accuracy)


@needs_table
@pytest.mark.slow
def test_a_leafs_cells_are_drawn_once_each_until_none_is_left(table: Cells) -> None:
    features = lanas.visible(table, Published())
    rng = np.random.default_rng(0)
    rows = rng.integers(len(table), size=60)
    history = lanas.history_of(features[rows].astype(float), table.accuracies[rows])
    tree = learn(history, lanas.core_settings(Published(height=8))).tree
    leaf = tree.route(features)
    smallest = min(tree.leaves, key=lambda node: abs(np.sum(leaf == node) - 50))
    seen = np.zeros(len(table), dtype=bool)
    draws = LeafDraws(features, np.ones(len(table)), seen, rng)
    draws.begin(tree)
    drawn = []
    while (row := draws.inside(smallest)) is not None:
        seen[row] = True
        drawn.append(row)
    assert sorted(drawn) == np.flatnonzero(leaf == smallest).tolist()


@needs_table
@pytest.mark.slow
def test_expected_samples_of_random_search_are_their_mean(table: Cells) -> None:
    uniform = [random_search.run(table, seed, len(table)).samples for seed in range(100)]
    encoded = [random_search.run_over_encodings(table, s, len(table)).samples for s in range(40)]
    assert random_search.expected(table) == 211_812.5
    for samples, mean in (
        (uniform, random_search.expected(table)),
        (encoded, random_search.expected_over_encodings(table)),
    ):
        assert abs(np.mean(samples) - mean) < 4 * np.std(samples) / np.sqrt(len(samples))


@needs_table
def test_a_cell_counts_once_however_often_it_is_evaluated(table: Cells) -> None:
    again = evolution.run(table, 0, Evolution(20, 5), 2_000)
    assert again.evaluations == 2_000 > 2 * again.samples
    assert not again.is_found
    new = evolution.run(table, 0, Evolution(20, 5, passes_seen=True), 2_000)
    assert new.samples > 0.9 * new.evaluations
    assert mcts.run(table, 0, 0.5, 500) == mcts.run(table, 0, 0.5, 500)


@needs_table
@pytest.mark.slow
def test_every_method_finds_the_best_cell_of_an_easy_table(table: Cells) -> None:
    """The accuracies of the table count 3x3 convolutions and edges; one cell has the most."""
    encodings = table.encodings.astype(float)
    scores = encodings[:, :21].sum(1) + encodings[:, 21:36:3].sum(1)
    easy = replace(table, accuracies=0.8 + scores / 100 + encodings[:, 0] / 1000)
    for method in ("lanas", "lanas-encodings", "lanas-one-hot", "lanas-ordinal", "lanas-ranks"):
        assert methods.run(easy, method, 5, 0, 20_000).is_found
    assert methods.run(easy, "weak-predictor", 0, 0, 500).is_found  # the ensemble does not find it


@needs_table
@pytest.mark.slow
@pytest.mark.parametrize("method", ["weak-predictor", "ensemble-predictor"])
def test_a_predictor_evaluates_new_cells_better_than_random_ones(
    table: Cells, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, seen = Ledger.accuracy, []

    def accuracy(ledger: Ledger, row: int) -> float:
        seen.append(evaluate(ledger, row))
        return seen[-1]

    monkeypatch.setattr(Ledger, "accuracy", accuracy)
    end = methods.run(table, method, 0, seed=0, most=80)
    assert end.samples == end.evaluations == len(seen) == 80
    assert np.mean(seen[40:]) > np.mean(seen[:20])


@needs_table
@pytest.mark.slow
def test_rows_are_kept_and_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    asked = ["--methods", "lanas", "random", "evolution-500", "mcts", "--seeds", "2"]
    command.main([*asked, "--heights", "2", "5", "--most", "400", "--output", str(runs)])
    rows = pd.read_csv(runs)
    assert len(rows) == 2 * (2 + 3)
    assert (rows["samples"] <= 400).all()
    assert rows[["optuna", "numpy", "optuna_lanas"]].notna().all(axis=None)
    monkeypatch.setattr(methods, "run", None)
    command.main([*asked, "--heights", "2", "5", "--most", "400", "--output", str(runs)])
    report.main(["--runs", str(runs), "--output", str(tmp_path)])
    text = (tmp_path / "tables.md").read_text()
    assert "| lanas | 2 | 0% | at least 400 (400-400) | 400 | 400 | - |" in text
    assert (tmp_path / "heights.png").read_bytes()[:4] == b"\x89PNG"


@needs_table
def test_runs_of_another_version_are_not_mixed_with_these(tmp_path: Path, table: Cells) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("method,height,seed,samples\nrandom,0,0,30\n")
    with pytest.raises(SystemExit, match="name another --output"):
        command.main(["--methods", "random", "--output", str(runs)])
    assert runs.read_text().count("\n") == 2


def test_a_report_without_lanas_compares_nothing(tmp_path: Path) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text(
        "method,height,samples,evaluations,is_found\nrandom,0,30,40,True\nrandom,0,30,60,True\n"
    )
    report.main(["--runs", str(runs), "--output", str(tmp_path)])
    text = (tmp_path / "tables.md").read_text()
    assert "| random | 2 | 100% | 30 (30-30) | 30 | 50 | - | 22.0 |" in text
    assert not (tmp_path / "heights.png").exists()


def test_an_interval_is_that_of_the_mean() -> None:
    rng = np.random.default_rng(0)
    samples = rng.exponential(100.0, size=400)
    found = report.mean(samples)
    assert found.high - found.value == pytest.approx(1.96 * samples.std() / 20, rel=0.1)
    doubled = report.ratio(2 * samples, samples)
    assert doubled.value == pytest.approx(2.0)
    assert doubled.low < 2.0 < doubled.high


def test_without_a_table_the_command_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    cells.load.cache_clear()
    with pytest.raises(
        SystemExit, match=f"`{VARIABLE}` must be the path of NAS-Bench-101's official file"
    ):
        command.main(["--methods", "random"])

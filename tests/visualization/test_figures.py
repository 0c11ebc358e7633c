"""Figures hold what the partition says."""

from __future__ import annotations

from collections.abc import Callable
import subprocess
import sys
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
import pytest

from examples.benchmarks import figure_times
from optuna_lanas import LaNASSampler
from optuna_lanas import visualization
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_architecture
from optuna_lanas.visualization import plot_latent_action
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._leaf_share import shares


pytest.importorskip("plotly")

PLOTS = figure_times.PLOTS[:-1]  # without the one of architectures


def mixed(trial: optuna.Trial) -> float:
    values = [trial.suggest_categorical(f"op_{i}", list("abcde")) for i in range(6)]
    rate = trial.suggest_float("rate", 1e-5, 1, log=True)
    return (
        values.count("a")
        - abs(float(np.log(rate / 0.01)))
        + trial.suggest_int("width", 1, 64) / 64
    )


def searched(n_trials: int, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    sampler = sampler or optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(mixed, n_trials=n_trials)
    return study


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    return searched(60, LaNASSampler(seed=0))


@pytest.fixture(scope="module")
def view(study: optuna.Study) -> StudyPartition:
    return partition(study)


@pytest.mark.parametrize("kind", ["icicle", "treemap"])
def test_partition(study: optuna.Study, view: StudyPartition, kind: str) -> None:
    tiles = plot_partition(study, kind=kind, target_name="score").data[0]
    assert tiles.type == kind
    assert len(tiles.ids) == view.tree.n_nodes
    inner = view.tree.children[:, 0] >= 0
    for node in range(view.tree.n_nodes):
        assert tiles.values[node] == view.search_tree.visits[node]
        assert tiles.marker.colors[node] == pytest.approx(view.search_tree.value[node], abs=1e-4)
        assert tiles.parents[node] == ("" if node == 0 else str(view.tree.parent[node]))
        if inner[node]:
            assert tiles.values[node] == sum(tiles.values[c] for c in view.tree.children[node])
        for name, _ in view.top_choices(node):
            assert name in tiles.text[node]
            assert name in tiles.hovertext[node]
        assert "mean score" in tiles.hovertext[node]


def test_leaf_values(study: optuna.Study, view: StudyPartition) -> None:
    figure = plot_leaf_values(study, target_name="score")
    assert [violin.name for violin in figure.data] == [f"leaf {leaf}" for leaf in view.leaves]
    for violin, leaf in zip(figure.data, view.leaves, strict=True):
        expected = view.targets[view.search_tree.leaf == leaf]
        assert sorted(violin.y) == sorted(expected)
    assert figure.layout.yaxis.title.text == "score"
    assert all(
        f"({view.search_tree.ucb[leaf]:.2f})" in text
        for leaf, text in zip(view.leaves, figure.layout.xaxis.ticktext, strict=True)
    )


def test_latent_action(study: optuna.Study, view: StudyPartition) -> None:
    bars = plot_latent_action(study, n_choices=5).data[0]
    weights = dict(zip(view.choices, view.tree.normals[0], strict=True))
    assert len(bars.x) == 5
    assert list(bars.x) == sorted(bars.x)
    assert all(weights[name] == weight for name, weight in zip(bars.y, bars.x, strict=True))
    assert np.abs(bars.x).min() >= sorted(np.abs(list(weights.values())))[-5]
    assert all(
        (c == bars.marker.color[-1]) == (x > 0)
        for c, x in zip(bars.marker.color, bars.x, strict=True)
    )
    child = int(view.tree.children[0, 0])
    assert view.name(child) in plot_latent_action(study, node=child).layout.title.text


def test_latent_action_of_a_leaf(study: optuna.Study, view: StudyPartition) -> None:
    with pytest.raises(ValueError, match="`node` must be a node with a latent action, one of"):
        plot_latent_action(study, node=int(view.leaves[0]))


def test_leaf_share(study: optuna.Study, view: StudyPartition) -> None:
    figure = plot_leaf_share(study, window=20)
    assert len(figure.data) == len(view.leaves)
    total = np.sum([trace.y for trace in figure.data], axis=0)
    assert total == pytest.approx(1.0, abs=0.02)
    for trace in figure.data:
        leaf = int(trace.name.split()[1])
        last = (view.search_tree.leaf[-20:] == leaf).mean()
        assert trace.y[-1] == pytest.approx(last, abs=1e-3)
    assert figure.data[0].x[-1] == 60


def test_shares_of_a_window() -> None:
    inside = np.array([True, True, False, False, True])
    assert shares(inside, np.array([1, 2, 4, 5]), 2).tolist() == [1.0, 1.0, 0.0, 0.5]


def test_trial_map(study: optuna.Study, view: StudyPartition) -> None:
    figure = plot_trial_map(study, target_name="score")
    by_value, *by_leaf = figure.data
    assert sorted(by_value.customdata) == list(range(60))
    values = dict(zip(by_value.customdata, by_value.marker.color, strict=True))
    assert all(values[t.number] == pytest.approx(t.value) for t in study.trials)
    leaf_of = dict(zip(view.numbers, view.search_tree.leaf, strict=True))
    assert sum(len(trace.x) for trace in by_leaf) == 60
    assert all(
        leaf_of[number] == int(trace.name.split()[1])
        for trace in by_leaf
        for number in trace.customdata
    )
    cut = figure.layout.shapes[0].x0
    good = set(view.numbers[view.inside(int(view.tree.children[0, 0]))])
    for number, x in zip(by_value.customdata, by_value.x, strict=True):
        assert (x >= cut - 1e-6) if number in good else (x <= cut + 1e-6)


def test_trial_map_without_a_cut() -> None:
    figure = plot_trial_map(searched(4))
    assert len(figure.layout.shapes) == 0
    assert len(set(figure.data[0].x)) == 4


def test_architecture() -> None:
    space = NASBench201Space()
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(space=space, seed=0))
    study.optimize(lambda trial: space.suggest(trial).count("nor_conv_3x3"), n_trials=15)
    figure = plot_architecture(study, target_name="convolutions")
    best = study.best_trial
    drawn = [a.text for a in figure.layout.annotations if a.text]
    assert sorted(drawn) == sorted(v for v in best.params.values() if v != "none")
    title = figure.layout.title.text
    assert title == f"Architecture of Trial {best.number}, convolutions {best.value:g}"
    assert "Trial 3," in plot_architecture(study, trial_number=3, space=space).layout.title.text
    with pytest.raises(ValueError, match="`trial_number` must be that of one of the study's 15"):
        plot_architecture(study, trial_number=15)


def test_architecture_needs_a_space_that_draws(study: optuna.Study) -> None:
    with pytest.raises(ValueError, match="`space` must be an architecture space with draw"):
        plot_architecture(study)
    with pytest.raises(ValueError, match="of a trial with a valid architecture of NASBench201"):
        plot_architecture(study, space=NASBench201Space())


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("directions", [["minimize"], ["maximize", "minimize"]])
def test_every_study_can_be_plotted(plot: Callable[..., Any], directions: list[str]) -> None:
    """One trial, one parameter, conditional parameters, failed and infinite ones."""
    study = optuna.create_study(
        directions=[StudyDirection[d.upper()] for d in directions],
        sampler=optuna.samplers.RandomSampler(seed=0),
    )

    def objective(trial: optuna.Trial) -> Any:
        x = trial.suggest_float("x", 0, 1)
        if trial.number > 5 and x > 0.5:
            x += trial.suggest_int("late", 0, 9)
        value = {7: float("nan"), 8: float("inf")}.get(trial.number, x)
        return value if len(directions) == 1 else (value, 1 - x)

    for n_trials in (1, 30):
        study.optimize(objective, n_trials=n_trials)
        assert plot(study).to_json()


GRID: dict[str, list[Any]] = {"kind": ["a", "b", "c"], "x": [0, 1, 2, 3, 4]}
OTHERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=0),
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
    "grid": lambda: optuna.samplers.GridSampler(GRID, seed=0),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=0),
}


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("sampler", OTHERS)
def test_studies_of_other_samplers(plot: Callable[..., Any], sampler: str) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=OTHERS[sampler]())

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_int("x", 0, 4)
        return x + (trial.suggest_categorical("kind", ["a", "b", "c"]) == "a"), -x

    study.optimize(objective, n_trials=15)
    figure = plot(study, target=lambda trial: trial.values[1], target_name="the second one")
    assert "the second one" in figure.to_json()


@pytest.mark.parametrize("plot", PLOTS)
def test_studies_without_a_value(plot: Callable[..., Any]) -> None:
    study = optuna.create_study()
    with pytest.raises(ValueError, match=r"`study` must have a finished trial .* got 0 trial"):
        plot(study)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * float("nan"), n_trials=3)
    with pytest.raises(ValueError, match=r"`study` must have a finished trial .* got 3 trial"):
        plot(study)


def test_wrong_arguments(study: optuna.Study) -> None:
    with pytest.raises(ValueError, match="`kind` must be 'icicle' or 'treemap', got 'pie'"):
        plot_partition(study, kind="pie")
    with pytest.raises(ValueError, match="`window` must be at least 1 trial, got 0"):
        plot_leaf_share(study, window=0)
    with pytest.raises(ValueError, match="`n_choices` must be at least 1, got 0"):
        plot_latent_action(study, n_choices=0)


def test_plotly_is_imported_late() -> None:
    code = (
        "import sys, optuna_lanas.visualization, optuna_lanas.explanation, optuna_lanas.dashboard;"
        "assert not {'plotly', 'networkx', 'optuna_dashboard'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_plotly(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    for plot in PLOTS:
        with pytest.raises(ImportError, match=r"pip install 'optuna_lanas\[visualization\]'"):
            plot(study)


@pytest.mark.slow
def test_figures_are_quick(capsys: pytest.CaptureFixture[str]) -> None:
    figure_times.main([])  # which fails where one is not
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * (3 * (len(PLOTS) + 2) + 1)


def test_all_are_exported() -> None:
    assert {plot.__name__ for plot in PLOTS} < set(visualization.__all__)

"""Figures hold what the partition says."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from optuna_lanas.visualization import plot_latent_action
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._leaf_share import shares
from tests.visualization.builders import searched


pytest.importorskip("plotly")


@pytest.mark.parametrize("kind", ["icicle", "treemap"])
def test_partition(view: StudyPartition, kind: str) -> None:
    tiles = plot_partition(view, kind=kind).data[0]
    assert tiles.type == kind
    assert len(tiles.ids) == view.tree.n_nodes
    for node in range(view.tree.n_nodes):
        assert tiles.values[node] == view.search_tree.visits[node]
        assert tiles.marker.colors[node] == pytest.approx(view.search_tree.value[node], abs=1e-4)
        assert tiles.parents[node] == ("" if node == 0 else str(view.tree.parent[node]))
        if not view.is_leaf(node):
            assert tiles.values[node] == sum(tiles.values[c] for c in view.tree.children[node])
        for name, _ in view.top_choices(node):
            assert name in tiles.text[node]
            assert name in tiles.hovertext[node]
        assert "mean score" in tiles.hovertext[node]


def test_leaf_values(view: StudyPartition) -> None:
    figure = plot_leaf_values(view)
    assert [violin.name for violin in figure.data] == [f"leaf {leaf}" for leaf in view.leaves]
    for violin, leaf in zip(figure.data, view.leaves, strict=True):
        expected = view.targets[view.search_tree.leaf == leaf]
        assert sorted(violin.y) == sorted(expected)
    assert figure.layout.yaxis.title.text == "score"
    assert all(
        f"({view.search_tree.ucb[leaf]:.2f})" in text
        for leaf, text in zip(view.leaves, figure.layout.xaxis.ticktext, strict=True)
    )


def test_latent_action(view: StudyPartition) -> None:
    figure = plot_latent_action(view, n_choices=5)
    bars = figure.data[0]
    weights = dict(zip(view.choices, view.tree.weights[0], strict=True))
    assert len(bars.x) == 5
    assert list(bars.x) == sorted(bars.x)
    assert all(weights[name] == weight for name, weight in zip(bars.y, bars.x, strict=True))
    assert np.abs(bars.x).min() >= sorted(np.abs(list(weights.values())))[-5]
    assert all(
        (c == bars.marker.color[-1]) == (x > 0)
        for c, x in zip(bars.marker.color, bars.x, strict=True)
    )
    means = [f"{view.mean_target(int(child)):.4g}" for child in view.tree.children[0]]
    title = figure.layout.title.text
    assert f"mean score: good side {means[0]}, bad side {means[1]}" in title


def test_latent_action_of_another_node(view: StudyPartition) -> None:
    child = int(view.tree.children[0, 0])
    assert view.name(child) in plot_latent_action(view, node=child).layout.title.text
    with pytest.raises(ValueError, match=r"`node` must be a node with a latent action, one of \["):
        plot_latent_action(view, node=int(view.leaves[0]))


def test_latent_action_of_a_tree_without_any() -> None:
    assert len(plot_latent_action(searched(4)).data[0].x) == 0


def test_leaf_share(view: StudyPartition) -> None:
    figure = plot_leaf_share(view, window=20)
    assert len(figure.data) == len(view.leaves)
    total = np.sum([trace.y for trace in figure.data], axis=0)
    assert total == pytest.approx(1.0, abs=0.02)
    for trace in figure.data:
        leaf = int(trace.name.split()[1])
        last = (view.search_tree.leaf[-20:] == leaf).mean()
        assert trace.y[-1] == pytest.approx(last, abs=1e-3)
    assert figure.data[0].x.tolist() == list(range(10, 61))
    assert figure.layout.legend.title.text == "mean score"


def test_shares_of_a_window() -> None:
    is_inside = np.array([True, True, False, False, True])
    assert shares(is_inside, np.array([1, 2, 4, 5]), 2).tolist() == [1.0, 1.0, 0.0, 0.5]


def test_trial_map(view: StudyPartition) -> None:
    figure = plot_trial_map(view)
    by_value, *by_leaf = figure.data
    assert sorted(by_value.customdata) == list(range(60))
    values = dict(zip(by_value.customdata, by_value.marker.color, strict=True))
    for number, target in zip(view.numbers, view.targets, strict=True):
        assert values[number] == pytest.approx(target)
    leaf_of = dict(zip(view.numbers, view.search_tree.leaf, strict=True))
    assert sum(len(trace.x) for trace in by_leaf) == 60
    assert all(
        leaf_of[number] == int(trace.name.split()[1])
        for trace in by_leaf
        for number in trace.customdata
    )
    threshold = figure.layout.shapes[0].x0
    good = set(view.numbers[view.inside(int(view.tree.children[0, 0]))])
    for number, x in zip(by_value.customdata, by_value.x, strict=True):
        assert (x >= threshold - 1e-6) if number in good else (x <= threshold + 1e-6)


def test_trial_map_without_a_latent_action() -> None:
    figure = plot_trial_map(searched(4))
    assert len(figure.layout.shapes) == 0
    assert len(set(figure.data[0].x)) == 4


def test_trial_map_of_constants() -> None:
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_int("x", 1, 1) + trial.number, n_trials=3)
    values = plot_trial_map(study).data[0]
    assert [*values.x, *values.y] == [0.0] * 6

"""Figures hold what the partition says, and their titles state a finding."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.explanation import explain
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._leaf_share import best_leaves
from optuna_lanas.visualization._leaf_share import shares
from optuna_lanas.visualization._plotly import BEST
from optuna_lanas.visualization._plotly import on_any_page
from optuna_lanas.visualization._plotly import shown_range
from tests.visualization.builders import PLOTS
from tests.visualization.builders import searched


pytest.importorskip("plotly")


def title(figure: Any) -> str:
    return str(figure.layout.title.text)


def stars(figure: Any) -> list[Any]:
    return [t for t in figure.data if t.type == "scatter" and t.marker.symbol == "star"]


@pytest.mark.parametrize("kind", ["icicle", "treemap"])
def test_partition(view: StudyPartition, kind: str) -> None:
    figure = plot_partition(view, kind=kind)
    tiles = figure.data[0]
    assert tiles.type == kind
    assert len(tiles.ids) == view.tree.n_nodes
    for node in range(view.tree.n_nodes):
        assert tiles.values[node] == view.search_tree.visits[node]
        assert tiles.marker.colors[node] == pytest.approx(view.search_tree.value[node], abs=1e-4)
        assert tiles.parents[node] == ("" if node == 0 else str(view.tree.parent[node]))
        if not view.is_leaf(node):
            assert tiles.values[node] == sum(tiles.values[c] for c in view.tree.children[node])
        assert tiles.text[node].count("<br>") == 1  # with the label, three lines
        assert "score: mean " in tiles.hovertext[node]
    assert title(figure).startswith(f"<b>Best of {len(view.leaves)} regions: ")
    assert figure.layout.uniformtext.mode == "hide"


def test_the_path_to_the_best_trial_is_outlined(study: optuna.Study, view: StudyPartition) -> None:
    tiles = plot_partition(view).data[0]
    place = view.numbers.tolist().index(study.best_trial.number)
    path = view.tree.path(int(view.search_tree.leaf[place]))
    outlined = [n for n, color in enumerate(tiles.marker.line.color) if color == BEST]
    assert outlined == path
    assert [n for n, label in enumerate(tiles.labels) if label.startswith("★")] == path


def test_leaf_values(view: StudyPartition) -> None:
    figure = plot_leaf_values(view)
    boxes = [trace for trace in figure.data if trace.type == "box"]
    leaves = sorted(view.leaves, key=lambda leaf: -view.search_tree.value[leaf])
    assert len(boxes) == len(leaves) == len(figure.layout.yaxis.ticktext)
    for box, leaf, text in zip(boxes, leaves, figure.layout.yaxis.ticktext, strict=True):
        targets = view.targets[view.search_tree.leaf == leaf]
        assert box.median[0] == pytest.approx(np.median(targets), rel=1e-6)
        assert text.endswith(f"({len(targets)})")
    assert [box.y[0] for box in boxes] == list(range(len(leaves)))[::-1]  # the best on top
    points = [t for t in figure.data if t.type == "scatter" and t.marker.symbol != "star"]
    assert sum(len(trace.x) for trace in points) == len(view.numbers)
    assert figure.layout.xaxis.title.text == "score"
    assert title(figure).startswith("<b>Best region, ")
    assert len(stars(figure)) == 1


def test_an_outlier_is_named_and_does_not_flatten_the_values() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(
        lambda t: t.suggest_float("x", 0, 1) + (1e6 if t.number == 7 else 0), n_trials=40
    )
    figure = plot_leaf_values(study)
    assert figure.layout.xaxis.range[1] < 10
    assert "1 trial above" in title(figure)
    assert "up to 1e+06" in title(figure)
    triangles = [t for t in figure.data if t.marker.symbol == "triangle-right"]
    assert "trial 7<br>" in triangles[0].hovertext[0]


def test_everything_is_shown_without_outliers(view: StudyPartition) -> None:
    low, high = shown_range(view)
    assert high == view.targets.max()
    assert low >= view.targets.min()


def test_regions_in_the_middle_share_a_box() -> None:
    study = searched(200)
    view = partition(study, sampler=LaNASSampler(min_samples_leaf=2))
    assert len(view.leaves) > 12
    texts = plot_leaf_values(view).layout.yaxis.ticktext
    assert len(texts) == 12
    assert texts[-2].startswith(f"{len(view.leaves) - 11} regions between these (")


def test_leaf_share(view: StudyPartition) -> None:
    figure = plot_leaf_share(view, window=20)
    where = [trace for trace in figure.data if trace.yaxis == "y" and trace.stackgroup]
    found = [trace for trace in figure.data if trace.yaxis == "y2"]
    for areas in (where, found):
        total = np.sum([trace.y for trace in areas], axis=0)
        assert total == pytest.approx(1.0, abs=0.02)
    best = best_leaves(view)
    assert len(best) == max(round(len(view.leaves) / 4), 1)
    values = view.search_tree.value
    assert min(values[best]) >= max(values[leaf] for leaf in view.leaves if leaf not in best)
    last = np.isin(view.search_tree.leaf[-20:], best).mean()
    assert where[0].y[-1] == pytest.approx(last, abs=1e-3)
    assert f"{last:.0%} of the last 20 trials lie in the best" in title(figure)
    assert figure.data[0].x.tolist() == list(range(1, 61))


def test_leaf_share_tells_how_trials_were_found(study: optuna.Study) -> None:
    figure = plot_leaf_share(study, window=60)
    found = {trace.name: trace.y[-1] for trace in figure.data if trace.yaxis == "y2"}
    kinds = [explain(study, number).found for number in range(60)]
    assert found["by the model"] == pytest.approx(kinds.count("model") / 60, abs=1e-3)
    assert found["start-up, uniform"] == pytest.approx(kinds.count("start-up") / 60, abs=1e-3)
    random = plot_leaf_share(searched(30))
    assert [t.name for t in random.data if t.yaxis == "y2"] == ["not by LaNAS"]


def test_shares_of_a_window() -> None:
    is_inside = np.array([True, True, False, False, True])
    assert shares(is_inside, np.array([1, 2, 4, 5]), 2).tolist() == [1.0, 1.0, 0.0, 0.5]


def test_trial_map(study: optuna.Study, view: StudyPartition) -> None:
    figure = plot_trial_map(view)
    points = next(t for t in figure.data if t.marker.showscale)
    assert sorted(points.customdata) == list(range(60))
    values = dict(zip(points.customdata, points.marker.color, strict=True))
    for number, target in zip(view.numbers, view.targets, strict=True):
        assert values[number] == pytest.approx(target)
    assert list(stars(figure)[0].customdata) == [study.best_trial.number]
    rings = next(t for t in figure.data if t.name == "last 10 trials")
    assert sorted(rings.customdata) == list(range(50, 60))
    assert figure.layout.xaxis.title.text.startswith("first latent action: towards ")


def test_the_cuts_of_the_map_are_exact(view: StudyPartition) -> None:
    """The trials of the first three regions lie on their own sides of the dashed lines."""
    figure = plot_trial_map(view)
    points = next(t for t in figure.data if t.marker.showscale)
    place = {n: (x, y) for n, x, y in zip(points.customdata, points.x, points.y, strict=True)}
    first, second = (t for t in figure.data if t.mode == "lines")
    good, _ = view.tree.children[0]
    upper, lower = view.tree.children[good]
    slope = (second.y[1] - second.y[0]) / (second.x[1] - second.x[0])
    for node, side in ((upper, 1), (lower, -1)):
        for number in view.numbers[view.inside(int(node))].tolist():
            x, y = place[number]
            assert x >= first.x[0] - 1e-6
            assert side * (y - second.y[0] - slope * (x - second.x[0])) >= -1e-5
    for number in view.numbers[~view.inside(int(good))].tolist():
        assert place[number][0] <= first.x[0] + 1e-6


def test_trial_map_without_a_latent_action() -> None:
    figure = plot_trial_map(searched(4))
    assert not any(trace.mode == "lines" for trace in figure.data)
    assert len(set(figure.data[0].x)) == 4


def test_trial_map_of_constants() -> None:
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_int("x", 1, 1) + trial.number, n_trials=3)
    values = plot_trial_map(study).data[0]
    assert [*values.x, *values.y] == [0.0] * 6


@pytest.mark.parametrize("plot", PLOTS)
def test_figures_use_the_objectives_name_and_mark_the_best_trial(plot: Any) -> None:
    study = searched(30)
    study.set_metric_names(["accuracy<1"])
    text = json.dumps(json.loads(plot(study).to_json()), ensure_ascii=False)
    assert "Objective Value" not in text
    assert "★" in text or '"star"' in text
    assert "accuracy&lt;1" in text
    assert "accuracy<1" not in text


def test_several_objectives_name_the_rank() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "speed"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)), n_trials=20)
    view = partition(study)
    assert view.target_name == "Rank of loss, speed"
    assert sorted(view.numbers[view.best]) == sorted(t.number for t in study.best_trials)
    assert "Pareto front" in title(plot_parameters(study))


@pytest.mark.parametrize("plot", PLOTS)
def test_a_template_may_be_replaced(plot: Any, view: StudyPartition) -> None:
    """No trace and no annotation has a colour that only a light page can hold."""
    figure = plot(view)
    assert figure.layout.paper_bgcolor is None
    assert figure.layout.font.color is None
    assert all(a.font.color is None for a in figure.layout.annotations)
    assert on_any_page(figure).layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"


@pytest.mark.parametrize("plot", PLOTS)
def test_the_users_template_is_used(
    plot: Any, view: StudyPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    io = pytest.importorskip("plotly.io")
    monkeypatch.setattr(io.templates, "default", "plotly_dark")
    assert plot(view).layout.template.layout.paper_bgcolor == "rgb(17,17,17)"


@pytest.mark.slow
@pytest.mark.parametrize("plot", PLOTS)
def test_drawing_takes_time_in_proportion_to_the_trials_at_most(plot: Any) -> None:
    seconds = []
    for n_trials in (1_000, 8_000):
        view = partition(_many(n_trials))
        plot(view)
        start = time.process_time()
        for _ in range(3):
            plot(view)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * 8 * seconds[0]


def _many(n_trials: int) -> optuna.Study:
    rng = np.random.default_rng(0)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    known: dict[str, Any] = {
        "x": optuna.distributions.FloatDistribution(0, 1),
        "op": optuna.distributions.CategoricalDistribution(["a", "b"]),
    }
    study.add_trials(
        optuna.trial.create_trial(
            params={"x": x, "op": "ab"[i % 2]}, distributions=known, value=(x - 0.3) ** 2 + i % 2
        )
        for i, x in enumerate(rng.random(n_trials).tolist())
    )
    return study

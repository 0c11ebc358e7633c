"""In a browser, no text of a figure is below 11 pixels, cut, or overlaps another."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from typing import Literal

import numpy as np
import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.dashboard import publish
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace
from optuna_lanas.visualization import plot_architecture
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization._architecture import draw_best_architecture
from optuna_lanas.visualization._thinning import reduced
from tests.browser import BROWSER
from tests.browser import drawn_texts
from tests.browser import faults
from tests.browser import Text
from tests.visualization.builders import conditional
from tests.visualization.builders import mixed
from tests.visualization.builders import PLOTS


pytest.importorskip("plotly")

in_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
CELLS = NASBench201Space()
SPACES: list[Any] = [
    CellSpace.darts(),
    CellSpace.nasnet(),
    MobileSpace(),
    NASBench101Space(),
    CELLS,
    NASBenchGraphSpace(),
    NATSBenchSizeSpace(),
]


def numeric(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    leaves = trial.suggest_int("max_leaf_nodes", 2, 1024, log=True)
    share = trial.suggest_float("subsample", 0.1, 1.0)
    penalty = trial.suggest_float("l2_regularization", 1e-8, 1e8, log=True)
    n = trial.suggest_int("n_estimators", 10, 2000)
    error = abs(float(np.log10(rate)) + 1.3) + abs(float(np.log2(leaves)) - 5) / 3
    return 3000 + 100 * error + 50 * (share - 0.8) ** 2 + n / 100 + float(penalty**0.1)


def architecture(trial: optuna.Trial) -> float:
    return 0.7 + 0.01 * CELLS.suggest(trial).count("conv_3x3")


def long_names(trial: optuna.Trial) -> float:
    names = [f"a_rather_long_name_of_a_parameter_{i}_of_many_others" for i in range(12)]
    choices = [f"a choice called <{i}> & described at length" for i in range(9)]
    text = trial.suggest_categorical("the kind of preprocessing that comes first", choices)
    return choices.index(text) + sum(trial.suggest_float(name, 0, 1e-3) for name in names)


def two_objectives(trial: optuna.Trial) -> tuple[float, float]:
    value = mixed(trial)
    return value, value**2


def with_outliers(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    return {3: 1e9, 7: -1e12, 9: float("nan")}.get(trial.number, 12345.678 + x**2)


Direction = Literal["minimize", "maximize"]


def tiny(trial: optuna.Trial) -> float:
    return 1e-16 * trial.suggest_float("x", -1e-7, 1e-7)


def nested(trial: optuna.Trial) -> float:
    """Several choices and a number that open parameters."""
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd", "lamb", "lion"])
    value = trial.suggest_float(f"{optimizer}_learning_rate", 1e-6, 1, log=True)
    for layer in range(trial.suggest_int("n_layers", 1, 5)):
        value += trial.suggest_int(f"layer_{layer}_units", 16, 1024, log=True) / 1e4
    if trial.suggest_categorical("use_dropout", [True, False]):
        value -= trial.suggest_float("dropout", 0, 0.8)
    return value


STUDIES: dict[str, tuple[Callable[..., Any], int, list[Direction], list[str]]] = {
    "conditional": (conditional, 60, ["maximize"], ["validation accuracy"]),
    "numeric": (numeric, 60, ["minimize"], ["mean squared error of the validation set"]),
    "architecture": (architecture, 60, ["maximize"], ["accuracy"]),
    "long_names": (long_names, 50, ["minimize"], ["the_validation_loss_of_the_last_epoch_" * 3]),
    "two_objectives": (two_objectives, 60, ["maximize", "minimize"], ["accuracy", "latency"]),
    "with_outliers": (with_outliers, 40, ["minimize"], []),
    "tiny": (tiny, 30, ["maximize"], ["a"]),
    "nested": (nested, 60, ["minimize"], ["loss"]),
    "one_trial": (numeric, 1, ["minimize"], []),
}


@pytest.fixture(scope="module", params=STUDIES)
def searched(request: pytest.FixtureRequest) -> optuna.Study:
    objective, n_trials, directions, names = STUDIES[request.param]
    space = CELLS if objective is architecture else None
    sampler = LaNASSampler(seed=0, space=space)
    study = optuna.create_study(directions=directions, sampler=sampler)
    if names:
        study.set_metric_names(names)
    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.mark.slow
@in_browser
def test_figures_can_be_read(searched: optuna.Study, tmp_path: Path) -> None:
    figures = {plot.__name__: plot(searched) for plot in PLOTS}
    figures["treemap"] = plot_partition(searched, kind="treemap")
    figures["panels"] = plot_parameters(searched, n_parameters=20)
    texts = drawn_texts(figures, tmp_path, 1000, 600)
    assert {text.figure for text in texts} == set(figures)
    assert not faults(texts)


@pytest.mark.slow
@in_browser
def test_published_figures_can_be_read(searched: optuna.Study, tmp_path: Path) -> None:
    """At the size of a figure on the study's page, in a window of 1,500 pixels."""
    pytest.importorskip("optuna_dashboard")
    figures = dict(_published(searched))
    texts = drawn_texts(figures, tmp_path, 700, 450)
    assert {text.figure for text in texts} == set(figures)
    assert not faults(texts)


def _published(study: optuna.Study) -> Iterator[tuple[str, Any]]:
    from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
    import plotly.io

    publish(study)
    attributes = study._storage.get_study_system_attrs(study._study_id)
    for name, content in get_plotly_graph_objects(attributes).items():
        yield name, plotly.io.from_json(content)


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_architectures_can_be_read(space: Any, tmp_path: Path) -> None:
    pytest.importorskip("networkx")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    rng = np.random.default_rng(0)
    for _ in range(4):
        study.enqueue_trial(space.sample(rng))
    study.optimize(lambda trial: space.suggest(trial) is None, n_trials=4)
    plot = partial(plot_architecture, study, space=space)
    figures = {f"trial-{n}": plot(trial_number=n) for n in range(4)}
    assert not faults(drawn_texts(figures, tmp_path, 1000, 600))
    published = {"best": draw_best_architecture(study, space, None, reduced(1.0))}
    assert not faults(drawn_texts(published, tmp_path, 700, 450))


@pytest.mark.slow
@in_browser
def test_what_cannot_be_read_is_found(tmp_path: Path) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    notes = [
        {"text": "small", "x": 0.1, "y": 0.1, "font": {"size": 9}},
        {"text": "one over", "x": 0.5, "y": 0.5},
        {"text": "the other", "x": 0.5, "y": 0.51},
        {"text": "cut at the end", "x": 1.2, "y": 0.9, "xanchor": "left"},
    ]
    shared = {"xref": "paper", "yref": "paper", "showarrow": False}
    figure = go.Figure(layout={"annotations": [note | shared for note in notes]})
    texts = drawn_texts({"figure": figure}, tmp_path, 400, 300)
    found = " | ".join(faults(texts))
    assert "small, 9.0 px: 'small'" in found
    assert "'one over' overlaps 'the other'" in found
    assert "cut" in found
    assert "'cut at the end'" in found


def test_boxes() -> None:
    page = (0.0, 0.0, 100.0, 100.0)
    text = Text("f", "text", 12.0, (10.0, 10.0, 50.0, 20.0), page)
    below = Text("f", "below", 12.0, (10.0, 20.0, 50.0, 30.0), page)
    over = Text("f", "over", 12.0, (45.0, 15.0, 120.0, 25.0), page)
    assert not text.overlaps(below)
    assert text.overlaps(over)
    assert not text.is_cut()
    assert over.is_cut()

"""What the figures accept: studies of every kind, or partitions of them."""

from __future__ import annotations

from collections.abc import Callable
import subprocess
import sys
from typing import Any

import optuna
from optuna.study import StudyDirection
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas import visualization
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import StudyPartition
from tests.visualization.builders import PLOTS


pytest.importorskip("plotly")

GRID: dict[str, list[Any]] = {"kind": ["a", "b", "c"], "x": [0, 1, 2, 3, 4]}
OTHERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=0),
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
    "grid": lambda: optuna.samplers.GridSampler(GRID, seed=0),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=0),
}


@pytest.mark.parametrize("plot", PLOTS)
def test_a_study_is_drawn_as_its_default_partition(
    plot: Callable[..., Any], study: optuna.Study
) -> None:
    assert plot(study).to_json() == plot(partition(study)).to_json()


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("wrong", [None, 3, "study", LaNASSampler()])
def test_neither_a_study_nor_a_partition(plot: Callable[..., Any], wrong: Any) -> None:
    rule = "`study_or_partition` must be an optuna.Study or a StudyPartition, got .* of "
    with pytest.raises(TypeError, match=rule + type(wrong).__name__ + r"\. Pass the study, or"):
        plot(wrong)


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


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("sampler", OTHERS)
def test_studies_of_other_samplers(plot: Callable[..., Any], sampler: str) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=OTHERS[sampler]())

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_int("x", 0, 4)
        return x + (trial.suggest_categorical("kind", ["a", "b", "c"]) == "a"), -x

    study.optimize(objective, n_trials=15)
    view = partition(study, target=lambda trial: trial.values[1], target_name="the second value")
    assert plot is plot_leaf_share or "the second value" in plot(view).to_json()


@pytest.mark.parametrize("plot", [*PLOTS, partition])
def test_studies_without_a_value(plot: Callable[..., Any]) -> None:
    study = optuna.create_study()
    with pytest.raises(ValueError, match=r"`study` must have a finished trial .* 0 trials is\."):
        plot(study)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * float("nan"), n_trials=3)
    with pytest.raises(ValueError, match=r"`study` must have a finished trial .* 3 trials is\."):
        plot(study)


def test_wrong_arguments(view: StudyPartition) -> None:
    with pytest.raises(
        ValueError, match=r"`kind` must be one of .'icicle', 'treemap'., got 'pie'"
    ):
        plot_partition(view, kind="pie")
    with pytest.raises(ValueError, match="`window` must be at least 1, got 0"):
        plot_leaf_share(view, window=0)
    with pytest.raises(ValueError, match="`n_parameters` must be at least 1, got 0"):
        plot_parameters(view, n_parameters=0)
    with pytest.raises(ValueError, match=r"`node` must be in 0 \.\. \d+, got 10000"):
        plot_parameters(view, node=10_000)


@pytest.mark.parametrize("answer", ["0.5", "a", [1.0], 1j, {}])
def test_a_target_that_is_no_float(study: optuna.Study, answer: Any) -> None:
    with pytest.raises(
        TypeError, match=r"`target` must return a float .*for trial 0\. Return NaN"
    ):
        partition(study, target=lambda trial: answer)


def test_a_target_that_fails(study: optuna.Study) -> None:
    with pytest.raises(
        ValueError, match=r"`target` must .* failed for trial 0: KeyError\('acc'\)"
    ):
        partition(study, target=lambda trial: trial.user_attrs["acc"])


def test_several_objectives_are_shown_as_ranks_only_where_the_tree_sees_ranks() -> None:
    for sampler, name in ((LaNASSampler(seed=0), "Rank"), (LaNASSampler.paper(seed=0), "Value")):
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.number % 3), n_trials=5)
        assert partition(study).target_name == name
        assert partition(study, target_name="mine").target_name == "mine"


def test_plotly_is_imported_late() -> None:
    code = (
        "import sys, optuna_lanas.visualization, optuna_lanas.explanation, optuna_lanas.dashboard;"
        "assert not {'plotly', 'networkx', 'optuna_dashboard'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_plotly(view: StudyPartition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    for plot in PLOTS:
        with pytest.raises(ImportError, match=r"pip install 'optuna_lanas\[visualization\]'"):
            plot(view)


def test_all_are_exported() -> None:
    assert {plot.__name__ for plot in PLOTS} < set(visualization.__all__)

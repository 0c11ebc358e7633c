"""The architecture of a trial is drawn by its space."""

from __future__ import annotations

import optuna
import pytest

from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_architecture
from tests.studies import quick


pytest.importorskip("plotly")
pytest.importorskip("networkx")

SPACE = NASBench201Space()


@pytest.fixture(scope="module")
def cells() -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=quick(space=SPACE))
    study.optimize(lambda trial: SPACE.suggest(trial).count("nor_conv_3x3"), n_trials=15)
    return study


def test_the_best_trial_is_drawn(cells: optuna.Study) -> None:
    figure, best = plot_architecture(cells), cells.best_trial
    drawn = [trace.name for trace in figure.data if trace.mode == "lines+markers"]
    assert sorted(drawn) == sorted(v for v in best.params.values() if v != "none")
    title = figure.layout.title.text
    head = f"<b>★ Trial {best.number}, the best: Objective Value {best.value:g}</b>"
    assert title.startswith(head)
    assert f"{drawn.count('nor_conv_3x3')} × nor_conv_3x3" in title


def test_any_trial_is_drawn(cells: optuna.Study) -> None:
    figure = plot_architecture(cells, trial_number=3)
    best = cells.best_trial
    assert figure.layout.title.text.startswith("<b>Trial 3: Objective Value ")
    assert f"(best: trial {best.number}, Objective Value {best.value:g})</b>" in (
        figure.layout.title.text
    )
    with pytest.raises(
        ValueError, match="`trial_number` must be the number of one of the study's"
    ):
        plot_architecture(cells, trial_number=15)


def test_a_front_shows_all_objective_values() -> None:
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.optimize(lambda t: (SPACE.suggest(t).count("none"), 2.5), n_trials=2)
    title = plot_architecture(study, space=SPACE).layout.title.text
    values = study.best_trials[0].values
    head = f"<b>★ Trial {study.best_trials[0].number}, on the Pareto front: "
    assert title.startswith(f"{head}Objective Values {values[0]:g}, 2.5</b>")
    study.set_metric_names(["empty", "size"])
    title = plot_architecture(study, space=SPACE).layout.title.text
    assert title.startswith(f"{head}empty {values[0]:g}, size 2.5</b>")


def test_without_a_complete_trial() -> None:
    study = optuna.create_study()
    with pytest.raises(ValueError, match=r"but none of its 0 trials is\. Run `study"):
        plot_architecture(study, space=SPACE)


def test_the_space_must_draw(study: optuna.Study) -> None:
    with pytest.raises(ValueError, match="`space` must be an architecture space with draw"):
        plot_architecture(study)
    with pytest.raises(ValueError, match="to a trial with a valid architecture of NASBench201"):
        plot_architecture(study, space=SPACE)


def test_a_partition_has_no_architecture(cells: optuna.Study) -> None:
    with pytest.raises(TypeError, match=r"`study` must be an optuna.Study, got <StudyPartition"):
        plot_architecture(partition(cells))  # type: ignore[arg-type]

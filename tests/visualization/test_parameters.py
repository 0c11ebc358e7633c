"""Panels of parameters: what is important comes first, and its effect has the right sign."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest

from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._effects import Effect
from optuna_lanas.visualization._effects import effects
from optuna_lanas.visualization._panels import with_crossings
from optuna_lanas.visualization._plotly import BAD
from optuna_lanas.visualization._plotly import GOOD
from optuna_lanas.visualization._words import conditions
from optuna_lanas.visualization._words import describe
from tests.studies import quick
from tests.visualization.builders import conditional
from tests.visualization.builders import searched


pytest.importorskip("plotly")


def by_name(view: StudyPartition) -> dict[str, Effect]:
    found = effects(view, view.inside(0))
    return {view.transform.names[effect.column]: effect for effect in found}


def heads(figure: Any) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


@pytest.fixture(scope="module", params=["lanas", "random"])
def choices(request: pytest.FixtureRequest) -> optuna.Study:
    sampler: Any = optuna.samplers.RandomSampler(seed=0)
    if request.param == "lanas":
        sampler = quick()
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(conditional, n_trials=60)
    return study


def test_the_choice_of_model_comes_first_and_bad_models_are_bad(choices: optuna.Study) -> None:
    figure = plot_parameters(choices)
    assert heads(figure)[0] == "<b>model</b>"
    bars = figure.data[0]
    texts = dict(zip(bars.text, bars.marker.color, strict=True))
    assert texts["forest"] == GOOD
    assert texts["svm"] == BAD
    lengths = dict(zip(bars.text, bars.x, strict=True))
    assert lengths["svm"] < lengths["neighbours"] < lengths["forest"]
    assert "model = forest, not svm" in figure.layout.title.text


def test_a_conditional_parameter_stands_after_what_opens_it_and_names_it(
    choices: optuna.Study,
) -> None:
    texts = heads(plot_parameters(choices, n_parameters=20))
    assert "<b>svm_kernel</b> if model = svm" in texts
    assert "<b>svm_gamma</b> if svm_kernel = rbf" in texts
    assert "<b>forest_depth</b> if model = forest" in texts
    order = [text.split("</b>")[0].removeprefix("<b>") for text in texts]
    assert order.index("model") < order.index("svm_kernel") < order.index("svm_gamma")
    assert order.index("model") < order.index("forest_depth")


def test_a_number_opens_parameters() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        n_layers = trial.suggest_int("n_layers", 1, 3)
        return sum(trial.suggest_int(f"units_{i}", 1, 9) for i in range(n_layers))

    study.optimize(objective, n_trials=40)
    texts = heads(plot_parameters(study))
    assert "<b>units_1</b> if n_layers ≥ 2" in texts
    assert "<b>units_2</b> if n_layers = 3" in texts
    assert "<b>units_0</b>" in texts


def test_effects_of_an_additive_function() -> None:
    """A quadratic of x, a small slope in z, and an offset by choice; y does nothing."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        x, z = (trial.suggest_float(name, -1, 1) for name in "xz")
        trial.suggest_float("y", 1e-5, 1, log=True)
        kind = trial.suggest_categorical("kind", ["good", "bad"])
        return 4 * (x - 0.4) ** 2 + 0.5 * z + 2 * (kind == "bad")

    study.optimize(objective, n_trials=200)
    found = by_name(partition(study))
    assert list(found) == ["x", "kind", "z", "y"]
    x = found["x"]
    best = 2 * x.grid[np.argmin(x.level)] - 1
    assert abs(best - 0.4) < 0.15
    assert found["kind"].level[1] - found["kind"].level[0] == pytest.approx(2.0, abs=0.5)
    assert found["y"].importance < 0.1 * x.importance
    assert np.corrcoef(found["z"].grid, found["z"].level)[0, 1] > 0.9


def test_effects_do_not_depend_on_the_unit_of_the_target() -> None:
    levels = []
    for unit in (1.0, 2.0**600):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(lambda t, u=unit: u * t.suggest_float("x", 0, 1) ** 2, n_trials=30)  # type: ignore[misc]
        levels.append(by_name(partition(study))["x"].level / unit)
    assert levels[0].tolist() == levels[1].tolist()


def test_the_colour_of_a_curve_changes_where_it_crosses_its_mean() -> None:
    grid, level = np.array([0.0, 0.5, 1.0]), np.array([-1.0, 1.0, 0.0])
    x, y = with_crossings(grid, level, 0.5)
    assert x.tolist() == [0.0, 0.375, 0.5, 0.75, 1.0]
    assert y.tolist() == [-1.0, 0.5, 1.0, 0.5, 0.0]


def test_the_number_of_panels() -> None:
    study = searched(20)
    assert len(heads(plot_parameters(study, n_parameters=3))) == 3
    assert "5 less important parameters are not shown" in plot_parameters(
        study, n_parameters=3
    ).layout.title.text.replace("<br>", " ")
    assert len(heads(plot_parameters(study))) == 8
    assert plot_parameters(study).layout.height is None


def test_panels_of_a_region() -> None:
    study = searched(80)
    view = partition(study)
    leaf = view.best_leaf
    figure = plot_parameters(view, node=leaf)
    assert f"In the region {describe(view, leaf)}"[:40] in figure.layout.title.text
    scatter = [t for t in figure.data if t.type == "scatter" and t.customdata is not None]
    dots = {number for trace in scatter for number in trace.customdata}
    assert dots == set(view.numbers[view.inside(leaf)])


def test_many_choices_show_the_best_ones_and_the_worst() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda t: t.suggest_categorical("c", list(range(20))), n_trials=200)
    bars = plot_parameters(study).data[0]
    assert len(bars.y) == 6
    assert bars.text[-1] == "0"
    assert int(bars.text[0]) >= 18


def test_a_choice_in_words() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda t: len(t.suggest_categorical("op", ["conv", "pool", "no", "id"])), 80)
    view = partition(study)
    op = np.array([trial.params["op"] for trial in view.trials])
    for chosen, text in (
        (["conv"], "op = conv"),
        (["conv", "pool"], "op = conv or pool"),
        (["conv", "pool", "id"], "op not no"),
    ):
        inside = np.isin(op, chosen)
        found = conditions(view, inside, ~inside)
        assert [(c.text.split(" ")[1], set(c.text.split())) for c in found] == [
            (text.split(" ")[1], set(text.split()))
        ]
        assert (found[0].inside, found[0].outside) == (1.0, 0.0)


def test_a_region_in_words() -> None:
    study = searched(80)
    view = partition(study)
    assert describe(view, 0) == "all trials"
    for leaf in view.leaves.tolist():
        inside = view.inside(leaf)
        found = conditions(view, inside, ~inside)
        assert describe(view, leaf) == ", ".join(c.text for c in found)
        assert all(0.0 <= c.outside < c.inside <= 1.0 for c in found)
        assert 1 <= len(found) <= 2


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0, 3, "n ≤ 3"), (6, 9, "n ≥ 6"), (4, 5, "n 4 to 5"), (4, 4, "n = 4")],
)
def test_a_range_in_words(low: int, high: int, text: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_int("n", 0, 9), n_trials=80)
    view = partition(study)
    n = np.array([trial.params["n"] for trial in view.trials])
    inside = (low <= n) & (n <= high)
    found = conditions(view, inside, ~inside)
    assert [c.text for c in found] == [text]
    assert (found[0].inside, found[0].outside) == (1.0, 0.0)


@pytest.mark.slow
def test_the_cost_of_the_model_does_not_grow_with_the_study(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trees are fitted to 1,500 trials at most, and asked about 120 for each value."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    n_fitted: list[int] = []
    n_asked: list[int] = []

    class Counting(ensemble.ExtraTreesRegressor):  # type: ignore[name-defined]
        def fit(self, inputs: Any, targets: Any) -> Any:
            n_fitted.append(len(inputs))
            return super().fit(inputs, targets)

        def predict(self, inputs: Any) -> Any:
            n_asked.append(len(inputs))
            return super().predict(inputs)

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(conditional, n_trials=4000)
    view = partition(study)
    monkeypatch.setattr(ensemble, "ExtraTreesRegressor", Counting)
    found = effects(view, view.inside(0))
    assert n_fitted == [1500]
    assert sum(n_asked) <= 120 * sum(len(effect.grid) for effect in found)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-9, 1.0, 1e300, 1.7e308])
def test_values_of_any_size_have_panels(size: float) -> None:
    values = {"low": -size, "middle": 0.0, "high": size}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: values[trial.suggest_categorical("size", list(values))], 20)
    figure = plot_parameters(study)
    assert [head for head in heads(figure) if "size" in head]
    assert figure.layout.xaxis.nticks == (4 if size in (0.0, 1.0) else 3)

"""A partition's text answers which region is best, what it is, and what comes next."""

from __future__ import annotations

import copy
from dataclasses import replace
import json
import math

import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import KEY
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._note import to_note
from optuna_lanas.visualization._partition_text import region_words
from optuna_lanas.visualization._partition_text import summary


def conditional(trial: optuna.Trial) -> float:
    """The mlp is good, most of all at a rate of .01; the svm is bad."""
    if trial.suggest_categorical("model", ["svm", "mlp"]) == "svm":
        return trial.suggest_float("svm_c", 0, 1) / 10
    return 1.0 - abs(math.log10(trial.suggest_float("mlp_rate", 1e-4, 1, log=True)) + 2) / 10


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    found = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    found.set_metric_names(["accuracy"])
    found.optimize(conditional, n_trials=40)
    return found


@pytest.fixture(scope="module")
def view(study: optuna.Study) -> StudyPartition:
    return partition(study)


def test_the_first_line_says_which_region_is_best_and_what_it_is(view: StudyPartition) -> None:
    first = str(view).splitlines()[0]
    inside = view.inside(view.best_leaf)
    assert first.startswith(f"Best of {len(view.leaves)} regions is leaf {view.best_leaf}, ")
    assert "model = mlp" in first
    assert (
        f": accuracy {view.targets[inside].mean():.4g} on average over {inside.sum()} tri" in first
    )
    assert first.endswith(f"against {view.targets.mean():.4g} over all 40.")
    means = [view.search_tree.value[leaf] for leaf in view.leaves]
    assert view.search_tree.value[view.best_leaf] == max(means)


def test_the_second_line_says_what_comes_next(view: StudyPartition) -> None:
    leaf, second = view.search_tree.select(), str(view).splitlines()[1]
    which = "this leaf" if leaf == view.best_leaf else f"leaf {leaf}, "
    assert second.startswith(f"Next: a trial in {which}")


def test_a_restart_of_a_stalled_search_comes_first(view: StudyPartition) -> None:
    content = json.dumps({"decision": vars(Decision("start-up", 39, first=35))})
    last = copy.copy(view.trials[-1])
    last.system_attrs = {KEY: content}
    text = str(replace(view, trials=(*view.trials[:-1], last)))
    assert f"After the restart that trial {last.number} was part of: a trial in " in text


def test_choices_in_words_are_those_of_all_trials_inside(
    study: optuna.Study, view: StudyPartition
) -> None:
    n_told = 0
    for leaf in view.leaves.tolist():
        models = {study.trials[n].params["model"] for n in view.numbers[view.inside(leaf)]}
        words = region_words(view, leaf)
        if words.startswith("model = ") and " or " not in words:
            n_told += 1
            assert models == {words.removeprefix("model = ").split(",")[0]}
        assert len(models) > 1 or not words.startswith("model mostly ")
    assert n_told


def test_the_dict_holds_what_the_tree_holds(view: StudyPartition) -> None:
    content = json.loads(json.dumps(view.to_dict()))
    assert content["summary"] == summary(view)
    regions = content["regions"]
    assert [region["node"] for region in regions] == list(range(view.tree.n_nodes))
    for region in regions:
        node = region["node"]
        assert region["is_leaf"] == view.is_leaf(node)
        assert region["trials"] == view.inside(node).sum()
        assert region["mean_target"] == pytest.approx(view.targets[view.inside(node)].mean())
        assert region["mean_rank"] == view.search_tree.value[node]
        assert (region["parent"] is None) == (node == 0)
    assert [r["node"] for r in regions if r["is_best"]] == [view.best_leaf]
    assert [r["node"] for r in regions if r["is_next"]] == [view.search_tree.select()]


def test_the_table_has_a_row_per_region(view: StudyPartition) -> None:
    pytest.importorskip("pandas")
    frame = view.to_pandas()
    assert len(frame) == view.tree.n_nodes
    assert frame["is_leaf"].sum() == len(view.leaves)


def test_repr_is_one_line_and_html_is_escaped() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda t: t.suggest_categorical("<b>", ["<i>", "x"]) == "x", n_trials=40)
    view = partition(study)
    assert len(repr(view).splitlines()) == 1
    html = view._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;" in html


def test_the_note_says_what_the_search_has_found(
    study: optuna.Study, view: StudyPartition
) -> None:
    lines = to_note(study, view).splitlines()
    best = study.best_trial.number
    assert lines[2] == f"**{summary(view)}**"
    assert lines[4].startswith(f"- The best trial is trial {best}, accuracy ")
    assert f" Trial {best} " in lines[4]
    assert lines[5].startswith("- Lately: ")
    assert lines[6].startswith("- Next: ")


@pytest.mark.parametrize("n_since", [0, 9, 30])
def test_the_note_says_what_has_changed_lately(n_since: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    last = 39 - n_since
    study.optimize(
        lambda t: t.suggest_float("x", 1, 2) if t.number != last else t.suggest_float("x", 0, 0.5),
        n_trials=40,
    )
    news = to_note(study, partition(study)).splitlines()[5]
    told = f"no better trial since trial {last}, {n_since} trials ago"
    assert told in news if n_since > 10 else f"trial {last} is the best" in news


def test_several_objectives_are_told_by_their_front() -> None:
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=LaNASSampler(seed=0))
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), 1 - t.params["x"]), n_trials=20)
    note = to_note(study, partition(study))
    assert "The Pareto front has 20 trials: 0, 1, " in note
    assert "have joined the Pareto front" in note

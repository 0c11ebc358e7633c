"""The first sentence of an explanation: what a trial refines, and what is expected of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import optuna
from optuna.trial import create_trial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas._study.published import Decision
from optuna_lanas._study.words import best_share
from optuna_lanas._study.words import changes
from optuna_lanas._study.words import where
from optuna_lanas._study.words import why
from optuna_lanas.explanation import Explanation
from optuna_lanas.explanation import Explanations


PARAMS = {"rate": 0.33, "depth": 3, "kind": "tree", "width": 64}


def numeric(trial: optuna.Trial) -> float:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return float((x - 0.3) ** 2 + (y - 0.7) ** 2 + (trial.suggest_categorical("c", "ab") == "a"))


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    found = optuna.create_study(sampler=LaNASSampler(seed=0))
    found.optimize(numeric, n_trials=30)
    return found


def decision(**fields: Any) -> Decision:
    known: dict[str, Any] = {
        "found": "model",
        "n_observations": 55,
        "n_better": 2,
        "parent": 41,
        "parent_params": {"rate": 0.23},
        "n_changed": 1,
        "distance": 0.05,
    }
    return Decision(**{**known, **fields})


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({}, "refines trial 41: rate 0.23 -> 0.33, the rest kept"),
        (
            {"parent_params": {"rate": 0.23, "width": 63}},
            "refines trial 41: rate 0.23 -> 0.33, the rest nearly kept",
        ),
        (
            {"parent_params": {"rate": 0.32999}, "n_changed": 0},
            "fine-tunes trial 41: rate 0.32999 -> 0.33, the rest kept",
        ),
        (
            {"parent_params": {"rate": 0.33}, "n_changed": 0},
            "fine-tunes trial 41: rate near 0.33, the rest kept",
        ),
        ({"parent_params": {}, "n_changed": 0}, "repeats trial 41"),
        (
            {"parent_params": {"depth": None, "kind": "linear", "penalty": 0.5}, "n_changed": 3},
            "refines trial 41: kind linear -> tree with depth=3, the rest kept",
        ),
        (
            {"parent_params": dict.fromkeys(PARAMS, 9), "n_changed": 4, "distance": 0.9},
            "explores: it differs much from trial 41, the nearest of the good ones: "
            "rate 9 -> 0.33, depth 9 -> 3, kind 9 -> tree, 1 more",
        ),
        ({"parent_params": None, "n_changed": 4}, "refines trial 41 in 4 parameters"),
    ],
)
def test_the_first_sentence_says_what_changes(fields: dict[str, Any], change: str) -> None:
    assert why(55, decision(**fields), PARAMS) == f"Trial 55 {change}; expected in the best 6 %."


@pytest.mark.parametrize(
    ("n_better", "expectation"),
    [
        (0, "; expected to be the best so far."),
        (2, "; expected in the best 6 %."),
        (50, "; expected in the worst 11 %, where little is known."),
        (55, "; expected to be the worst so far, where little is known."),
        (None, "."),
    ],
)
def test_the_first_sentence_says_what_is_expected(n_better: int | None, expectation: str) -> None:
    text = why(55, decision(n_better=n_better), PARAMS)
    assert text == f"Trial 55 refines trial 41: rate 0.23 -> 0.33, the rest kept{expectation}"


@pytest.mark.parametrize("found", ["start-up", "random", "uniform", "other", "enqueued"])
def test_trials_that_no_model_proposed_are_told_so(found: str) -> None:
    text = why(3, Decision(found, 3), PARAMS)
    assert text.startswith("Trial 3 was ")
    assert "refines" not in text


def test_a_restart_is_told_so() -> None:
    drawn = decision(found="start-up", first=52, n_better=None)
    assert why(56, drawn, PARAMS).endswith("as the search had stalled and was restarted.")
    searched = decision(first=40, leaf=0, leaf_name="0", node=0)
    assert where(searched, True).startswith(
        "The search had stalled and was restarted, with the last 15 trials alone. It was searched"
    )
    single = decision(first=54, leaf=0, leaf_name="0", node=0)
    assert "with the last trial alone" in where(single, True)
    assert "restarted" not in where(decision(leaf=0, leaf_name="0", node=0), True)


def test_a_place_is_a_share_that_holds_for_any_number_of_trials() -> None:
    for n in range(1, 40):
        for n_better in range(n + 1):
            text = best_share(n_better, n)
            if text.endswith("%"):
                side, percent, _ = text.split()
                n_as_good = n_better + 1 if side == "best" else n - n_better + 1
                assert n_as_good / (n + 1) <= int(percent) / 100 <= 0.5 + 1 / (n + 1) + 0.01
            else:
                assert text == ("worst so far" if n_better else "best so far")


def test_a_decision_without_its_path_still_tells_the_region() -> None:
    text = where(decision(leaf=9, leaf_name="9 (good, bad)", node=3), is_recorded=True)
    assert text == (
        "It was searched in region 3, on the path to leaf 9 (good, bad) of the tree of 55 "
        "observations."
    )


def test_long_names_and_values_are_cut() -> None:
    text = changes(decision(parent_params={"n" * 99: "v" * 99}), {"n" * 99: "w" * 99})
    assert len(text) < 140


# The parent, recomputed


def test_the_parent_is_the_nearest_of_the_best_quarter(study: optuna.Study) -> None:
    points = np.array([[t.params["x"], t.params["y"], t.params["c"] == "b"] for t in study.trials])
    values = np.array([trial.value for trial in study.trials])
    n_model = 0
    for trial in study.trials:
        explained = explain(study, trial.number)
        if explained.found != "model":
            assert explained.parent is None
            continue
        n_model += 1
        n = trial.number
        good = np.argsort(values[:n], kind="stable")[: -(-n // 4)]
        moved = np.minimum(np.abs(points[good] - points[n]) * [3, 3, 1], 1)
        nearest = int(np.argmin(moved.mean(axis=1)))
        assert explained.parent == good[nearest]
        assert explained.distance == pytest.approx(moved[nearest].mean(), rel=1e-5, abs=1e-9)
        assert explained.n_changed == (moved[nearest] > 0.06).sum()
        assert explained.parent is not None
        assert explained.parent_params is not None
        parent = study.trials[explained.parent].params
        for name, value in explained.parent_params.items():
            assert value == pytest.approx(parent[name], rel=1e-5)
            assert trial.params[name] != parent[name]
    assert n_model > 20


def test_expectations_come_true_on_average(study: optuna.Study) -> None:
    """Of a smooth function the ranks that the model expects are those that come."""
    pairs = []
    for number in range(10, 30):
        explained = explain(study, number)
        value, before = study.trials[number].value, study.trials[:number]
        assert value is not None
        n_better = sum(t.value < value for t in before if t.value is not None)
        pairs.append((explained.n_better, n_better))
    expected, came = np.array(pairs, dtype=float).T
    assert np.corrcoef(expected, came)[0, 1] > 0.5


def test_several_objectives_and_uniform_draws_expect_no_rank() -> None:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=LaNASSampler(seed=0))
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.params["x"] ** 2), n_trials=8)
    assert explain(study, 7).found == "model"
    assert explain(study, 7).n_better is None
    assert "expected" not in explain(study, 7).summary


def test_a_record_of_an_earlier_version_is_read(study: optuna.Study) -> None:
    content = json.loads(study.trials[29].system_attrs["lanas:relative_params"])
    for name in ("n_better", "parent", "parent_params", "n_changed", "distance"):
        del content["decision"][name]
    old = optuna.create_study()
    old.add_trial(
        create_trial(
            params=study.trials[29].params,
            distributions=study.trials[29].distributions,
            value=1.0,
            system_attrs={"lanas:relative_params": json.dumps(content)},
        )
    )
    explained = explain(old, 0)
    assert explained.is_recorded
    assert explained.leaf == explain(study, 29).leaf
    assert explained.summary.startswith("Trial 0 is the new candidate of greatest expected ")
    assert explained.details()


# What is asked for


def test_trials_and_numbers_ask_for_the_same(study: optuna.Study) -> None:
    assert explain(study, study.trials[7]) == explain(study, 7) == explain(study, -23)
    assert explain(study, np.int64(7)) == explain(study, 7)  # type: ignore[call-overload]
    assert explain(study, -1).number == 29
    assert explain(study).number == study.best_trial.number
    running = study.ask()
    running.suggest_float("x", 0, 1)
    assert explain(study, running).result == "It is still running."
    study.tell(running, state=optuna.trial.TrialState.FAIL)


def test_without_a_best_trial_the_last_one_is_explained() -> None:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=LaNASSampler(seed=0))
    with pytest.raises(ValueError, match="`study` must have a trial to explain, but it has none"):
        explain(study)
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), 0.0), n_trials=3)
    assert explain(study).number == 2
    failed = optuna.create_study()
    failed.optimize(lambda t: float("nan"), n_trials=2)
    assert explain(failed).number == 1
    assert explain(failed).result == "It failed."


def test_several_trials_are_a_table(study: optuna.Study) -> None:
    table = explain(study, [3, 20, study.trials[5]])
    assert isinstance(table, Explanations)
    assert [each.number for each in table] == [3, 20, 5]
    assert isinstance(table[0], Explanation)
    assert isinstance(table[1:], Explanations)
    head, *lines = str(table).splitlines()
    assert head.split()[:3] == ["trial", "found", "refines"]
    assert [line.split()[0] for line in lines] == ["3", "20", "5"]
    assert len(repr(table).splitlines()) == 1
    assert table._repr_html_().count("<tr>") == 4
    assert str(explain(study, [])).startswith("trial")


def test_dicts_and_tables_hold_the_fields(study: optuna.Study) -> None:
    content = json.loads(json.dumps(explain(study, 20).to_dict()))
    assert content["number"] == 20
    assert content["summary"] == explain(study, 20).summary
    assert content["params"] == study.trials[20].params
    assert content["values"] == {"value": study.trials[20].value}
    assert len(content["path"]) == len(explain(study, 20).path)
    pytest.importorskip("pandas")
    frame = explain(study, range(30)).to_pandas()
    assert frame["number"].tolist() == list(range(30))
    assert frame["params_x"].tolist() == [t.params["x"] for t in study.trials[:30]]


def test_the_html_is_escaped_and_hides_the_details() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(lambda t: t.suggest_float("<b>", 0, 1), n_trials=12)
    for html in (explain(study)._repr_html_(), explain(study, range(12))._repr_html_()):
        assert "<b>" not in html
        assert "&lt;b&gt;" in html
    assert "<details>" in explain(study)._repr_html_()


def test_the_result_says_how_a_trial_came_out() -> None:
    study = optuna.create_study(direction="maximize")
    study.set_metric_names(["accuracy"])
    for value in (3.0, 1.0, 2.0, 5.0):
        study.add_trial(create_trial(params={}, distributions={}, value=value))
    results = [each.result for each in explain(study, range(4))]
    assert results == [
        "It ended with accuracy 3.",
        "It ended with accuracy 1, the worst so far.",
        "It ended with accuracy 2, in the best 67 %.",
        "It ended with accuracy 5, the best so far.",
    ]


def test_features_without_names_are_no_reasons() -> None:
    class Plain:
        """A space that names none of its features."""

        def suggest(self, trial: optuna.trial.BaseTrial) -> list[int]:
            return [trial.suggest_int(f"width_{i}", 1, 64) for i in (1, 2)]

        def encode(self, params: Any) -> np.ndarray:
            return np.array([params["width_1"], params["width_2"]]) / 64

        def key(self, params: Any) -> tuple[int, int]:
            return params["width_1"], params["width_2"]

    space = Plain()
    study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
    study.optimize(lambda trial: sum(space.suggest(trial)), n_trials=20)
    explained = explain(study, range(10, 20))
    assert not any("encoding" in str(each) for each in explained)
    assert any("width_1 " in each.summary for each in explained)
    assert any("encoding[" in each.details() for each in explained)

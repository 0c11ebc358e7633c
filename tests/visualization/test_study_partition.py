"""A study's partition says what the tree holds, in the user's names."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import StudyPartition


def objective(trial: optuna.Trial) -> float:
    layers = trial.suggest_int("layers", 1, 4)
    width = trial.suggest_int("width", 8, 512, log=True)
    operation = trial.suggest_categorical("operation", ["conv", "pool", None])
    rate = trial.suggest_float("rate", 0, 1)
    return layers * (operation == "conv") - abs(rate - 0.5) + float(np.log(width)) / 100


def random_study(n_trials: int) -> optuna.Study:
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    return random_study(80)


@pytest.fixture(scope="module")
def view(study: optuna.Study) -> StudyPartition:
    return partition(study)


def test_every_trial_is_in_the_region_of_its_leaf(
    study: optuna.Study, view: StudyPartition
) -> None:
    assert len(view.leaves) > 2
    for leaf in view.leaves:
        here = view.inside(leaf)
        assert (here == view.tree.region(leaf).contains(view.features)).all()
        assert (here == (view.search_tree.leaf == leaf)).all()
    for number, target in zip(view.numbers, view.targets, strict=True):
        assert study.trials[number].value == target
    good, bad = view.tree.children[0]
    assert (view.inside(good) ^ view.inside(bad)).all()


def test_leaves_are_in_ucb_order(view: StudyPartition) -> None:
    assert (np.diff(view.search_tree.ucb[view.leaves]) <= 0).all()
    assert set(view.leaves) == set(view.tree.leaves)


def test_choices_are_named(view: StudyPartition) -> None:
    assert view.choices[:4] == ("layers=1", "layers=2", "layers=3", "layers=4")
    assert "operation=conv" in view.choices
    assert "operation=None" in view.choices
    assert "rate≈0" in view.choices
    assert "rate≈0.5" in view.choices
    assert "width≈8" in view.choices
    assert "width≈512" in view.choices
    assert len(view.choices) == view.features.shape[1]


def test_the_best_choices_are_the_top_ones(view: StudyPartition) -> None:
    top = view.top_choices(0)
    assert top[0][0] in ("operation=conv", "layers=4")
    assert [name for name, _ in top][:2] != ["operation=None", "layers=1"]
    assert all(weight > 0 for _, weight in top)
    assert view.top_choices(int(view.leaves[0])) == []


def test_text(view: StudyPartition) -> None:
    lines = str(view).splitlines()
    best = view.best_leaf
    assert lines[0].startswith(f"Best of {len(view.leaves)} regions is leaf {best}, operation = ")
    assert lines[0].endswith("over all 80.")
    assert lines[1].startswith("Next: a trial in ")
    lines = lines[1:]
    assert len(lines) == 1 + view.tree.n_nodes
    assert lines[1].startswith("node 0: 80 trials, value ")
    assert lines[1].endswith(", mean rank 0.5")
    assert sum("<- next" in line for line in lines) == 1
    marked = next(line for line in lines if "<- next" in line)
    assert f"leaf {view.search_tree.select()}:" in marked
    assert sum("leaf " in line for line in lines[1:]) == len(view.leaves)


def test_pending_trials_are_visits() -> None:
    study = random_study(20)
    study.enqueue_trial({"layers": 2, "width": 8, "operation": "conv", "rate": 0.5})
    view = partition(study)
    assert view.n_pending == 1
    assert view.search_tree.visits[0] == 21
    assert str(view).splitlines()[1].endswith(" 1 trial more is pending.")


def test_infinite_and_failed_trials_have_no_target() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def eventful(trial: optuna.Trial) -> float:
        value = objective(trial)
        if trial.number % 3 == 1:
            return float("nan")
        if trial.number % 3 == 2:
            trial.report(1.0, 1)
            raise optuna.TrialPruned
        return value if trial.number else float("inf")

    study.optimize(eventful, n_trials=30)
    view = partition(study)
    assert view.numbers.tolist() == list(range(30))
    assert np.isnan(view.targets[:2]).all()
    without_failed = partition(study, sampler=LaNASSampler(consider_failed_trials=False))
    assert without_failed.numbers.tolist() == [n for n in range(30) if n % 3 != 1]
    assert np.isnan(without_failed.targets[0])


def test_a_target(study: optuna.Study) -> None:
    view = partition(study, target=lambda trial: trial.params["rate"], target_name="rate")
    assert view.targets.tolist() == [trial.params["rate"] for trial in study.trials]
    assert view.is_maximised is None
    assert "rate 0." in str(view)


def test_several_objectives_show_ranks() -> None:
    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)), n_trials=40)
    view = partition(study)
    assert view.target_name == "Rank"
    assert ((view.targets > 0) & (view.targets < 1)).all()
    best = {trial.number for trial in study.best_trials}
    assert set(view.numbers[view.targets == view.targets.max()]) == best


def test_spaces_name_their_encoding() -> None:
    space = NASBench201Space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def searched(trial: optuna.Trial) -> float:
        return space.suggest(trial).count("skip") + trial.suggest_float("rate", 0, 1)

    study.optimize(searched, n_trials=30)
    view = partition(study, space=space)
    assert view.choices[: len(space.encoding_names)] == space.encoding_names
    assert view.choices[len(space.encoding_names)] == "rate≈0"
    assert partition(study).choices[0] == "op_0_1=none"


def test_the_studys_own_sampler_gives_the_settings() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0, max_depth=1))
    study.optimize(objective, n_trials=30)
    assert partition(study).tree.n_nodes <= 3
    assert partition(study, sampler=LaNASSampler(max_depth=0)).tree.n_nodes == 1
    assert partition(study, sampler=LaNASSampler.paper(n_select=10)).value_name == "mean value"


def test_a_target_is_asked_of_complete_trials_alone() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 1)
        if trial.number % 3 == 0:
            raise optuna.TrialPruned
        trial.set_user_attr("seconds", 2 * x)
        return x

    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(objective, n_trials=12)
    view = partition(study, target=lambda trial: trial.user_attrs["seconds"])
    assert np.isnan(view.targets).sum() == 4
    assert np.isfinite(view.targets).sum() == 8


def test_wrong_arguments(study: optuna.Study) -> None:
    anything: Any = partition
    with pytest.raises(TypeError, match=r"`study` must be an optuna.Study, got 3 of int\. Load"):
        anything(3)
    with pytest.raises(TypeError, match=r"`sampler` must be a LaNASSampler, got .* of Random"):
        anything(study, sampler=study.sampler)
    with pytest.raises(TypeError, match="`target` must be a function from a trial to a float"):
        anything(study, target="x")
    with pytest.raises(TypeError, match=r"`target` must return a float .* 'a' of str for tria"):
        anything(study, target=lambda trial: "a")
    with pytest.raises(ValueError, match="`space` must be None where a `sampler` is given"):
        anything(study, sampler=LaNASSampler(), space=NASBench201Space())


def test_one_trial_is_one_region() -> None:
    lines = str(partition(random_study(1))).splitlines()
    assert lines[0].startswith("One region as yet: 1 trial, value ")
    assert lines[1] == "Next: a trial anywhere in the space."
    assert lines[2].startswith("leaf 0: 1 trial, value ")

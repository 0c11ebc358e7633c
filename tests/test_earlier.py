"""A sampler that is given earlier studies."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import logging
import pickle
import sys
from types import FrameType
from typing import Any
from typing import Literal

import numpy as np
import optuna
from optuna.samplers import RandomSampler
from optuna.trial import create_trial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench201Space


Objective = Callable[[optuna.Trial], float]


def loss(trial: optuna.Trial) -> float:
    x, n = trial.suggest_float("x", -2.0, 2.0), trial.suggest_int("n", 1, 9)
    return (x - 0.7) ** 2 + abs(n - 6) / 9 + (trial.suggest_categorical("op", "abc") != "b")


def steep(trial: optuna.Trial) -> float:
    return float(sum((trial.suggest_float(f"x{i}", -5.0, 5.0) - i / 2) ** 2 for i in range(6)))


def finished(
    objective: Objective = loss, n_trials: int = 25, seed: int = 0, **options: Any
) -> optuna.Study:
    study = optuna.create_study(sampler=RandomSampler(seed=seed), **options)
    study.optimize(objective, n_trials=n_trials, catch=(ValueError,))
    return study


def searched(
    earlier: Sequence[Any] | None,
    n_trials: int = 13,
    objective: Objective = loss,
    direction: Literal["minimize", "maximize"] = "minimize",
    **arguments: Any,
) -> optuna.Study:
    sampler = LaNASSampler(seed=0, earlier=earlier, **arguments)
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.optimize(objective, n_trials=n_trials)
    return study


def params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


def first_found(earlier: Sequence[Any], n_trials: int = 5) -> list[str]:
    """How the first trials were found."""
    study = searched(earlier, n_trials=n_trials, objective=steep)
    return [explain(study, number).found for number in range(n_trials)]


def test_the_first_trials_are_the_best_earlier_ones_and_differ() -> None:
    earlier = finished(steep, n_trials=100)
    ranked = [t.params for t in sorted(earlier.trials, key=lambda trial: trial.value or 0.0)]
    first = params(searched([earlier], n_trials=5, objective=steep))
    assert first[0] == pytest.approx(ranked[0])
    is_earlier = [any(own == pytest.approx(best) for best in ranked[:10]) for own in first]
    assert is_earlier == [True, False, True, True, True]  # and one to compare them with
    assert len({str(own) for own in first}) == 5


def test_points_of_a_misleading_study_are_soon_left() -> None:
    misleading = finished(lambda trial: -steep(trial))
    assert first_found([misleading])[1:] == ["start-up"] * 4
    assert first_found([finished(steep)])[1:] == ["start-up"] + ["earlier"] * 3


def test_good_points_of_a_single_study_are_tried_longer() -> None:
    earlier = [finished(steep, n_trials=100, seed=seed) for seed in range(2)]
    one, two = first_found(earlier[:1], n_trials=13), first_found(earlier, n_trials=7)
    assert one[5:11] == ["earlier"] * 6
    assert one[11:] == two[5:] == ["model"] * 2


def test_pending_trials_alternate_between_earlier_points_and_draws() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0, earlier=[finished()]))
    loss(study.ask())
    study.tell(0, 1.0)
    for _ in range(4):
        loss(study.ask())
    found = [explain(study, number).found for number in range(1, 5)]
    assert found == ["start-up", "earlier", "start-up", "earlier"]


def test_no_earlier_study_changes_nothing() -> None:
    assert params(searched([])) == params(searched(None))


def test_units_and_directions_of_earlier_studies_do_not_matter() -> None:
    opposite = finished(lambda trial: -1024.0 * loss(trial), direction="maximize")
    assert params(searched([opposite])) == params(searched([finished()]))


def test_trials_without_a_study_have_the_new_studys_direction() -> None:
    study = finished(lambda trial: -loss(trial), direction="maximize")
    given = searched([study.trials], objective=lambda t: -loss(t), direction="maximize")
    assert params(given) == params(
        searched([study], objective=lambda t: -loss(t), direction="maximize")
    )


def test_earlier_studies_are_read_once() -> None:
    earlier = finished()
    sampler = LaNASSampler(seed=0, earlier=[earlier])
    earlier.optimize(loss, n_trials=5)
    study = optuna.create_study(sampler=sampler)
    study.optimize(loss, n_trials=13)
    assert params(study) == params(searched([finished()]))


def test_a_copied_sampler_suggests_the_same() -> None:
    study = searched([finished()], n_trials=12)
    copied = pickle.loads(pickle.dumps(study.sampler))
    other = optuna.create_study(sampler=copied)
    other.add_trials(study.trials)
    assert next_params(other) == next_params(study)


def test_a_second_worker_suggests_the_same() -> None:
    study = searched([finished()], n_trials=12)
    other = optuna.create_study(sampler=LaNASSampler(seed=0, earlier=[finished()]))
    other.add_trials(study.trials)
    assert next_params(other) == next_params(study)


def next_params(study: optuna.Study) -> dict[str, Any]:
    trial = study.ask()
    loss(trial)
    return trial.params


def test_the_earlier_processes_are_fitted_once() -> None:
    earlier = [finished(), finished(seed=1)]
    n_fits = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal n_fits
        n_fits += event == "call" and frame.f_code.co_name == "learn_earlier"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        searched(earlier, n_trials=14)
    finally:
        sys.setprofile(before)
    assert n_fits == 2


def test_an_explanation_names_the_earlier_study() -> None:
    study = searched([finished(steep, study_name="last year")], objective=steep)
    assert explain(study, 2).found == "earlier"
    assert "From earlier studies: last year." in str(explain(study, 2))
    assert "last year (weight" in str(explain(study, 12))
    assert explain(searched(None), 12).earlier == ""


def test_other_ranges_choices_and_parameters() -> None:
    def wider(trial: optuna.Trial) -> float:
        x, n = trial.suggest_float("x", -3.0, 9.0), trial.suggest_int("n", 3, 30, log=True)
        op = trial.suggest_categorical("op", ["d", "b", 1.0])
        trial.suggest_float("new", 0.0, 1.0)
        return (x - 0.7) ** 2 + n + (op != "b")

    def narrower(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 0.5)
        return (x - 0.7) ** 2 + (trial.suggest_categorical("op", ["b", "a"]) != "b")

    for objective in (wider, narrower):
        study = searched([finished(), finished(wider, seed=1)], objective=objective)
        assert len(params(study)) == len({str(own) for own in params(study)}) == 13


def test_parameters_of_another_kind_tell_nothing() -> None:
    def other(trial: optuna.Trial) -> float:
        return trial.suggest_int("op", 0, 5) + (trial.suggest_categorical("x", ["1", "2"]) == "1")

    searched([finished(other)])


def test_huge_and_missing_values() -> None:
    def odd(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1e300, 1e300)
        if trial.number % 5 == 4:
            raise ValueError("a failure")
        return float("inf") if trial.number % 7 == 3 else x

    searched([finished(odd), finished(n_trials=1)])


def test_conditional_parameters() -> None:
    def conditional(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("model", ["svm", "forest"]) == "svm":
            return abs(trial.suggest_float("c", -1.0, 1.0))
        return abs(trial.suggest_int("depth", 1, 12) - 7) / 12

    study = searched([finished(conditional)], objective=conditional, n_trials=14)
    assert study.best_value < 0.1


def test_an_architecture_space() -> None:
    space = NASBench201Space()

    def cell(trial: optuna.Trial) -> float:
        return -space.suggest(trial).count("3x3")

    study = searched([finished(cell)], objective=cell, space=space, n_trials=12)
    keys = {space.key(trial.params) for trial in study.trials}
    assert len(keys) == 12


@pytest.mark.usefixtures("log")
def test_a_study_of_other_parameters_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        study = searched([finished(lambda trial: trial.suggest_float("y", 0, 1))], n_trials=9)
    assert len(caplog.records) == 1
    assert "`earlier`" in caplog.text
    assert params(study) == params(searched(None, n_trials=9))


def test_several_objectives_are_refused() -> None:
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=LaNASSampler(earlier=[finished()])
    )
    with pytest.raises(ValueError, match="`earlier` must be None in a study of several"):
        study.ask()


def test_pending_trials_are_not_repeated() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0, earlier=[finished()]))
    trials = [study.ask() for _ in range(6)]
    for trial in trials:
        loss(trial)
    assert len({str(trial.params) for trial in trials}) == 6


def test_samplers_of_given_settings_and_of_the_paper_take_earlier_studies() -> None:
    earlier = [finished()]
    settings = LaNASSampler(max_depth=3).settings
    given = LaNASSampler.from_settings(settings, seed=0, earlier=earlier)
    direct = LaNASSampler(seed=0, max_depth=3, earlier=earlier)
    published = LaNASSampler.paper(seed=0, n_select=12, earlier=earlier)
    studies = [optuna.create_study(sampler=sampler) for sampler in (given, direct, published)]
    for study in studies:
        study.optimize(loss, n_trials=14)
    assert params(studies[0]) == params(studies[1])
    best = min(earlier[0].trials, key=lambda trial: trial.value or 0.0)
    assert params(studies[2])[0] == best.params
    assert "earlier=" in repr(published)


@pytest.mark.slow
def test_a_good_earlier_study_helps_and_a_shuffled_one_is_dropped() -> None:
    def best(earlier: list[optuna.Study] | None, seed: int, n_trials: int) -> float:
        study = optuna.create_study(sampler=LaNASSampler(seed=seed, earlier=earlier))
        study.optimize(steep, n_trials=n_trials)
        return study.best_value

    given, shuffled, alone = [], [], []
    for seed in range(3):
        earlier = finished(steep, n_trials=100, seed=seed)
        values = np.random.default_rng(seed).permutation([t.value or 0.0 for t in earlier.trials])
        misleading = optuna.create_study()
        misleading.add_trials(
            create_trial(params=t.params, distributions=t.distributions, value=float(value))
            for t, value in zip(earlier.trials, values, strict=True)
        )
        given.append(best([earlier], seed, 12))
        shuffled.append(best([misleading], seed, 40))
        alone.append(best(None, seed, 12))
    assert np.mean(given) < 0.1 * np.mean(alone)
    assert np.mean(shuffled) < 0.1 * np.mean(alone)  # later, but it is dropped

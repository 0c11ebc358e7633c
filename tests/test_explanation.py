"""The explanation of a trial is the decision that its sampler made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
import warnings

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.samplers import PartialFixedSampler
from optuna.samplers import RandomSampler
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import create_trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas._study.propose import grow
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import format_value
from optuna_lanas.explanation import Explanation
from optuna_lanas.spaces import NASBench201Space
from tests.proposals import check_laws
from tests.proposals import check_record
from tests.proposals import check_terms
from tests.proposals import Witness
from tests.studies import with_less_work
from tests.workers import storages


SEED = 3
Objective = Callable[[optuna.Trial], Any]


def mixed(trial: optuna.Trial) -> float:
    depth = trial.suggest_int("depth", 1, 30)
    operation = trial.suggest_categorical("operation", ["conv", "pool", None])
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    return depth * (operation == "conv") - abs(float(np.log(rate / 1e-3)))


def conditional(trial: optuna.Trial) -> float:
    kind = trial.suggest_categorical("kind", ["linear", "tree"])
    if kind == "linear":
        return -abs(trial.suggest_float("penalty", 0, 1) - 0.3)
    return trial.suggest_int("leaves", 2, 9) / trial.suggest_int("depth", 1, 5)


def eventful(trial: optuna.Trial) -> float:
    value = mixed(trial)
    if trial.number % 7 == 3:
        trial.report(value, 1)
        raise optuna.TrialPruned
    if trial.number % 7 == 5:
        return float("nan")
    return value if trial.number % 11 else float("inf")


def two_objectives(trial: optuna.Trial) -> tuple[float, float]:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return x + y, (x - 0.5) ** 2 - y


def architecture(trial: optuna.Trial) -> float:
    return NASBench201Space().suggest(trial).count("conv_3x3")


def constrained(trial: optuna.Trial) -> float:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_int("y", 0, 20)
    constraints = [x - y / 20]
    trial.study._storage.set_trial_system_attr(trial._trial_id, "constraints", constraints)
    return x + y


def changing(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0, [0.5, 1.0, 2.0][trial.number % 3])
    y = trial.suggest_int("y", 2, 2 + trial.number % 2)  # at times of a single value
    return x + y + trial.suggest_int(f"z{trial.number // 10}", 0, 5)


def other_choices(trial: optuna.Trial) -> float:
    shapes: list[Any] = [(3, 3), (5, 5), (7, 7)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that JSON has no tuples
        shape: Any = trial.suggest_categorical("shape", shapes)
    return float(shape[0]) * trial.suggest_float("x", 0, 1)


def reported(trial: optuna.Trial) -> float:
    """With reports before the result, for pruners."""
    value = mixed(trial)
    for step in range(1, 10):
        trial.report(value * step / 9, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value


def default(**arguments: Any) -> Witness:
    given = Witness(**{"n_startup_trials": 4, "min_samples_leaf": 2, **arguments})
    settings = with_less_work(given.settings)
    return Witness.from_settings(settings, seed=SEED, space=given.space)  # type: ignore[return-value]


def paper() -> Witness:
    return Witness.paper(seed=SEED, n_startup_trials=4, n_select=5, height=3)  # type: ignore[return-value]


SEARCHES: dict[str, tuple[Objective, Callable[[], Witness]]] = {
    "mixed": (mixed, default),
    "paper": (mixed, paper),
    "conditional": (conditional, default),
    "two objectives": (two_objectives, default),
    "constrained": (constrained, default),
    "pruned": (reported, default),
    "eventful": (eventful, lambda: default(consider_failed_trials=True)),
    "architecture": (architecture, lambda: default(space=NASBench201Space())),
    "changing": (changing, default),
    "other choices": (other_choices, default),
    "repeats": (mixed, lambda: default(avoid_duplicates=False)),
}
HAS_THREE_TERMS = ["mixed", "paper", "pruned", "two objectives", "constrained", "other choices"]


def one_by_one(study: optuna.Study, objective: Objective, n_trials: int) -> None:
    study.optimize(objective, n_trials=n_trials)


def in_batches(study: optuna.Study, objective: Objective, n_trials: int) -> None:
    """Some of which are told late, and some never."""
    running: list[tuple[optuna.Trial, Any]] = []
    for i in range(n_trials // 4):
        for trial in [study.ask() for _ in range(4)]:
            try:
                running.append((trial, objective(trial)))
            except optuna.TrialPruned:
                study.tell(trial, state=TrialState.PRUNED)
        running.sort(key=lambda told: told[0].number * (i % 2 - 0.5))
        while len(running) > 3:
            trial, value = running.pop(0)
            if np.isfinite(value).all():
                study.tell(trial, value)
            else:
                study.tell(trial, state=TrialState.FAIL)


def search(name: str, how: Callable[..., None], n_trials: int, **arguments: Any) -> optuna.Study:
    """A study begun by Optuna's own sampler, in which one trial is enqueued in part."""
    objective, make = SEARCHES[name]
    directions = [StudyDirection.MAXIMIZE] * (2 if objective is two_objectives else 1)
    sampler = RandomSampler(seed=SEED)
    study = optuna.create_study(directions=directions, sampler=sampler, **arguments)
    study.optimize(objective, n_trials=3)
    study.sampler = make()
    how(study, objective, n_trials // 2)
    study.enqueue_trial({"depth": 3, "kind": "tree", "x": 0.5, "op_0_1": "none"})
    how(study, objective, n_trials - n_trials // 2)
    return study


def check(study: optuna.Study, name: str) -> None:
    """Every trial of a witness."""
    sampler = study.sampler
    assert isinstance(sampler, Witness)
    n_searched = 0
    for number, request in sampler.requests.items():
        check_record(study, number, request, SEED)
        explained = explain(study, number)
        check_laws(explained)
        if name in HAS_THREE_TERMS:
            check_terms(explained)
        n_searched += bool(explained.path)
    assert n_searched >= 4
    for number in set(range(len(study.trials))) - set(sampler.requests):
        assert not explain(study, number).is_recorded


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("how", [pytest.param(one_by_one, marks=pytest.mark.slow), in_batches])
def test_the_recorded_decision_is_what_the_sampler_did(
    name: str, how: Callable[..., None]
) -> None:
    check(search(name, how, 16), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("how", [one_by_one, in_batches])
def test_the_recorded_decision_is_what_the_sampler_did_in_longer_searches(
    name: str, how: Callable[..., None]
) -> None:
    check(search(name, how, 80), name)


@pytest.mark.parametrize(
    "pruner",
    [
        optuna.pruners.MedianPruner(n_startup_trials=3),
        optuna.pruners.HyperbandPruner(1, 9, 3),  # whose brackets are studies of their own
        optuna.pruners.HyperbandPruner(),
    ],
    ids=["median", "hyperband", "hyperband, auto"],
)
def test_the_recorded_decision_is_what_the_sampler_did_under_a_pruner(
    pruner: optuna.pruners.BasePruner,
) -> None:
    study = search("pruned", one_by_one, 14, pruner=pruner, study_name="s")
    assert isinstance(study.sampler, Witness)
    for number, request in study.sampler.requests.items():
        check_record(study, number, request, SEED)
        check_laws(explain(study, number))


def test_in_threads_every_trial_holds_its_decision() -> None:
    study = optuna.create_study(direction="maximize", sampler=default())
    study.optimize(mixed, n_trials=5)
    study.optimize(mixed, n_trials=10, n_jobs=4)
    explained = [explain(study, number) for number in range(5, 15)]
    assert all(each.leaf >= 0 for each in explained)
    for each in explained:
        check_laws(each)
        check_terms(each)
        assert each.n_observations >= each.number - 4  # but for those of the other threads


def test_the_params_that_another_sampler_fixes_are_no_part_of_the_decision() -> None:
    witness = default()
    sampler = PartialFixedSampler({"depth": 3}, witness)
    for objective in (mixed, conditional):
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=12)
        study.sampler = witness
        for number, request in witness.requests.items():
            check_record(study, number, request, SEED)
            explained = explain(study, number)
            check_laws(explained)
            if objective is mixed:
                assert "depth" not in (explained.runner_up or {})
        study.sampler = sampler
        witness.requests.clear()


def test_a_trial_that_is_still_running_is_explained() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=9)
    running = study.ask()
    mixed(running)
    assert explain(study, 9).is_recorded
    assert explain(study, 9).n_observations == 9


def test_trials_that_ended_between_ask_and_suggest_are_known() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=10)
    early = study.ask()
    study.optimize(mixed, n_trials=3)
    mixed(early)
    assert isinstance(study.sampler, Witness)
    assert explain(study, 10).n_observations == len(study.sampler.requests[10].trials) - 1


@pytest.mark.parametrize("make", [default, paper])
def test_the_path_has_the_statistics_of_the_tree_of_the_earlier_trials(
    make: Callable[[], Witness],
) -> None:
    study = optuna.create_study(direction="maximize", sampler=make())
    study.optimize(mixed, n_trials=20)
    sampler = study.sampler
    assert isinstance(sampler, Witness)
    for number in range(6, 20):
        record = Record(study.directions, sampler.settings, None)
        record.read(study.trials[:number])
        tree = grow(record, record.history(number)).in_own_unit()
        explained = explain(study, number)
        assert (tree.select() == explained.leaf) == explained.is_selected
        for step in explained.path:
            good, bad = (int(child) for child in tree.tree.children[step.node])
            assert step.child == (good if step.is_good else bad)
            statistics = (tree.visits[step.child], tree.value[step.child], tree.ucb[step.child])
            assert (step.visits, step.value, step.ucb) == pytest.approx(statistics, rel=1e-5)
            other = bad if step.is_good else good
            assert step.sibling_ucb == pytest.approx(tree.ucb[other], rel=1e-5)


def test_the_terms_are_those_of_the_params_of_the_trial() -> None:
    study = optuna.create_study(direction="maximize", sampler=default())
    study.optimize(mixed, n_trials=20)
    labels = set()
    for trial in study.trials:
        expected = {f"{name}={format_value(value)}" for name, value in trial.params.items()}
        found = {label for step in explain(study, trial.number).path for label, _ in step.terms}
        assert found <= expected
        labels |= found
    assert {label.split("=")[0] for label in labels} == {"depth", "operation", "rate"}


# Wherever the study is


def explanations(study: optuna.Study) -> list[Explanation]:
    return [explain(study, trial.number) for trial in study.trials]


@pytest.fixture(scope="module")
def searched() -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=paper(), study_name="s")
    study.optimize(mixed, n_trials=20)
    assert all(each.is_recorded for each in explanations(study)[1:])
    return study


OTHERS: list[Callable[[], BaseSampler]] = [
    LaNASSampler,
    lambda: LaNASSampler.paper(n_select=7),
    lambda: TPESampler(seed=0),
]


@pytest.mark.parametrize("start", [storages.sqlite, storages.journal])
def test_a_loaded_study_is_explained_as_in_memory(
    start: storages.Starter[storages.Opener], searched: optuna.Study, fast_path: Path
) -> None:
    with start(fast_path) as open_storage:
        study = optuna.create_study(
            direction="maximize", sampler=paper(), study_name="s", storage=open_storage()
        )
        study.optimize(mixed, n_trials=8)
        loaded = optuna.load_study(study_name="s", storage=open_storage())
        for make in OTHERS:
            loaded.sampler = make()
            assert explanations(loaded)[1:] == explanations(searched)[1:8]  # 0 has no record


@pytest.mark.parametrize("make", OTHERS)
def test_a_copied_study_is_explained_as_the_original(
    make: Callable[[], BaseSampler], searched: optuna.Study
) -> None:
    storage: BaseStorage = InMemoryStorage()
    optuna.copy_study(from_study_name="s", from_storage=searched._storage, to_storage=storage)
    copied = optuna.load_study(study_name="s", storage=storage, sampler=make())
    assert explanations(copied)[1:] == explanations(searched)[1:]


def test_what_happens_later_changes_no_explanation(searched: optuna.Study) -> None:
    study = optuna.create_study(direction="maximize", sampler=paper())
    study.add_trials(searched.trials)
    before = explanations(study)[1:]
    study.sampler = RandomSampler(seed=0)
    study.optimize(changing, n_trials=30)
    assert explanations(study)[1:20] == before


# Trials without a record


def test_a_trial_without_a_record_lies_in_a_leaf_of_the_tree_of_today() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(mixed, n_trials=40)
    for explained in explanations(study):
        assert not explained.is_recorded
        assert (explained.found, explained.n_observations) == ("other", 40)
        assert explained.path
        assert explained.path[-1].child == explained.leaf
        check_terms(explained)
        for step in explained.path:
            assert step.score >= step.offset if step.is_good else step.score <= step.offset
            assert step.is_required


def test_enqueued_and_added_trials_have_no_record() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=12)
    study.enqueue_trial({"depth": 3, "operation": None, "rate": 1e-2})
    study.enqueue_trial({"depth": 4})
    study.optimize(mixed, n_trials=2)
    study.add_trial(create_trial(params={}, distributions={}, value=1.0))
    study.enqueue_trial({"depth": 5})
    whole, part, added, waiting = explanations(study)[12:]
    assert (whole.is_recorded, whole.leaf >= 0) == (False, True)
    assert part.is_recorded
    assert (added.is_recorded, added.leaf) == (False, -1)
    assert (waiting.is_recorded, waiting.leaf) == (False, -1)
    assert whole.summary == "Trial 12 was enqueued with its parameters, not proposed by LaNAS."
    assert waiting.result == "It is still waiting to be run."
    assert [each.found for each in (whole, added, waiting)] == ["enqueued", "other", "enqueued"]


def test_an_invalid_architecture_lies_in_no_leaf() -> None:
    class Even(NASBench201Space):
        def key_many(self, columns: Any) -> Any:
            return np.where(columns["op_0_1"] == "none", -1, super().key_many(columns))

        def encode_many(self, columns: Any) -> Any:
            is_invalid = columns["op_0_1"] == "none"
            return np.where(is_invalid[:, None], np.nan, super().encode_many(columns))

    space = Even()
    study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
    other = optuna.create_study(sampler=RandomSampler(seed=0))
    other.optimize(lambda trial: len(str(space.suggest(trial))), n_trials=30)
    study.add_trials(other.trials)
    for trial, explained in zip(study.trials, explanations(study), strict=True):
        assert (explained.leaf < 0) == (trial.params["op_0_1"] == "none")


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1]", 7, '{"decision":{"path":3}}', '{"decision":{}}'),
        '{"decision":{"found":"start-up","n_observations":11,"first":12}}',
    ],
)
def test_a_damaged_record_is_none(content: Any) -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=12)
    trial = study.trials[11]
    study.add_trial(
        create_trial(
            params=trial.params,
            distributions=trial.distributions,
            value=1.0,
            system_attrs={"lanas:relative_params": content},
        )
    )
    assert not explain(study, 12).is_recorded


def test_a_trial_with_more_than_its_attribute_holds_still_tells_where_it_was_searched() -> None:
    def objective(trial: optuna.Trial) -> float:
        names = [f"{'a long name' * 60}{i}" for i in range(30)]
        return sum(trial.suggest_float(name, 0, 1) for name in names)

    study = optuna.create_study(sampler=default(min_samples_leaf=1))
    study.optimize(objective, n_trials=12)
    explained = explain(study, 11)
    assert explained.is_recorded
    assert explained.runner_up is None
    assert explained.leaf > 0
    assert explained.leaf_name in str(explained)


# The text


def test_the_text_says_why_in_sentences() -> None:
    study = optuna.create_study(direction="maximize", sampler=default())
    study.optimize(mixed, n_trials=40)
    all_explained = (explain(study, number) for number in range(39, 0, -1))
    explained = next(each for each in all_explained if each.runner_up is not None)
    why, place, result, path, *steps, score, runner_up = explained.details().splitlines()
    assert str(explained).splitlines() == [why, place, result]
    assert why == f"{explained.summary}"
    assert place.startswith("It was searched in ")
    assert result.startswith("It ended with value ")
    assert path.startswith(f"Path to leaf {explained.leaf_name}, ")
    assert steps[0].startswith(f"  node 0 -> {'good' if explained.path[0].is_good else 'bad'} ")
    assert sum(step.startswith("    UCB ") for step in steps) == len(explained.path)
    assert f"new one of {explained.n_candidates} candidates" in score
    assert runner_up.startswith("Runner-up, acquisition ")
    assert all(line.endswith(".") for line in (why, place, result, score, runner_up))
    assert f"depth={study.trials[explained.number].params['depth']} (" in explained.details()


def test_the_text_of_a_trial_without_a_record_speaks_of_today() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(mixed, n_trials=40)
    first, place, *_ = str(explain(study, 3)).splitlines()
    assert first.startswith("Trial 3 was not proposed by LaNAS")
    assert place.endswith("of the tree of 40 observations that the study has now.")


def test_names_and_choices_add_no_lines_to_the_text() -> None:
    forged = ["a", "b\nTrial 9: forged.", "c\x85d\u2028e\r"]

    def objective(trial: optuna.Trial) -> float:
        return forged.index(trial.suggest_categorical("f\nx", forged)) + trial.suggest_int(
            "n\r\nm", 0, 9
        )

    study = optuna.create_study(sampler=default(), direction="maximize")
    study.optimize(objective, n_trials=25)
    for number in range(25):
        explained = explain(study, number)
        n_lines = len(explained.details().splitlines())
        has_place, has_score = explained.leaf >= 0, explained.score is not None
        n_expected = 2 + 2 * has_place + 2 * len(explained.path) + has_score
        assert n_lines == n_expected + (explained.runner_up is not None)
    assert len(str(explain(study, range(25))).splitlines()) == 26
    assert "f\\nx" in explain(study, 24).details()


def test_a_decision_of_a_later_version_is_told_as_it_is() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    content = '{"decision":{"found":"crystal\\nball","n_observations":3,"path":[]}}'
    study.add_trial(
        create_trial(
            params={}, distributions={}, value=1.0, system_attrs={"lanas:relative_params": content}
        )
    )
    explained = explain(study, 0)
    assert explained.is_recorded
    assert "does not know: crystal\\nball" in str(explained)
    assert len(str(explained).splitlines()) == 2


# Arguments


@pytest.mark.parametrize("study", [None, "study.sqlite3"])
def test_a_study_of_the_wrong_type_is_told(study: Any) -> None:
    with pytest.raises(TypeError, match=rf"`study` must be an optuna.Study, got {study!r}"):
        explain(study, 0)


@pytest.mark.parametrize("number", [2, -3])
def test_a_number_without_a_trial_is_told(number: int) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=2)
    message = rf"`trial` must be .* 2 trials, counted from 0, or from -1 backwards, got {number}"
    with pytest.raises(ValueError, match=message):
        explain(study, number)


@pytest.mark.parametrize("number", ["1", 1.0, True, [None], {1: 2}])
def test_a_number_of_the_wrong_type_is_told(number: Any) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=2)
    with pytest.raises(TypeError, match="`trial` must be a trial, its number, or a sequence"):
        explain(study, number)


# What is shown changes nothing


@pytest.mark.slow
def test_views_inside_an_objective_do_not_change_what_is_proposed() -> None:
    """HyperbandPruner shows the sampler the trials of a bracket alone; a view reads all."""

    def searched(with_views: bool) -> list[dict[str, Any]]:
        def objective(trial: optuna.Trial) -> float:
            value = trial.suggest_float("x", 0, 1)
            if with_views and trial.number > 0:
                explain(trial.study, trial.number - 1)
                partition(trial.study)
            if trial.number % 2:
                value += trial.suggest_float("y", 0, 1)
            value += trial.suggest_float(f"new_{trial.number // 6}", 0, 1)
            for step in range(1, 10):
                trial.report(value, step)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return value

        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
        sampler = LaNASSampler(seed=0, n_startup_trials=3)
        study = optuna.create_study(sampler=sampler, pruner=pruner, study_name="same")
        study.optimize(objective, n_trials=12)
        return [trial.params for trial in study.trials]

    assert searched(with_views=True) == searched(with_views=False)

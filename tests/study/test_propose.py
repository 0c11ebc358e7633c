"""From a record and a trial to params, and to what the trial publishes of the decision."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import copy
from dataclasses import asdict
from dataclasses import replace
from functools import cache
import json
from threading import Barrier
from threading import Event
from threading import Thread
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from threadpoolctl import threadpool_limits
from threadpoolctl import ThreadpoolController

from optuna_lanas import LaNASSampler
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings
from optuna_lanas._study.propose import feature_names
from optuna_lanas._study.propose import grow
from optuna_lanas._study.propose import make_rng
from optuna_lanas._study.propose import MAX_DECISION_BYTES
from optuna_lanas._study.propose import N_TERMS
from optuna_lanas._study.propose import propose
from optuna_lanas._study.propose import single_threaded_blas
from optuna_lanas._study.propose import to_json
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import KEY
from optuna_lanas._study.published import MAX_BYTES
from optuna_lanas._study.published import published_decision
from optuna_lanas._study.published import published_params
from optuna_lanas._study.record import Record
from tests.builders import CHEAP
from tests.builders import MIXED
from tests.builders import mixed_value
from tests.builders import random_trials
from tests.builders import record_of
from tests.builders import running_trial
from tests.builders import trial_of
from tests.builders import TwoLayers
from tests.strategies import contains


N_THREADS = 2
CHEAP_PAPER = replace(PUBLISHED, n_startup_trials=5, n_first=5, n_select=6)
Objective = Callable[[optuna.Trial], Any]


def mixed(trial: optuna.Trial) -> float:
    return mixed_value({n: trial._suggest(n, d) for n, d in MIXED.items()})


def conditional(trial: optuna.Trial) -> float:
    if trial.suggest_categorical("model", ["svm", "forest"]) == "svm":
        return float(abs(np.log10(trial.suggest_float("c", 1e-3, 1e3, log=True)) - 1.0))
    return abs(trial.suggest_int("depth", 1, 12) - 7) / 12 + trial.suggest_float("share", 0.1, 1.0)


def drifting(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0.0, 10.0 if trial.number < 9 else 4.0)
    return (x - 1.0) ** 2 + trial.suggest_int("n", 0, 12, step=1 if trial.number < 14 else 2)


def two(trial: optuna.Trial) -> tuple[float, float]:
    x, k = trial.suggest_float("x", 0.0, 3.0), trial.suggest_int("k", 0, 5)
    return x**2 + k, (x - 2.0) ** 2 + (k - 3) ** 2


def layers(trial: optuna.Trial) -> float:
    return float(sum(TwoLayers(12).suggest(trial))) + trial.suggest_float("rate", 0.0, 1.0)


def needle(trial: optuna.Trial) -> float:
    """The best trial comes first; the others are on a slope."""
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return -10.0 if trial.number == 0 else abs(y - 0.5) - x


def searched(
    objective: Objective,
    settings: Settings,
    n_trials: int,
    space: Any | None = None,
    **options: Any,
) -> optuna.Study:
    sampler = LaNASSampler.from_settings(settings, seed=0, space=space)
    study = optuna.create_study(sampler=sampler, **options)
    study.optimize(objective, n_trials=n_trials)
    return study


def mixed_record(n: int = 40, settings: Settings = CHEAP) -> Record:
    return record_of(random_trials(MIXED, n, mixed_value), settings=settings)


def test_params_lie_in_the_search_space_that_was_asked_for() -> None:
    narrowed: dict[str, BaseDistribution] = {
        **MIXED,
        "width": IntDistribution(16, 32, step=16),
        "x": FloatDistribution(0.5, 0.75),
    }
    del narrowed["units"]
    for n in (0, 5, 40):
        for number in range(50, 55):
            params, _ = propose(mixed_record(n), running_trial(number), narrowed, 0)
            assert list(params) == list(narrowed)
            assert all(contains(narrowed[name], value) for name, value in params.items())


def test_a_proposal_depends_on_seed_and_number_and_on_nothing_else() -> None:
    record = mixed_record()
    asked = [propose(record, running_trial(n), MIXED, seed) for n, seed in [(50, 1), (51, 1)] * 2]
    assert asked[0] == asked[2]
    assert asked[1] == asked[3]
    assert asked[0] != asked[1]
    assert propose(record, running_trial(50), MIXED, 2) != asked[0]
    assert propose(mixed_record(), running_trial(50), MIXED, 1) == asked[0]


def test_draws_differ_by_seed_number_and_names() -> None:
    draws = [
        make_rng(*arguments).random()  # type: ignore[arg-type]
        for arguments in [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b"), (0, 0, "a", "b")]
    ]
    assert len(set(draws)) == len(draws)
    assert make_rng(0, 0, "a").random() == draws[0]


@pytest.mark.parametrize(
    ("objective", "settings", "options"),
    [
        (mixed, CHEAP, {}),
        (mixed, CHEAP_PAPER, {}),
        (conditional, CHEAP, {}),
        (drifting, CHEAP, {}),
        (two, CHEAP, {"directions": ["minimize", "maximize"]}),
        (layers, CHEAP, {"space": TwoLayers(12)}),
        (needle, CHEAP, {}),
    ],
    ids=["mixed", "paper", "conditional", "drifting", "two", "layers", "needle"],
)
def test_a_fresh_record_decides_as_the_trial_recorded(
    objective: Objective, settings: Settings, options: dict[str, Any]
) -> None:
    study = searched(objective, settings, 32, **options)
    n_checked = 0
    for trial in study.trials:
        if KEY not in trial.system_attrs or trial.number % 4:
            continue
        n_checked += 1
        check_decision(study, study.trials[: trial.number], trial)
    assert n_checked >= 6


@pytest.mark.parametrize("settings", [CHEAP, CHEAP_PAPER], ids=["default", "paper"])
def test_a_fresh_record_decides_as_the_trial_recorded_while_others_run(
    settings: Settings,
) -> None:
    study = searched(conditional, settings, 20)
    for _ in range(6):
        before = copy.deepcopy(study.trials)
        asked = study.ask()
        conditional(asked)
        check_decision(study, before, study.trials[asked.number])


def check_decision(
    study: optuna.Study, before: Sequence[optuna.trial.FrozenTrial], trial: Any
) -> None:
    """Check that a trial's attribute is what a record of the earlier trials makes of it."""
    sampler = study.sampler
    assert isinstance(sampler, LaNASSampler)
    record = record_of(
        before, directions=study.directions, settings=sampler.settings, space=sampler.space
    )
    known = record.transform.distributions
    search_space = {name: d for name, d in known.items() if not d.single()}
    params, decision = propose(record, running_trial(trial.number), search_space, sampler._seed)
    assert to_json(record, params, decision) == trial.system_attrs[KEY]
    assert published_decision(trial) == decision
    for name, value in published_params(trial).items():
        assert trial.params.get(name, value) == value


@pytest.mark.parametrize("n_constants", [1, 50])
def test_constant_parameters_change_no_suggestion(n_constants: int) -> None:
    def with_constants(trial: optuna.Trial) -> float:
        for i in range(n_constants):
            trial.suggest_int(f"a_{i}", i, i)
            trial.suggest_categorical(f"z_{i}", ["only"])
        return mixed(trial)

    alone, wide = (searched(objective, CHEAP, 22) for objective in (mixed, with_constants))
    for one, other in zip(alone.trials, wide.trials, strict=True):
        assert one.params == {name: other.params[name] for name in one.params}
        assert published_decision(one) == published_decision(other)


def test_a_decision_tells_what_was_done() -> None:
    study = searched(mixed, CHEAP, 40)
    kinds = [published_decision(trial) for trial in study.trials]
    assert kinds[0] is None  # all of its parameters were new
    assert [d.found for d in kinds[1:] if d is not None] == ["start-up"] * 4 + ["model"] * 35
    for decision in kinds[5:]:
        assert decision is not None
        check_model_decision(decision)


def check_model_decision(decision: Decision) -> None:
    nodes = [step.node for step in decision.path] + [decision.leaf]
    assert nodes[0] == 0
    assert [step.child for step in decision.path] == nodes[1:]
    assert decision.node in nodes
    assert decision.rank is not None
    assert 1 <= decision.rank <= decision.n_candidates
    required = [step.child for step in decision.path if step.is_required]
    assert decision.node == (required[-1] if required else 0)
    for step in decision.path:
        assert len(step.terms) <= N_TERMS
        if step.is_required:
            assert step.is_good == (step.score >= step.offset)
        if decision.is_selected:
            assert step.ucb >= step.sibling_ucb
    if decision.runner_up is not None and decision.rank == 1:
        assert decision.score is not None
        assert decision.runner_up_score is not None
        assert decision.score >= decision.runner_up_score


def test_a_decision_of_the_published_search_has_no_candidates() -> None:
    _, decision = propose(mixed_record(settings=CHEAP_PAPER), running_trial(50), MIXED, 0)
    assert decision.found == "uniform"
    assert decision.node == decision.leaf
    assert (decision.score, decision.rank, decision.runner_up) == (None, None, None)


def test_an_exhausted_space_is_drawn_from_at_random() -> None:
    space: dict[str, BaseDistribution] = {"k": IntDistribution(0, 11)}
    trials = [trial_of(k, {"k": k}, space, float(k)) for k in range(12)]
    _, decision = propose(record_of(trials, settings=CHEAP), running_trial(12), space, 0)
    assert decision == Decision("random", 12)


def test_a_space_that_a_restart_has_exhausted_is_drawn_from_at_random() -> None:
    three = IntDistribution(1, 3)
    space: dict[str, BaseDistribution] = {
        "k": CategoricalDistribution(["a", "b"]), "a": three, "b": three
    }  # fmt: skip
    trials = []
    for number in range(12):
        name = "ab"[number % 2]
        params = {"k": name, name: 1 + number // 2 % 3}
        trials.append(trial_of(number, params, {n: space[n] for n in params}, min(number, 1.0)))
    settings = replace(CHEAP, n_stalled=2, stalled_share=0.0, max_stalled_nugget=1e9)
    _, decision = propose(record_of(trials, settings=settings), running_trial(12), space, 0)
    assert decision == Decision("random", 12, first=3)


def test_terms_are_named_after_params() -> None:
    trials = random_trials(MIXED, 60, lambda params: float(params["kernel"] == "poly"))
    record = record_of(trials, settings=CHEAP)
    _, decision = propose(record, running_trial(60), MIXED, 0)
    assert decision.path[0].terms[0][0].startswith("kernel=")
    labels = [label for step in decision.path for label, _ in step.terms]
    assert {label.split("=")[0] for label in labels} <= set(MIXED)


def test_features_of_a_space_have_the_names_that_it_declares() -> None:
    class Named(TwoLayers):
        encoding_names = ("narrow", "wide")

    rate: dict[str, BaseDistribution] = {"rate": CategoricalDistribution([1, 2])}
    own: dict[str, BaseDistribution] = {f"width_{i}": IntDistribution(1, 40) for i in (1, 2)}
    trial = trial_of(0, {"rate": 1, "width_1": 2, "width_2": 1}, {**rate, **own}, 0.0)
    names = feature_names(record_of([trial], space=Named()), 4)
    assert names == ("narrow", "wide", "rate=1", "rate=2")
    anonymous = feature_names(record_of([trial], space=TwoLayers()), 4)
    assert anonymous[:2] == ("encoding[0]", "encoding[1]")


@pytest.mark.parametrize("n_params", [2, 1_000])
@pytest.mark.parametrize("length", [1, 30_000])
def test_what_a_trial_publishes_is_bounded(n_params: int, length: int) -> None:
    """Also with huge names, many parameters and deep trees."""
    names = [f"{i:04}" + "ö" * (length // (1 if n_params < 10 else 100)) for i in range(n_params)]
    space: dict[str, BaseDistribution] = {name: IntDistribution(0, 9) for name in names}
    settings = replace(CHEAP, max_depth=20, min_samples_leaf=1, n_stalled=0)
    if n_params == 1_000:
        settings = replace(settings, max_fit_iterations=1)
    trials = random_trials(space, 40, lambda params: float(sum(params.values())))
    record = record_of(trials, settings=settings)
    params, decision = propose(record, running_trial(40), space, 0)
    content = to_json(record, params, decision)
    assert len(json.dumps(content)) <= MAX_BYTES
    loaded = json.loads(content)
    assert len(json.dumps(loaded["decision"], separators=(",", ":"))) <= MAX_DECISION_BYTES
    assert len(decision.path) >= 3
    trial = running_trial(40, system_attrs={KEY: content})
    read = published_decision(trial)
    assert read is not None
    assert (read.leaf, read.node, read.score) == (decision.leaf, decision.node, decision.score)
    whole = json.dumps(params, separators=(",", ":"))
    fits = len(whole) + MAX_DECISION_BYTES < MAX_BYTES
    assert published_params(trial) == (params if fits else {})


@pytest.mark.parametrize(("n_params", "fits"), [(3_000, True), (5_600, False)])
def test_what_a_storage_writes_is_bounded(n_params: int, fits: bool) -> None:
    """It encodes the attribute as JSON, which escapes every quotation mark."""
    params = {f"p{i:04}": i % 9 for i in range(n_params)}
    content = to_json(mixed_record(), params, Decision("random", 50))
    assert len(json.dumps(content)) <= MAX_BYTES
    assert published_params(running_trial(50, system_attrs={KEY: content})) == (
        params if fits else {}
    )


@pytest.mark.parametrize("n_steps", [20, 1_000])
def test_a_decision_of_a_deep_tree_is_shortened(n_steps: int) -> None:
    record = mixed_record()
    params, decision = propose(record, running_trial(50), MIXED, 0)
    step = replace(decision.path[0], terms=(("é" * 80, 0.123456),) * 3)
    deep = replace(decision, path=(step,) * n_steps, runner_up={"é" * 999: "1"})
    content = to_json(record, params, deep)
    assert len(json.dumps(content)) <= MAX_BYTES
    trial = running_trial(50, system_attrs={KEY: content})
    assert published_params(trial) == params
    bare = replace(step, terms=())
    expected = replace(deep, path=(bare,) * n_steps if n_steps == 20 else (), runner_up=None)
    assert published_decision(trial) == expected
    assert len(json.dumps(asdict(expected), separators=(",", ":"))) <= MAX_DECISION_BYTES


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_params_that_are_no_json_are_not_published() -> None:
    choices: Any = [(1, 2), (3, 4), (5, 6)]
    space: dict[str, BaseDistribution] = {
        "pair": CategoricalDistribution(choices),
        "x": FloatDistribution(0.0, 1.0),
    }
    trials = random_trials(space, 12, lambda params: float(params["x"]))
    record = record_of(trials, settings=CHEAP)
    params, decision = propose(record, running_trial(12), space, 0)
    content = to_json(record, params, decision)
    trial = running_trial(12, system_attrs={KEY: content})
    assert published_params(trial) == {}
    assert published_decision(trial) == decision


def test_inactive_params_are_not_published() -> None:
    study = searched(conditional, CHEAP, 30)
    for trial in study.trials[15:]:
        assert set(published_params(trial)) <= set(trial.params)


def test_a_space_is_asked_once_for_each_candidate_of_a_suggestion() -> None:
    asked = TwoLayers(30)
    study = searched(layers, CHEAP, 14)
    record = record_of(study.trials, settings=CHEAP, space=asked)
    record.history(-1)
    before = asked.n_keys.copy(), asked.n_codes.copy()
    space = dict(record.transform.distributions)
    params, decision = propose(record, running_trial(14), space, 0)
    to_json(record, params, decision)
    n_keys, n_codes = asked.n_keys - before[0], asked.n_codes - before[1]
    assert decision.found == "model"
    assert sum(n_keys.values()) > 20
    assert set(n_keys.values()) == set(n_codes.values()) == {1}


def test_the_tree_of_a_record_is_the_one_that_proposes() -> None:
    record = mixed_record()
    _, decision = propose(record, running_trial(50), MIXED, 0)
    tree = grow(mixed_record(), mixed_record().history(-1))
    assert decision.leaf_name == tree.tree.name(decision.leaf)
    assert decision.is_selected == (tree.select() == decision.leaf)
    assert [step.visits for step in decision.path] == [
        int(tree.visits[step.child]) for step in decision.path
    ]


@cache
def blas_libraries() -> list[Any]:
    """NumPy's and SciPy's, which this module has loaded."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def n_threads() -> int:
    """The least number that a BLAS uses."""
    return min(int(library.num_threads) for library in blas_libraries())


def _set_in_a_thread(number: int) -> None:
    """Set the number as a thread that is gone afterwards: a living one alone may change it."""

    def change() -> None:
        for library in blas_libraries():
            library.set_num_threads(number)

    thread = Thread(target=change)
    thread.start()
    thread.join()


@pytest.fixture
def _several_threads() -> Iterator[None]:
    before = n_threads()
    _set_in_a_thread(N_THREADS)
    yield
    _set_in_a_thread(before)


several_threads = pytest.mark.usefixtures("_several_threads")


@several_threads
def test_the_limit_lasts_as_long_as_the_outermost_context() -> None:
    with single_threaded_blas():
        with single_threaded_blas():
            assert n_threads() == 1
        assert n_threads() == 1
    assert n_threads() == N_THREADS


@several_threads
def test_the_limit_is_lifted_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), single_threaded_blas():
        raise ValueError("inside")
    assert n_threads() == N_THREADS


@several_threads
def test_the_last_thread_that_leaves_restores_the_number() -> None:
    """No thread waits for another: the second enters while the first is inside, and stays."""
    first_entered, second_entered, first_left, may_leave = (Event() for _ in range(4))
    seen: dict[str, int] = {}

    def first() -> None:
        with single_threaded_blas():
            first_entered.set()
            assert second_entered.wait(30)
            seen["both inside"] = n_threads()
        first_left.set()

    def second() -> None:
        assert first_entered.wait(30)
        with single_threaded_blas():
            second_entered.set()
            assert first_left.wait(30)
            seen["second alone"] = n_threads()
            assert may_leave.wait(30)

    threads = [Thread(target=each, daemon=True) for each in (first, second)]
    for thread in threads:
        thread.start()
    assert first_left.wait(30)
    seen["first has left"] = n_threads()
    may_leave.set()
    for thread in threads:
        thread.join(30)
    assert seen == {"both inside": 1, "second alone": 1, "first has left": 1}
    assert n_threads() == N_THREADS


@several_threads
def test_another_limit_is_left_alone() -> None:
    """One of another thread that begins before and ends in between, as some estimators set it."""
    with single_threaded_blas():
        pass  # finds what is loaded
    entered, may_leave = Event(), Event()

    def other() -> None:
        with threadpool_limits(limits=1, user_api="blas"):
            entered.set()
            assert may_leave.wait(30)

    thread = Thread(target=other, daemon=True)
    thread.start()
    assert entered.wait(30)
    with single_threaded_blas():
        assert n_threads() == 1
        may_leave.set()
        thread.join(30)
    assert n_threads() == N_THREADS
    with threadpool_limits(limits=1, user_api="blas"):
        with single_threaded_blas():
            assert n_threads() == 1
        assert n_threads() == 1
    assert n_threads() == N_THREADS


@several_threads
def test_threads_that_enter_and_leave_leave_what_was() -> None:
    begin = Barrier(4)

    def hold(_: int) -> set[int]:
        begin.wait()
        held = set()
        for _ in range(50):
            with single_threaded_blas():
                held.add(n_threads())
        return held

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(hold, range(4))) == [{1}] * 4
    assert n_threads() == N_THREADS


@several_threads
def test_a_proposal_uses_one_thread_and_the_objective_all() -> None:
    class Watching(TwoLayers):
        """Only a suggestion asks it for a sample; in the start-up it needs no linear algebra."""

        def sample(self, rng: np.random.Generator) -> Mapping[str, int]:
            seen["model" if trial_number[0] >= 4 else "start-up"].add(n_threads())
            first, second = rng.choice(np.arange(1, self.width + 1), size=2, replace=False)
            return {"width_1": int(first), "width_2": int(second)}

    def objective(trial: optuna.Trial) -> float:
        widths = space.suggest(trial)
        seen["objective"].add(n_threads())
        trial_number[0] = trial.number + 1
        return float(sum(widths))

    seen: dict[str, set[int]] = {"model": set(), "start-up": set(), "objective": set()}
    trial_number = [0]
    space = Watching()
    searched(objective, replace(CHEAP, n_startup_trials=4), 6, space)
    assert seen == {"model": {1}, "start-up": {N_THREADS}, "objective": {N_THREADS}}

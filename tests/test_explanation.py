"""The explanation of a trial agrees with what the sampler did."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import copy
import multiprocessing
from pathlib import Path
import time
from typing import Any
import warnings

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.explanation import explain
from optuna_lanas.spaces import NASBench201Space
from tests.proposals import Recorder
from tests.workers import storages


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder().recording() as recorder:
        yield recorder


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
    if hasattr(trial, "set_constraint"):  # new in Optuna 5
        trial.set_constraint("narrow", x - y / 20)
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


def reported(objective: Objective) -> Objective:
    """With reports before the result, for pruners."""

    def reporting(trial: optuna.Trial) -> Any:
        value = objective(trial)
        for step in range(1, 10):
            trial.report(value * step / 9, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    return reporting


SEARCHES: dict[str, tuple[Objective, list[str], Callable[..., Any]]] = {
    "mixed": (reported(mixed), ["maximize"], LaNASSampler),
    "minimise": (mixed, ["minimize"], LaNASSampler),
    "conditional": (reported(conditional), ["maximize"], LaNASSampler),
    "constrained": (constrained, ["maximize"], LaNASSampler),
    "changing": (changing, ["maximize"], LaNASSampler),
    "other choices": (other_choices, ["maximize"], LaNASSampler),
    "failed count": (
        eventful,
        ["maximize"],
        lambda **kwargs: LaNASSampler(consider_failed_trials=True, **kwargs),
    ),
    "repeats": (
        mixed,
        ["maximize"],
        lambda **kwargs: LaNASSampler(avoid_duplicates=False, **kwargs),
    ),
    "eventful": (eventful, ["maximize"], LaNASSampler),
    "two objectives": (two_objectives, ["minimize", "maximize"], LaNASSampler),
    "architecture": (
        architecture,
        ["maximize"],
        lambda **kwargs: LaNASSampler(space=NASBench201Space(), **kwargs),
    ),
    "paper": (
        mixed,
        ["maximize"],
        lambda **kwargs: LaNASSampler.paper(n_select=5, height=3, **kwargs),
    ),
}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=3),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(1, 9, 3),
    "hyperband, auto": lambda: optuna.pruners.HyperbandPruner(),
}


def one_by_one(study: optuna.Study, objective: Objective, n_trials: int) -> None:
    study.optimize(objective, n_trials=n_trials, catch=())


def in_threads(study: optuna.Study, objective: Objective, n_trials: int) -> None:
    def slow(trial: optuna.Trial) -> Any:
        time.sleep(0.01 * (trial.number % 3))
        return objective(trial)

    study.optimize(slow, n_trials=n_trials, n_jobs=4)


def in_batches(study: optuna.Study, objective: Objective, n_trials: int) -> None:
    """Some of which are never told, or told much later."""
    running: list[tuple[optuna.Trial, Any]] = []
    for i in range(n_trials // 4):
        batch = [study.ask() for _ in range(4)]
        for trial in batch:
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


WAYS: dict[str, Callable[[optuna.Study, Objective, int], None]] = {
    "one by one": one_by_one,
    "threads": in_threads,
    "batches": in_batches,
}


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
# A shrunk search tells no more and takes minutes.
searches = settings(
    max_examples=6, phases=[Phase.explicit, Phase.generate], suppress_health_check=CHECKS
)


@searches
@given(
    name=st.sampled_from(sorted(SEARCHES)),
    pruner=st.sampled_from(sorted(PRUNERS)),
    how=st.sampled_from(sorted(WAYS)),
    seed=st.integers(0, 2**32),
    n_startup_trials=st.integers(1, 8),
)
def test_explanations_agree_with_the_sampler(
    name: str, pruner: str, how: str, seed: int, n_startup_trials: int
) -> None:
    check_search(name, pruner, how, seed, n_startup_trials)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("how", WAYS)
@settings(searches, max_examples=3)
@given(
    pruner=st.sampled_from(sorted(PRUNERS)),
    seed=st.integers(0, 2**32),
    n_startup_trials=st.integers(1, 12),
)
def test_explanations_agree_with_the_sampler_in_longer_searches(
    name: str, how: str, pruner: str, seed: int, n_startup_trials: int
) -> None:
    check_search(name, pruner, how, seed, n_startup_trials, n_trials=60)


def check_search(
    name: str, pruner: str, how: str, seed: int, n_startup_trials: int, n_trials: int = 18
) -> None:
    objective, directions, make = SEARCHES[name]
    study = optuna.create_study(
        directions=[StudyDirection[d.upper()] for d in directions], pruner=PRUNERS[pruner]()
    )
    study.optimize(objective, n_trials=3)  # by Optuna's own
    study.sampler = make(seed=seed, n_startup_trials=n_startup_trials)
    study.enqueue_trial({"depth": 3, "kind": "tree", "x": 0.5, "op_0_1": "none"})
    with Recorder().recording() as recorder:
        WAYS[how](study, objective, n_trials)
    assert recorder.n_searched >= (n_trials - n_startup_trials) / 4
    recorder.check(study)


def test_the_runner_up_is_another_untried_configuration(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=1))
    study.optimize(mixed, n_trials=30)
    for number in range(12, 30):
        explained = explain(study, number)
        runner_up = explained.runner_up
        assert runner_up is not None
        assert set(runner_up) == {"depth", "operation", "rate"}
        assert all(runner_up != trial.params for trial in study.trials[: number + 1])
        assert explained.runner_up_score is not None
        assert explained.score is not None
        assert explained.runner_up_score <= explained.score


def test_where_repeats_are_wanted_nothing_is_called_untried(recorder: Recorder) -> None:
    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_int("x", 0, 4) + trial.suggest_int("y", 0, 4)

    sampler = LaNASSampler(avoid_duplicates=False, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=40)
    recorder.check(study)
    found = [explain(study, number) for number in range(20, 40)]
    assert all("untried" not in explained.origin for explained in found)
    assert all(explained.rank == 1 for explained in found)
    assert any(explained.runner_up is not None for explained in found)


def test_batches_of_pending_trials(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=2, n_startup_trials=4))
    for _ in range(6):
        batch = [study.ask() for _ in range(4)]
        values = [mixed(trial) for trial in batch]
        for trial, value in zip(batch, values, strict=True):
            study.tell(trial, value)
    assert recorder.n_searched == 20
    recorder.check(study)


def test_trials_that_ended_between_ask_and_suggest(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=2, n_startup_trials=4))
    study.optimize(mixed, n_trials=10)
    early = study.ask()
    study.optimize(mixed, n_trials=3)
    study.tell(early, mixed(early))
    recorder.check(study)
    assert explain(study, 10).n_samples == 13


def test_enqueued_and_added_trials(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=3, n_startup_trials=4))
    study.optimize(mixed, n_trials=8)
    study.enqueue_trial({"depth": 3, "operation": None, "rate": 1e-2})
    study.enqueue_trial({"depth": 4})
    study.optimize(mixed, n_trials=6)
    study.add_trial(study.trials[0])
    study.optimize(mixed, n_trials=3)
    recorder.check(study)
    assert not explain(study, 8).is_exact
    assert explain(study, 9).is_exact


def test_a_loaded_study_needs_the_settings(recorder: Recorder, tmp_path: Path) -> None:
    with storages.journal(tmp_path) as open_storage:
        sampler = LaNASSampler.paper(seed=4, n_startup_trials=5, n_select=2)
        study = optuna.create_study(storage=open_storage(), study_name="s", sampler=sampler)
        study.optimize(mixed, n_trials=14)
        loaded = optuna.load_study(storage=open_storage(), study_name="s")
        without = explain(loaded, 13)
        assert not without.is_exact
        assert without.leaf is not None
        assert without.score is None
        assert "settings" in str(without)
        twin = LaNASSampler.paper(n_startup_trials=5, n_select=2)  # of another seed
        assert explain(loaded, 13, sampler=twin) == explain(study, 13)
        recorder.check(loaded, sampler=twin)


def test_a_bracket_of_a_loaded_study(recorder: Recorder, tmp_path: Path) -> None:
    def pruner() -> optuna.pruners.BasePruner:
        return optuna.pruners.HyperbandPruner(1, 9, 3)

    with storages.journal(tmp_path) as open_storage:
        twin = LaNASSampler(n_startup_trials=2)
        storage = open_storage()
        study = optuna.create_study(
            storage=storage, study_name="s", sampler=copy.deepcopy(twin), pruner=pruner()
        )
        study.optimize(reported(mixed), n_trials=20)
        loaded = optuna.load_study(storage=open_storage(), study_name="s", pruner=pruner())
        assert any(explain(loaded, n, sampler=twin).n_samples < n - 1 for n in range(5, 20))
        recorder.check(loaded, sampler=twin)
        without = optuna.load_study(storage=open_storage(), study_name="s")
        assert "the same pruner" in explain(without, 19, sampler=twin).origin


def test_processes_share_a_study(tmp_path: Path) -> None:
    check_processes(storages.journal, tmp_path, n_workers=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "start", [storages.sqlite, storages.journal, storages.postgresql, storages.grpc_proxy]
)
def test_machines_share_a_study(start: storages.Starter[storages.Opener], tmp_path: Path) -> None:
    check_processes(start, tmp_path, n_workers=4)


def check_processes(
    start: storages.Starter[storages.Opener], folder: Path, n_workers: int
) -> None:
    with start(folder) as open_storage:
        study = optuna.create_study(study_name="s", storage=open_storage(), direction="maximize")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["optuna_lanas.sampler", "scipy.optimize"])
        paths = [folder / f"{worker}.json" for worker in range(n_workers)]
        workers = [context.Process(target=work, args=(open_storage, path)) for path in paths]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        recorder = Recorder()
        for path in paths:
            recorder.load(path)
        assert recorder.n_searched > 12 * n_workers - 10
        recorder.check(study, sampler=LaNASSampler(n_startup_trials=4))


def work(open_storage: storages.Opener, path: Path) -> None:
    sampler = LaNASSampler(n_startup_trials=4, warn_independent_sampling=False)
    study = optuna.load_study(study_name="s", storage=open_storage(), sampler=sampler)
    with Recorder().recording() as recorder:
        study.optimize(mixed, n_trials=12)
    recorder.save(path)


def test_a_leaf_without_untried_points_is_passed_over(recorder: Recorder) -> None:
    sampler = LaNASSampler.paper(seed=0, n_startup_trials=5, n_select=5)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda t: t.suggest_int("x", 0, 5) + t.suggest_int("y", 0, 5), n_trials=36)
    recorder.check(study)
    origins = [
        explain(study, n).origin for n, p in recorder.proposals.items() if not p.is_selected
    ]
    assert any("in those of greater bounds" in origin for origin in origins)


def test_trials_of_another_sampler_lie_in_a_leaf() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(mixed, n_trials=40)
    explained = explain(study, 39)
    assert not explained.is_exact
    assert not explained.is_searched
    assert explained.leaf == explained.lies_in
    assert "no proposal" in explained.origin
    assert explained.path
    for step in explained.path:
        assert step.is_good == (step.score >= step.offset)


def test_the_text_speaks_of_the_params() -> None:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=40)
    explained = explain(study, 39)
    text = str(explained)
    assert text.startswith("Trial 39: ")
    assert f"depth={study.trials[39].params['depth']}" in text
    assert "UCB" in text
    assert "Runner-up" in text
    assert any("depth" in step.condition for step in explained.path)
    weights = dict(explained.path[0].weights)
    assert weights["operation=conv"] > 0 > weights["operation=None"]


def test_a_condition_holds_on_one_side_only() -> None:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=40)
    for number in range(15, 40):
        for step in explain(study, number).path:
            assert (" >= " in step.condition) == step.is_good
            sizes = [abs(weight) for _, weight in step.weights]
            assert sizes == sorted(sizes, reverse=True)


def test_wrong_arguments() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=2)
    with pytest.raises(ValueError, match=r"`trial_number` must be .* 2 trials, .* got 2"):
        explain(study, 2)
    with pytest.raises(TypeError, match="`trial_number` must be an int, got '1'"):
        explain(study, "1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`sampler` must be a LaNASSampler, got TPESampler"):
        explain(study, 1, sampler=optuna.samplers.TPESampler())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`space` must be None where a `sampler` is given"):
        explain(study, 1, sampler=LaNASSampler(), space=NASBench201Space())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


def test_the_path_leads_to_the_leaf_of_the_tree() -> None:
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
    study.optimize(mixed, n_trials=60)
    explained = explain(study, 59)
    assert explained.path[-1].child == explained.leaf
    assert explained.path[0].node == 0
    assert all(a.child == b.node for a, b in zip(explained.path, explained.path[1:], strict=False))

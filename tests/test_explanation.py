"""The explanation of a trial agrees with what the sampler did."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.study import StudyDirection
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.explanation import explain
from optuna_lanas.search import Proposal
from optuna_lanas.search import suggest
from optuna_lanas.spaces import NASBench201Space


class Recorder:
    """Keeps the proposals that a sampler really made, by trial number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proposals: dict[int, Proposal] = {}
        self.asking = -1

        def watched(*arguments: Any) -> Proposal:
            proposal = suggest(*arguments)
            self.proposals.setdefault(self.asking, proposal)
            return proposal

        monkeypatch.setattr("optuna_lanas.sampler.suggest", watched)

    def watch(self, objective: Callable[[optuna.Trial], Any]) -> Callable[[optuna.Trial], Any]:
        def watched(trial: optuna.Trial) -> Any:
            self.asking = trial.number
            return objective(trial)

        return watched


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


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


SEARCHES: dict[str, tuple[Callable[[optuna.Trial], Any], list[str], Callable[..., Any]]] = {
    "mixed": (mixed, ["maximize"], LaNASSampler),
    "minimise": (mixed, ["minimize"], LaNASSampler),
    "conditional": (conditional, ["maximize"], LaNASSampler),
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


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a shrunk search tells no more and takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.sampled_from(sorted(SEARCHES)),
    seed=st.integers(0, 2**32),
    n_startup_trials=st.integers(1, 12),
)
def test_explanations_agree_with_the_sampler(
    recorder: Recorder, name: str, seed: int, n_startup_trials: int
) -> None:
    check_search(recorder, name, seed, n_startup_trials)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("seed", range(3))
def test_explanations_agree_with_the_sampler_in_longer_searches(
    recorder: Recorder, name: str, seed: int
) -> None:
    check_search(recorder, name, seed, n_startup_trials=10, n_trials=90)


def check_search(
    recorder: Recorder, name: str, seed: int, n_startup_trials: int, n_trials: int = 24
) -> None:
    objective, directions, make = SEARCHES[name]
    sampler = make(seed=seed, n_startup_trials=n_startup_trials)
    study = optuna.create_study(
        directions=[StudyDirection[d.upper()] for d in directions], sampler=sampler
    )
    recorder.proposals.clear()
    study.optimize(recorder.watch(objective), n_trials=n_trials)
    assert len(recorder.proposals) >= n_trials / 2 - 2
    for number in range(n_trials):
        check_trial(study, number, recorder.proposals.get(number))


def check_trial(study: optuna.Study, number: int, real: Proposal | None) -> None:
    explained = explain(study, number)
    assert str(explained)
    if real is None or real.partition is None:
        assert not explained.is_searched
        assert explained.score is None
        return
    assert explained.is_exact
    assert explained.is_searched
    assert explained.leaf == real.leaf
    assert [step.node for step in explained.path] == real.partition.tree.path(real.leaf)[:-1]
    for step in explained.path:
        tree, bounds = real.partition.tree, real.partition.bounds
        assert step.is_good == (tree.children[step.node, 0] == step.child)
        if step.is_kept:
            assert step.is_good == (step.score >= step.offset)
        assert step.score == pytest.approx(sum(added for _, added in step.terms))
        assert step.ucb == bounds[step.child] == step.value + step.width
        assert step.ucb >= step.sibling_ucb
        assert step.visits == real.partition.visits[step.child]
    kept = [step.child for step in explained.path if step.is_kept]
    assert explained.node == (kept[-1] if kept else 0) == real.node
    if real.candidates is not None:
        assert explained.n_candidates == len(real.candidates)
        assert explained.score == real.candidates.scores[real.chosen]
        assert explained.rank == 1 + (real.candidates.scores > explained.score).sum()


def test_the_runner_up_is_another_untried_configuration(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=1))
    study.optimize(recorder.watch(mixed), n_trials=30)
    for number in range(12, 30):
        explained = explain(study, number)
        runner_up = explained.runner_up
        assert runner_up is not None
        assert set(runner_up) == {"depth", "operation", "rate"}
        assert all(runner_up != trial.params for trial in study.trials[: number + 1])
        assert explained.runner_up_score is not None
        assert explained.score is not None
        assert explained.runner_up_score <= explained.score


def test_batches_of_pending_trials(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=2, n_startup_trials=4))
    for _ in range(6):
        batch = [study.ask() for _ in range(4)]
        values = [recorder.watch(mixed)(trial) for trial in batch]
        for trial, value in zip(batch, values, strict=True):
            study.tell(trial, value)
    assert len(recorder.proposals) >= 16
    for number in range(24):
        check_trial(study, number, recorder.proposals.get(number))


def test_trials_that_ended_between_ask_and_suggest(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=2, n_startup_trials=4))
    study.optimize(recorder.watch(mixed), n_trials=10)
    early = study.ask()
    study.optimize(recorder.watch(mixed), n_trials=3)
    study.tell(early, recorder.watch(mixed)(early))
    assert recorder.proposals[10].partition is not None
    assert len(recorder.proposals[10].partition.leaf) == 13
    explained = explain(study, 10)
    assert explained.is_exact  # though at which of the four moments it was asked is not stored
    assert 10 <= explained.n_samples <= 13


def test_enqueued_and_added_trials(recorder: Recorder) -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=3, n_startup_trials=4))
    study.optimize(recorder.watch(mixed), n_trials=8)
    study.enqueue_trial({"depth": 3, "operation": None, "rate": 1e-2})
    study.enqueue_trial({"depth": 4})
    study.optimize(recorder.watch(mixed), n_trials=6)
    study.add_trial(study.trials[0])
    study.optimize(recorder.watch(mixed), n_trials=3)
    for number in range(len(study.trials)):
        check_trial(study, number, recorder.proposals.get(number))
    assert not explain(study, 8).is_exact
    assert explain(study, 9).is_exact


def test_a_loaded_study_needs_the_seed(recorder: Recorder, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.sqlite3'}"
    sampler = LaNASSampler(seed=4, n_startup_trials=5)
    study = optuna.create_study(storage=storage, study_name="s", sampler=sampler)
    study.optimize(recorder.watch(mixed), n_trials=14)
    loaded = optuna.load_study(storage=storage, study_name="s")
    real = recorder.proposals[13]
    without = explain(loaded, 13)
    assert not without.is_exact
    assert without.leaf == real.leaf
    assert without.is_selected
    assert without.score is None
    assert "seed" in str(without)
    twin = LaNASSampler(seed=4, n_startup_trials=5)
    with_seed = explain(loaded, 13, sampler=twin)
    assert with_seed.is_exact
    assert with_seed == explain(study, 13)


def test_threads_share_a_sampler() -> None:
    study = optuna.create_study(sampler=LaNASSampler(seed=4))
    study.optimize(mixed, n_trials=30, n_jobs=3)
    for number in range(30):
        explained = explain(study, number)
        assert explained.number == number
        if study.trials[number].params and explained.leaf is not None:
            kept = [step for step in explained.path if step.is_kept]
            assert all(step.is_good == (step.score >= step.offset) for step in kept)


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

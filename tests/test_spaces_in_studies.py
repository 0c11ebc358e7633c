"""Architecture spaces given to the sampler, faultless and faulty ones."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping
import math
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.trial import BaseTrial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from tests.studies import default


class Bridges:
    """Two widths in any order, whose sum must be even: 36 params, 12 architectures."""

    def suggest(self, trial: BaseTrial) -> tuple[int, int]:
        first, second = (trial.suggest_int(f"w{i}", 0, 5) for i in (1, 2))
        if (first + second) % 2:
            raise optuna.TrialPruned
        return first, second

    def encode(self, params: Mapping[str, Any]) -> Any:
        return np.sort([params["w1"], params["w2"]]) / 5.0

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        if (params["w1"] + params["w2"]) % 2:
            return None
        return frozenset(params.values())


def objective(trial: optuna.Trial) -> float:
    first, second = Bridges().suggest(trial)
    return abs(first - 1) + abs(second - 5)


def keys(study: optuna.Study, space: Any) -> list[Hashable | None]:
    return [space.key(trial.params) for trial in study.trials]


class Finite:
    """Encodes as finite numbers what its key calls invalid: every odd sum."""

    def suggest(self, trial: BaseTrial) -> int:
        return sum(trial.suggest_int(f"w{i}", 0, 29) for i in (1, 2))

    def encode(self, params: Mapping[str, Any]) -> list[float]:
        return [params["w1"] / 29, params["w2"] / 29]

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.stack([columns["w1"], columns["w2"]], axis=1) / 29

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        return (params["w1"], params["w2"]) if sum(params.values()) % 2 == 0 else None


class Numbered(Finite):
    """With keys for many at once."""

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        first, second = columns["w1"], columns["w2"]
        return np.where((first + second) % 2, -1, first * 30 + second)


@pytest.mark.parametrize("make", [default, LaNASSampler.paper])
@pytest.mark.parametrize("kind", [Finite, Numbered])
@pytest.mark.parametrize("is_alone", [True, False])
def test_what_the_key_calls_invalid_is_not_tried_whatever_its_encoding(
    make: Any, kind: type[Finite], is_alone: bool
) -> None:
    space = kind()

    def search(trial: optuna.Trial) -> float:
        return space.suggest(trial) + (0.0 if is_alone else trial.suggest_float("x", 0, 1))

    study = optuna.create_study(sampler=make(seed=0, space=space, n_startup_trials=4))
    study.optimize(search, n_trials=12)
    tried = [
        space.key({name: trial.params[name] for name in ("w1", "w2")}) for trial in study.trials
    ]
    assert None not in tried
    assert len(set(tried)) == 12 or not is_alone


@pytest.mark.parametrize("make", [default, LaNASSampler.paper])
def test_no_isomorph_and_nothing_invalid_is_tried(make: Any) -> None:
    study = optuna.create_study(sampler=make(seed=0, space=Bridges(), n_startup_trials=4))
    study.optimize(objective, n_trials=14)
    tried = keys(study, Bridges())
    assert None not in tried
    assert len(set(tried[:12])) == 12  # all there are
    assert len(set(tried)) == 12  # and then repeats


def test_the_runner_up_is_another_architecture_that_is_new() -> None:
    sampler = default(space=Bridges(), n_startup_trials=4)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=9)
    tried = keys(study, Bridges())
    runners_up = {number: explain(study, number).runner_up for number in range(4, 9)}
    assert any(runners_up.values())
    for number, runner_up in runners_up.items():
        if runner_up is not None:
            numbers = {name: int(value) for name, value in runner_up.items()}
            key = Bridges().key({**study.trials[number].params, **numbers})
            assert key is not None
            assert key not in tried[: number + 1]


@pytest.mark.parametrize("space", [NASBench201Space(), NASBenchGraphSpace()])
def test_own_spaces(space: Any, storage: optuna.storages.BaseStorage) -> None:
    sampler = default(space=space, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler, storage=storage)
    study.optimize(lambda trial: hash(str(space.suggest(trial))) % 100, n_trials=10)
    tried = keys(study, space)
    assert None not in tried
    assert len(set(tried)) == 10


def test_invalid_and_isomorphic_trials_from_elsewhere_do_no_harm() -> None:
    other = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    other.optimize(objective, n_trials=8)
    assert any(trial.state == optuna.trial.TrialState.PRUNED for trial in other.trials)
    study = optuna.create_study(sampler=LaNASSampler(seed=0, space=Bridges()))
    study.add_trials(other.trials)
    before = set(keys(study, Bridges()))
    study.optimize(objective, n_trials=4)
    tried = keys(study, Bridges())[8:]
    assert None not in tried
    assert len(set(tried) - before) == 4


def test_parameters_beside_the_architecture() -> None:
    def train(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        return objective(trial) + abs(math.log10(rate) + 3)

    study = optuna.create_study(sampler=default(space=Bridges(), n_startup_trials=4))
    study.optimize(train, n_trials=30)
    assert None not in keys(study, Bridges())
    assert study.best_value < 3.0


def test_running_trials_known_in_part() -> None:
    study = optuna.create_study(sampler=default(space=Bridges(), n_startup_trials=3))
    study.optimize(objective, n_trials=5)
    study.enqueue_trial({"w1": 2})
    waiting = study.ask()
    assert waiting.suggest_int("w1", 0, 5) == 2
    study.optimize(objective, n_trials=3)
    assert Bridges().key({"w1": 2, "w2": waiting.suggest_int("w2", 0, 5)}) is not None


def test_plain_functions_make_a_space() -> None:
    space = SimpleNamespace(suggest=Bridges().suggest, encode=Bridges().encode, key=Bridges().key)
    study = optuna.create_study(sampler=default(space=space, n_startup_trials=3))
    study.optimize(objective, n_trials=6)
    assert None not in keys(study, Bridges())


class Space:
    """Answers that tests replace by faulty ones."""

    def suggest(self, trial: BaseTrial) -> int:
        trial.suggest_categorical("op", ["a", "b"])
        return trial.suggest_int("n", 0, 9)

    def encode(self, params: Mapping[str, Any]) -> Any:
        return [float(params["n"]), float(params["op"] == "a")]

    def key(self, params: Mapping[str, Any]) -> Any:
        return params["op"], params["n"]


def fail(*arguments: Any) -> Any:
    raise KeyError("lost")


@pytest.mark.parametrize("method", ["key", "encode", "sample", "encode_many", "key_many"])
def test_an_error_in_a_space_ends_the_search_as_it_is(method: str) -> None:
    faulty = type("Space", (Space,), {method: fail})()
    study = optuna.create_study(sampler=default(space=faulty, n_startup_trials=1))
    with pytest.raises(KeyError, match="lost") as raised:
        study.optimize(lambda trial: float(Space().suggest(trial)), n_trials=4)
    if sys.version_info >= (3, 11):
        assert f"`Space.{method}` failed for " in raised.value.__notes__[0]
    study.optimize(lambda trial: float(Space().suggest(trial)), n_trials=4, catch=KeyError)
    assert len(study.trials) == 5


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"key": lambda s, p: list(p)},
            r"`Space\.key` must return a hashable for \{.+\}, or None, got \['n', 'op'\]\. .+",
        ),
        (
            {"key": lambda s, p: None},
            r"`Space\.key` must tell valid .+ None \(invalid\) for all .+ \{.+\}\. Give .+`sample",
        ),
        (
            {"encode": lambda s, p: np.zeros(p["n"] + 1)},
            r"`Space\.encode` must return a vector of length \d+, as before, .+\{.+\}.+Pad",
        ),
        ({"encode": lambda s, p: 3.0}, r"`Space\.encode` must return a vector .+, got 3\.0"),
        ({"encode": lambda s, p: "ab"}, r"`Space\.encode` must return a vector .+, got 'ab'"),
        ({"encode": lambda s, p: [math.inf]}, r"`Space\.encode` must .+ finite .+, got \[inf\]"),
        ({"encode": lambda s, p: [math.nan]}, r"`Space\.encode` must .+ finite .+, got \[nan\]"),
        ({"sample": lambda s, rng: {"n": 1}}, r"`Space\.sample` .+ \['n', 'op'\], got \{'n': 1\}"),
        ({"sample": lambda s, rng: 5}, r"`Space\.sample` must return params .+, got 5"),
        (
            {"sample": lambda s, rng: {"n": 10, "op": "a"}},
            r"`Space\.sample` must return 'n' within IntDistribution.+, got .+10",
        ),
        (
            {"sample": lambda s, rng: {"n": 1, "op": "z"}},
            r"`Space\.sample` must return 'op' within CategoricalDistribution.+, got .+'z'",
        ),
        (
            {"sample_many": lambda s, n, rng: {"n": np.ones(2), "op": np.array(["a", "b"])}},
            r"`Space\.sample_many` must return columns of length \d+, got 2",
        ),
        ({"key_many": lambda s, c: [0]}, r"`Space\.key_many` must return shape .+, got \(1,\)"),
        (
            {"encode_many": lambda s, c: np.zeros(len(c["n"]))},
            r"`Space\.encode_many` must return shape .+, got \(1,\)",
        ),
        ({"key_many": lambda s, c: np.full(len(c["n"]), -1)}, r"`.*key.*` must .+ None"),
    ],
)
def test_a_faulty_space_is_told_by_method_params_and_remedy(
    answers: dict[str, Any], message: str
) -> None:
    faulty = type("Space", (Space,), answers)()
    study = optuna.create_study(sampler=default(space=faulty, n_startup_trials=2))
    study.add_trial(
        optuna.trial.create_trial(
            params={"n": 3, "op": "a"},
            distributions=optuna.create_study().ask(DISTRIBUTIONS).distributions,
            value=1.0,
        )
    )
    with pytest.raises(ValueError, match=message):
        run_trials(study, 20)
    (trial,) = (t for t in study.trials if t.state == optuna.trial.TrialState.RUNNING)
    # No trial is lost: a sampler with a faultless space goes on with it and all that came before.
    study.sampler = default(space=Space(), n_startup_trials=2)
    study.tell(trial.number, 0.0)
    run_trials(study, 2)
    assert all(t.state == optuna.trial.TrialState.COMPLETE for t in study.trials)


def run_trials(study: optuna.Study, n_trials: int) -> None:
    for _ in range(n_trials):
        trial = study.ask()
        Space().suggest(trial)
        study.tell(trial, 0.0)


DISTRIBUTIONS: dict[str, Any] = {
    "n": optuna.distributions.IntDistribution(0, 9),
    "op": CategoricalDistribution(["a", "b"]),
}


@pytest.mark.parametrize(
    ("suggest", "message"),
    [
        (fail, r"`Space\.suggest` failed for params \{\}: KeyError\('lost'\)\. It must ask .+"),
        (lambda s, trial: 0, r"`Space\.suggest` must ask the trial .+ asked for none\. Call .+"),
    ],
)
def test_a_faulty_suggest_is_told(suggest: Any, message: str) -> None:
    faulty = type("Space", (Space,), {"suggest": suggest})()
    study = optuna.create_study(sampler=LaNASSampler(seed=0, space=faulty))
    with pytest.raises(ValueError, match=message):
        study.ask({"x": FloatDistribution(0, 1)})

"""A space from its parts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
import math
import pickle
import time
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.trial import FixedTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas.spaces import ArchitectureSpace
from optuna_lanas.spaces import Space
from optuna_lanas.spaces._answers import hash_key
from optuna_lanas.spaces.space import N_TRIED


PARTS: dict[str, Any] = {
    "op": ["conv", "pool", None],
    "width": (8, 256),
    "depth": (1, 3),
    "bias": [True, False],
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "share": (0.0, 1.0),
    "units": IntDistribution(16, 64, step=16),
    "fixed": (3, 3),
}
PARAMS = {
    **{"op": "pool", "width": 132, "depth": 3, "bias": False, "rate": 1e-2},
    **{"share": 0.25, "units": 64, "fixed": 3},
}


def draws(space: Space, n: int) -> list[dict[str, Any]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [study.ask(space.distributions) for _ in range(n)]
    return [trial.params for trial in trials]


def stacked(many: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([p[name] for p in many], dtype=object) for name in many[0]}


def test_parts_are_distributions() -> None:
    assert Space(PARTS).distributions == {
        "op": CategoricalDistribution(["conv", "pool", None]),
        "width": IntDistribution(8, 256),
        "depth": IntDistribution(1, 3),
        "bias": CategoricalDistribution([True, False]),
        "rate": FloatDistribution(1e-4, 1.0, log=True),
        "share": FloatDistribution(0.0, 1.0),
        "units": IntDistribution(16, 64, step=16),
        "fixed": IntDistribution(3, 3),
    }
    assert isinstance(Space(PARTS), ArchitectureSpace)


def test_the_architecture_is_the_dict_of_its_params() -> None:
    assert Space(PARTS).suggest(FixedTrial(PARAMS)) == PARAMS


def test_columns_of_an_encoding_have_names() -> None:
    space = Space({name: PARTS[name] for name in ("op", "width", "depth", "rate", "fixed")})
    code = dict(zip(space.encoding_names, space.encode(PARAMS).tolist(), strict=True))
    assert list(code) == [
        *("op=conv", "op=pool", "op=None"),
        *("width", "width≈8", "width≈70", "width≈132", "width≈194", "width≈256"),
        *("depth", "depth=1", "depth=2", "depth=3"),
        *("rate", "rate≈0.0001", "rate≈0.001", "rate≈0.01", "rate≈0.1", "rate≈1"),
        "fixed",
    ]
    expected = {"op=pool": 1.0, "width": 0.5, "width≈132": 0.5, "depth": 1.0, "depth=3": 0.5}
    expected |= {"rate": 0.5, "rate≈0.01": 0.5, "fixed": 0.5}
    assert {name: value for name, value in code.items() if value} == pytest.approx(expected)


def test_shared_choices_are_counted() -> None:
    parts = {"a": ["conv", "pool"], "b": ["pool", "conv"], "c": ["conv", "skip"], "d": [1, 2, 3]}
    space = Space(parts)
    assert space.encoding_names[-2:] == ("count:conv", "count:pool")
    many = draws(space, 30)
    codes = space.encode_many(stacked(many))
    for code, params in zip(codes, many, strict=True):
        pair = [params["a"], params["b"]]
        assert code[-2:].tolist() == [pair.count("conv"), pair.count("pool")]


def test_a_piecewise_linear_code_sums_to_a_half() -> None:
    codes = Space({"x": (-1.5e308, 1.5e308)}).encode_many(
        {"x": np.linspace(-1.5, 1.5, 31) * 1e308}
    )
    np.testing.assert_allclose(codes[:, 1:].sum(axis=1), 0.5)
    np.testing.assert_allclose(codes[:, 0], np.linspace(0.0, 1.0, 31), atol=1e-12)


def test_columns_agree_with_single_params() -> None:
    space = Space(PARTS, is_valid=lambda p: p["width"] < 200, key=lambda p: str(p["op"]))
    many = draws(space, 40)
    codes, keys = space.encode_many(stacked(many)), space.key_many(stacked(many))
    assert codes.shape == (40, len(space.encoding_names))
    for code, key, params in zip(codes, keys.tolist(), many, strict=True):
        np.testing.assert_array_equal(space.encode(params), code)
        assert (key < 0) == (space.key(params) is None) == (params["width"] >= 200)
        assert math.isnan(code[0]) == (key < 0)
    pairs = {(key, space.key(p)) for key, p in zip(keys.tolist(), many, strict=True)}
    assert len(pairs) == 4  # three operations, and the invalid ones


def test_without_a_key_different_params_are_different() -> None:
    space = Space(PARTS)
    many = draws(space, 500)
    assert len(set(space.key_many(stacked(many)).tolist())) == len({space.key(p) for p in many})
    assert space.key(PARAMS) == tuple(PARAMS.values())


KEYS: dict[str, Callable[[Any], Any]] = {
    "row of Python": lambda p: tuple(sorted((p["a"], p["b"]))),
    "row with an if": lambda p: (p["a"], p["b"]) if p["a"] < p["b"] else (p["b"], p["a"]),
    "row of NumPy": lambda p: np.sort([p["a"], p["b"]]),
    "row, a str": lambda p: f"{min(p['a'], p['b'])}:{max(p['a'], p['b'])}",
    "row, a frozenset": lambda p: frozenset([p["a"], p["b"]]),
    "columns": lambda p: np.sort(np.stack([p["a"], p["b"]], axis=1), axis=1),
    "columns alone": lambda p: np.sort(np.concatenate([p["a"][:, None], p["b"][:, None]], 1), 1),
    "columns, a list": lambda p: [tuple(sorted(ab)) for ab in zip(p["a"], p["b"], strict=True)],
    "both": lambda p: np.minimum(p["a"], p["b"]) * 100 + np.maximum(p["a"], p["b"]),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_rows_or_of_columns(name: str) -> None:
    space = Space({"a": (1, 9), "b": (1, 9)}, key=KEYS[name])
    many = [{"a": a, "b": b} for a in range(1, 10) for b in range(1, 10)]
    keys = space.key_many(stacked(many)).tolist()
    assert len(set(keys)) == 45
    assert min(keys) >= 0
    for params, key in zip(many, keys, strict=True):
        exchanged = {"a": params["b"], "b": params["a"]}
        assert space.key(params) == space.key(exchanged)
        assert key == keys[many.index(exchanged)]


CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "row": lambda p: not (p["a"] == "x" and p["n"] > 4),
    "row with in": lambda p: p["a"] in ("y",) or p["n"] <= 4,
    "columns": lambda p: (p["a"] != "x") | (p["n"] <= 4),
    "columns alone": lambda p: np.where((p["a"] == "x")[:, None][:, 0], p["n"] <= 4, True),
    "columns, in place": lambda p: ~((p["a"] == "x") & (p["n"] > 4)),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_of_rows_or_of_columns(name: str) -> None:
    space = Space({"a": ["x", "y"], "n": (1, 9)}, is_valid=CONDITIONS[name])
    many: list[dict[str, Any]] = [{"a": a, "n": n} for a in "xy" for n in range(1, 10)]
    assert (space.key_many(stacked(many)) >= 0).tolist() == [
        p["a"] == "y" or p["n"] <= 4 for p in many
    ]
    assert space.key(many[0]) == ("x", 1)
    with pytest.raises(optuna.TrialPruned, match=r"invalid: \{'a': 'x', 'n': 9\}"):
        space.suggest(FixedTrial({"a": "x", "n": 9}))


def test_columns_are_called_once_for_all_candidates() -> None:
    """The cost of a trial: with columns a handful of calls, however many candidates there are."""
    calls = []

    def key(p: Any) -> Any:
        calls.append(np.size(p["a"]))
        return np.minimum(p["a"], p["b"]) * 100 + np.maximum(p["a"], p["b"])

    space = Space({"a": (1, 99), "b": (1, 99)}, key=key)
    study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
    study.optimize(lambda trial: float(space.suggest(trial)["a"]), n_trials=8)
    calls.clear()
    study.optimize(lambda trial: float(space.suggest(trial)["a"]), n_trials=1)
    assert len(calls) < 60
    assert sum(calls) > 100


def test_a_list_of_columns_is_no_answer_per_architecture() -> None:
    """Not even where there are as many parameters as params are tried."""
    with pytest.raises(ValueError, match="`key` must return a hashable"):
        Space({f"x{i}": (1, 9) for i in range(N_TRIED)}, key=lambda p: list(p.values()))


def test_a_function_cannot_change_the_columns() -> None:
    def changed(p: Any) -> Any:
        p["a"] += 1
        return p["a"] > 3

    space = Space({"a": (1, 9)}, is_valid=changed)
    assert space.key({"a": 3}) == (3,)
    assert space.key({"a": 2}) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *((-1, -2), ((-1,), (-2,)), ("1", 1), (("a", "b"), ("ab",)), (("a,b",), ("a", "b"))),
        *(
            (frozenset("ab"), ("a", "b")),
            (None, "None"),
            (2**70, 2**71),
            (0.1, 0.2),
            (1e300, 1e301),
        ),
        *(
            ((10**5000,), (10**5000 + 1,)),
            ("\ud800", "\ud801"),
            (math.inf, -math.inf),
            ((), ((),)),
        ),
    ],
)
def test_hashes_of_different_keys_differ(left: Any, right: Any) -> None:
    assert hash_key(left) != hash_key(right)
    assert 0 <= hash_key(left) < 2**62


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (True, 1), (np.int64(3), 3), (0.0, -0.0), (frozenset("abc"), frozenset("cba"))],
)
def test_hashes_of_equal_keys_are_equal(left: Any, right: Any) -> None:
    assert left == right
    assert hash_key((left,)) == hash_key((right,))


def test_a_search_proposes_no_invalid_architecture_and_no_isomorph_again() -> None:
    space = Space(
        {"a": (1, 20), "b": (1, 20)},
        is_valid=lambda p: p["a"] + p["b"] <= 12,
        key=lambda p: tuple(sorted(p.values())),
    )
    study = optuna.create_study(direction="maximize", sampler=LaNASSampler(space=space, seed=0))
    study.optimize(lambda trial: math.prod(space.suggest(trial).values()), n_trials=25)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert len({space.key(trial.params) for trial in study.trials}) == 25
    assert study.best_value == 36


def test_explanations_and_views_call_columns_by_name() -> None:
    space = Space({"op": ["conv", "pool"], "width": (8, 256)})

    def objective(trial: optuna.Trial) -> float:
        architecture = space.suggest(trial)
        return float(architecture["width"] + 300 * (architecture["op"] == "pool"))

    study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
    study.optimize(objective, n_trials=25)
    text = str(partition(study)) + str(explain(study, 24))
    assert "op=pool" in text or "op=conv" in text
    assert "encoding[" not in text


def test_a_study_goes_on_where_a_range_was_wider() -> None:
    study = optuna.create_study(
        sampler=LaNASSampler(space=(wide := Space({"n": (1, 99)})), seed=0)
    )
    study.optimize(lambda trial: wide.suggest(trial)["n"], n_trials=8)
    study.sampler = LaNASSampler(space=(narrow := Space({"n": (10, 40)})), seed=0)
    study.optimize(lambda trial: narrow.suggest(trial)["n"], n_trials=8)
    assert all(10 <= trial.params["n"] <= 40 for trial in study.trials[8:])


def test_a_space_of_few_valid_architectures_is_taken() -> None:
    space = Space({"n": (1, 2_000)}, is_valid=lambda p: p["n"] == 7, key=lambda p: (p["n"],))
    assert (space.key({"n": 7}), space.key({"n": 8})) == ((7,), None)


def test_a_key_may_tell_invalid_architectures() -> None:
    space = Space(
        {"a": (1, 9), "b": (1, 9)}, key=lambda p: (p["a"], p["b"]) if p["a"] < 3 else None
    )
    assert np.isnan(space.encode({"a": 3, "b": 1})).all()
    study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
    study.optimize(lambda trial: float(space.suggest(trial)["b"]), n_trials=18)
    assert {trial.params["a"] for trial in study.trials} == {1, 2}


@pytest.mark.parametrize("sampler", [LaNASSampler, LaNASSampler.paper])
def test_constant_parts_and_further_parameters(sampler: Any) -> None:
    space = Space({"op": ["conv"], "n": (3, 3), "flag": [True, False], "rate": (0.0, 1.0)})

    def objective(trial: optuna.Trial) -> float:
        return float(space.suggest(trial)["rate"] + trial.suggest_float("x", 0, 1))

    study = optuna.create_study(sampler=sampler(space=space, seed=0))
    study.optimize(objective, n_trials=15)
    assert {trial.params["op"] for trial in study.trials} == {"conv"}


def test_a_space_may_be_extended() -> None:
    class Named(Space):
        def n_params(self, architecture: dict[str, Any]) -> int:
            return 9 * int(architecture["width"])

    space = Named({"width": (8, 256)})
    assert space.n_params(space.suggest(FixedTrial({"width": 8}))) == 72
    with pytest.raises(ValueError, match=r"parameters of Named, but \['width'\] are missing"):
        space.key({})


def is_wide(params: Any) -> Any:
    return params["width"] > 99


def test_a_space_of_named_functions_pickles() -> None:
    space = pickle.loads(pickle.dumps(Space(PARTS, is_valid=is_wide)))
    assert space.key(PARAMS) == tuple(PARAMS.values())


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (3, r"`params\.x` must be a list of choices.*, got 3 of int\. Pass"),
        ("conv", r"`params\.x` must be a list of choices.*, got 'conv' of str\. Pass"),
        ({"a": 1}, r"`params\.x` must be a list of choices"),
        (range(3), r"`params\.x` must be a list of choices"),
        ([], r"`params\.x` must be a list of at least one choice"),
        ([(3, 3), (5, 5)], r"`params\.x` must be .*\. Name other objects by strs"),
        ([math.nan], r"`params\.x` must be .*\. Name other"),
        (["a", "a"], r"`params\.x` must be .* distinct.*\. List each choice once"),
        ([1, True], r"`params\.x` must be .* distinct.*\. List each choice once"),
        ((1, 2, 3), r"`params\.x` must be a tuple \(low, high\).*\. Pass choices as a list"),
        (("a", "b"), r"`params\.x` must be a tuple \(low, high\)"),
        ((1, math.inf), r"`params\.x` must be a tuple \(low, high\) of two finite"),
        ((0, 10**400), r"`params\.x` must be a tuple \(low, high\) of two finite"),
        ((1j, 2), r"`params\.x` must be a tuple"),
        ((True, 2), r"`params\.x` must be a tuple"),
        ((256, 8), r"`params\.x` must be low <= high, got \(256, 8\)\. Exchange"),
        (IntDistribution, r"`params\.x` must be .*, got the class IntDistribution\. Pass an obj"),
        (CategoricalDistribution([1, True]), r"`params\.x` must be .*\. List each"),
    ],
)
def test_a_wrong_part_is_told(part: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Space({"x": part})


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"key": lambda p: p["y"]}, r"`key` must answer .* failed for \{'x': \d\}: KeyError\('y'\)\."),
    ({"is_valid": lambda p: p["x"]}, r"`is_valid` must return True or False, got \d for \{'x'"),
    ({"is_valid": lambda p: None}, r"`is_valid` must return True or False, got None"),
    ({"is_valid": lambda p: False}, r"`is_valid` must accept some .*, got none of 10000 random"),
    (
        {"key": lambda p: None},
        r"`key` must accept some .*, got none of 10000 random ones, such as",
    ),
    (
        {"key": lambda p: [p["x"]]},
        r"`key` must return a hashable, .*, got \[\d\].*\. Return a tup",
    ),
    ({"key": lambda p: math.nan}, r"`key` must return a hashable"),
    ({"key": lambda p: {"x": 1}}, r"`key` must return a hashable"),
]


@pytest.mark.parametrize(("given", "message"), FAULTS)
def test_a_wrong_function_is_told_at_once(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Space({"x": (1, 9)}, **given)


def test_a_function_that_fails_later_is_told_by_name() -> None:
    space = Space({"x": (1, 10**9)}, key=lambda p: Fraction(1, p["x"] - 7))
    with pytest.raises(ValueError, match=r"`key` must answer .*\{'x': 7\}: ZeroDivisionError"):
        space.key({"x": 7})


@pytest.mark.parametrize("method", ["encode", "key"])
def test_wrong_values_are_told(method: str) -> None:
    space = Space({"op": ["conv", 2], "n": (1, 9)})
    ask = getattr(space, method)
    value: Any
    for value in ("unknown", -1, 1.5, None, [1]):
        with pytest.raises(ValueError, match=r"`op` must be one of \('conv', 2\), got "):
            ask({"op": value, "n": 3})
    for value in ("3", None, math.nan, math.inf, True, [1], 1j, 10**400):
        with pytest.raises(ValueError, match=r"`n` must be one of the numbers 1 \.\. 9, got "):
            ask({"op": 2, "n": value})
    with pytest.raises(ValueError, match=r"must hold all 2 parameters of Space, but \['n'\] are"):
        ask({"op": 2})


def test_columns_of_other_lengths_are_told() -> None:
    with pytest.raises(
        ValueError, match=r"`columns` must be arrays of equal length, got \[1, 2\]"
    ):
        Space({"a": (1, 9), "b": (1, 9)}).key_many({"a": np.ones(1), "b": np.ones(2)})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["params", "row", "columns"])
def test_a_search_costs_less_than_three_times_as_much_as_plain_parameters(kind: str) -> None:
    """CPU time of 100 trials, in one run; it is about 1.5 times as much."""
    parts = {
        **{f"op{i}": ["conv3", "conv5", "pool"] for i in range(4)},
        "n": (8, 256),
        "d": (1, 8),
    }
    functions: dict[str, dict[str, Any]] = {
        "params": {},
        "row": {
            "is_valid": lambda p: not (p["op0"] == "pool" and p["op1"] == "pool"),
            "key": lambda p: (*sorted([p["op2"], p["op3"]]), p["op0"], p["op1"], p["n"], p["d"]),
        },
        "columns": {
            "is_valid": lambda p: (p["op0"] != "pool") | (p["op1"] != "pool"),
            "key": lambda p: np.stack([p["n"], p["d"], p["op0"] == "pool"], axis=-1),
        },
    }
    space = Space(parts, **functions[kind])
    plain = Space(parts)
    seconds = []
    for given in (None, space):
        study = optuna.create_study(sampler=LaNASSampler(space=given, seed=0))
        start = time.process_time()
        study.optimize(lambda trial: cost((given or plain).suggest(trial)), n_trials=100)  # noqa: B023
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3.0 * seconds[0]


def cost(architecture: dict[str, Any]) -> float:
    n_letters = sum(len(str(value)) for value in architecture.values())
    return n_letters + abs(float(architecture["n"]) - 90.0) / 50.0

"""A user's architecture space: what it adds to the domain, and that its answers are checked."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
import math
import sys
from typing import Any
from typing import ClassVar
import warnings

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pandas as pd
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.domain import Architectures
from optuna_lanas._study.architecture import _compressed
from optuna_lanas._study.architecture import checked_space
from optuna_lanas._study.architecture import MAX_KEYS
from optuna_lanas._study.architecture import space_distributions
from tests.builders import architecture_transform
from tests.builders import TwoLayers


class Declared(TwoLayers):
    """The same space, which says at once what it asks for, and answers for many."""

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {f"width_{i}": IntDistribution(1, self.width) for i in (1, 2)}

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        first, second = rng.choice(np.arange(1, self.width + 1), size=2, replace=False)
        return {"width_1": int(first), "width_2": int(second)}

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        widths = np.stack([columns["width_1"], columns["width_2"]], axis=1).astype(float)
        is_valid = widths[:, 0] != widths[:, 1]
        return np.where(is_valid[:, None], np.sort(widths, axis=1), np.nan)

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        codes = self.encode_many(columns)
        return np.where(np.isnan(codes[:, 0]), -1, codes[:, 0] * 1000 + codes[:, 1])

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        many = [self.sample(rng) for _ in range(n)]
        return {name: np.array([p[name] for p in many]) for name in ("width_1", "width_2")}


def architectures_of(space: Any) -> Architectures:
    found = architecture_transform(space).domain.architectures
    assert found is not None
    return found


def points_of(space: Any) -> np.ndarray:
    """All points of a small space, in the order of its widths."""
    transform = architecture_transform(space)
    widths = range(1, space.width + 1)
    return transform.to_points([{"width_1": i, "width_2": k} for i in widths for k in widths])


@pytest.mark.parametrize("method", ["suggest", "encode", "key"])
def test_a_space_without_a_method_is_an_error_that_names_it(method: str) -> None:
    methods = {name: lambda self: None for name in ("suggest", "encode", "key") if name != method}
    with pytest.raises(TypeError, match=f"but Half has no `{method}`"):
        checked_space(type("Half", (), methods)())
    space = TwoLayers()
    assert checked_space(space) is space


def test_a_space_is_asked_for_its_parameters_by_a_trial() -> None:
    expected = {f"width_{i}": IntDistribution(1, 9) for i in (1, 2)}
    assert space_distributions(TwoLayers(9)) == expected
    assert space_distributions(Declared(9)) == expected


def test_a_space_may_prune_the_trial_that_asks() -> None:
    class Pruning(TwoLayers):
        def suggest(self, trial: optuna.trial.BaseTrial) -> frozenset[int]:
            super().suggest(trial)
            raise optuna.TrialPruned

    assert list(space_distributions(Pruning())) == ["width_1", "width_2"]


def test_a_space_that_fails_or_asks_for_nothing_is_an_error() -> None:
    class Failing(TwoLayers):
        def suggest(self, trial: optuna.trial.BaseTrial) -> frozenset[int]:
            super().suggest(trial)
            raise KeyError("width_3")

    class Silent(TwoLayers):
        def suggest(self, trial: optuna.trial.BaseTrial) -> frozenset[int]:
            return frozenset()

    with pytest.raises(ValueError, match=r"`Failing\.suggest` failed for params .*'width_3'"):
        space_distributions(Failing())
    with pytest.raises(ValueError, match=r"`Silent\.suggest` must ask the trial"):
        space_distributions(Silent())


def test_points_have_the_features_and_keys_of_their_params() -> None:
    space = TwoLayers(3)
    architectures, points = architectures_of(space), points_of(space)
    features, keys = architectures.encode(points), architectures.keys(points)
    expected = [[1, 2], [1, 3], [1, 2], [2, 3], [1, 3], [2, 3]]
    is_valid = np.array([key is not None for key in keys])
    assert (~is_valid).nonzero()[0].tolist() == [0, 4, 8]
    np.testing.assert_array_equal(features[is_valid], expected)
    assert np.isnan(features[~is_valid]).all()
    assert [key for key in keys if key is not None] == [frozenset(pair) for pair in expected]


def test_answers_for_many_are_the_answers_for_each() -> None:
    one, many = architectures_of(TwoLayers(4)), architectures_of(Declared(4))
    points = points_of(TwoLayers(4))
    np.testing.assert_array_equal(one.encode(points), many.encode(points))
    keys, same_keys = one.keys(points), many.keys(points)
    for i in range(len(points)):
        assert [key == keys[i] for key in keys] == [key == same_keys[i] for key in same_keys]


@pytest.mark.parametrize("space", [TwoLayers(4), Declared(4)])
def test_an_unfinished_architecture_is_invalid(space: Any) -> None:
    points = points_of(space)[:5]
    points[1, 0] = points[2, 1] = np.nan
    architectures = architectures_of(space)
    keys, features = architectures.keys(points), architectures.encode(points)
    assert keys[1] is keys[2] is None
    assert np.isnan(features[1:3]).all()
    assert keys[3] is not None
    assert architectures.encode(points[:0]).shape == (0, 2)


def test_architectures_are_drawn_by_the_space() -> None:
    assert architectures_of(TwoLayers(4)).sample is None
    sample = architectures_of(Declared(4)).sample
    assert sample is not None
    points = sample(500, np.random.default_rng(0))
    assert None not in architectures_of(TwoLayers(4)).keys(points)
    assert len(np.unique(points, axis=0)) == 12


def test_a_space_is_asked_once_for_each_of_the_points_of_late() -> None:
    space = TwoLayers(120)
    architectures = architectures_of(space)
    points = points_of(space)
    for _ in range(2):
        architectures.keys(points[:MAX_KEYS])
    assert max(space.n_keys.values()) == 1
    architectures.keys(points[-100:])  # more than are remembered
    architectures.keys(points[:1])
    assert max(space.n_keys.values()) == 2


class Raising:
    """What raises whenever it is looked at."""

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise RuntimeError("no array")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


NO_NUMBERS: list[Any] = [
    *(None, "text", b"bytes", 3, True, 1j, {}, {"a": 1.0}, {1.0}, object(), Raising(), [None]),
    *(["1", "2"], [1j, 2.0], [10**400, 1.0], [10**5000], [Raising()], np.datetime64("2026-01-01")),
]
WRONG: dict[str, list[Any]] = {
    "encode": [
        *NO_NUMBERS,
        *([], [[1.0]], [np.nan], [np.inf, 1.0], [[1.0], [1.0, 2.0]], np.zeros((1, 0))),
        *((i for i in range(2)), np.zeros(0), pd.DataFrame({"a": [1.0]})),
    ],
    "encode_many": [
        *NO_NUMBERS,
        *(np.zeros(9), np.zeros((2, 2)), np.zeros((9, 0)), np.full((9, 2), np.inf), [[1.0]] * 8),
        *([[1.0]] * 8 + [[1.0, 2.0]], np.full((9, 2), 1j), np.full((9, 2), "1"), pd.Series([1.0])),
        pd.DataFrame({"a": ["x"] * 9}),
    ],
    "key": [[1, 2], {}, set(), np.zeros(2), math.nan, np.float64("nan"), Raising()],
    "key_many": [
        *NO_NUMBERS,
        *(np.zeros((9, 2)), np.zeros(8), [0.5] * 9, [np.nan] * 9, [np.inf] * 9, [True] * 9),
        *(np.zeros(9, dtype=bool), ["1"] * 9, [[1]] * 9, range(8), np.zeros(9) + 1j),
    ],
    "sample": [
        *(None, [1, 2], "text", {}, {"width_1": 1}, {"width_1": 1, "width_2": 99}, Raising()),
        *({"width_1": 1, "width_2": 1, "width_3": 1}, {"width_1": 1, "width_2": 1.5}),
        *({"width_1": 1, "width_2": value} for value in (None, "x", 1j, math.nan, 10**400, [1])),
    ],
    "sample_many": [
        *(None, [1, 2], {"width_1": [1]}, {"width_1": [1], "width_2": [2]}, Raising()),
        *({"width_1": [1] * 5, "width_2": column} for column in ([1] * 4, "12345", None, 3)),
        *({"width_1": [1] * 5, "width_2": column} for column in (np.ones((5, 2)), [1.5] * 5)),
        *({"width_1": [1] * 5, "width_2": [value] * 5} for value in (0, 10**400, None, "x", 1j)),
        {"width_1": [1] * 5, "width_2": (1 for _ in range(5))},
    ],
}


@pytest.mark.parametrize(
    ("method", "place"), [(method, i) for method in WRONG for i in range(len(WRONG[method]))]
)
def test_a_wrong_answer_is_an_error_that_names_it(method: str, place: int) -> None:
    answer = WRONG[method][place]
    wrong = type("Wrong", (TwoLayers,), {method: lambda self, *arguments: answer})(3)
    message = (
        rf"`Wrong\.{method}` must return [^\n]*, got [^\n]*\. [^\n]*"
        rf"See `optuna_lanas\.spaces\.ArchitectureSpace`\.$"
    )
    with pytest.raises(ValueError, match=message) as error:
        ask_strictly(wrong, method)
    assert len(str(error.value)) < 2_000


RIGHT: dict[str, list[Any]] = {
    "encode": [
        *([True, False], (1, 2.5), np.ones(1, dtype=np.float32), [2**70], pd.Series([1.0, 2.0])),
        *([1e200, -1e308], [5e-324], [Fraction(1, 3)], np.array([1, 2.0], dtype=object)),
    ],
    "encode_many": [
        *(np.ones((9, 1), dtype=bool), [[1, 2.0]] * 9, np.full((9, 2), np.nan)),
        *(pd.DataFrame({"a": [1] * 9}), [[1e300]] * 9),
    ],
    "key_many": [
        *([1] * 9, (1.0,) * 9, np.arange(9), [-1] * 9, pd.Series([1] * 9), [2**70] * 9),
        np.ones(9, dtype=np.uint8),
    ],
    "key": ["", "\ud800", 10**5000, (1, (2,)), math.inf, frozenset({1})],
}


@pytest.mark.parametrize(
    ("method", "place"), [(method, i) for method in RIGHT for i in range(len(RIGHT[method]))]
)
def test_a_right_answer_of_any_kind_is_taken(method: str, place: int) -> None:
    answer = RIGHT[method][place]
    ask(type("Right", (TwoLayers,), {method: lambda self, *arguments: answer})(3), method)


def ask_strictly(space: Any, method: str) -> None:
    """Ask, and raise what is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(space, method)


def ask(space: Any, method: str) -> None:
    """Ask a space for all that a suggestion asks, and for samples."""
    architectures = architectures_of(space)
    if method.startswith("sample"):
        assert architectures.sample is not None
        architectures.sample(5, np.random.default_rng(0))
    architectures.encode(points_of(TwoLayers(3)))
    architectures.keys(points_of(TwoLayers(3)))


def test_encodings_must_have_one_length() -> None:
    class Growing(TwoLayers):
        def encode(self, params: Mapping[str, Any]) -> np.ndarray:
            return np.zeros(params["width_1"])

    with pytest.raises(ValueError, match=r"of length \d, as before,.*Pad shorter encodings"):
        architectures_of(Growing(3)).encode(points_of(TwoLayers(3)))


class TimeLimit(Exception):
    """What a time limit raises wherever the program is."""


@pytest.mark.parametrize("error", [TimeLimit("over"), ZeroDivisionError("no widths" + "!" * 999)])
def test_an_error_in_a_space_passes_on_and_notes_what_was_asked(error: Exception) -> None:
    class Failing(TwoLayers):
        def key(self, params: Mapping[str, Any]) -> Any:
            raise error

    with pytest.raises(type(error)) as raised:
        architectures_of(Failing(3)).keys(points_of(TwoLayers(3)))
    assert raised.value is error
    assert error.__cause__ is None
    if sys.version_info >= (3, 11):
        assert "`Failing.key` failed for {'width_1': " in error.__notes__[0]
        assert all(len(note) < 1_500 for note in error.__notes__)


@pytest.mark.parametrize("method", ["key", "encode"])
def test_only_suggest_prunes_a_trial(method: str) -> None:
    def prune(self: TwoLayers, params: Mapping[str, Any]) -> Any:
        raise optuna.TrialPruned

    faulty = type("Pruning", (TwoLayers,), {method: prune})(3)
    message = rf"`Pruning\.{method}` failed for .*TrialPruned.*`key` returns None for an invalid"
    with pytest.raises(ValueError, match=message):
        architectures_of(faulty).encode(points_of(TwoLayers(3)))


def test_a_space_without_a_valid_architecture_is_an_error() -> None:
    class Empty(TwoLayers):
        def key(self, params: Mapping[str, Any]) -> None:
            return None

    with pytest.raises(ValueError, match=r"`Empty\.key` must tell valid architectures"):
        architectures_of(Empty(3)).encode(points_of(TwoLayers(3)))


def test_a_constant_parameter_of_a_space_is_part_of_its_params() -> None:
    class WithConstant(TwoLayers):
        def suggest(self, trial: optuna.trial.BaseTrial) -> frozenset[int]:
            trial.suggest_categorical("kind", ["only"])
            return super().suggest(trial)

        def encode(self, params: Mapping[str, Any]) -> np.ndarray:
            assert params["kind"] == "only"
            return super().encode(params)

    transform = architecture_transform(
        WithConstant(5), {"rate": FloatDistribution(0.0, 1.0), "k": CategoricalDistribution("ab")}
    )
    points = transform.domain.sample(20, np.random.default_rng(0))
    assert transform.domain.features(points).shape == (20, 2 + 2 + 9)


DECLARED: list[Any] = [
    *(3, "text", [], {}, [("a", IntDistribution(1, 2))], {"a": 1}, {"a": IntDistribution}),
    lambda: {"a": IntDistribution(1, 2)},
]


@pytest.mark.parametrize("declared", DECLARED)
def test_wrong_distributions_are_an_error_that_names_them(declared: Any) -> None:
    wrong = TwoLayers()
    wrong.distributions = declared  # type: ignore[attr-defined]
    with pytest.raises(
        ValueError, match=r"`TwoLayers\.distributions` must be a dict from .*, got "
    ):
        space_distributions(wrong)


def test_encodings_for_many_have_one_width() -> None:
    class Growing(Declared):
        def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
            return np.zeros((len(columns["width_1"]), len(columns["width_1"])))

    architectures = architectures_of(Growing(3))
    points = points_of(TwoLayers(3))
    architectures.encode(points[:4])
    with pytest.raises(ValueError, match=r"shape \(5, 4\) of numbers, where dim is"):
        architectures.encode(points[:5])


def test_a_space_is_never_asked_for_nothing() -> None:
    class NotForNothing(Declared):
        def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
            assert len(columns["width_1"])
            return super().encode_many(columns)

        def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
            assert len(columns["width_1"])
            return super().key_many(columns)

    architectures = architectures_of(NotForNothing(3))
    nothing = points_of(TwoLayers(3))[:0]
    assert architectures.encode(nothing).shape == (0, 2)
    assert architectures.keys(nothing) == []


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
@pytest.mark.parametrize("choices", [((1, 2), (3, 4)), ((1,), "a"), (None, (1, (2,)), 3)])
def test_choices_drawn_by_the_space_stay_as_they_are(choices: tuple[Any, ...]) -> None:
    class Tuples:
        distributions: ClassVar = {"c": CategoricalDistribution(choices)}

        def encode(self, params: Mapping[str, Any]) -> list[float]:
            return [float(choices.index(params["c"]))]

        def key(self, params: Mapping[str, Any]) -> Any:
            return params["c"]

        def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
            return trial.suggest_categorical("c", choices)

        def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, Any]:
            return {"c": [choices[i] for i in rng.integers(len(choices), size=n)]}

    points = architectures_of(Tuples()).sample(50, np.random.default_rng(0))  # type: ignore[misc]
    assert set(points[:, 0].tolist()) == set(range(len(choices)))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=9))
def test_encodings_keep_their_order_and_have_finite_squares(numbers: list[float]) -> None:
    column = np.array(numbers)[:, None]
    compressed = _compressed(column)
    assert (np.diff(compressed[np.argsort(column[:, 0])], axis=0) >= 0.0).all()
    assert np.isfinite(compressed**2).all()
    is_near = np.abs(column) <= 1e9
    np.testing.assert_array_equal(compressed[is_near], column[is_near])
    np.testing.assert_array_equal(_compressed(-column), -compressed)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e200, -1e308, 1e40])
def test_a_huge_number_in_an_encoding_does_not_switch_the_model_off(size: float) -> None:
    class Wide(TwoLayers):
        def __init__(self, factor: float) -> None:
            super().__init__(200)
            self._factor = factor

        def encode(self, params: Mapping[str, Any]) -> np.ndarray:
            return np.append(
                super().encode(params) / 200, self._factor * (params["width_1"] % 7 / 7)
            )

    def distance(factor: float, seed: int) -> float:
        space = Wide(factor)

        def objective(trial: optuna.Trial) -> float:
            first, second = sorted(space.suggest(trial) | {0})[-2:]
            return abs(first - 50) + abs(second - 150)

        study = optuna.create_study(sampler=LaNASSampler(space=space, seed=seed))
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            study.optimize(objective, n_trials=40)
        return study.best_value

    assert np.median([distance(size, seed) for seed in range(3)]) <= 12

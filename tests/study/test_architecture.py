"""A user's architecture space: what it adds to the domain, and that its answers are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from optuna_lanas._core.domain import Architectures
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


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        ("encode", "text", r"`Wrong\.encode` must return a vector"),
        ("encode", [[1.0]], r"`Wrong\.encode` must return a vector"),
        ("encode", [np.nan], r"`Wrong\.encode` must return a vector"),
        ("encode", None, r"`Wrong\.encode` must return a vector"),
        ("key", [1, 2], r"`Wrong\.key` must return a hashable"),
        ("encode_many", np.zeros(3), r"`Wrong\.encode_many` must return shape \(9, dim\)"),
        ("encode_many", np.zeros((2, 2)), r"`Wrong\.encode_many` must return shape \(9, dim\)"),
        ("key_many", np.zeros((9, 2)), r"`Wrong\.key_many` must return shape \(9,\)"),
        ("sample", {"width_1": 1}, r"`Wrong\.sample` must return params of the names"),
        ("sample", [1, 2], r"`Wrong\.sample` must return params of the names"),
        ("sample", {"width_1": 1, "width_2": 99}, r"must return 'width_2' within IntDistr"),
        ("sample_many", {"width_1": [1]}, r"`Wrong\.sample_many` must return params of"),
        (
            "sample_many",
            {"width_1": [1], "width_2": [2]},
            r"`Wrong\.sample_many` must return columns of length 5",
        ),
    ],
)
def test_a_wrong_answer_is_an_error_that_names_it(method: str, answer: Any, message: str) -> None:
    wrong = type("Wrong", (TwoLayers,), {method: lambda self, *arguments: answer})(3)
    with pytest.raises(ValueError, match=message):
        ask(wrong, method)


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


def test_an_error_of_a_space_says_what_it_was_asked() -> None:
    class Failing(TwoLayers):
        def key(self, params: Mapping[str, Any]) -> Any:
            raise ZeroDivisionError("no widths" + "!" * 2_000)

    with pytest.raises(ValueError, match=r"`Failing\.key` failed for {'width_1': .*") as error:
        architectures_of(Failing(3)).keys(points_of(TwoLayers(3)))
    assert isinstance(error.value.__cause__, ZeroDivisionError)


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

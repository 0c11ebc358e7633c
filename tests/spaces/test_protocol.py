"""Laws of every space."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import optuna
import pytest

from optuna_lanas.spaces import ArchitectureSpace
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace


SPACES = [
    NASBench101Space(),
    NASBench201Space(),
    NASBenchGraphSpace(),
    NATSBenchSizeSpace(),
    CellSpace.nasnet(),
    CellSpace.darts(),
    MobileSpace(),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
class TestSpace:
    def test_it_is_an_architecture_space(self, space: Any) -> None:
        assert isinstance(space, ArchitectureSpace)

    def test_suggest_asks_for_the_distributions_it_names(self, space: Any) -> None:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(5):
            trial = study.ask()
            try:
                space.suggest(trial)
            except optuna.TrialPruned:
                assert space.key(trial.params) is None
            else:
                assert space.key(trial.params) is not None
            assert trial.distributions == space.distributions

    def test_samples_are_valid_params_of_python_scalars(self, space: Any) -> None:
        params = space.sample(np.random.default_rng(0))
        assert list(params) == list(space.distributions)
        for name, distribution in space.distributions.items():
            assert type(params[name]) in (str, int, float)
            assert distribution._contains(distribution.to_internal_repr(params[name]))
        assert space.key(params) is not None
        assert np.isfinite(space.encode(params)).all()

    def test_the_same_generator_gives_the_same_samples(self, space: Any) -> None:
        first, second = (space.sample_many(20, np.random.default_rng(7)) for _ in range(2))
        for name in space.distributions:
            np.testing.assert_array_equal(first[name], second[name])

    def test_columns_agree_with_single_params(self, space: Any) -> None:
        columns = space.sample_many(30, np.random.default_rng(2))
        encodings = space.encode_many(columns)
        assert encodings.shape == (30, len(space.encoding_names))
        for encoding, params in zip(encodings, _params(columns), strict=True):
            np.testing.assert_array_equal(space.encode(params), encoding)

    def test_keys_of_columns_correspond_to_keys_of_params(self, space: Any) -> None:
        columns = space.sample_many(40, np.random.default_rng(1))
        keys = space.key_many(columns)
        assert keys.shape == (40,)
        assert keys.min() >= 0
        pairs = {
            (key, space.key(params))
            for key, params in zip(keys.tolist(), _params(columns), strict=True)
        }
        assert len(pairs) == len({many for many, _ in pairs}) == len({key for _, key in pairs})

    def test_empty_columns_give_empty_encodings_and_keys(self, space: Any) -> None:
        columns = space.sample_many(0, np.random.default_rng(0))
        assert space.encode_many(columns).shape == (0, len(space.encoding_names))
        assert space.key_many(columns).shape == (0,)

    def test_a_missing_parameter_is_named(self, space: Any) -> None:
        params = space.sample(np.random.default_rng(3))
        for name in space.distributions:
            others = {other: value for other, value in params.items() if other != name}
            message = (
                rf"`params` must hold all .*{type(space).__name__}, but \['{name}'\] are miss"
            )
            for method in (space.encode, space.key):
                with pytest.raises(ValueError, match=message):
                    method(others)

    @pytest.mark.parametrize("value", ["unknown", -1, 1.5, None])
    def test_a_value_outside_the_choices_is_named(self, space: Any, value: Any) -> None:
        params = space.sample(np.random.default_rng(4))
        for name in space.distributions:
            for method in (space.encode, space.key):
                with pytest.raises(
                    ValueError, match=rf"`{name}` must be one of .*, got {value!r}"
                ):
                    method(params | {name: value})

    def test_it_pickles(self, space: Any) -> None:
        params = space.sample(np.random.default_rng(2))
        assert pickle.loads(pickle.dumps(space)).key(params) == space.key(params)


def _params(columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Columns as params, for each architecture."""
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, each, strict=True)) for each in values]

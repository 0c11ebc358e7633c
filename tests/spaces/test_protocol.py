"""What every space has in common."""

from __future__ import annotations

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
    def test_is_an_architecture_space(self, space: Any) -> None:
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
        one, other = (space.sample_many(20, np.random.default_rng(7)) for _ in range(2))
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])

    def test_keys_and_encodings_agree(self, space: Any) -> None:
        columns = space.sample_many(40, np.random.default_rng(1))
        keys = space.key_many(columns)
        assert keys.shape == (40,)
        assert keys.min() >= 0
        pairs = set()
        for row, key in enumerate(keys.tolist()):
            params = {name: column[row] for name, column in columns.items()}
            pairs.add((key, space.key(params)))
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})

    def test_no_rows(self, space: Any) -> None:
        columns = space.sample_many(0, np.random.default_rng(0))
        assert space.encode_many(columns).shape == (0, len(space.encoding_names))
        assert space.key_many(columns).shape == (0,)

    def test_spaces_pickle(self, space: Any) -> None:
        import pickle

        params = space.sample(np.random.default_rng(2))
        assert pickle.loads(pickle.dumps(space)).key(params) == space.key(params)

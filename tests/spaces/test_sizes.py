"""Laws of the NATS-Bench size space and the mobile space."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from scipy.stats import chisquare

from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NATSBenchSizeSpace


NATS = NATSBenchSizeSpace()
MOBILE = MobileSpace()


def test_the_nats_bench_architecture_is_the_official_string() -> None:
    params = {f"channels_{i}": 8 * i for i in range(1, 6)}
    assert NATS.suggest(optuna.trial.FixedTrial(params)) == NATS.key(params) == "8:16:24:32:40"
    np.testing.assert_array_equal(NATS.encode(params).reshape(5, 7).sum(axis=1), range(5))
    assert len(NATS.encode(params)) == len(NATS.encoding_names)


def test_nats_bench_samples_are_uniform_over_the_space() -> None:
    keys = NATS.key_many(NATS.sample_many(400_000, np.random.default_rng(0)))
    counts = np.bincount(keys, minlength=NATS.n_architectures)
    assert len(counts) == NATS.n_architectures == 32_768
    assert chisquare(counts).pvalue > 1e-4


def test_the_mobile_space_counts_its_architectures() -> None:
    assert MOBILE.n_architectures == 4 * 3 * (9**2 + 9**3 + 9**4) ** 5


def test_mobile_depths_are_drawn_in_proportion_to_their_architectures() -> None:
    columns = MOBILE.sample_many(100_000, np.random.default_rng(1))
    for stage in range(1, 6):
        counts = np.bincount(columns[f"depth_{stage}"])[2:]
        expected = 100_000 * 9.0 ** np.arange(2, 5) / 7371
        assert chisquare(counts, expected).pvalue > 1e-4


def test_params_of_absent_mobile_blocks_change_nothing() -> None:
    params = MOBILE.sample(np.random.default_rng(2)) | {"depth_1": 2, "kernel_1_4": 3}
    other = params | {"kernel_1_4": 7}
    assert MOBILE.key(other) == MOBILE.key(params)
    np.testing.assert_array_equal(MOBILE.encode(other), MOBILE.encode(params))
    assert MOBILE.key(params | {"kernel_1_2": 3}) != MOBILE.key(params | {"kernel_1_2": 5})


def test_the_mobile_encoding_ends_with_the_cost_of_the_architecture() -> None:
    columns = MOBILE.sample_many(30, np.random.default_rng(3))
    for position, encoding in enumerate(MOBILE.encode_many(columns)):
        params = {name: column.tolist()[position] for name, column in columns.items()}
        architecture = MOBILE.suggest(optuna.trial.FixedTrial(params))
        assert architecture == MOBILE.key(params)
        assert np.log10(MOBILE.flops(architecture) / 1e6) == pytest.approx(encoding[-2])
        assert np.log10(MOBILE.n_params(architecture) / 1e6) == pytest.approx(encoding[-1])


def test_a_mobile_network_has_a_class() -> None:
    with pytest.raises(ValueError, match="`n_classes` must be at least 1"):
        MobileSpace(n_classes=0)

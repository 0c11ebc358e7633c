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


def test_nats_bench_string() -> None:
    params = {f"channels_{i}": 8 * i for i in range(1, 6)}
    assert NATS.suggest(optuna.trial.FixedTrial(params)) == NATS.key(params) == "8:16:24:32:40"
    np.testing.assert_array_equal(NATS.encode(params).reshape(5, 7).sum(axis=1), range(5))
    assert len(NATS.encode(params)) == len(NATS.encoding_names)


def test_nats_bench_samples_are_even_and_cover_the_space() -> None:
    keys = NATS.key_many(NATS.sample_many(400_000, np.random.default_rng(0)))
    counts = np.bincount(keys, minlength=NATS.n_architectures)
    assert len(counts) == NATS.n_architectures == 32_768
    assert chisquare(counts).pvalue > 1e-4


def test_nats_bench_errors() -> None:
    with pytest.raises(ValueError, match="are missing"):
        NATS.encode({"channels_1": 8})
    with pytest.raises(ValueError, match="Channels must be among"):
        NATS.encode({f"channels_{i}": 12 for i in range(1, 6)})


def test_mobile_size() -> None:
    assert MOBILE.n_architectures == 4 * 3 * (9**2 + 9**3 + 9**4) ** 5


def test_mobile_depths_follow_the_number_of_architectures() -> None:
    columns = MOBILE.sample_many(100_000, np.random.default_rng(1))
    for stage in range(1, 6):
        counts = np.bincount(columns[f"depth_{stage}"])[2:]
        expected = 100_000 * 9.0 ** np.arange(2, 5) / 7371
        assert chisquare(counts, expected).pvalue > 1e-4


def test_mobile_absent_blocks_change_nothing() -> None:
    params = MOBILE.sample(np.random.default_rng(2)) | {"depth_1": 2, "kernel_1_4": 3}
    other = params | {"kernel_1_4": 7}
    assert MOBILE.key(other) == MOBILE.key(params)
    np.testing.assert_array_equal(MOBILE.encode(other), MOBILE.encode(params))
    assert MOBILE.key(params | {"kernel_1_2": 3}) != MOBILE.key(params | {"kernel_1_2": 5})


def test_mobile_columns_agree_with_single_params() -> None:
    columns = MOBILE.sample_many(30, np.random.default_rng(3))
    encodings = MOBILE.encode_many(columns)
    assert encodings.shape == (30, len(MOBILE.encoding_names))
    assert len(np.unique(MOBILE.key_many(columns))) == 30
    for row in range(30):
        params = {name: column.tolist()[row] for name, column in columns.items()}
        np.testing.assert_array_equal(MOBILE.encode(params), encodings[row])
        architecture = MOBILE.suggest(optuna.trial.FixedTrial(params))
        assert architecture == MOBILE.key(params)
        assert np.log10(MOBILE.flops(architecture) / 1e6) == pytest.approx(encodings[row, -2])
        assert np.log10(MOBILE.n_params(architecture) / 1e6) == pytest.approx(encodings[row, -1])


def test_mobile_errors() -> None:
    with pytest.raises(ValueError, match="are missing"):
        MOBILE.key({})
    with pytest.raises(ValueError, match="`n_classes` must be at least 1"):
        MobileSpace(n_classes=0)


@pytest.mark.parametrize(
    ("name", "value"), [("resolution", 200), ("width", 2.0), ("depth_1", 5), ("kernel_1_1", 4)]
)
def test_values_that_the_mobile_space_does_not_have(name: str, value: float) -> None:
    params = {**MOBILE.sample(np.random.default_rng(0)), name: value}
    shown = name if name in ("resolution", "width") else name.split("_")[0]
    for use in (MOBILE.key, MOBILE.encode):
        with pytest.raises(ValueError, match=rf"`{shown}.*` must be one of .*, got \[{value}"):
            use(params)

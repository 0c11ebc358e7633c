"""Laws of the NAS-Bench-Graph space; the package's own ``Arch`` is the reference."""

from __future__ import annotations

from itertools import product

import numpy as np
import optuna
import pytest
from scipy.stats import chisquare

from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces.nasbench_graph import LINKS
from optuna_lanas.spaces.nasbench_graph import OPERATIONS


SPACE = NASBenchGraphSpace()
PROTEINS = ("gcn", "sage", "arma", "fc", "skip")


def _all_columns() -> dict[str, np.ndarray]:
    every = list(product(LINKS, product(OPERATIONS, repeat=4)))
    columns = {"structure": np.array(["".join(map(str, link)) for link, _ in every], dtype=object)}
    for node in range(4):
        columns[f"op_{node + 1}"] = np.array([ops[node] for _, ops in every], dtype=object)
    return columns


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_keys_are_the_packages_hashes(step: int) -> None:
    package = pytest.importorskip("nas_bench_graph")
    keys = SPACE.key_many(_all_columns())
    every = list(product(LINKS, product(OPERATIONS, repeat=4)))
    assert len(keys) == len(every)
    for key, (link, ops) in list(zip(keys, every, strict=True))[::step]:
        if set(ops) == {"skip"}:
            assert key == -1
        else:
            assert key == package.Arch(list(link), list(ops)).valid_hash()


@pytest.mark.parametrize(
    ("data_set", "space"), [("arxiv", SPACE), ("proteins", NASBenchGraphSpace(PROTEINS))]
)
def test_samples_are_uniform_over_the_tables_architectures(
    data_set: str, space: NASBenchGraphSpace
) -> None:
    table = pytest.importorskip("nas_bench_graph").light_read(data_set)
    columns = space.sample_many(300_000, np.random.default_rng(0))
    keys, counts = np.unique(space.key_many(columns), return_counts=True)
    assert space.n_architectures == len(table)
    assert set(keys.tolist()) == set(table)
    assert chisquare(counts).pvalue > 1e-4


def test_isomorphic_architectures_share_their_encoding() -> None:
    columns = _all_columns()
    keys, encodings = SPACE.key_many(columns), SPACE.encode_many(columns)
    np.testing.assert_array_equal(np.isnan(encodings).any(axis=1), keys < 0)
    valid = keys >= 0
    pairs = np.unique(np.column_stack([keys[valid], encodings[valid]]), axis=0)
    assert len(pairs) == len(np.unique(keys[valid])) == SPACE.n_architectures


def test_the_architecture_of_a_trial_is_as_suggested() -> None:
    params = {"structure": "0112", "op_1": "gcn", "op_2": "fc", "op_3": "gat", "op_4": "skip"}
    architecture = SPACE.suggest(optuna.trial.FixedTrial(params))
    assert architecture.link == (0, 1, 1, 2)
    assert architecture.ops == ("gcn", "fc", "gat", "skip")


def test_four_skips_are_invalid() -> None:
    params = {"structure": "0123", **dict.fromkeys(["op_1", "op_2", "op_3", "op_4"], "skip")}
    assert SPACE.key(params) is None
    assert np.isnan(SPACE.encode(params)).all()
    with pytest.raises(optuna.TrialPruned, match="at least one"):
        SPACE.suggest(optuna.trial.FixedTrial(params))


@pytest.mark.parametrize("operations", [(), ("skip",), ("gcn", "conv")])
def test_a_space_has_known_operations_other_than_skip(operations: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"`operations` must be (among|not only)"):
        NASBenchGraphSpace(operations)


def test_a_restricted_space_refuses_other_operations() -> None:
    params = {"structure": "0112", "op_1": "gat", "op_2": "fc", "op_3": "fc", "op_4": "skip"}
    assert SPACE.key(params) is not None
    with pytest.raises(ValueError, match=r"`op_1` must be one of .*, got 'gat'"):
        NASBenchGraphSpace(PROTEINS).key(params)


def test_a_restricted_space_has_the_keys_and_encodings_of_the_whole() -> None:
    restricted = NASBenchGraphSpace(PROTEINS)
    columns = restricted.sample_many(200, np.random.default_rng(1))
    np.testing.assert_array_equal(restricted.key_many(columns), SPACE.key_many(columns))
    np.testing.assert_array_equal(restricted.encode_many(columns), SPACE.encode_many(columns))

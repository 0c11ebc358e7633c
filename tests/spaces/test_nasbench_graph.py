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
    rows = list(product(LINKS, product(OPERATIONS, repeat=4)))
    columns = {"structure": np.array(["".join(map(str, link)) for link, _ in rows], dtype=object)}
    for node in range(4):
        columns[f"op_{node + 1}"] = np.array([ops[node] for _, ops in rows], dtype=object)
    return columns


def test_keys_are_the_packages_hashes() -> None:
    package = pytest.importorskip("nas_bench_graph")
    keys = SPACE.key_many(_all_columns())
    for key, (link, ops) in zip(keys, product(LINKS, product(OPERATIONS, repeat=4)), strict=True):
        if set(ops) == {"skip"}:
            assert key == -1
        else:
            assert key == package.Arch(list(link), list(ops)).valid_hash()


@pytest.mark.parametrize(
    ("data_set", "space"), [("arxiv", SPACE), ("proteins", NASBenchGraphSpace(PROTEINS))]
)
def test_architectures_are_the_tables(data_set: str, space: NASBenchGraphSpace) -> None:
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


def test_suggest() -> None:
    params = {"structure": "0112", "op_1": "gcn", "op_2": "fc", "op_3": "gat", "op_4": "skip"}
    architecture = SPACE.suggest(optuna.trial.FixedTrial(params))
    assert architecture.link == (0, 1, 1, 2)
    assert architecture.ops == ("gcn", "fc", "gat", "skip")
    assert len(SPACE.encode(params)) == len(SPACE.encoding_names)


def test_four_skips_are_invalid() -> None:
    params = {"structure": "0123", **dict.fromkeys(["op_1", "op_2", "op_3", "op_4"], "skip")}
    assert SPACE.key(params) is None
    assert np.isnan(SPACE.encode(params)).all()
    with pytest.raises(optuna.TrialPruned, match="at least one"):
        SPACE.suggest(optuna.trial.FixedTrial(params))


def test_errors_name_the_remedy() -> None:
    with pytest.raises(ValueError, match="`operations` must be some of"):
        NASBenchGraphSpace(("skip",))
    with pytest.raises(ValueError, match="`structure` is missing"):
        SPACE.key({})
    with pytest.raises(ValueError, match=r"`structure` must be one of .*9999"):
        SPACE.key({"structure": "9999"})

"""Laws of the NAS-Bench-101 space; the table's own hashes are the reference."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
import os
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.stats import chi2

from optuna_lanas.spaces import _cell_graphs
from optuna_lanas.spaces import NASBench101Cell
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces.nasbench101 import module_hash
from optuna_lanas.spaces.nasbench101 import OPERATIONS


SPACE = NASBench101Space()
CELLS_BY_VERTICES = {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    path = os.environ.get("NASBENCH101_TABLE")
    if not path:
        pytest.skip("NASBENCH101_TABLE is not set to the path of nb101_compact.npz")
    with np.load(path) as arrays:
        return dict(arrays)


def _table_cell(table: dict[str, np.ndarray], position: int) -> NASBench101Cell:
    matrix = np.zeros((7, 7), dtype=np.int8)
    for bit, edge in enumerate(combinations(range(7), 2)):
        matrix[edge] = table["adj_bits"][position] >> bit & 1
    n = table["n_vertices"][position]
    interior = [OPERATIONS[op] for op in table["ops"][position][: n - 2]]
    return NASBench101Cell(matrix[:n, :n], ["input", *interior, "output"])


def _table_columns(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Params of all cells of the table, as columns, with the output moved to vertex 6."""
    output = table["n_vertices"] - 1
    columns = {f"edge_{i}_{j}": np.zeros(len(output), int) for i, j in combinations(range(7), 2)}
    for bit, (i, j) in enumerate(combinations(range(7), 2)):
        edge = (table["adj_bits"] >> bit & 1).astype(int)
        columns[f"edge_{i}_{j}"] |= np.where(output > j, edge, 0)
        columns[f"edge_{i}_6"] |= np.where(output == j, edge, 0)
    names = np.array(OPERATIONS, dtype=object)
    for v in range(5):
        columns[f"op_{v + 1}"] = names[np.minimum(table["ops"][:, v], 2)]
    return columns


def _relabelled(params: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The same cell with its interior vertices in another topological order, if it has one."""
    edges = [(i, j) for i, j in combinations(range(7), 2) if params[f"edge_{i}_{j}"]]
    for _ in range(50):
        place = [0, *(1 + rng.permutation(5)), 6]
        if all(place[i] < place[j] for i, j in edges):
            moved = {(place[i], place[j]) for i, j in edges}
            new = {f"edge_{i}_{j}": int((i, j) in moved) for i, j in combinations(range(7), 2)}
            return new | {f"op_{place[v]}": params[f"op_{v}"] for v in range(1, 6)}
    return params


def test_the_hash_does_not_depend_on_the_order_of_vertices() -> None:
    # The example of google-research/nasbench's README, from the published table.
    matrix = np.zeros((7, 7), dtype=int)
    for edge in [(0, 1), (0, 2), (0, 3), (0, 6), (1, 4), (2, 4), (3, 5), (4, 5), (5, 6)]:
        matrix[edge] = 1
    ops = ["input", *[OPERATIONS[i] for i in (1, 0, 0, 0, 2)], "output"]
    permuted = [0, 2, 1, 3, 4, 5, 6]
    assert module_hash(matrix, ops) == module_hash(
        matrix[np.ix_(permuted, permuted)], [ops[v] for v in permuted]
    )


def test_burnsides_lemma_counts_the_published_number_of_cells() -> None:
    assert _cell_graphs.cell_graphs().n_cells == SPACE.n_architectures
    assert sum(CELLS_BY_VERTICES.values()) == SPACE.n_architectures


def test_the_table_has_the_published_number_of_cells_by_vertices(
    table: dict[str, np.ndarray],
) -> None:
    assert Counter(table["n_vertices"].tolist()) == CELLS_BY_VERTICES


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_cells_of_the_table_have_distinct_keys(table: dict[str, np.ndarray], step: int) -> None:
    keys = SPACE.key_many({n: column[::step] for n, column in _table_columns(table).items()})
    assert keys.min() >= 0
    assert len(np.unique(keys)) == len(keys) == -(-SPACE.n_architectures // step)


@pytest.mark.parametrize("step", [997, pytest.param(1, marks=pytest.mark.slow)])
def test_keys_are_the_tables_hashes(table: dict[str, np.ndarray], step: int) -> None:
    for position in range(0, SPACE.n_architectures, step):
        cell = _table_cell(table, position)
        expected = f"{table['hash64'][position]:016x}"
        assert cell.module_hash[:16] == expected
        if position % 997 == 0:
            params = SPACE.params(cell)
            key = SPACE.key(params)
            assert key is not None
            assert key[:16] == expected
            suggested = SPACE.suggest(optuna.trial.FixedTrial(params))
            np.testing.assert_array_equal(suggested.matrix, cell.matrix)
            assert suggested.ops == cell.ops


def test_numbers_of_parameters_are_the_tables(table: dict[str, np.ndarray]) -> None:
    for position in range(0, len(table["params"]), 199):
        assert SPACE.n_params(_table_cell(table, position)) == table["params"][position]


def test_isomorphic_cells_share_key_and_encoding() -> None:
    rng = np.random.default_rng(0)
    n_moved = 0
    for _ in range(50):
        params = SPACE.sample(rng)
        other = _relabelled(params, rng)
        n_moved += other != params
        assert SPACE.key(other) == SPACE.key(params)
        np.testing.assert_array_equal(SPACE.encode(other), SPACE.encode(params))
    assert n_moved > 15


def test_keys_agree_with_hashes_on_random_params() -> None:
    rng = np.random.default_rng(1)
    n = 300
    columns = {
        name: rng.choice(OPERATIONS if name.startswith("op") else [0, 1], size=n).astype(object)
        for name in SPACE.distributions
    }
    keys = SPACE.key_many(columns)
    encodings = SPACE.encode_many(columns)
    np.testing.assert_array_equal(np.isnan(encodings).any(axis=1), keys < 0)
    hash_of_key: dict[int, str] = {}
    for position in range(n):
        params = {name: column[position] for name, column in columns.items()}
        cell = SPACE.cell(params)
        assert (cell is None) == (keys[position] < 0)
        if cell is not None:
            assert hash_of_key.setdefault(keys[position], cell.module_hash) == cell.module_hash
            assert SPACE.key(params) == cell.module_hash
            np.testing.assert_array_equal(encodings[position], SPACE.encode(params))
    assert len(set(hash_of_key.values())) == len(hash_of_key)


def test_samples_are_uniform_over_cells() -> None:
    rng = np.random.default_rng(2)
    n, n_cells = 150_000, SPACE.n_architectures
    keys = SPACE.key_many(SPACE.sample_many(n, rng))
    counts = np.unique(keys, return_counts=True)[1]
    # Pearson's statistic, with cells that were not drawn counting 0.
    statistic = n_cells / n * (counts.astype(float) ** 2).sum() - n
    assert chi2.ppf(1e-4, n_cells - 1) < statistic < chi2.ppf(1 - 1e-4, n_cells - 1)


@pytest.mark.slow
def test_the_mean_encoding_of_samples_is_the_tables(table: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    columns = SPACE.sample_many(20_000, rng)
    sampled = SPACE.encode_many(columns)
    whole = SPACE.encode_many(_table_columns(table))
    # Each coordinate's mean, in standard errors of a sample of this size.
    mean = whole.mean(axis=0)
    error = np.maximum(whole.std(axis=0), 1e-5) / np.sqrt(len(sampled))
    assert (np.abs(sampled.mean(axis=0) - mean) / error).max() < 5


def test_the_encoding_of_a_cell_counts_its_edges_and_paths() -> None:
    cell = NASBench101Cell(
        np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]), ["input", "maxpool3x3", "output"]
    )
    encoding = SPACE.encode(SPACE.params(cell))
    assert len(encoding) == len(SPACE.encoding_names) == 38
    assert {SPACE.encoding_names[i]: encoding[i] for i in np.flatnonzero(encoding)} == {
        "edges:input,maxpool3x3": 1,
        "edges:input,output": 1,
        "edges:maxpool3x3,output": 1,
        "paths:input,maxpool3x3": 1,
        "paths:input,output": 1,
        "paths:maxpool3x3,output": 1,
        "concatenated=1": 1,
    }


def test_an_invalid_cell_has_no_key_and_prunes_its_trial() -> None:
    params = dict.fromkeys(SPACE.params(_two_vertices()), 0) | {
        f"op_{v}": OPERATIONS[0] for v in range(1, 6)
    }
    assert SPACE.key(params) is None
    assert np.isnan(SPACE.encode(params)).all()
    with pytest.raises(optuna.TrialPruned, match="invalid"):
        SPACE.suggest(optuna.trial.FixedTrial(params))


def test_the_hash_refuses_an_unknown_operation() -> None:
    with pytest.raises(ValueError, match="`ops` must be among"):
        module_hash(np.zeros((2, 2)), ["input", "relu"])


def _two_vertices() -> NASBench101Cell:
    return NASBench101Cell(np.array([[0, 1], [0, 0]]), ["input", "output"])

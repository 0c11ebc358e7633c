"""NAS-Bench-101's reader, on files in its format written from the compact table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
import copy
from hashlib import sha256
from itertools import combinations
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.tables import NASBench101Table
from optuna_lanas.tables import TFRecordError
from optuna_lanas.tables.tfrecord import read_records
from tests.tables.nasbench101_writer import record
from tests.tables.nasbench101_writer import write_records


N_IMAGES = 9_984
BUDGETS = (4, 12, 36, 108)


@pytest.fixture(scope="module")
def compact() -> dict[str, np.ndarray]:
    path = os.environ.get("NASBENCH101_TABLE")
    if not path:
        pytest.skip("NASBENCH101_TABLE is not set to the path of nb101_compact.npz")
    with np.load(path) as arrays:
        return dict(arrays)


def _records(
    compact: dict[str, np.ndarray], positions: np.ndarray, budgets: tuple[int, ...] = (108,)
) -> Iterator[bytes]:
    """Three runs of each cell and budget, whose test accuracies have the table's mean."""
    for position in positions.tolist():
        n = int(compact["n_vertices"][position])
        matrix = np.zeros((7, 7), dtype=int)
        for bit, edge in enumerate(combinations(range(7), 2)):
            matrix[edge] = compact["adj_bits"][position] >> bit & 1
        ops = ["input", *(OPERATIONS[o] for o in compact["ops"][position][: n - 2]), "output"]
        adjacency = "".join(map(str, matrix[:n, :n].ravel().tolist()))
        module_hash = f"{compact['hash64'][position]:016x}{position:016x}"
        total = int(compact["test_acc108_num"][position])
        n_params = int(compact["params"][position])
        for budget in budgets:
            for repeat, shift in enumerate((-7, 0, 7)):
                test = (total // 3 + shift + (repeat < total % 3)) / N_IMAGES
                final = (budget, 10.0 * budget + repeat, 1.0, test - 0.001, test)
                half = (budget / 2, 5.0 * budget, 0.7, 0.6, 0.5)
                start = (0, 0.0, 0.1, 0.1, 0.1)
                yield record(
                    module_hash, budget, adjacency, ",".join(ops), n_params, (start, half, final)
                )


def _assert_is_the_table(
    table: NASBench101Table, compact: dict[str, np.ndarray], positions: np.ndarray
) -> None:
    assert len(table) == len(positions)
    means = table.measurements[:, -1, :, 1, 3].astype(float).mean(axis=1)
    expected = compact["test_acc108_num"][positions] / int(compact["test_acc108_den"])
    np.testing.assert_allclose(means, expected, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(table.n_params, compact["params"][positions])
    np.testing.assert_array_equal(table.edges, compact["adj_bits"][positions])
    np.testing.assert_array_equal(table.ops, compact["ops"][positions])


def test_a_table_that_was_written_is_read_back_with_and_without_the_cache(
    compact: dict[str, np.ndarray], tmp_path: Path
) -> None:
    positions = np.arange(0, 423_624, 2_003)
    path = tmp_path / "cells.tfrecord"
    shuffled = np.random.default_rng(0).permutation(positions)
    write_records(path, _records(compact, shuffled, BUDGETS))
    table = NASBench101Table.read(path)
    assert table.budgets == BUDGETS
    _assert_is_the_table(table, compact, positions)
    cached = NASBench101Table.read(path)
    np.testing.assert_array_equal(cached.measurements, table.measurements)
    np.testing.assert_array_equal(cached.hashes, table.hashes)
    assert cached.budgets == BUDGETS


def test_a_query_picks_budget_repeat_and_half(
    compact: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "cells.tfrecord"
    write_records(path, _records(compact, np.array([5]), (12, 108)))
    table = NASBench101Table.read(path, uses_cache=False)
    key = table.hashes[0].decode()
    mean = compact["test_acc108_num"][5] / int(compact["test_acc108_den"])
    found = table.query(key)
    assert found.test_accuracy == pytest.approx(mean, abs=1e-7)
    assert found.training_time == 1081
    assert found.n_params == compact["params"][5]
    assert table.query(key, epochs=12, repeat=2).training_time == 122
    assert table.query(key, repeat=0).test_accuracy == pytest.approx(mean - 7 / N_IMAGES, abs=1e-4)
    halfway = table.query(key, epochs=12, is_halfway=True)
    assert (halfway.training_time, halfway.test_accuracy) == (60, 0.5)
    assert halfway.validation_accuracy == pytest.approx(0.6)
    with pytest.raises(ValueError, match="`epochs` must be one of"):
        table.query(key, epochs=4)
    with pytest.raises(ValueError, match=r"`repeat` must be one of \(None, 0, 1, 2\), got 3"):
        table.query(key, repeat=3)
    with pytest.raises(KeyError, match="has no cell"):
        table.query("f" * 32)
    assert key in table
    assert "f" * 32 not in table


def test_query_by_cell_uses_the_official_hash(tmp_path: Path) -> None:
    space = NASBench101Space()
    cell = space.cell(space.sample(np.random.default_rng(1)))
    assert cell is not None
    path = tmp_path / "one.tfrecord"
    adjacency = "".join(map(str, cell.matrix.ravel().tolist()))
    runs = [(0, 0.0, 0.1, 0.1, 0.1), (54, 1.0, 0.5, 0.5, 0.5), (108, 2.0, 1.0, 0.9, 0.875)]
    write_records(path, [record(cell.module_hash, 108, adjacency, ",".join(cell.ops), 7, runs)])
    table = NASBench101Table.read(path)
    assert table.query(cell).test_accuracy == 0.875
    np.testing.assert_array_equal(table.cell(0).matrix, cell.matrix)
    assert table.cell(0).ops == cell.ops
    with pytest.raises(KeyError, match="has 1 runs"):
        table.query(cell, repeat=1)


def test_one_flipped_bit_is_found(compact: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "cells.tfrecord"
    write_records(path, _records(compact, np.arange(20)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(TFRecordError, match=r"record (29|30) of .* checksum"):
        NASBench101Table.read(path)


def test_a_changed_original_is_read_again(compact: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "cells.tfrecord"
    write_records(path, _records(compact, np.arange(3)))
    assert len(NASBench101Table.read(path)) == 3
    write_records(path, _records(compact, np.arange(4)))
    assert len(NASBench101Table.read(path)) == 4


def test_a_damaged_cache_is_rebuilt(compact: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "cells.tfrecord"
    write_records(path, _records(compact, np.arange(3)))
    NASBench101Table.read(path)
    cache = tmp_path / "cells.tfrecord.npz"
    whole = cache.read_bytes()
    cache.write_bytes(whole[: len(whole) // 2])
    assert len(NASBench101Table.read(path)) == 3
    assert cache.stat().st_size == len(whole)


def test_another_sha256_than_the_expected_is_refused(
    compact: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "nasbench_only108.tfrecord"
    write_records(path, _records(compact, np.arange(3)))
    with pytest.raises(TFRecordError, match="must have the SHA-256 4c39c393"):
        NASBench101Table.read(path)
    digest = sha256(path.read_bytes()).hexdigest()
    assert len(NASBench101Table.read(path, expected_sha256=digest)) == 3
    with pytest.raises(TFRecordError, match="must have the SHA-256"):
        NASBench101Table.read(path)


def test_records_of_another_kind_are_named(tmp_path: Path) -> None:
    good = record("a" * 32, 108, "0100", "input,output", 7, [(0.0,) * 5] * 3)
    fields = json.loads(good)
    wrong = {
        "it is not JSON": b"\xff",
        "it is not \\[hash": b"[1, 2]",
        "does not fit": json.dumps([*fields[:2], "010", *fields[3:]]).encode(),
        "are not a cell's": record(
            "b" * 32, 108, "0" * 9, "input,relu,output", 7, [(0.0,) * 5] * 3
        ),
        "not base64": json.dumps([*fields[:4], "?"]).encode(),
        "1 evaluations": record("b" * 32, 108, "0100", "input,output", 7, [(0.0,) * 5]),
        "are truncated": json.dumps([*fields[:4], "Cv8="]).encode(),
    }
    path = tmp_path / "wrong"
    for message, data in wrong.items():
        write_records(path, [good, data])
        with pytest.raises(
            TFRecordError, match=f"record 1 of .* is not of NAS-Bench-101: .*{message}"
        ):
            NASBench101Table.read(path)
    write_records(path, [good] * 4)
    with pytest.raises(
        TFRecordError, match=r"record 3 of .* is not of NAS-Bench-101: it is run 4"
    ):
        NASBench101Table.read(path)
    write_records(path, [])
    with pytest.raises(TFRecordError, match="at least one record"):
        NASBench101Table.read(path)
    with pytest.raises(FileNotFoundError, match="`path` must be a file"):
        NASBench101Table.read(tmp_path / "absent")


class _NASBenchDouble:
    """The part of google-research's ``nasbench.api.NASBench`` that the table reads."""

    def __init__(self, path: Path) -> None:
        self.fixed: dict[str, Any] = {}
        self.computed: dict[str, Any] = defaultdict(lambda: defaultdict(list))
        table = NASBench101Table.read(path, uses_cache=False)
        for data in read_records(path):
            module_hash, epochs, adjacency, operations, _ = json.loads(data)
            n = len(operations.split(","))
            found = table.query(module_hash, epochs, len(self.computed[module_hash][epochs]))
            half = table.query(module_hash, epochs, is_halfway=True)
            self.fixed[module_hash] = {
                "module_adjacency": np.array(list(adjacency), dtype=np.int8).reshape(n, n),
                "module_operations": operations.split(","),
                "trainable_parameters": found.n_params,
            }
            names = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
            run = {f"final_{name}": getattr(found, name) for name in names}
            run |= {f"halfway_{name}": getattr(half, name) for name in names}
            self.computed[module_hash][epochs].append(run)

    def hash_iterator(self) -> Any:
        return self.fixed.keys()

    def get_metrics_from_hash(self, module_hash: str) -> Any:
        return copy.deepcopy((self.fixed[module_hash], dict(self.computed[module_hash])))


def test_the_official_object_is_accepted(compact: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "cells.tfrecord"
    positions = np.arange(0, 423_624, 50_021)
    write_records(path, _records(compact, positions, (4, 108)))
    table = NASBench101Table.from_nasbench(_NASBenchDouble(path))
    _assert_is_the_table(table, compact, positions)
    read = NASBench101Table.read(path)
    np.testing.assert_array_equal(read.measurements, table.measurements)
    assert read.budgets == table.budgets


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_the_whole_table_in_less_than_a_gigabyte(
    compact: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "only108.tfrecord"
    positions = np.arange(len(compact["params"]))
    write_records(path, _records(compact, positions))
    code = (
        "import pathlib, sys; from optuna_lanas.tables import NASBench101Table; "
        "NASBench101Table.read(sys.argv[1]); print(pathlib.Path('/proc/self/status').read_text())"
    )
    command = [sys.executable, "-c", code, str(path)]
    status = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    assert 1024 * int(peak.split()[1]) < 1e9
    _assert_is_the_table(NASBench101Table.read(path), compact, positions)

"""Files that lie about their lengths, or are not what they claim: bounded memory, clear errors."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
import pickle
import struct
import tracemalloc
from typing import Any
import zipfile

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from optuna_lanas.tables import NASBench101Table
from optuna_lanas.tables import NASBench201Table
from optuna_lanas.tables import NASBenchGraphTable
from optuna_lanas.tables import NATSBenchTable
from optuna_lanas.tables import TFRecordError
from optuna_lanas.tables._nasbench101_record import parse_record
from optuna_lanas.tables.tfrecord import read_records
from tests.tables.nasbench101_writer import masked_crc32c_by_bits
from tests.tables.nasbench101_writer import record
from tests.tables.nasbench101_writer import write_records


RUNS = [(0.0, 0.0, 0.1, 0.1, 0.1), (54.0, 1.0, 0.5, 0.5, 0.5), (108.0, 2.0, 1.0, 0.9, 0.875)]
GOOD = record("a" * 32, 108, "0100", "input,output", 7, RUNS)
FIELDS = json.loads(GOOD)
MEBIBYTE = 1 << 20


def with_fields(**changes: Any) -> bytes:
    names = ("module_hash", "epochs", "adjacency", "operations", "metrics")
    fields = dict(zip(names, FIELDS, strict=True)) | changes
    return json.dumps(list(fields.values())).encode()


def with_metrics(message: bytes) -> bytes:
    return with_fields(metrics=base64.b64encode(message).decode())


def peak_bytes(path: Path) -> int:
    """The most memory that reading a file takes, whether it succeeds or not."""
    tracemalloc.start()
    try:
        NASBench101Table.read(path, uses_cache=False)
    except TFRecordError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cells.tfrecord"


# Lengths


@pytest.mark.parametrize("length", [100, 2**20, 2**26, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_claimed_length_takes_no_memory(path: Path, length: int) -> None:
    claimed = struct.pack("<Q", length)
    path.write_bytes(claimed + struct.pack("<I", masked_crc32c_by_bits(claimed)) + b"few bytes")
    with pytest.raises(TFRecordError, match=r"record 0 of .* (is truncated|has \d+ bytes, more)"):
        NASBench101Table.read(path)
    assert peak_bytes(path) < 2 * MEBIBYTE  # of which one is read at a time


def test_one_long_record_among_short_ones_takes_no_product_of_both(path: Path) -> None:
    records = [b"short"] * 2000 + [bytes(100_000)] + [b"short"] * 2000
    write_records(path, records)
    tracemalloc.start()
    try:
        assert list(read_records(path)) == records
        assert tracemalloc.get_traced_memory()[1] < 8 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_many_budgets_take_no_product_with_the_cells(path: Path) -> None:
    write_records(path, [with_fields(module_hash=f"{n:032x}", epochs=n) for n in range(5, 500)])
    assert peak_bytes(path) < 2 * MEBIBYTE


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[" * 10_000, "it is not JSON"),
        (b'{"a":' * 10_000, "it is not JSON"),
        (b"[" + b"1" * 100_000 + b"]", "it is not"),
        (with_fields(epochs=10**100), "epochs are none of"),
        (with_fields(epochs=-108), "epochs are none of"),
        (with_fields(epochs=True), "it is not"),
        (with_fields(module_hash="a" * 33), "is not 32 hexadecimal digits"),
        (with_fields(module_hash="é" * 32), "is not 32 hexadecimal digits"),
        (with_fields(adjacency="", operations=""), "does not fit"),
        (with_fields(adjacency="0", operations="input"), "are not a cell's"),
        (with_fields(operations="output,input"), "are not a cell's"),
        (with_fields(adjacency="0010"), "its edges do not all lead"),
        (with_fields(adjacency="0" * 90_000, operations=",".join("x" * 300)), "are not a cell's"),
        (with_fields(metrics="é"), "are not base64"),
        (with_metrics(b"\xff" * 20_000), "have a long integer"),
        (with_metrics(b"\x0a" + b"\xff" * 8 + b"\x7f"), "are truncated"),
        (with_metrics(b""), "0 evaluations"),
        (record("a" * 32, 108, "0100", "input,output", 2**40, RUNS), "trainable parameters"),
        (record("a" * 32, 108, "0100", "input,output", 0, RUNS), "trainable parameters"),
        (record("a" * 32, 108, "0100", "input,output", 7, [*RUNS[:2], (1, 1, 2, 1, 1)]), "0 .. 1"),
        (record("a" * 32, 108, "0100", "input,output", 7, [*RUNS[:2], (1, 1e300, 1, 1, 1)]), "1e"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_record_claims_is_checked(path: Path, data: bytes, problem: str) -> None:
    write_records(path, [data])
    message = f"record 0 of .* is not of NAS-Bench-101: .*{problem}.*Download the file again"
    with pytest.raises(TFRecordError, match=message):
        NASBench101Table.read(path)
    assert peak_bytes(path) < 4 * MEBIBYTE


def test_a_hash_belongs_to_one_cell(path: Path) -> None:
    write_records(path, [GOOD, with_fields(adjacency="0000")])
    with pytest.raises(TFRecordError, match=r"record 1 of .* its cell differs"):
        NASBench101Table.read(path)


@given(st.data())
def test_any_bytes_are_a_record_or_a_value_error(data: st.DataObject) -> None:
    changed = bytearray(GOOD)
    for place in data.draw(st.lists(st.integers(0, len(GOOD) - 1), max_size=8)):
        changed[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(GOOD)))
    for content in (bytes(changed), bytes(changed[:end]), with_metrics(bytes(changed[:end]))):
        try:
            parse_record(content)
        except ValueError as error:
            assert str(error).startswith(("it is", "its "))  # noqa: PT017


# The compact file


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def rezipped(whole: bytes, compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as old,
        zipfile.ZipFile(target, "w", compression) as new,
    ):
        for name in old.namelist():
            new.writestr(name, members.pop(name.removesuffix(".npy"), old.read(name)))
        for name, data in members.items():
            new.writestr(f"{name}.npy", data)
    return target.getvalue()


def saved(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


class Trap:
    """What would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "unpickled")


def caches(whole: bytes, trap: Path) -> dict[str, bytes]:
    pickled = pickle.dumps(Trap(trap))
    objects = np.array([Trap(trap)], dtype=object)
    shape = f"({10**12}, 1, 3, 2, 4)"
    huge = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return {
        "empty": b"",
        "text": b"a text",
        "an array": saved(np.arange(3)),
        "an array of objects": saved(objects),
        "a pickle": pickled,
        "an archive of nothing": rezipped(whole)[:0] + b"PK\x05\x06" + bytes(18),
        "half": whole[: len(whole) // 2],
        "the other half": whole[len(whole) // 2 :],
        "compressed": rezipped(whole, zipfile.ZIP_DEFLATED, hashes=saved(np.zeros(10**6))),
        "another member": rezipped(whole, extra=saved(np.arange(3))),
        "objects": rezipped(whole, ops=saved(objects)),
        "a huge shape": rezipped(whole, measurements=npy(huge)),
        "nested header": rezipped(whole, ops=npy("(" * 100)),
        "another dtype": rezipped(whole, n_params=saved(np.zeros(2))),
        "fewer entries": rezipped(whole, n_params=saved(np.zeros(1, dtype=np.int32))),
        "unknown operations": rezipped(whole, ops=saved(np.full((2, 5), 7, dtype=np.uint8))),
        "unknown budgets": rezipped(whole, budgets=saved(np.array([107]))),
        "unordered": rezipped(whole, hashes=saved(np.array([b"b" * 32, b"a" * 32]))),
        "another sha256": rezipped(whole, sha256=saved(np.array([1, 2]))),
    }


def test_a_damaged_or_foreign_compact_file_is_made_anew(path: Path, tmp_path: Path) -> None:
    write_records(path, [GOOD, with_fields(module_hash="b" * 32)])
    NASBench101Table.read(path)
    cache, trap = tmp_path / "cells.tfrecord.npz", tmp_path / "trap"
    whole = cache.read_bytes()
    for kind, content in caches(whole, trap).items():
        cache.write_bytes(content)
        table = NASBench101Table.read(path)
        assert table.hashes.tolist() == [b"a" * 32, b"b" * 32], kind
        assert table.query("a" * 32).test_accuracy == 0.875, kind
        assert cache.read_bytes() == whole, kind
    assert not trap.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cells.tfrecord", "cells.tfrecord.npz"]


def test_every_byte_of_the_compact_file_may_be_damaged(path: Path, tmp_path: Path) -> None:
    write_records(path, [GOOD])
    expected = NASBench101Table.read(path)
    cache = tmp_path / "cells.tfrecord.npz"
    whole = cache.read_bytes()
    for place in np.random.default_rng(0).integers(len(whole), size=60).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        cache.write_bytes(damaged)
        table = NASBench101Table.read(path)
        np.testing.assert_array_equal(table.measurements, expected.measurements)
        np.testing.assert_array_equal(table.hashes, expected.hashes)


def test_a_compact_file_that_cannot_be_written_is_no_error(path: Path, tmp_path: Path) -> None:
    write_records(path, [GOOD])
    (tmp_path / "cells.tfrecord.npz").mkdir()
    for _ in range(2):
        assert len(NASBench101Table.read(path)) == 1


# What is no record file


@pytest.mark.parametrize("kind", ["pickle", "npz", "npy", "gzip", "text"])
def test_another_kind_of_file_is_told_without_reading_it(path: Path, kind: str) -> None:
    trap = path.with_name("trap")
    array = io.BytesIO()
    np.savez(array, x=np.zeros(3))
    path.write_bytes(
        {
            "pickle": pickle.dumps(Trap(trap)),
            "npz": array.getvalue(),
            "npy": saved(np.array([Trap(trap)], dtype=object)),
            "gzip": b"\x1f\x8b\x08" + bytes(50),
            "text": b"module_hash,epochs\n",
        }[kind]
    )
    with pytest.raises(TFRecordError, match="the file is not a record file") as caught:
        NASBench101Table.read(path)
    assert "allow_pickle" not in str(caught.value)
    assert not trap.exists()


# Arguments


def test_arguments_of_the_wrong_type_are_told(path: Path) -> None:
    write_records(path, [GOOD])
    table = NASBench101Table.read(str(path))
    wrong: list[tuple[Any, type[Exception], str]] = [
        (lambda: NASBench101Table.read(3), TypeError, "`path` must be a path, got 3 of int"),  # type: ignore[arg-type]
        (lambda: NASBench101Table.read(path.parent), FileNotFoundError, "`path` must be a file"),
        (lambda: NASBench101Table.read(path, "abc"), ValueError, "`expected_sha256` must be 64"),
        (lambda: NASBench101Table.read(path, uses_cache=1), TypeError, "`uses_cache` must be"),  # type: ignore[arg-type]
        (lambda: NASBench101Table.from_nasbench(path), TypeError, "`nasbench` must be"),
        (lambda: table.query(3), TypeError, "`cell` must be a NASBench101Cell or a str, got 3"),  # type: ignore[arg-type]
        (lambda: table.query("a" * 32, repeat=True), ValueError, "`repeat` must be one of"),
        (lambda: table.query("a" * 32, repeat=0.0), ValueError, "`repeat` must be one of"),  # type: ignore[arg-type]
        (lambda: table.query("a" * 32, epochs=108.0), ValueError, "`epochs` must be one of"),  # type: ignore[arg-type]
        (lambda: table.query("a" * 32, is_halfway=None), TypeError, "`is_halfway` must be"),  # type: ignore[arg-type]
        (lambda: table.cell(1), ValueError, r"`row` must be in 0 \.\. 0, got 1"),
        (lambda: table.cell(0.0), TypeError, "`row` must be an int, got 0.0"),  # type: ignore[arg-type]
        (lambda: NASBench201Table(["cifar10"]), ValueError, "`data_set` must be one of"),  # type: ignore[arg-type]
        (lambda: NASBenchGraphTable(None), ValueError, "`data_set` must be one of"),  # type: ignore[arg-type]
        (lambda: NATSBenchTable("path", "cifar10"), TypeError, "`api` must be an object of nats"),
    ]
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    assert table.query("a" * 32, epochs=np.int64(108), repeat=np.int64(0)).test_accuracy == 0.875  # type: ignore[arg-type]

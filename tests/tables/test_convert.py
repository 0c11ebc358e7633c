"""`python -m optuna_lanas.tables`: compact files from official ones, and every wrong file."""

from __future__ import annotations

import binascii
import bz2
from collections.abc import Callable
import gzip
from hashlib import sha256
import io
import json
from pathlib import Path
import pickle
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from optuna_lanas.tables import __main__ as command
from optuna_lanas.tables import _nasbench101_runs as runs
from optuna_lanas.tables import NASBench101Table
from optuna_lanas.tables import tfrecord
from optuna_lanas.tables import TFRecordError
from optuna_lanas.tables._nasbench101_files import WHERE
from tests.tables import nasbench101_small
from tests.tables.nasbench101_writer import record
from tests.tables.nasbench101_writer import write_records


N_SMALL = 91  # cells of up to four vertices


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("official") / "cells.tfrecord"
    nasbench101_small.write(path, n_vertices=4)
    return path.read_bytes()


@pytest.fixture
def official(whole: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "cells.tfrecord"
    path.write_bytes(whole)
    return path


def same(first: NASBench101Table, second: NASBench101Table) -> None:
    for name in ("hashes", "measurements", "n_params", "edges", "ops"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.budgets == second.budgets


# The command


def test_the_compact_file_holds_what_the_official_file_does(
    official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compact = tmp_path / "compact.npz"
    command.main([str(official), str(compact)])
    told = capsys.readouterr()
    assert f"{N_SMALL} of 423,624 cells, epochs [4, 12, 36, 108]" in told.out
    assert sha256(official.read_bytes()).hexdigest() in told.out
    assert f"export NASBENCH101_TABLE={compact}" in told.out
    assert "100%" in told.err
    table = NASBench101Table.read(compact)
    same(table, NASBench101Table.read(official, uses_cache=False))
    command.main([str(compact)])  # shows what it holds
    assert capsys.readouterr().out == told.out


def test_by_default_it_is_the_cache_beside_the_official_file(
    official: Path, tmp_path: Path
) -> None:
    command.main([str(official)])
    (cache,) = tmp_path.glob("*.npz")
    before = cache.stat().st_mtime_ns
    same(NASBench101Table.read(official), NASBench101Table.read(cache))
    assert cache.stat().st_mtime_ns == before


def test_a_folder_stands_for_the_official_file_in_it(official: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a folder with one of nasbench_full\.tfrecord"):
        NASBench101Table.read(tmp_path)
    compact = tmp_path / "nasbench_only108.tfrecord.npz"
    command.main([str(official), str(compact)])
    assert len(NASBench101Table.read(tmp_path)) == N_SMALL


def test_the_checksum_is_compared(official: Path, tmp_path: Path) -> None:
    digest = sha256(official.read_bytes()).hexdigest()
    command.main([str(official), "--sha256", digest.upper()])
    compact = tmp_path / "cells.tfrecord.npz"
    assert len(NASBench101Table.read(compact, expected_sha256=digest)) == N_SMALL
    with pytest.raises(TFRecordError, match=r"The original of .*compact|must have the SHA-256"):
        NASBench101Table.read(compact, expected_sha256="0" * 64)
    compact.unlink()
    with pytest.raises(SystemExit, match="must have the SHA-256 0000"):
        command.main([str(official), "--sha256", "0" * 64])
    official.rename(tmp_path / "nasbench_full.tfrecord")
    with pytest.raises(SystemExit, match="must have the SHA-256 3d64db81"):
        command.main([str(tmp_path)])
    assert not list(tmp_path.glob("*.npz"))


def test_wrong_targets_are_told(official: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="`output` must lie in a folder that exists"):
        command.main([str(official), str(tmp_path / "no" / "compact.npz")])
    with pytest.raises(SystemExit, match="`output` must be another file than the source"):
        command.main([str(official), str(official)])


@pytest.mark.slow
def test_it_runs_as_a_module(official: Path) -> None:
    shell = [sys.executable, "-m", "optuna_lanas.tables", str(official)]
    run = subprocess.run(shell, capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"{official}.npz: ")
    run = subprocess.run([*shell[:3], "absent"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "there is no file absent" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_table_from_an_object_can_be_saved(official: Path, tmp_path: Path) -> None:
    table = NASBench101Table.read(official, uses_cache=False)
    table.save(tmp_path / "saved.npz")
    same(NASBench101Table.read(tmp_path / "saved.npz"), table)


# Wrong files


def archive(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def single(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array, allow_pickle=True)
    return target.getvalue()


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda whole: b"", "an empty file"),
    "text": (lambda whole: b"module_hash,epochs\n" * 9, "text"),
    "a few letters": (lambda whole: b"text", "text"),
    "a web page": (lambda whole: b"\n<!DOCTYPE html><html>", "the download failed"),
    "a pointer": (lambda whole: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    "a pickle": (lambda whole: pickle.dumps({"a": [1]} | dict.fromkeys(range(99))), "pickle"),
    "an array": (lambda whole: single(np.zeros(9)), "a single NumPy array"),
    "objects": (lambda whole: single(np.array([{}], dtype=object)), "a single NumPy array"),
    "another npz": (lambda whole: archive(x=np.zeros(3)), r"it holds x\.npy"),
    "half an npz": (lambda whole: archive(x=np.zeros(3))[:99], "no whole compact file"),
    "gzip": (gzip.compress, "unpack it first"),
    "bzip2": (bz2.compress, "unpack it first"),
    "noise": (lambda whole: bytes(range(128, 256)) * 3, "damaged or of another kind"),
    "a half": (lambda whole: whole[: len(whole) // 2], "is truncated"),
    "a flipped bit": (lambda whole: whole[:99] + bytes([whole[99] ^ 1]) + whole[100:], "checksum"),
    "trailing bytes": (lambda whole: whole + b"more", "is truncated in its header"),
}


@pytest.mark.parametrize("kind", [*WRONG, "another record file"])
def test_a_wrong_file_is_told_with_what_to_fetch(official: Path, whole: bytes, kind: str) -> None:
    if kind == "another record file":
        write_records(official, [b"\x0a\x05image", b"more"])
        problem = "record 0 of .* is not of NAS-Bench-101"
    else:
        change, problem = WRONG[kind]
        official.write_bytes(change(whole))
    with pytest.raises(TFRecordError, match=problem) as caught:
        NASBench101Table.read(official)
    assert str(caught.value).endswith(WHERE)
    assert str(official) in str(caught.value)
    assert "allow_pickle" not in str(caught.value)
    with pytest.raises(SystemExit, match=problem):
        command.main([str(official)])


def test_every_truncation_and_bit_of_a_compact_file_is_an_error_or_harmless(
    official: Path, tmp_path: Path
) -> None:
    compact = tmp_path / "compact.npz"
    table = NASBench101Table.read(official, uses_cache=False)
    table.save(compact)
    whole = compact.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(1, len(whole), size=40).tolist():
        compact.write_bytes(whole[:place])
        with pytest.raises(TFRecordError):
            NASBench101Table.read(compact)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        compact.write_bytes(damaged)
        try:
            same(NASBench101Table.read(compact), table)
        except TFRecordError as error:
            assert str(error).endswith(WHERE)  # noqa: PT017


# Two ways of parsing, and of checksums


def unusual(data: bytes) -> bytes:
    """The same record with other spaces, so that records are parsed one by one."""
    return json.dumps(json.loads(data), separators=(" , ", ":")).encode()


def test_records_are_parsed_alike_together_and_one_by_one(official: Path) -> None:
    data = list(tfrecord.read_records(official))
    together, alone = runs.parse_runs(data), runs.parse_runs([unusual(each) for each in data])
    assert runs._parse_usual(data) is not None
    assert runs._parse_usual([unusual(each) for each in data]) is None
    assert list(together.hashes) == list(alone.hashes)
    for name in ("epochs", "cells", "n_params", "values"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


@pytest.mark.slow
def test_together_they_take_a_fraction_of_the_time(official: Path) -> None:
    data = list(tfrecord.read_records(official)) * 4
    others = [unusual(each) for each in data]
    start = time.process_time()
    runs.parse_runs(data)
    together = time.process_time() - start
    start = time.process_time()
    runs.parse_runs(others)
    assert 3 * together < time.process_time() - start  # eight times as much, as a rule


@pytest.mark.parametrize("change", [(0, b"\x0b"), (2, b"\x08"), (49, b"\x13"), (-9, b"\x29")])
def test_a_tag_that_differs_in_one_record_is_seen(change: tuple[int, bytes]) -> None:
    """It is parsed by itself then, and nothing is read from where its numbers are not."""
    evaluations = [(0.0, 0.0, 0.1, 0.1, 0.1), (54.0, 1.0, 0.5, 0.6, 0.7), (108.0, 2, 0.8, 0.9, 1)]
    good = record("a" * 32, 108, "0100", "input,output", 300, evaluations)
    fields = json.loads(good)
    message = bytearray(runs._decode(fields[4].encode()) or b"")
    message[change[0] : change[0] + 1 or None] = change[1]
    other = json.dumps([*fields[:4], binascii.b2a_base64(message, newline=False).decode()])
    if json.loads(other)[4] == fields[4]:
        pytest.skip("no change")
    try:
        found = runs.parse_runs([good, other.encode()])
        alone = runs.parse_runs([unusual(good), unusual(other.encode())])
    except runs.RecordError as error:
        assert error.position == 1  # noqa: PT017
    else:
        np.testing.assert_array_equal(found.values, alone.values)
        np.testing.assert_array_equal(found.n_params, alone.n_params)


def test_base64_in_lines_is_read() -> None:
    """As some writers of base64 fold it."""
    runs_of = [(0.0, 0.0, 0.1, 0.1, 0.1), (54.0, 1.0, 0.5, 0.5, 0.5), (108.0, 2.0, 1.0, 0.9, 0.8)]
    good = record("a" * 32, 108, "0100", "input,output", 7, runs_of)
    fields = json.loads(good)
    folded = json.dumps([*fields[:4], f"{fields[4][:76]}\n{fields[4][76:]}\n"]).encode()
    np.testing.assert_array_equal(runs.parse_runs([folded]).values, runs.parse_runs([good]).values)


def test_checksums_are_the_same_with_and_without_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    batch = [rng.bytes(int(n)) for n in rng.integers(0, 70, size=50)]
    with_package = tfrecord.masked_crc32c(batch)
    tfrecord._crc_function.cache_clear()
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    try:
        assert tfrecord._crc_function() is None
        np.testing.assert_array_equal(tfrecord.masked_crc32c(batch), with_package)
    finally:
        tfrecord._crc_function.cache_clear()


def test_the_numpy_fallback_reads_the_published_checksums() -> None:
    # CRC-32C of "123456789" and of 32 zero bytes (RFC 3720, B.4).
    batch = [b"123456789", bytes(32)]
    assert tfrecord._crc32c_of_batch(batch).tolist() == [0xE3069283, 0x8A9136AA]
    assert [tfrecord._crc32c(data) for data in batch] == [0xE3069283, 0x8A9136AA]

"""NAS-Bench-101's files: found, told apart by their content, and read."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from optuna_lanas.tables import _nasbench101_compact
from optuna_lanas.tables._nasbench101_arrays import RecordArrays
from optuna_lanas.tables._nasbench101_runs import parse_runs
from optuna_lanas.tables._nasbench101_runs import RecordError
from optuna_lanas.tables.tfrecord import begins_with_record
from optuna_lanas.tables.tfrecord import read_batches
from optuna_lanas.tables.tfrecord import TFRecordError


_ONLY108 = "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1"
_FULL = "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c"
OFFICIAL_SHA256 = {"nasbench_only108.tfrecord": _ONLY108, "nasbench_full.tfrecord": _FULL}
ADDRESS = "https://storage.googleapis.com/nasbench/"
WHERE = (
    f"The official files are {ADDRESS}nasbench_only108.tfrecord (499 MB) and "
    f"{ADDRESS}nasbench_full.tfrecord (1.95 GB)."
)

Progress = Callable[[int], object]  # called with a number of bytes, twice the file's in all

_IN_FOLDER = ("nasbench_full.tfrecord", "nasbench_only108.tfrecord")
_UNPACK = "a compressed file: unpack it first"
_PICKLE = "a Python pickle, which can run any code and is therefore never loaded"
_KINDS = (
    *((bytes([0x80, protocol]), _PICKLE) for protocol in range(2, 6)),
    (b"\x93NUMPY", "a single NumPy array"),
    (b"\x1f\x8b", _UNPACK),
    (b"BZh", _UNPACK),
    (b"\xfd7zXZ", _UNPACK),
    (b"\x28\xb5\x2f\xfd", _UNPACK),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file that it points to"),
    (b"<", "a web page: the download failed"),
)
_CHUNK = 1 << 20
_N_TOLD = 512  # bytes that tell text from other content


def find(path: Path) -> Path:
    """Return the file that a path names: the path itself, or an official name in a folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    if path.is_dir():
        names = [each for name in _IN_FOLDER for each in (name, f"{name}.npz")]
        found = [path / name for name in names if (path / name).is_file()]
        if not found:
            raise FileNotFoundError(
                f"`path` must be a file of NAS-Bench-101, or a folder with one of "
                f"{', '.join(names)}, got the folder {path} without any. {WHERE}"
            )
        return found[0]
    if not path.is_file():
        raise FileNotFoundError(
            f"`path` must be a file of NAS-Bench-101, such as nasbench_only108.tfrecord, but "
            f"there is no file {path}. Download it, or name its folder too. {WHERE}"
        )
    return path


def read(path: Path, expected_sha256: str | None, uses_cache: bool) -> dict[str, np.ndarray]:
    """Return the arrays of an official or a compact file; with a cache for an official one.

    Raises:
        TFRecordError: If it is another file; the message says what it is, and what to do.
    """
    if _nasbench101_compact.is_archive(path):
        return read_compact(path, expected_sha256)[0]
    expected = _expected(path, expected_sha256)
    arrays = _nasbench101_compact.load_cache(path, expected) if uses_cache else None
    if arrays is None:
        stamp = _nasbench101_compact.stamp_of(path)
        arrays, digest = read_official(path, expected_sha256)
        if uses_cache:
            _nasbench101_compact.save_cache(path, arrays, digest, stamp)
    return arrays


def read_compact(path: Path, expected_sha256: str | None) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of a compact file, and the SHA-256 of its original.

    Raises:
        TFRecordError: If it is another file, or the original's SHA-256 is not the expected one.
    """
    try:
        arrays, digest = _nasbench101_compact.read(path)
    except TFRecordError as error:
        raise TFRecordError(f"{error} {WHERE}") from None
    if expected_sha256 is not None and expected_sha256.lower() != digest:
        raise _wrong_sha256(f"The original of {path}", expected_sha256, digest)
    return arrays, digest


def read_official(
    path: Path, expected_sha256: str | None, progress: Progress = lambda n: None
) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of an official file, and its SHA-256.

    Raises:
        TFRecordError: If it is another file; the message says what it is, and what to do.
    """
    if path.stat().st_size == 0:
        raise TFRecordError(
            f"{path} must hold at least one record, got an empty file. Download it again. {WHERE}"
        )
    if not begins_with_record(path):
        raise TFRecordError(
            f"record 0 of {path} (byte 0) has a length that fails its checksum; the file is not a "
            f"record file, but {_kind(path)}. {WHERE}"
        )
    digest = _checked_sha256(path, _expected(path, expected_sha256), progress)
    try:
        return _read_arrays(path, progress), digest
    except TFRecordError as error:
        raise TFRecordError(f"{error} {WHERE}") from None


def _read_arrays(path: Path, progress: Progress) -> dict[str, np.ndarray]:
    collected = RecordArrays()
    for batch in read_batches(path):
        try:
            collected.extend(parse_runs(batch.data))
        except RecordError as error:
            raise TFRecordError(
                f"record {batch.first + error.position} of {path} is not of NAS-Bench-101: "
                f"{error}. Download the file again, or name another file."
            ) from None
        progress(batch.n_bytes)
    return collected.finish()


def _expected(path: Path, expected_sha256: str | None) -> str | None:
    """Return the SHA-256 that a file must have: the given one, or by its name, or None."""
    return (expected_sha256 or OFFICIAL_SHA256.get(path.name, "")).lower() or None


def _checked_sha256(path: Path, expected: str | None, progress: Progress) -> str:
    """Return the SHA-256 of a file, or raise a TFRecordError if it is not the expected one."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress(len(chunk))
    if expected is not None and digest.hexdigest() != expected:
        raise _wrong_sha256(str(path), expected, digest.hexdigest())
    return digest.hexdigest()


def _wrong_sha256(what: str, expected: str, found: str) -> TFRecordError:
    return TFRecordError(
        f"{what} must have the SHA-256 {expected}, got {found or 'none'}. Download it again, or "
        f"pass its own SHA-256 as `expected_sha256`. {WHERE}"
    )


def _kind(path: Path) -> str:
    """Return what a file is that is neither official nor compact."""
    with path.open("rb") as file:
        head = file.read(_N_TOLD)
    for signature, kind in _KINDS:
        if head.lstrip().startswith(signature) or head.startswith(signature):
            return kind
    is_text = all(32 <= octet < 127 or octet in b"\t\r\n" for octet in head)
    return "text" if is_text else "damaged or of another kind"

"""NAS-Bench-101's compact file: an uncompressed .npz of the table's arrays.

It also holds the original's SHA-256 (empty for a table that was no file), and a *stamp*: the
format's version with the original's size and modification time. Beside the original, under
``{path}.npz``, it is a cache.
"""

from __future__ import annotations

from contextlib import suppress
import io
import os
from pathlib import Path
import zipfile

import numpy as np

from optuna_lanas._log import warn_once
from optuna_lanas.tables._nasbench101_arrays import are_whole
from optuna_lanas.tables.tfrecord import TFRecordError


_VERSION = 2
_N_DIGITS = 64  # of a SHA-256
_NAMES = ("hashes", "budgets", "measurements", "n_params", "edges", "ops")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with a member, and empty


def is_archive(path: Path) -> bool:
    """Return whether a file begins as an .npz does."""
    with path.open("rb") as file:
        return file.read(len(_ZIP[0])) in _ZIP


def read(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of a compact file, and the SHA-256 of its original.

    Raises:
        TFRecordError: If it is damaged, or another kind of archive.
    """
    try:
        arrays, digest, _ = _read(path)
    except Exception as error:  # whatever a damaged or foreign archive raises
        raise TFRecordError(
            f"{path} is an archive, but the file is not a record file and no whole compact file "
            f"({error}). Make one with `python -m optuna_lanas.tables` from the official file."
        ) from None
    return arrays, digest


def load_cache(path: Path, expected_sha256: str | None) -> dict[str, np.ndarray] | None:
    """Return the arrays, or None without a readable compact file of the present original.

    Args:
        path: The original file.
        expected_sha256: The SHA-256 that the original must have; None for any.
    """
    try:
        arrays, digest, stamp = _read(cache_path(path))
        is_present = np.array_equal(stamp, stamp_of(path))
    except Exception:  # whatever a missing, damaged or foreign file raises, it is no cache
        return None
    is_expected = len(digest) == _N_DIGITS and expected_sha256 in (None, digest)
    return arrays if is_present and is_expected else None


def save(path: Path, arrays: dict[str, np.ndarray], digest: str, stamp: np.ndarray) -> None:
    """Write a compact file atomically.

    Args:
        path: The file.
        arrays: What to write.
        digest: The SHA-256 of the original.
        stamp: The original's stamp before it was read.

    Raises:
        OSError: If it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, stamp=stamp, sha256=np.array(digest), **arrays)  # type: ignore[arg-type]
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def save_cache(path: Path, arrays: dict[str, np.ndarray], digest: str, stamp: np.ndarray) -> None:
    """Write the compact file beside an original; warn if that is impossible."""
    cache = cache_path(path)
    try:
        save(cache, arrays, digest, stamp)
    except OSError as error:
        warn_once(
            ("compact file", str(cache)),
            f"The compact file {cache} could not be written ({error}). The next call will read "
            f"{path} again, which takes as long. To silence this, pass `uses_cache=False`.",
        )


def cache_path(path: Path) -> Path:
    """Return the compact file beside an original."""
    return path.with_name(f"{path.name}.npz")


def stamp_of(path: Path | None) -> np.ndarray:
    """Return the stamp of the original as it is now; None for a table that was no file."""
    status = None if path is None else path.stat()
    size, changed = (status.st_size, status.st_mtime_ns) if status else (0, 0)
    return np.array([_VERSION, size, changed], dtype=np.int64)


def _read(path: Path) -> tuple[dict[str, np.ndarray], str, np.ndarray]:
    """Return the arrays, the SHA-256 and the stamp of a compact file."""
    arrays = _members(path, ("stamp", "sha256", *_NAMES))
    stamp, digest = arrays.pop("stamp"), str(arrays.pop("sha256"))
    if stamp.shape != (3,) or stamp[0] != _VERSION:
        raise ValueError("it is of another version")
    if len(digest) not in (0, _N_DIGITS) or not are_whole(arrays):
        raise ValueError("its arrays are not those of a table")
    return arrays, digest, stamp


def _members(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of an uncompressed archive, in memory of the archive's size.

    Headers may claim any size, so an array is a view of the bytes that are there.

    Raises:
        ValueError: If it is another kind of archive.
    """
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        n_bytes = sum(info.file_size for info in members.values())
        is_stored = all(m.compress_type == zipfile.ZIP_STORED for m in members.values())
        if sorted(members) != sorted(f"{name}.npy" for name in names):
            held = ", ".join(sorted(members)[:8]) or "nothing"
            raise ValueError(f"it holds {held}")
        if not is_stored:
            raise ValueError("its arrays are compressed")
        if n_bytes > path.stat().st_size:
            raise ValueError("its arrays overlap")
        return {name: _array(archive.read(members[f"{name}.npy"])) for name in names}


def _array(data: bytes) -> np.ndarray:
    """Return the array of a .npy file's bytes, in C order and without objects."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array is of another version of the format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject or (is_fortran and len(shape) > 1):
        raise ValueError("an array has objects, or another order")
    return np.frombuffer(data, dtype=dtype, offset=file.tell()).reshape(shape)

"""A cache of NAS-Bench-101's original file: a compact file beside it.

The compact file holds the arrays, the original's SHA-256, and a *stamp*: the format's version with
the original's size and modification time.
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


_VERSION = 2
_N_DIGITS = 64  # of a SHA-256
_NAMES = ("hashes", "budgets", "measurements", "n_params", "edges", "ops")


def load(path: Path, expected_sha256: str | None) -> dict[str, np.ndarray] | None:
    """Return the arrays, or None without a readable compact file of the present original.

    Args:
        path: The original file.
        expected_sha256: The SHA-256 that the original must have; None for any.
    """
    cache = _cache_path(path)
    if not cache.is_file():
        return None
    try:
        arrays = _read(cache, ("stamp", "sha256", *_NAMES))
        is_present = np.array_equal(arrays.pop("stamp"), stamp_of(path))
        digest = str(arrays.pop("sha256"))
        is_whole = is_present and len(digest) == _N_DIGITS and are_whole(arrays)
    except Exception:  # whatever a damaged or foreign file raises, it is no cache
        return None
    is_expected = expected_sha256 is None or expected_sha256.lower() == digest
    return arrays if is_whole and is_expected else None


def save(path: Path, digest: str, arrays: dict[str, np.ndarray], stamp: np.ndarray) -> None:
    """Write the compact file atomically; warn if it cannot be written.

    Args:
        path: The original file.
        digest: Its SHA-256.
        arrays: What to write.
        stamp: Its stamp before it was read.
    """
    cache = _cache_path(path)
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, stamp=stamp, sha256=np.array(digest), **arrays)  # type: ignore[arg-type]
        temporary.replace(cache)
    except OSError as error:
        warn_once(
            ("compact file", str(cache)),
            f"The compact file {cache} could not be written ({error}). The next call will read "
            f"{path} again, which takes as long. To silence this, pass `uses_cache=False`.",
        )
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def stamp_of(path: Path) -> np.ndarray:
    """Return the stamp of the original as it is now."""
    status = path.stat()
    return np.array([_VERSION, status.st_size, status.st_mtime_ns], dtype=np.int64)


def _read(cache: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of an uncompressed archive, in memory of the archive's size.

    Headers may claim any size, so an array is a view of the bytes that are there.

    Raises:
        ValueError: If it is another kind of archive.
    """
    with zipfile.ZipFile(cache) as archive:
        members = {info.filename: info for info in archive.infolist()}
        n_bytes = sum(info.file_size for info in members.values())
        is_stored = all(m.compress_type == zipfile.ZIP_STORED for m in members.values())
        if sorted(members) != sorted(f"{name}.npy" for name in names) or not is_stored:
            raise ValueError("not the members of a compact file")
        if n_bytes > cache.stat().st_size:
            raise ValueError("members that overlap")
        return {name: _array(archive.read(members[f"{name}.npy"])) for name in names}


def _array(data: bytes) -> np.ndarray:
    """Return the array of a .npy file's bytes, in C order and without objects."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of the format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject or (is_fortran and len(shape) > 1):
        raise ValueError("objects, or another order")
    return np.frombuffer(data, dtype=dtype, offset=file.tell()).reshape(shape)


def _cache_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.npz")

"""A cache of NAS-Bench-101's original file: a compact file beside it.

The compact file holds the arrays, the original's SHA-256, and a *stamp*: the format's version with
the original's size and modification time.
"""

from __future__ import annotations

import os
from pathlib import Path
import warnings
import zipfile

import numpy as np


_VERSION = 1


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
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    stamp = arrays.pop("stamp", None)
    digest = str(arrays.pop("sha256", ""))
    if stamp is None or not np.array_equal(stamp, _stamp(path)):
        return None
    return arrays if expected_sha256 is None or expected_sha256.lower() == digest else None


def save(path: Path, digest: str, arrays: dict[str, np.ndarray]) -> None:
    """Write the compact file atomically; warn if it cannot be written.

    Args:
        path: The original file.
        digest: Its SHA-256.
        arrays: What to write.
    """
    cache = _cache_path(path)
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, stamp=_stamp(path), sha256=np.array(digest), **arrays)  # type: ignore[arg-type]
        temporary.replace(cache)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        warnings.warn(
            f"The compact file {cache} could not be written ({error}). The next call will read "
            f"{path} again, which takes as long.",
            stacklevel=3,
        )


def _cache_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.npz")


def _stamp(path: Path) -> np.ndarray:
    """Return the stamp of the original as it is now."""
    status = path.stat()
    return np.array([_VERSION, status.st_size, status.st_mtime_ns], dtype=np.int64)

"""TensorFlow's record files, read without TensorFlow.

A record is its length (8 bytes), the length's checksum (4), the data, and the data's checksum (4),
little-endian. A checksum is a CRC-32C, rotated and shifted ("masked"). The package google-crc32c
computes it where it is installed, NumPy in some three times the time where it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from itertools import count
import os
from pathlib import Path
import struct
from typing import BinaryIO

import numpy as np


_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_POLYNOMIAL = np.uint32(0x82F63B78)  # CRC-32C, bits reversed
_MASK_DELTA = 0xA282EAD8
_BATCH_SIZE = 16_384
_MAX_BATCH_BYTES = 1 << 22  # of a batch whose records are padded to the longest
_MAX_SHORT = 1 << 14  # a longer record is a batch of its own
_BUFFER_SIZE = 1 << 18
_MAX_LENGTHS = 4096  # whose checksums are kept
_DOWNLOAD = "download the file again"
_MAX_LENGTH = 1 << 20  # NAS-Bench-101's records have less than a kilobyte.


class TFRecordError(ValueError):
    """A file is damaged or truncated, or it is no record file or compact file.

    Example:
        .. testcode::

            from pathlib import Path
            from tempfile import TemporaryDirectory

            from optuna_lanas.tables import NASBench101Table
            from optuna_lanas.tables import TFRecordError

            with TemporaryDirectory() as folder:
                path = Path(folder) / "cells.tfrecord"
                path.write_text("not a record file")
                try:
                    NASBench101Table.read(path)
                except TFRecordError as error:
                    print(error)
    """


@dataclass
class Batch:
    """Successive records whose checksums were compared.

    Attributes:
        first: The number of the first record, from 0.
        data: The data of each record.
        n_bytes: Bytes of the file that the records take.
    """

    first: int
    data: list[bytes] = field(default_factory=list)
    n_bytes: int = 0
    checksums: list[int] = field(default_factory=list, repr=False)


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the data of every record, after its checksum is compared.

    Whatever the file says, no more memory is used than a few megabytes.

    Args:
        path: The file.

    Raises:
        TFRecordError: If a record is damaged or truncated; the message names the record (from 0)
            and the byte where it starts.
    """
    for batch in read_batches(path):
        yield from batch.data


def read_batches(path: Path) -> Iterator[Batch]:
    """Yield the records of a file in batches; otherwise like :func:`read_records`."""
    with path.open("rb", buffering=_BUFFER_SIZE) as file:
        start = 0
        for batch in _batches(_raw_records(file, path)):
            _check(batch, start, path)
            yield batch
            start += batch.n_bytes


def begins_with_record(path: Path) -> bool:
    """Return whether a file's first bytes are a record's length with its checksum."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    checksum: int = _HEADER.unpack(header)[1]
    return int(masked_crc32c([header[:8]])[0]) == checksum


def masked_crc32c(batch: list[bytes]) -> np.ndarray:
    """Return the `[n]` masked checksums of `n` byte strings."""
    checksum = _crc_function()
    if checksum is None and len(batch) > 1:
        crc = _crc32c_of_batch(batch)
    else:
        crc = np.array(list(map(checksum or _crc32c, batch)), dtype=np.uint32)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return np.asarray(rotated + np.uint32(_MASK_DELTA))


def _batches(records: Iterator[tuple[bytes, int]]) -> Iterator[Batch]:
    """Collect records in batches that are small when padded to their longest record."""
    batch, longest = Batch(0), 0
    for data, checksum in records:
        longest = max(longest, len(data))
        n = len(batch.data)
        is_full = (n + 1) * longest > _MAX_BATCH_BYTES or n == _BATCH_SIZE
        if n and (is_full or longest > _MAX_SHORT):
            yield batch
            batch, longest = Batch(batch.first + n), len(data)
        batch.data.append(data)
        batch.checksums.append(checksum)
        batch.n_bytes += len(data) + _HEADER.size + _FOOTER.size
    if batch.data:
        yield batch


def _raw_records(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the data of each record with their checksum, which is not compared here."""
    size = os.fstat(file.fileno()).st_size
    start = 0
    checksum_of: dict[bytes, int] = {}
    for number in count():
        header = file.read(_HEADER.size)
        if not header:
            return
        if len(header) < _HEADER.size:
            raise _error(path, number, start, f"is truncated in its header; {_DOWNLOAD}")
        length, checksum = _HEADER.unpack(header)
        if header[:8] not in checksum_of:
            if len(checksum_of) == _MAX_LENGTHS:
                checksum_of.clear()
            checksum_of[header[:8]] = int(masked_crc32c([header[:8]])[0])
        if checksum_of[header[:8]] != checksum:
            hint = _DOWNLOAD if number else "the file is not a record file"
            raise _error(path, number, start, f"has a length that fails its checksum; {hint}")
        if length > _MAX_LENGTH:
            problem = f"has {length} bytes, more than the {_MAX_LENGTH} that are allowed"
            raise _error(path, number, start, f"{problem}; name a file of NAS-Bench-101")
        end = start + _HEADER.size + length + _FOOTER.size
        if end > size:  # checked first: no memory for bytes that do not exist
            raise _error(path, number, start, f"is truncated in its data; {_DOWNLOAD}")
        content = file.read(length + _FOOTER.size)
        if len(content) < length + _FOOTER.size:
            raise _error(path, number, start, f"is truncated in its data; {_DOWNLOAD}")
        yield content[:length], _FOOTER.unpack_from(content, length)[0]
        start = end


def _check(batch: Batch, start: int, path: Path) -> None:
    """Raise a TFRecordError for the first damaged record of a batch that starts at a byte."""
    expected = np.array(batch.checksums, dtype=np.uint32)
    for position in np.flatnonzero(masked_crc32c(batch.data) != expected).tolist():
        frame = _HEADER.size + _FOOTER.size
        start += sum(len(data) + frame for data in batch.data[:position])
        problem = f"has data that fail their checksum; {_DOWNLOAD}"
        raise _error(path, batch.first + position, start, problem)


def _error(path: Path, number: int, start: int, problem: str) -> TFRecordError:
    return TFRecordError(f"record {number} of {path} (byte {start}) {problem}.")


@cache
def _crc_function() -> Callable[[bytes], int] | None:
    """Return google-crc32c's function, None where the package is missing."""
    try:
        from google_crc32c import value
    except ImportError:
        return None
    found: Callable[[bytes], int] = value
    return found


def _crc32c_of_batch(batch: list[bytes]) -> np.ndarray:
    """Return the checksums of byte strings that advance together, one byte per step.

    They are sorted by length, longest first, so that the unfinished strings always come first.
    """
    table = _crc_table()
    lengths = np.array([len(data) for data in batch], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    columns = np.zeros((int(lengths.max(initial=0)), len(batch)), dtype=np.uint8)
    for place, row in enumerate(order):
        columns[: lengths[row], place] = np.frombuffer(batch[row], dtype=np.uint8)
    n_running = np.searchsorted(-lengths[order], -np.arange(len(columns)), side="left")
    crc = np.full(len(batch), 0xFFFFFFFF, dtype=np.uint32)
    for octets, n in zip(columns, n_running.tolist(), strict=True):
        head = crc[:n]
        crc[:n] = table[(head ^ octets[:n]) & np.uint32(0xFF)] ^ (head >> np.uint32(8))
    result = np.empty_like(crc)
    result[order] = crc ^ np.uint32(0xFFFFFFFF)
    return result


def _crc32c(data: bytes) -> int:
    """Return the checksum of a short byte string, faster than a batch of a single one."""
    crc, table = 0xFFFFFFFF, _crc_list()
    for octet in data:
        crc = table[(crc ^ octet) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _crc_table() -> np.ndarray:
    """Return `[256]`: the checksum register after each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ _POLYNOMIAL, table >> np.uint32(1))
    return table


@cache
def _crc_list() -> list[int]:
    return [int(entry) for entry in _crc_table()]

"""TensorFlow's record files, read without TensorFlow.

A record is its length (8 bytes), the length's checksum (4), the data, and the data's checksum (4),
little-endian. A checksum is a CRC-32C, rotated and shifted ("masked").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
_BATCH_SIZE = 4096
_MAX_BATCH_BYTES = 1 << 22  # of a batch whose records are padded to the longest
_MAX_SHORT = 1 << 14  # a longer record is a batch of its own
_DOWNLOAD = "download the file again"
_MAX_LENGTH = 1 << 20  # NAS-Bench-101's records have less than a kilobyte.


class TFRecordError(ValueError):
    """A record file is damaged or truncated, or it is not a record file.

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


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the data of every record, after its checksum is compared.

    Whatever the file says, no more memory is used than a few megabytes.

    Args:
        path: The file.

    Raises:
        TFRecordError: If a record is damaged or truncated; the message names the record (from 0)
            and the byte where it starts.
    """
    with path.open("rb") as file:
        for batch in _batches(_raw_records(file, path)):
            yield from _checked(batch, path)


def masked_crc32c(batch: list[bytes]) -> np.ndarray:
    """Return the `[n]` checksums of `n` byte strings.

    The strings advance together, one byte per step. They are sorted by length, longest first,
    so that the unfinished strings always come first.
    """
    if len(batch) == 1:
        return np.array([_single_masked_crc32c(batch[0])], dtype=np.uint32)
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
    crc ^= np.uint32(0xFFFFFFFF)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    masked = np.empty(len(batch), dtype=np.uint32)
    masked[order] = rotated + np.uint32(_MASK_DELTA)
    return masked


@dataclass(frozen=True)
class _RawRecord:
    """A record whose data have not been checked: number, first byte, data and their checksum."""

    number: int
    start: int
    data: bytes
    checksum: int


def _batches(records: Iterator[_RawRecord]) -> Iterator[list[_RawRecord]]:
    """Yield records in batches that are small when padded to their longest record."""
    batch: list[_RawRecord] = []
    longest = 0
    for record in records:
        longest = max(longest, len(record.data))
        is_full = (len(batch) + 1) * longest > _MAX_BATCH_BYTES or len(batch) == _BATCH_SIZE
        if batch and (is_full or longest > _MAX_SHORT):
            yield batch
            batch, longest = [], len(record.data)
        batch.append(record)
    if batch:
        yield batch


def _raw_records(file: BinaryIO, path: Path) -> Iterator[_RawRecord]:
    size = os.fstat(file.fileno()).st_size
    for number in count():
        start = file.tell()
        header = file.read(_HEADER.size)
        if not header:
            return
        if len(header) < _HEADER.size:
            raise _error(path, number, start, f"is truncated in its header; {_DOWNLOAD}")
        length, checksum = _HEADER.unpack(header)
        if _single_masked_crc32c(header[:8]) != checksum:
            hint = _DOWNLOAD if number else "the file is not a record file"
            raise _error(path, number, start, f"has a length that fails its checksum; {hint}")
        if length > _MAX_LENGTH:
            problem = f"has {length} bytes, more than the {_MAX_LENGTH} that are allowed"
            raise _error(path, number, start, f"{problem}; name a file of NAS-Bench-101")
        if length > size - file.tell():  # checked first: no memory for bytes that do not exist
            raise _error(path, number, start, f"is truncated in its data; {_DOWNLOAD}")
        data, footer = file.read(length), file.read(_FOOTER.size)
        if len(data) < length or len(footer) < _FOOTER.size:
            raise _error(path, number, start, f"is truncated in its data; {_DOWNLOAD}")
        yield _RawRecord(number, start, data, *_FOOTER.unpack(footer))


def _checked(records: list[_RawRecord], path: Path) -> list[bytes]:
    """Return the data of records, or raise a TFRecordError for the first that is damaged."""
    batch = [record.data for record in records]
    expected = np.array([record.checksum for record in records], dtype=np.uint32)
    for position in np.flatnonzero(masked_crc32c(batch) != expected):
        wrong = records[position]
        problem = f"has data that fail their checksum; {_DOWNLOAD}"
        raise _error(path, wrong.number, wrong.start, problem)
    return batch


def _error(path: Path, number: int, start: int, problem: str) -> TFRecordError:
    return TFRecordError(f"record {number} of {path} (byte {start}) {problem}.")


def _single_masked_crc32c(data: bytes) -> int:
    """Return the checksum of a short byte string, faster than a batch of a single one."""
    crc, table = 0xFFFFFFFF, _crc_list()
    for octet in data:
        crc = table[(crc ^ octet) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


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

"""TensorFlow's record files, read without TensorFlow.

A record is its length (8 bytes), the length's checksum (4), the data, and the data's checksum (4),
little-endian. A checksum is a CRC-32C, rotated and shifted ("masked").
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
import struct
from typing import BinaryIO

import numpy as np


_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_POLYNOMIAL = np.uint32(0x82F63B78)  # CRC-32C, bits reversed
_MASK_DELTA = 0xA282EAD8
_BATCH_SIZE = 4096
_MAX_LENGTH = 1 << 26  # A longer record is a wrong length, not something to allocate.


class TFRecordError(ValueError):
    """A record file is damaged, truncated, or no record file."""


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the data of every record, their checksums compared in batches.

    Args:
        path: The file.

    Raises:
        TFRecordError: If a record is damaged or incomplete; it names the record (from 0) and the
            byte where it starts.
    """
    with path.open("rb") as file:
        number, batch, footers, starts = 0, [], [], []
        while (record := _read_record(file, path, number)) is not None:
            start, data, footer = record
            batch.append(data)
            footers.append(footer)
            starts.append(start)
            number += 1
            if len(batch) == _BATCH_SIZE:
                _check(batch, footers, starts, path, number)
                yield from batch
                batch, footers, starts = [], [], []
        _check(batch, footers, starts, path, number)
        yield from batch


def masked_crc32c(batch: list[bytes]) -> np.ndarray:
    """Return the `[n]` checksums of `n` byte strings.

    All strings advance together, one byte a step, the longest first so that those still running
    are always the first ones.
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
    crc ^= np.uint32(0xFFFFFFFF)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    masked = np.empty(len(batch), dtype=np.uint32)
    masked[order] = rotated + np.uint32(_MASK_DELTA)
    return masked


def _read_record(file: BinaryIO, path: Path, number: int) -> tuple[int, bytes, int] | None:
    start = file.tell()
    header = file.read(_HEADER.size)
    if not header:
        return None
    where = f"record {number} of {path} (byte {start})"
    if len(header) < _HEADER.size:
        raise TFRecordError(f"{where} is truncated in its header; fetch the file again.")
    length, length_crc = _HEADER.unpack(header)
    if _single_masked_crc32c(header[:8]) != length_crc or length > _MAX_LENGTH:
        hint = "it is no record file" if number == 0 else "the file is damaged"
        raise TFRecordError(f"{where} has a length that fails its checksum; {hint}.")
    data, footer = file.read(length), file.read(_FOOTER.size)
    if len(data) < length or len(footer) < _FOOTER.size:
        raise TFRecordError(f"{where} is truncated in its data; fetch the file again.")
    return start, data, _FOOTER.unpack(footer)[0]


def _check(
    batch: list[bytes], footers: list[int], starts: list[int], path: Path, n_read: int
) -> None:
    wrong = np.flatnonzero(masked_crc32c(batch) != np.array(footers, dtype=np.uint32))
    if len(wrong):
        number = n_read - len(batch) + int(wrong[0])
        raise TFRecordError(
            f"record {number} of {path} (byte {starts[wrong[0]]}) has data that fail their "
            f"checksum; the file is damaged, fetch it again."
        )


def _single_masked_crc32c(data: bytes) -> int:
    crc, table = 0xFFFFFFFF, _crc_list()
    for octet in data:
        crc = table[(crc ^ octet) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


@cache
def _crc_table() -> np.ndarray:
    """`[256]`: the checksum register after each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ _POLYNOMIAL, table >> np.uint32(1))
    return table


@cache
def _crc_list() -> list[int]:
    return [int(entry) for entry in _crc_table()]

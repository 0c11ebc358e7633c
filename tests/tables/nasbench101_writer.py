"""Write files in NAS-Bench-101's format, independently of the reader."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import cache
import json
from pathlib import Path
import struct


def write_records(path: Path, records: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for data in records:
            length = struct.pack("<Q", len(data))
            file.write(length + struct.pack("<I", masked_crc32c_by_bits(length)))
            file.write(data + struct.pack("<I", masked_crc32c_by_bits(data)))


def record(
    module_hash: str,
    epochs: int,
    adjacency: str,
    operations: str,
    n_params: int,
    evaluations: Iterable[tuple[float, ...]],
) -> bytes:
    """A run; each evaluation is (epoch, time, train, validation, test accuracy)."""
    metrics = b"".join(_tag(1, 2) + _bytes(_evaluation(values)) for values in evaluations)
    metrics += _tag(2, 0) + _varint(n_params) + _tag(3, 1) + struct.pack("<d", 1234.5)
    text = base64.b64encode(metrics).decode()
    return json.dumps([module_hash, epochs, adjacency, operations, text]).encode()


def masked_crc32c_by_bits(data: bytes) -> int:
    register = 0xFFFFFFFF
    for octet in data:
        register = _table()[(register ^ octet) & 255] ^ register >> 8
    register ^= 0xFFFFFFFF
    return ((register >> 15 | register << 17) + 0xA282EAD8) % 2**32


@cache
def _table() -> list[int]:
    """The register after each byte, shifted out bit by bit with the generator polynomial."""
    table = []
    for octet in range(256):
        register = octet
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
        table.append(register)
    return table


def _evaluation(values: tuple[float, ...]) -> bytes:
    doubles = b"".join(
        _tag(field, 1) + struct.pack("<d", value) for field, value in enumerate(values, start=1)
    )
    return doubles + _tag(6, 2) + _bytes(b"model.ckpt-0")


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _bytes(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)

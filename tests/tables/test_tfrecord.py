"""Record files: round trips, and every damage is found and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optuna_lanas.tables.tfrecord import masked_crc32c
from optuna_lanas.tables.tfrecord import read_records
from optuna_lanas.tables.tfrecord import TFRecordError
from tests.tables.nasbench101_writer import masked_crc32c_by_bits
from tests.tables.nasbench101_writer import write_records


def test_checksums_are_the_published_ones() -> None:
    # CRC-32C of "123456789" and of 32 zero bytes (RFC 3720, B.4), masked.
    for data, crc in ((b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)):
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert masked_crc32c([data]).tolist() == [masked] == [masked_crc32c_by_bits(data)]


def test_checksums_of_a_batch_are_those_of_its_strings() -> None:
    rng = np.random.default_rng(0)
    batch = [rng.bytes(int(n)) for n in rng.integers(0, 70, size=200)]
    assert masked_crc32c(batch).tolist() == [masked_crc32c_by_bits(data) for data in batch]


@pytest.mark.parametrize("n", [0, 1, 4095, 4096, 4097])
def test_records_that_were_written_are_read_back(tmp_path: Path, n: int) -> None:
    records = [str(number).encode() for number in range(n)]
    path = tmp_path / "records"
    write_records(path, records)
    assert list(read_records(path)) == records


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "records"
    records = [b"alpha", b"beta"]
    write_records(path, records)
    original = path.read_bytes()
    second = 8 + 4 + len(records[0]) + 4
    for bit in range(8 * len(original)):
        damaged = bytearray(original)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        number = int(bit // 8 >= second)
        with pytest.raises(
            TFRecordError, match=rf"record {number} of .*\(byte {number * second}\)"
        ):
            list(read_records(path))


def test_every_truncation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "records"
    write_records(path, [b"alpha"])
    original = path.read_bytes()
    for length in range(1, len(original)):
        path.write_bytes(original[:length])
        with pytest.raises(TFRecordError, match=r"record 0 of .* is truncated"):
            list(read_records(path))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(TFRecordError, match="the file is not a record file"):
        list(read_records(path))

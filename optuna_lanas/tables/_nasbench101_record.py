"""A record of NAS-Bench-101's files: JSON whose last field is a protocol buffer in base64.

    [module hash, epochs, adjacency as "0110..", operations "input,..,output", metrics]

In the metrics, the repeated field 1 is an evaluation: at the start, half-way and at the end of
training. Field 2 is the number of trainable parameters. An evaluation's fields 2 to 5 are doubles:
training time, and train, validation and test accuracy.

The messages of errors complete a sentence that the caller begins with the record's number; "it" is
the record.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
import json
import math
import re
import struct
from typing import Any

import numpy as np

from optuna_lanas.spaces.nasbench101 import INPUT
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.spaces.nasbench101 import OUTPUT


BUDGETS = (4, 12, 36, 108)
N_EVALUATIONS = 3
FIELDS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
_FIRST_FIELD = 2
_HASH = re.compile(r"[0-9a-f]{32}")
MAX_VERTICES = 7
MAX_N_PARAMS = 2**31 - 1
_MAX_VARINT = 10  # bytes of an integer of 64 bits
MAX_SECONDS = 1e9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE = struct.Struct("<d")
_TRUNCATED = "its metrics are truncated"


@dataclass(frozen=True)
class Record:
    """A training run.

    Attributes:
        module_hash: The cell's hash, 32 hexadecimal digits.
        epochs: The epoch budget.
        matrix: The cell's edges, `[n_vertices, n_vertices]`.
        ops: The cell's operations.
        n_params: Trainable parameters.
        evaluations: Half-way and at the end of training, the values of ``FIELDS``.
    """

    module_hash: str
    epochs: int
    matrix: np.ndarray
    ops: list[str]
    n_params: int
    evaluations: list[tuple[float, ...]]

    def check(self) -> None:
        """Raise a ValueError unless it is a training run of NAS-Bench-101."""
        if not _HASH.fullmatch(self.module_hash):
            raise ValueError(f"its hash {self.module_hash[:40]!r} is not 32 hexadecimal digits")
        if self.epochs not in BUDGETS:
            raise ValueError(f"its {str(self.epochs)[:20]} epochs are none of {BUDGETS}")
        if not 0 < self.n_params <= MAX_N_PARAMS:
            raise ValueError("its number of trainable parameters is missing or out of range")
        ops, n = self.ops, len(self.ops)
        is_known = n <= MAX_VERTICES and set(ops[1:-1]) <= set(OPERATIONS)
        if n < 2 or (ops[0], ops[-1]) != (INPUT, OUTPUT) or not is_known:
            raise ValueError(f"its operations {ops[:8]} are not a cell's")
        if self.matrix.shape != (n, n):
            raise ValueError(f"its matrix of shape {self.matrix.shape} does not fit {n} vertices")
        for seconds, *accuracies in self.evaluations:  # NaN is a missing number
            if seconds < 0 or seconds > MAX_SECONDS:
                raise ValueError(f"its training time is {seconds:.3g} seconds")
            if any([a < 0 or a > 1 for a in accuracies]):  # noqa: C419 - faster
                raise ValueError(f"its accuracies {accuracies} are not in 0 .. 1")


@dataclass(frozen=True, eq=False)
class MetricsLayout:
    """Where the numbers of metrics lie, in bytes from the start of the message.

    Attributes:
        fixed: `[length]` bools, what is no value: tags and lengths.
        doubles: `[8]`, where the ``FIELDS`` half-way begin, and those at the end.
        n_params: Where the number of trainable parameters begins and ends.
    """

    fixed: np.ndarray
    doubles: np.ndarray
    n_params: tuple[int, int]


def parse_record(data: bytes) -> Record:
    """Return the record that some bytes hold.

    Raises:
        ValueError: If they hold no record of NAS-Bench-101.
    """
    module_hash, epochs, adjacency, operations, metrics = _fields(data)
    n = math.isqrt(len(adjacency))
    ops = operations.split(",")
    if n * n != len(adjacency) or len(ops) != n or not set(adjacency) <= {"0", "1"}:
        raise ValueError(f"its adjacency {adjacency[:60]!r} does not fit its operations {ops[:8]}")
    matrix = np.frombuffer(adjacency.encode(), dtype=np.uint8).reshape(n, n) - ord("0")
    n_params, evaluations = _parse_metrics(metrics)
    record = Record(module_hash, epochs, matrix, ops, n_params, evaluations)
    record.check()
    return record


def _parse_metrics(text: str) -> tuple[int, list[tuple[float, ...]]]:
    """Return the trainable parameters, and ``FIELDS`` half-way and at the end."""
    try:
        message = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:  # the latter for letters beyond ASCII
        raise ValueError(f"its metrics are not base64 ({error})") from None
    evaluations, n_params = [], 0
    for field, wire_type, value in _message(message):
        if field == 1 and wire_type == _BYTES:
            evaluations.append(_evaluation(value))
        elif field == 2 and wire_type == _VARINT:
            n_params = value
    if len(evaluations) != N_EVALUATIONS:
        raise ValueError(f"its metrics have {len(evaluations)} evaluations, not {N_EVALUATIONS}")
    return n_params, evaluations[1:]


def metrics_layout(message: bytes) -> MetricsLayout | None:
    """Return where the numbers of metrics lie, None if any is missing or has another type."""
    fixed = np.ones(len(message), dtype=bool)
    evaluations, n_params = [], (0, 0)
    try:
        for field, wire_type, start, end in _spans(message, 0, len(message)):
            if field == 1 and wire_type == _BYTES:
                evaluations.append(_doubles(message, start, end, fixed))
                continue
            if field == 2 and wire_type == _VARINT:
                n_params = start, end
            fixed[start:end] = False
    except ValueError:
        return None
    doubles = [start for starts in evaluations[1:] for start in starts]
    is_whole = len(evaluations) == N_EVALUATIONS and len(doubles) == 2 * len(FIELDS)
    return MetricsLayout(fixed, np.array(doubles), n_params) if is_whole and n_params[1] else None


def _doubles(message: bytes, start: int, end: int, fixed: np.ndarray) -> list[int]:
    """Return where an evaluation's ``FIELDS`` begin, in their order; clear `fixed` at values."""
    begins: dict[int, int] = {}
    for field, wire_type, first, last in _spans(message, start, end):
        if wire_type == _FIXED64:
            begins[field - _FIRST_FIELD] = first
        fixed[first:last] = False
    return [begins[field] for field in range(len(FIELDS)) if field in begins]


def _fields(data: bytes) -> tuple[str, int, str, str, str]:
    """Return the five fields of a record's JSON."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:  # the latter for deeply nested lists
        raise ValueError(f"it is not JSON ({error})") from None
    kinds = (str, int, str, str, str)
    if not isinstance(fields, list) or [type(field) for field in fields] != list(kinds):
        raise ValueError("it is not [hash, epochs, adjacency, operations, metrics]")
    module_hash, epochs, adjacency, operations, metrics = fields
    return module_hash, epochs, adjacency, operations, metrics


def _evaluation(message: bytes) -> tuple[float, ...]:
    """Return the values of ``FIELDS``; NaN for a missing field."""
    values = [math.nan] * len(FIELDS)
    for field, wire_type, value in _message(message):
        if wire_type == _FIXED64 and 0 <= field - _FIRST_FIELD < len(FIELDS):
            values[field - _FIRST_FIELD] = _DOUBLE.unpack(value)[0]
    return tuple(values)


def _message(message: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield the fields of a protocol buffer: number, wire type, and an integer or bytes."""
    for field, wire_type, start, end in _spans(message, 0, len(message)):
        is_integer = wire_type == _VARINT
        yield field, wire_type, _varint(message, start)[0] if is_integer else message[start:end]


def _spans(message: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the fields of a part of a message: number, wire type, and where the value lies."""
    position = start
    while position < end:
        tag, position = _varint(message, position)
        field, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            length = _varint(message, position)[1] - position
        elif wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"its metrics have a field of the unknown wire type {wire_type}")
        if position + length > end:
            raise ValueError(_TRUNCATED)
        yield field, wire_type, position, position + length
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the integer of variable length at a position, and the position after it."""
    result = shift = 0
    end = min(len(message), position + _MAX_VARINT)
    while position < end:
        octet = message[position]
        position += 1
        result |= (octet & 127) << shift
        if octet < 128:
            return result, position
        shift += 7
    raise ValueError(_TRUNCATED if position == len(message) else "its metrics have a long integer")

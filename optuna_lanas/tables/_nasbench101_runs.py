"""Many training runs of NAS-Bench-101 at once, as arrays.

Official files write every record in the same way. Their records are therefore parsed together: the
first of those with metrics of one length says where each number lies in the others. Records in
another way of writing are parsed one by one, with the same result in some ten times the time.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from optuna_lanas.spaces.nasbench101 import INPUT
from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.spaces.nasbench101 import OUTPUT
from optuna_lanas.tables._nasbench101_record import BUDGETS
from optuna_lanas.tables._nasbench101_record import FIELDS
from optuna_lanas.tables._nasbench101_record import MAX_N_PARAMS
from optuna_lanas.tables._nasbench101_record import MAX_SECONDS
from optuna_lanas.tables._nasbench101_record import MAX_VERTICES
from optuna_lanas.tables._nasbench101_record import metrics_layout
from optuna_lanas.tables._nasbench101_record import MetricsLayout
from optuna_lanas.tables._nasbench101_record import parse_record
from optuna_lanas.tables._nasbench101_record import Record


N_INTERIOR = MAX_VERTICES - 2
NO_OPERATION = 255
EDGES = tuple(combinations(range(MAX_VERTICES), 2))
N_EVALUATIONS = 2  # half-way and at the end

_BITS = 2  # of an operation in the word of a cell
_ABSENT = (1 << _BITS) - 1
_OPENINGS = (b"[", b", ", b", ", b"]"), (b"[", b",", b",", b"]")
_EPOCHS = {f",{gap}{budget},{gap}".encode(): budget for budget in BUDGETS for gap in (" ", "")}
_IS_HEXADECIMAL = np.isin(np.arange(256), [*b"0123456789abcdef"])
_MAX_KEPT = 1 << 16  # cells of a batch whose words are kept


class RecordError(ValueError):
    """A record is not of NAS-Bench-101; "it" in the message is the record.

    Args:
        position: Its position among the records that were passed.
        problem: The message.
    """

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position


@dataclass(frozen=True, eq=False)
class Runs:
    """Training runs.

    Attributes:
        hashes: Module hashes, 32 hexadecimal digits each.
        epochs: `[m]`, epoch budgets.
        cells: `[m]`, the word of each cell, from :func:`pack_cell`.
        n_params: `[m]`, trainable parameters.
        values: `[m, 2, 4]`, half-way and at the end of training, the values of ``FIELDS``.
    """

    hashes: Sequence[bytes]
    epochs: np.ndarray
    cells: np.ndarray
    n_params: np.ndarray
    values: np.ndarray


def parse_runs(data: Sequence[bytes]) -> Runs:
    """Return the runs that records hold.

    Raises:
        RecordError: If a record is not of NAS-Bench-101.
    """
    runs = _parse_usual(data)
    return runs_of_records(map(parse_record, data)) if runs is None else runs


def runs_of_records(records: Iterable[Record]) -> Runs:
    """Return checked records as arrays.

    Raises:
        RecordError: If making a record raises a ValueError, or its edges are not a cell's.
    """
    found: list[Record] = []
    cells = []
    try:
        for record in records:
            cells.append(pack_cell(record.matrix, record.ops))
            found.append(record)
    except ValueError as error:
        raise RecordError(len(found), str(error)) from None
    values = np.array([record.evaluations for record in found], dtype=float)
    return Runs(
        hashes=[record.module_hash.encode() for record in found],
        epochs=np.array([record.epochs for record in found], dtype=np.int64),
        cells=np.array(cells, dtype=np.int64),
        n_params=np.array([record.n_params for record in found], dtype=np.int64),
        values=values.reshape(-1, N_EVALUATIONS, len(FIELDS)),
    )


def pack_cell(matrix: np.ndarray, ops: list[str]) -> int:
    """Return a cell as a word: a bit for each edge, then two for each interior vertex.

    Raises:
        ValueError: If an edge does not lead from an earlier to a later vertex.
    """
    entries, n = matrix.tolist(), len(ops)
    word = sum(1 << bit for bit, (i, j) in enumerate(EDGES) if j < n and entries[i][j])
    if word.bit_count() != sum(map(sum, entries)):
        raise ValueError("its edges do not all lead from an earlier to a later vertex")
    interior = [OPERATIONS.index(op) for op in ops[1:-1]]
    for vertex, op in enumerate([*interior, *[_ABSENT] * (N_INTERIOR - len(interior))]):
        word |= op << len(EDGES) + _BITS * vertex
    return word


def split_words(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the `[n]` edges and the `[n, 5]` operations of `[n]` words; 255 for no vertex."""
    edges = words & (1 << len(EDGES)) - 1
    ops = words[:, None] >> len(EDGES) + _BITS * np.arange(N_INTERIOR) & _ABSENT
    return edges.astype(np.uint32), np.where(ops == _ABSENT, NO_OPERATION, ops).astype(np.uint8)


def unpack_cell(edges: int, ops: Iterable[int]) -> NASBench101Cell:
    """Return a cell from its edges and operations, as :func:`split_words` returns them."""
    interior = [OPERATIONS[op] for op in ops if op != NO_OPERATION]
    n = len(interior) + 2
    matrix = np.zeros((MAX_VERTICES, MAX_VERTICES), dtype=np.int8)
    for bit, edge in enumerate(EDGES):
        matrix[edge] = edges >> bit & 1
    return NASBench101Cell(matrix[:n, :n], [INPUT, *interior, OUTPUT])


def _parse_usual(data: Sequence[bytes]) -> Runs | None:
    """Return the runs of records that are written as in official files, None for others."""
    words: dict[tuple[bytes, bytes], int | None] = {}
    hashes, epochs, cells, messages = [], [], [], []
    for record in data:
        parts = record.split(b'"')
        if len(parts) != 9 or (parts[0], parts[4], parts[6], parts[8]) not in _OPENINGS:
            return None
        cell = parts[3], parts[5]
        if cell not in words:
            if len(words) == _MAX_KEPT:
                words.clear()
            words[cell] = _word(*cell)
        word, message, budget = words[cell], _decode(parts[7]), _EPOCHS.get(parts[2])
        if word is None or message is None or budget is None:
            return None
        hashes.append(parts[1])
        epochs.append(budget)
        cells.append(word)
        messages.append(message)
    metrics = _parse_metrics(messages)
    if metrics is None or not _are_hashes(hashes):
        return None
    n_params, values = metrics
    words_of = np.array(cells, dtype=np.int64)
    return Runs(hashes, np.array(epochs, dtype=np.int64), words_of, n_params, values)


def _word(adjacency: bytes, operations: bytes) -> int | None:
    """Return the word of a cell as a record writes it, None if it is none."""
    ops = operations.decode("latin-1").split(",")
    n = len(ops)
    is_cell = (
        2 <= n <= MAX_VERTICES
        and (ops[0], ops[-1]) == (INPUT, OUTPUT)
        and set(ops[1:-1]) <= set(OPERATIONS)
        and len(adjacency) == n * n
        and set(adjacency) <= set(b"01")
    )
    if not is_cell:
        return None
    matrix = np.frombuffer(adjacency, dtype=np.uint8).reshape(n, n) - ord("0")
    try:
        return pack_cell(matrix, ops)
    except ValueError:
        return None


def _decode(text: bytes) -> bytes | None:
    """Return the bytes of base64, None for other text."""
    try:
        message = binascii.a2b_base64(text)
    except binascii.Error:
        return None
    n_padding = text.endswith(b"==") + text.endswith(b"=")
    return message if len(message) == len(text) // 4 * 3 - n_padding else None


def _are_hashes(hashes: list[bytes]) -> bool:
    digits = np.frombuffer(b"".join(hashes), dtype=np.uint8)
    return set(map(len, hashes)) <= {32} and bool(_IS_HEXADECIMAL[digits].all())


def _parse_metrics(messages: list[bytes]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return `[m]` trainable parameters and `[m, 2, 4]` values of messages.

    None if messages of one length differ in anything but their numbers, or a number is out of its
    range.
    """
    lengths = np.array([len(message) for message in messages])
    n_params = np.empty(len(messages), dtype=np.int64)
    values = np.empty((len(messages), N_EVALUATIONS * len(FIELDS)))
    for length in np.unique(lengths):
        members = np.flatnonzero(lengths == length)
        rows = np.frombuffer(b"".join([messages[i] for i in members]), dtype=np.uint8)
        rows = rows.reshape(len(members), length)
        layout = metrics_layout(messages[members[0]])
        if layout is None or not _have_layout(rows, layout):
            return None
        octets = layout.doubles[:, None] + np.arange(8)
        values[members] = np.ascontiguousarray(rows[:, octets.ravel()]).view("<f8")
        sevens = rows[:, slice(*layout.n_params)].astype(np.int64) & 127
        n_params[members] = (sevens << 7 * np.arange(sevens.shape[1])).sum(axis=1)
    evaluations = values.reshape(-1, N_EVALUATIONS, len(FIELDS))
    return (n_params, evaluations) if _are_in_range(n_params, evaluations) else None


def _have_layout(rows: np.ndarray, layout: MetricsLayout) -> bool:
    """Return whether all messages, `[m, length]`, have the layout of the first."""
    first, last = layout.n_params
    fixed = rows[:, layout.fixed]
    goes_on = rows[:, first:last] > 127
    return bool((fixed == fixed[0]).all() and goes_on[:, :-1].all() and not goes_on[:, -1].any())


def _are_in_range(n_params: np.ndarray, values: np.ndarray) -> bool:
    """Return what :meth:`Record.check` checks of the numbers; NaN is a missing one."""
    seconds, accuracies = values[..., 0], values[..., 1:]
    is_wrong = (n_params < 1).any() or (n_params > MAX_N_PARAMS).any()
    is_wrong |= (seconds < 0).any() or (seconds > MAX_SECONDS).any()
    return not (is_wrong or (accuracies < 0).any() or (accuracies > 1).any())

"""NAS-Bench-101's records as arrays with an entry for each cell, in ascending order of hash."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from optuna_lanas.spaces.nasbench101 import INPUT
from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.spaces.nasbench101 import OUTPUT
from optuna_lanas.tables._nasbench101_record import BUDGETS
from optuna_lanas.tables._nasbench101_record import FIELDS
from optuna_lanas.tables._nasbench101_record import Record


N_REPEATS = 3

_MAX_VERTICES = 7
_EDGES = tuple(combinations(range(_MAX_VERTICES), 2))
_NO_OPERATION = 255
_MIN_CAPACITY = 1024


class RecordArrays:
    """Collects records in arrays that grow."""

    def __init__(self) -> None:
        self._position_of: dict[str, int] = {}
        self._cells: list[tuple[int, int, list[int]]] = []  # n_params, edges, ops
        self._runs: dict[int, np.ndarray] = {}  # budget -> [capacity, 3, 2, 4]
        self._n_runs: dict[int, np.ndarray] = {}  # budget -> [capacity]

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, record: Record) -> None:
        """Add a training run.

        Raises:
            ValueError: If its cell has too many runs, or was another one in an earlier run; "it"
                in the message is the record.
        """
        cell = (record.n_params, *pack_cell(record.matrix, record.ops))
        position = self._position_of.get(record.module_hash)
        if position is None:
            position = len(self._cells)
            self._cells.append(cell)
            self._position_of[record.module_hash] = position
        elif self._cells[position] != cell:
            raise ValueError(
                "its cell differs from the cell of the same hash in an earlier record"
            )
        self._reserve(record.epochs, position + 1)
        repeat = self._n_runs[record.epochs][position]
        if repeat == N_REPEATS:
            raise ValueError(f"it is run {N_REPEATS + 1} of a cell at {record.epochs} epochs")
        self._runs[record.epochs][position, repeat] = record.evaluations
        self._n_runs[record.epochs][position] += 1

    def finish(self) -> dict[str, np.ndarray]:
        """Return the arrays of ``NASBench101Table``; this object is empty afterwards."""
        hashes = np.array(list(self._position_of), dtype="S32")
        order = np.argsort(hashes)
        budgets = sorted(self._runs)
        measurements = np.empty((len(order), len(budgets), N_REPEATS, 2, len(FIELDS)), np.float32)
        for column, budget in enumerate(budgets):
            self._reserve(budget, len(order))
            measurements[:, column] = self._runs.pop(budget)[order]  # frees memory on the way
        n_params, edges, ops = zip(*self._cells, strict=True) if self._cells else ((), (), ())
        return {
            "hashes": hashes[order],
            "budgets": np.array(budgets, dtype=np.int64),
            "measurements": measurements,
            "n_params": np.array(n_params, dtype=np.int32)[order],
            "edges": np.array(edges, dtype=np.uint32)[order],
            "ops": np.array(ops, dtype=np.uint8)[order],
        }

    def _reserve(self, budget: int, n_cells: int) -> None:
        """Make room for the runs of `n_cells` cells; missing runs are NaN."""
        capacity = len(self._n_runs.get(budget, ()))
        if n_cells <= capacity:
            return
        n_more = max(capacity // 2, n_cells - capacity, _MIN_CAPACITY)
        runs = np.full((n_more, N_REPEATS, 2, len(FIELDS)), np.nan, dtype=np.float32)
        counts = np.zeros(n_more, dtype=np.int64)
        if capacity:
            runs = np.concatenate([self._runs[budget], runs])
            counts = np.concatenate([self._n_runs[budget], counts])
        self._runs[budget], self._n_runs[budget] = runs, counts


def pack_cell(matrix: np.ndarray, ops: list[str]) -> tuple[int, list[int]]:
    """Return a cell's edges as the bits of an integer, and its five operations as integers.

    Raises:
        ValueError: If an edge does not lead from an earlier to a later vertex.
    """
    entries, n = matrix.tolist(), len(ops)
    edges = sum(1 << bit for bit, (i, j) in enumerate(_EDGES) if j < n and entries[i][j])
    if edges.bit_count() != sum(map(sum, entries)):
        raise ValueError("its edges do not all lead from an earlier to a later vertex")
    interior = [OPERATIONS.index(op) for op in ops[1:-1]]
    return edges, [*interior, *[_NO_OPERATION] * (_MAX_VERTICES - 2 - len(interior))]


def are_whole(arrays: dict[str, np.ndarray]) -> bool:
    """Return whether arrays are what :meth:`RecordArrays.finish` can return."""
    n, n_budgets = len(arrays["hashes"]), len(arrays["budgets"])
    expected = {
        "hashes": ("S32", (n,)),
        "budgets": ("int64", (n_budgets,)),
        "measurements": ("float32", (n, n_budgets, N_REPEATS, 2, len(FIELDS))),
        "n_params": ("int32", (n,)),
        "edges": ("uint32", (n,)),
        "ops": ("uint8", (n, _MAX_VERTICES - 2)),
    }
    found = {name: (array.dtype, array.shape) for name, array in arrays.items()}
    if found != {name: (np.dtype(kind), shape) for name, (kind, shape) in expected.items()}:
        return False
    hashes, budgets, ops = arrays["hashes"], arrays["budgets"].tolist(), arrays["ops"]
    return bool(
        n > 0
        and budgets == [budget for budget in BUDGETS if budget in budgets]
        and (hashes[:-1] < hashes[1:]).all()
        and (arrays["edges"] < 1 << len(_EDGES)).all()
        and np.isin(ops, [*range(len(OPERATIONS)), _NO_OPERATION]).all()
    )


def unpack_cell(edges: int, ops: Iterable[int]) -> NASBench101Cell:
    """Return the cell of what :func:`pack_cell` returned."""
    interior = [OPERATIONS[op] for op in ops if op != _NO_OPERATION]
    n = len(interior) + 2
    matrix = np.zeros((_MAX_VERTICES, _MAX_VERTICES), dtype=np.int8)
    for bit, edge in enumerate(_EDGES):
        matrix[edge] = edges >> bit & 1
    return NASBench101Cell(matrix[:n, :n], [INPUT, *interior, OUTPUT])

"""NAS-Bench-101's records as arrays with an entry for each cell, in ascending order of hash."""

from __future__ import annotations

import numpy as np

from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.tables._nasbench101_record import BUDGETS
from optuna_lanas.tables._nasbench101_record import FIELDS
from optuna_lanas.tables._nasbench101_runs import EDGES
from optuna_lanas.tables._nasbench101_runs import N_EVALUATIONS
from optuna_lanas.tables._nasbench101_runs import N_INTERIOR
from optuna_lanas.tables._nasbench101_runs import NO_OPERATION
from optuna_lanas.tables._nasbench101_runs import RecordError
from optuna_lanas.tables._nasbench101_runs import Runs
from optuna_lanas.tables._nasbench101_runs import split_words


N_REPEATS = 3

_SHAPE = (N_REPEATS, N_EVALUATIONS, len(FIELDS))  # of a cell's runs at one budget
_MIN_CAPACITY = 1024
_NO_CELL = -1


class RecordArrays:
    """Collects training runs in arrays that grow."""

    def __init__(self) -> None:
        self._position_of: dict[bytes, int] = {}
        self._cells = np.empty((0, 2), dtype=np.int64)  # of each position: word, n_params
        self._runs: dict[int, np.ndarray] = {}  # budget -> [capacity, 3, 2, 4]
        self._n_runs: dict[int, np.ndarray] = {}  # budget -> [capacity]

    def __len__(self) -> int:
        return len(self._position_of)

    def extend(self, runs: Runs) -> None:
        """Add training runs.

        Raises:
            RecordError: If a run's cell has too many runs, or was another one in an earlier run.
        """
        known = self._position_of
        positions = np.array([known.setdefault(key, len(known)) for key in runs.hashes])
        self._add_cells(positions, np.stack([runs.cells, runs.n_params], axis=1))
        for budget in np.unique(runs.epochs).tolist():
            rows = np.flatnonzero(runs.epochs == budget)
            cells = positions[rows]
            self._reserve(budget)
            repeats = self._n_runs[budget][cells] + _occurrence(cells)
            for row in rows[repeats >= N_REPEATS][:1].tolist():
                problem = f"it is run {N_REPEATS + 1} of a cell at {budget} epochs"
                raise RecordError(row, problem)
            self._runs[budget][cells, repeats] = runs.values[rows]
            np.add.at(self._n_runs[budget], cells, 1)

    def finish(self) -> dict[str, np.ndarray]:
        """Return the arrays of ``NASBench101Table``; this object is empty afterwards."""
        hashes = np.array(list(self._position_of), dtype="S32")
        order = np.argsort(hashes)
        budgets = sorted(self._runs)
        measurements = np.empty((len(order), len(budgets), *_SHAPE), dtype=np.float32)
        for column, budget in enumerate(budgets):
            self._reserve(budget)
            measurements[:, column] = self._runs.pop(budget)[order]  # frees memory on the way
        edges, ops = split_words(self._cells[order, 0])
        return {
            "hashes": hashes[order],
            "budgets": np.array(budgets, dtype=np.int64),
            "measurements": measurements,
            "n_params": self._cells[order, 1].astype(np.int32),
            "edges": edges,
            "ops": ops,
        }

    def _add_cells(self, positions: np.ndarray, cells: np.ndarray) -> None:
        """Keep the cells of new positions, and compare the others with what is kept."""
        n_more = _n_more(len(self._cells), len(self))
        more = np.full((n_more, 2), _NO_CELL, dtype=np.int64)
        self._cells = np.concatenate([self._cells, more]) if n_more else self._cells
        is_new = self._cells[positions, 0] == _NO_CELL
        new = np.flatnonzero(is_new)[::-1]  # of several of one cell, the first stays
        self._cells[positions[new]] = cells[new]
        differs = (self._cells[positions] != cells).any(axis=1)
        for row in np.flatnonzero(differs)[:1].tolist():
            problem = "its cell differs from the cell of the same hash in an earlier record"
            raise RecordError(row, problem)

    def _reserve(self, budget: int) -> None:
        """Make room for the runs of all cells; missing runs are NaN."""
        capacity = len(self._n_runs.get(budget, ()))
        n_more = _n_more(capacity, len(self))
        if n_more == 0:
            return
        runs = np.full((n_more, *_SHAPE), np.nan, dtype=np.float32)
        counts = np.zeros(n_more, dtype=np.int64)
        if capacity:
            runs = np.concatenate([self._runs[budget], runs])
            counts = np.concatenate([self._n_runs[budget], counts])
        self._runs[budget], self._n_runs[budget] = runs, counts


def _n_more(capacity: int, n: int) -> int:
    """Return by how much a capacity grows that `n` entries need."""
    return max(capacity // 2, n - capacity, _MIN_CAPACITY) if n > capacity else 0


def _occurrence(cells: np.ndarray) -> np.ndarray:
    """Return `[n]`: how often each cell occurs before in the same array."""
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    occurrence = np.empty_like(order)
    occurrence[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return occurrence


def are_whole(arrays: dict[str, np.ndarray]) -> bool:
    """Return whether arrays are what :meth:`RecordArrays.finish` can return."""
    n, n_budgets = len(arrays["hashes"]), len(arrays["budgets"])
    expected = {
        "hashes": ("S32", (n,)),
        "budgets": ("int64", (n_budgets,)),
        "measurements": ("float32", (n, n_budgets, *_SHAPE)),
        "n_params": ("int32", (n,)),
        "edges": ("uint32", (n,)),
        "ops": ("uint8", (n, N_INTERIOR)),
    }
    found = {name: (array.dtype, array.shape) for name, array in arrays.items()}
    if found != {name: (np.dtype(kind), shape) for name, (kind, shape) in expected.items()}:
        return False
    hashes, budgets, ops = arrays["hashes"], arrays["budgets"].tolist(), arrays["ops"]
    return bool(
        n > 0
        and budgets == [budget for budget in BUDGETS if budget in budgets]
        and (hashes[:-1] < hashes[1:]).all()
        and (arrays["edges"] < 1 << len(EDGES)).all()
        and np.isin(ops, [*range(len(OPERATIONS)), NO_OPERATION]).all()
    )

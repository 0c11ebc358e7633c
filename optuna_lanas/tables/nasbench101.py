"""NAS-Bench-101's measurements, from its official files or from google-research's object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from optuna_lanas.spaces.nasbench101 import INPUT
from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from optuna_lanas.spaces.nasbench101 import OUTPUT
from optuna_lanas.tables import _nasbench101_cache
from optuna_lanas.tables._nasbench101_record import FIELDS
from optuna_lanas.tables._nasbench101_record import parse_record
from optuna_lanas.tables._nasbench101_record import Record
from optuna_lanas.tables.measurement import Measurement
from optuna_lanas.tables.tfrecord import read_records
from optuna_lanas.tables.tfrecord import TFRecordError


_ONLY108 = "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1"
_FULL = "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c"
OFFICIAL_SHA256 = {"nasbench_only108.tfrecord": _ONLY108, "nasbench_full.tfrecord": _FULL}
N_REPEATS = 3

_EDGES = tuple(combinations(range(7), 2))
_UNUSED = 255


@dataclass(frozen=True, eq=False)
class NASBench101Table:
    """NAS-Bench-101's measurements, a row for each cell, in ascending order of hash.

    Attributes:
        hashes: `[n]`, module hashes as 32 bytes of hexadecimal digits.
        budgets: Epoch budgets, ascending: (108,) or (4, 12, 36, 108).
        measurements: `[n, n_budgets, 3, 2, 4]`, 32-bit: repeat; half-way or at the end; training
            time in seconds, train, validation and test accuracy. NaN where a run is missing.
        n_params: `[n]`, trainable parameters.
        edges: `[n]`, bit k for the k-th pair of ``combinations(range(7), 2)``.
        ops: `[n, 5]`, position in ``OPERATIONS`` of each interior vertex, 255 if there is none.

    Example:
        Search by validation accuracy, report the test accuracy::

            space, table = NASBench101Space(), NASBench101Table.read("nasbench_only108.tfrecord")


            def objective(trial):
                found = table.query(space.suggest(trial))
                trial.set_user_attr("test_accuracy", found.test_accuracy)
                trial.set_user_attr("training_time", found.training_time)
                return found.validation_accuracy
    """

    hashes: np.ndarray
    budgets: tuple[int, ...]
    measurements: np.ndarray
    n_params: np.ndarray
    edges: np.ndarray
    ops: np.ndarray

    @classmethod
    def read(
        cls,
        path: str | Path,
        expected_sha256: str | None = None,
        uses_cache: bool = True,
    ) -> NASBench101Table:
        """Read ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``.

        The first time takes about a minute for 500 MB; it leaves a compact file beside the
        original (``{path}.npz``), which later calls read in seconds while the original is as it
        was.

        Args:
            path: The file.
            expected_sha256: The file's SHA-256; by default the official one of the file's name,
                and no check of a file of another name.
            uses_cache: Whether to read and write the compact file.

        Raises:
            FileNotFoundError: If there is no such file.
            TFRecordError: If the file's SHA-256 is another, or a record is damaged, cut short, or
                not NAS-Bench-101's; it names the record.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"`path` must be a file of NAS-Bench-101, such as nasbench_only108.tfrecord; "
                f"there is none at {path}."
            )
        expected = expected_sha256 or OFFICIAL_SHA256.get(path.name)
        arrays = _nasbench101_cache.load(path, expected) if uses_cache else None
        if arrays is None:
            digest = _checked_sha256(path, expected)
            arrays = _collect_file(path).arrays()
            if uses_cache:
                _nasbench101_cache.save(path, digest, arrays)
        return cls._from_arrays(arrays)

    @classmethod
    def from_nasbench(cls, nasbench: Any) -> NASBench101Table:
        """Take the measurements of google-research's ``nasbench.api.NASBench`` object."""
        collector = _Collector()
        for record in _records_of_object(nasbench):
            collector.add(record)
        return cls._from_arrays(collector.arrays())

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray]) -> NASBench101Table:
        budgets: tuple[int, ...] = tuple(arrays["budgets"].tolist())
        others = {name: array for name, array in arrays.items() if name != "budgets"}
        return cls(budgets=budgets, **others)

    def __len__(self) -> int:
        return len(self.hashes)

    def __contains__(self, cell: object) -> bool:
        return isinstance(cell, (NASBench101Cell, str)) and self._find(cell) is not None

    def query(
        self,
        cell: NASBench101Cell | str,
        epochs: int | None = None,
        repeat: int | None = None,
        is_halfway: bool = False,
    ) -> Measurement:
        """Return what was measured of a cell.

        Args:
            cell: A cell or its module hash.
            epochs: The epoch budget, by default the largest.
            repeat: 0, 1 or 2 for one training run; by default the mean of them.
            is_halfway: Whether to stop half-way.

        Raises:
            KeyError: If the table has no such cell, or no such run of it.
            ValueError: If it has no such budget, or `repeat` is none of the above.
        """
        row = self._find(cell)
        if row is None:
            raise KeyError(f"The table has no cell {cell!r}. Is it pruned and valid?")
        epochs = self.budgets[-1] if epochs is None else epochs
        if epochs not in self.budgets:
            raise ValueError(f"`epochs` must be one of {self.budgets}, got {epochs}.")
        if repeat not in (None, *range(N_REPEATS)):
            raise ValueError(f"`repeat` must be None or one of 0, 1, 2, got {repeat}.")
        runs = self.measurements[row, self.budgets.index(epochs), :, 0 if is_halfway else 1]
        runs = runs[~np.isnan(runs[:, 0])].astype(float)
        if len(runs) <= (repeat or 0):
            raise KeyError(f"The table has {len(runs)} runs of this cell at {epochs} epochs.")
        values = runs.mean(axis=0) if repeat is None else runs[repeat]
        named = dict(zip(FIELDS, values.tolist(), strict=True))
        return Measurement(**named, n_params=int(self.n_params[row]))

    def cell(self, row: int) -> NASBench101Cell:
        """Return the cell of a row, as the file has it."""
        operations = self.ops[row]
        interior = [OPERATIONS[op] for op in operations if op != _UNUSED]
        n = len(interior) + 2
        matrix = np.zeros((7, 7), dtype=np.int8)
        for bit, edge in enumerate(_EDGES):
            matrix[edge] = int(self.edges[row]) >> bit & 1
        return NASBench101Cell(matrix[:n, :n], [INPUT, *interior, OUTPUT])

    def _find(self, cell: NASBench101Cell | str) -> int | None:
        key = (cell if isinstance(cell, str) else cell.module_hash).encode()
        row = int(np.searchsorted(self.hashes, key))
        return row if row < len(self.hashes) and self.hashes[row] == key else None


class _Collector:
    """Records by cell, in growing arrays."""

    def __init__(self) -> None:
        self.row_of: dict[str, int] = {}
        self.cells: list[tuple[int, int, list[int]]] = []
        self.runs: dict[int, np.ndarray] = {}  # budget -> [capacity, 3, 2, 4]
        self.n_runs: dict[int, np.ndarray] = {}

    def add(self, record: Record) -> None:
        row = self.row_of.get(record.module_hash)
        if row is None:
            row = self.row_of[record.module_hash] = len(self.cells)
            self.cells.append((record.n_params, *_packed(record.matrix, record.ops)))
        self._reserve(record.epochs, row)
        repeat = self.n_runs[record.epochs][row]
        if repeat == N_REPEATS:
            raise ValueError(f"it is run {N_REPEATS + 1} of a cell at {record.epochs} epochs")
        self.runs[record.epochs][row, repeat] = record.evaluations
        self.n_runs[record.epochs][row] += 1

    def arrays(self) -> dict[str, np.ndarray]:
        hashes = np.array(list(self.row_of), dtype="S32")
        order = np.argsort(hashes)
        budgets = sorted(self.runs)
        measurements = np.empty((len(order), len(budgets), N_REPEATS, 2, len(FIELDS)), np.float32)
        for column, budget in enumerate(budgets):
            self._reserve(budget, len(order) - 1)
            measurements[:, column] = self.runs.pop(budget)[order]
        return {
            "hashes": hashes[order],
            "budgets": np.array(budgets),
            "measurements": measurements,
            "n_params": np.array([cell[0] for cell in self.cells], dtype=np.int32)[order],
            "edges": np.array([cell[1] for cell in self.cells], dtype=np.uint32)[order],
            "ops": np.array([cell[2] for cell in self.cells], dtype=np.uint8)[order],
        }

    def _reserve(self, budget: int, row: int) -> None:
        """Make room for a row; what is not yet there is NaN."""
        capacity = len(self.n_runs.get(budget, ()))
        if row < capacity:
            return
        more = max(capacity // 2, row + 1 - capacity, 1024)
        shape = (more, N_REPEATS, 2, len(FIELDS))
        empty = np.full(shape, np.nan, dtype=np.float32)
        old = self.runs.get(budget)
        self.runs[budget] = empty if old is None else np.concatenate([old, empty])
        counts = self.n_runs.get(budget, np.zeros(0, dtype=np.int64))
        self.n_runs[budget] = np.concatenate([counts, np.zeros(more, dtype=np.int64)])


def _collect_file(path: Path) -> _Collector:
    collector = _Collector()
    for number, data in enumerate(read_records(path)):
        try:
            collector.add(parse_record(data))
        except ValueError as error:
            raise TFRecordError(f"record {number} of {path} is foreign: {error}.") from None
    if not collector.cells:
        raise TFRecordError(f"{path} must hold at least one record, got an empty file.")
    return collector


def _packed(matrix: np.ndarray, ops: list[str]) -> tuple[int, list[int]]:
    unknown = sorted(set(ops[1:-1]) - set(OPERATIONS))
    if unknown or len(ops) > 7:
        raise ValueError(f"its operations {ops} are not a cell's")
    pairs = [(bit, edge) for bit, edge in enumerate(_EDGES) if edge[1] < len(ops)]
    edges = sum(1 << bit for bit, edge in pairs if matrix[edge])
    interior = [OPERATIONS.index(op) for op in ops[1:-1]]
    return edges, [*interior, *[_UNUSED] * (5 - len(interior))]


def _records_of_object(nasbench: Any) -> Iterator[Record]:
    for module_hash in nasbench.hash_iterator():
        fixed, computed = nasbench.get_metrics_from_hash(module_hash)
        for epochs, runs in computed.items():
            for run in runs:
                evaluations = [
                    tuple(run[f"{moment}_{name}"] for name in FIELDS)
                    for moment in ("halfway", "final")
                ]
                yield Record(
                    module_hash,
                    epochs,
                    np.asarray(fixed["module_adjacency"]),
                    list(fixed["module_operations"]),
                    fixed["trainable_parameters"],
                    evaluations,
                )


def _checked_sha256(path: Path, expected: str | None) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if expected is not None and digest.hexdigest() != expected.lower():
        raise TFRecordError(
            f"{path} must have the SHA-256 {expected}, got {digest.hexdigest()}; fetch it again, "
            f"or pass `expected_sha256` for another file."
        )
    return digest.hexdigest()

"""NAS-Bench-101's measurements, from its official files or from google-research's object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import fields
from itertools import islice
from pathlib import Path
import re
from typing import Any

import numpy as np

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import check_flag
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_methods
from optuna_lanas._checks import check_path
from optuna_lanas._checks import check_text
from optuna_lanas._checks import check_type
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.tables import _nasbench101_compact
from optuna_lanas.tables import _nasbench101_files
from optuna_lanas.tables._nasbench101_arrays import N_REPEATS
from optuna_lanas.tables._nasbench101_arrays import RecordArrays
from optuna_lanas.tables._nasbench101_record import FIELDS
from optuna_lanas.tables._nasbench101_record import Record
from optuna_lanas.tables._nasbench101_runs import runs_of_records
from optuna_lanas.tables._nasbench101_runs import unpack_cell
from optuna_lanas.tables.measurement import Measurement


_CHUNK = 4096  # records of an object that are collected at once


@dataclass(frozen=True, eq=False)
class NASBench101Table:
    """NAS-Bench-101's measurements, an entry for each cell, in ascending order of hash.

    Attributes:
        hashes: `[n]`, module hashes as 32 bytes of hexadecimal digits.
        budgets: Epoch budgets, ascending: (108,) or (4, 12, 36, 108).
        measurements: `[n, n_budgets, 3, 2, 4]`, 32-bit floats. The axes after the budget are the
            repeat, half-way or at the end of training, and training time in seconds with train,
            validation and test accuracy. NaN where a run is missing.
        n_params: `[n]`, trainable parameters.
        edges: `[n]`, bit k for the k-th pair of ``combinations(range(7), 2)``.
        ops: `[n, 5]`, the position of each interior vertex's operation in ``OPERATIONS``; 255 for
            a vertex that the cell does not have.

    Example:
        A search sees the validation accuracy; the test accuracy is for the report::

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
        """Read the official file, ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``.

        The first call reads 500 MB in some ten seconds and writes a compact file beside the
        original, ``{path}.npz``. Later calls read the compact file in a second, as long as the
        original has not changed. The compact file can also be read by itself.

        Args:
            path: The official file, a compact file, or a folder with one of them under its
                official name. The file's content tells which it is.
            expected_sha256: The official file's SHA-256. By default the official files, known by
                name, are checked, and other files are not.
            uses_cache: Whether to read and write the compact file beside the original.

        Raises:
            FileNotFoundError: If there is no such file.
            TFRecordError: If the SHA-256 differs, or if the file is damaged, truncated or not of
                NAS-Bench-101; the message says what it is, and where the official files are.
        """
        path = check_path("path", path)
        check_flag("uses_cache", uses_cache)
        if expected_sha256 is not None:
            _check_sha256(expected_sha256)
        found = _nasbench101_files.find(path)
        return cls._from_arrays(_nasbench101_files.read(found, expected_sha256, uses_cache))

    @classmethod
    def from_nasbench(cls, nasbench: Any) -> NASBench101Table:
        """Return the measurements of google-research's ``nasbench.api.NASBench`` object.

        Raises:
            TypeError: If it is another object.
            ValueError: If a training run is not of NAS-Bench-101.
        """
        methods = ("hash_iterator", "get_metrics_from_hash")
        remedy = "Pass nasbench.api.NASBench(path), or call `read(path)`."
        check_methods("nasbench", nasbench, methods, "a nasbench.api.NASBench object", remedy)
        collected = RecordArrays()
        records = _records_of_object(nasbench)
        while chunk := list(islice(records, _CHUNK)):
            collected.extend(runs_of_records(chunk))
        return cls._from_arrays(collected.finish())

    def save(self, path: str | Path) -> None:
        """Write the table as a compact file, which :meth:`read` reads.

        This is for a table that :meth:`from_nasbench` returned.

        Args:
            path: The file, such as ``nasbench101.npz``. It is written atomically.

        Raises:
            OSError: If it cannot be written.
        """
        path = check_path("path", path)
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        _nasbench101_compact.save(path, arrays, "", _nasbench101_compact.stamp_of(None))

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
        """Return the measurement of a cell.

        Args:
            cell: A cell or its module hash.
            epochs: The epoch budget, by default the largest.
            repeat: 0, 1 or 2 for a single training run; None for the mean of the runs.
            is_halfway: Whether to measure half-way through training instead of at its end.

        Raises:
            KeyError: If the table has no such cell, or no such run of it.
            TypeError: If `cell` is neither a cell nor a hash.
            ValueError: If `epochs` is none of the budgets, or `repeat` is out of range.
        """
        remedy = "Pass what `NASBench101Space.suggest` returns, or a module hash."
        check_type("cell", cell, (NASBench101Cell, str), "a NASBench101Cell or a str", remedy)
        check_flag("is_halfway", is_halfway)
        position = self._find(cell)
        if position is None:
            raise KeyError(f"The table has no cell {cell!r}. Is it pruned and valid?")
        epochs = self.budgets[-1] if epochs is None else epochs
        check_choice("epochs", epochs, self.budgets)
        check_choice("repeat", repeat, (None, *range(N_REPEATS)))
        runs = self.measurements[position, self.budgets.index(epochs), :, 0 if is_halfway else 1]
        runs = runs[~np.isnan(runs[:, 0])].astype(float)
        if len(runs) <= (repeat or 0):
            raise KeyError(f"The table has {len(runs)} runs of this cell at {epochs} epochs.")
        values = runs.mean(axis=0) if repeat is None else runs[repeat]
        named = dict(zip(FIELDS, values.tolist(), strict=True))
        return Measurement(**named, n_params=int(self.n_params[position]))

    def cell(self, row: int) -> NASBench101Cell:
        """Return the cell of a row of the arrays, as the file holds it.

        Raises:
            ValueError: If there is no such row.
        """
        check_int("row", row, 0, "A row is an index of the arrays.", most=len(self) - 1)
        return unpack_cell(int(self.edges[row]), self.ops[row])

    def _find(self, cell: NASBench101Cell | str) -> int | None:
        """Return the position of a cell, None if the table does not have it."""
        key = (cell if isinstance(cell, str) else cell.module_hash).encode()
        position = int(np.searchsorted(self.hashes, key))
        is_found = position < len(self.hashes) and self.hashes[position] == key
        return position if is_found else None


def _records_of_object(nasbench: Any) -> Iterator[Record]:
    for module_hash in nasbench.hash_iterator():
        fixed, computed = nasbench.get_metrics_from_hash(module_hash)
        for epochs, runs in computed.items():
            for run in runs:
                evaluations = [
                    tuple(run[f"{when}_{name}"] for name in FIELDS)
                    for when in ("halfway", "final")
                ]
                matrix = np.asarray(fixed["module_adjacency"])
                ops, n_params = list(fixed["module_operations"]), fixed["trainable_parameters"]
                record = Record(module_hash, epochs, matrix, ops, n_params, evaluations)
                record.check()
                yield record


def _check_sha256(expected: Any) -> None:
    remedy = "Leave it out to check the official files alone."
    check_text("expected_sha256", expected, remedy)
    if not re.fullmatch("[0-9a-fA-F]{64}", expected):
        raise wrong_value("expected_sha256", "64 hexadecimal digits", expected, remedy)

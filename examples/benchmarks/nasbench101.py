"""NAS-Bench-101: 423,624 cells, on CIFAR-10, as several problems.

The environment variable NASBENCH101_TABLE names the table: the official file, its compact file
(`python -m optuna_lanas.tables`), or a folder with one of them. The file's content tells which it
is. A file of mean test accuracies alone is read as well: an `.npz` with the arrays `hash64` (the
first 8 bytes of each cell's module hash, ascending), `n_vertices`, `adj_bits`, `ops` and
`test_acc108_num`, and the scalar `test_acc108_den`; it serves the problem `nasbench101` alone.

The problems:

- `nasbench101`: a trial's value is the mean test accuracy of three runs, as in the LaNAS paper.
- `nasbench101-validation`: the mean validation accuracy.
- `nasbench101-noisy`: the validation accuracy of one run, drawn at random. The regret is that of
  the best trial's mean test accuracy.
- `nasbench101-epochs`: the mean validation accuracy, reported after 4, 12 and 36 epochs as well,
  under a pruner.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
import os
from pathlib import Path
from typing import Any
import zipfile

import numpy as np
import optuna
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import BaseTrial

from examples.benchmarks.known_cells import canonical
from examples.benchmarks.known_cells import KnownCells
from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.tables import NASBench101Table
from optuna_lanas.tables._nasbench101_files import WHERE


VARIABLE = "NASBENCH101_TABLE"
MEANS = ("hash64", "n_vertices", "adj_bits", "ops", "test_acc108_num", "test_acc108_den")
N_IMAGES = 9_984  # of the validation and of the test set: accuracies are multiples of 1/9,984
N_REPEATS = 3
EPOCHS = (4, 12, 36, 108)
TIME, VALIDATION, TEST = 0, 2, 3  # places in the table's measurements
TRAINING_TIME = "training_time"  # the attribute of a trial with its simulated seconds


@dataclass(frozen=True, eq=False)
class Cells101:
    """A table's `n` cells, in ascending order of hash.

    Attributes:
        hash64: `[n]`, the first 8 bytes of each module hash.
        n_vertices: `[n]`, input and output included.
        bits: `[n]`, the edges, as in `NASBench101Table.edges`.
        operations: `[n, 5]`, as in `NASBench101Table.ops`.
        accuracies: `[n]`, mean test accuracies at the most epochs.
        measured: The table, None for a file of mean test accuracies.
    """

    hash64: np.ndarray
    n_vertices: np.ndarray
    bits: np.ndarray
    operations: np.ndarray
    accuracies: np.ndarray
    measured: NASBench101Table | None = None

    def __len__(self) -> int:
        return len(self.hash64)

    @property
    def is_whole(self) -> bool:
        """Whether these are all cells of the space."""
        return len(self) == NASBench101Space.n_architectures

    def row(self, key: Hashable) -> int:
        """Return the row of a module hash that the table has."""
        return int(np.searchsorted(self.hash64, np.uint64(int(str(key)[:16], 16))))


def names() -> list[str]:
    """Return the names of the problems that need the official file."""
    return [f"nasbench101-{kind}" for kind in ("validation", "noisy", "epochs")]


def load(name: str, seed: int) -> Problem:
    """Return the problem of that name.

    Args:
        name: `nasbench101`, or one of `names()`.
        seed: Draws the training run of each trial of `nasbench101-noisy`.

    Raises:
        ValueError: If the environment names no table, or one without what the problem needs.
    """
    cells = table()
    if name == "nasbench101":
        return _problem(name, cells, cells.accuracies)
    if cells.measured is None:
        raise ValueError(
            f"`{VARIABLE}` must be the path of NAS-Bench-101's official file or of its compact "
            f"file for the problem {name}, got {os.environ[VARIABLE]!r}, which holds mean test "
            f"accuracies alone. Set the variable, or leave this problem out. {WHERE}"
        )
    validation = _means(cells.measured, VALIDATION)
    if name == "nasbench101-noisy":
        return _noisy(name, cells, validation, seed)
    problem = _problem(name, cells, validation)
    if name == "nasbench101-epochs":
        return _with_epochs(problem, cells, cells.measured)
    seconds = _means(cells.measured, TIME)
    return replace(problem, objective=_timed(problem.objective, cells, seconds))


def table() -> Cells101:
    """Return the table that the environment names.

    Raises:
        ValueError: If the environment names no table, or a damaged or foreign file.
    """
    return _read(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=1)
def _read(path: str) -> Cells101:
    try:
        if not path:
            raise ValueError("the variable is not set")
        if _holds_means(Path(path)):
            return _read_means(path)
        return _of_table(NASBench101Table.read(path))
    except (ValueError, OSError) as error:
        problem = str(error).removesuffix(WHERE).rstrip(" .")
        raise ValueError(
            f"`{VARIABLE}` must be the path of NAS-Bench-101's official file, of its compact "
            f"file or of a folder with either, got {path!r} ({problem}). Set the variable, or "
            f"leave these problems out. {WHERE}"
        ) from None


def _holds_means(path: Path) -> bool:
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return {f"{name}.npy" for name in MEANS} <= set(archive.namelist())


def _read_means(path: str) -> Cells101:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in MEANS}
        accuracies = arrays["test_acc108_num"] / float(arrays["test_acc108_den"])
    except Exception as error:  # whatever a damaged archive raises
        raise ValueError(f"{type(error).__name__}: {path} is damaged") from None
    hash64, n_vertices, bits, operations = (arrays[name] for name in MEANS[:4])
    return Cells101(hash64, n_vertices, bits, operations, accuracies)


def _of_table(found: NASBench101Table) -> Cells101:
    digits = found.hashes.view(np.uint8).reshape(len(found), -1)[:, :16]
    halves = np.where(digits < ord("a"), digits - ord("0"), digits - ord("a") + 10)
    powers = np.uint64(4) * np.arange(16, dtype=np.uint64)[::-1]
    return Cells101(
        hash64=(halves.astype(np.uint64) << powers).sum(axis=1),
        n_vertices=2 + (found.ops < len(EPOCHS) - 1).sum(axis=1),
        bits=found.edges,
        operations=found.ops,
        accuracies=_means(found, TEST),
        measured=found,
    )


def _means(found: NASBench101Table, field: int) -> np.ndarray:
    """Return the mean over the runs, at the end of the most epochs, `[n]`.

    The file's numbers are read as 32-bit floats. The mean of three accuracies is rounded to the
    multiple of 1 / (3 x 9,984) that it is, so that equal accuracies are equal.
    """
    means: np.ndarray = np.nanmean(found.measurements[:, -1, :, 1, field].astype(float), axis=1)
    rounded = np.rint(means * N_REPEATS * N_IMAGES) / (N_REPEATS * N_IMAGES)
    is_accuracy = np.abs(rounded - means) < 2e-7
    return np.where(is_accuracy, rounded, means) if field != TIME else means


def _problem(name: str, cells: Cells101, values: np.ndarray) -> Problem:
    """Return the problem whose value is that of a cell, `[n]` values."""
    space = NASBench101Space() if cells.is_whole else KnownCells(*_words(cells))

    def value(key: Hashable) -> float:
        return float(values[cells.row(key)])

    def key(params: Params) -> Hashable | None:
        return key_of_values(tuple(params[name] for name in space.distributions))

    @lru_cache(maxsize=64)
    def key_of_values(of_params: tuple[Any, ...]) -> str | None:
        return space.key(dict(zip(space.distributions, of_params, strict=True)))

    return Problem(
        name=name,
        family="nasbench101" if name == "nasbench101" else "nasbench101-official",
        direction="maximize",
        objective=lambda trial: value(space.suggest(trial).module_hash),
        optimum=float(values.max()),
        median=float(np.median(values)),
        key=key,
        look_up=value,
        space=space,
    )


def _words(cells: Cells101) -> tuple[np.ndarray, np.ndarray]:
    return canonical(cells.n_vertices, cells.bits, cells.operations)


def _noisy(name: str, cells: Cells101, validation: np.ndarray, seed: int) -> Problem:
    """Return the problem of single runs; the report is the mean test accuracy."""
    assert cells.measured is not None
    runs = cells.measured.measurements[:, -1, :, 1, :]
    problem = _problem(name, cells, cells.accuracies)
    rng = np.random.default_rng(seed)

    def run(key: Hashable) -> float:
        of_cell = runs[cells.row(key)]
        drawn = rng.choice(np.flatnonzero(~np.isnan(of_cell[:, VALIDATION])))
        return float(of_cell[drawn, VALIDATION])

    def objective(trial: BaseTrial) -> float:
        return run(problem.space.suggest(trial).module_hash)

    def report(params: Params) -> float:
        return float(cells.accuracies[cells.row(problem.key(params))])

    seconds = _means(cells.measured, TIME)
    timed = _timed(objective, cells, seconds)
    return replace(problem, objective=timed, look_up=run, report=report)


def _with_epochs(problem: Problem, cells: Cells101, found: NASBench101Table) -> Problem:
    """Return a problem whose trials report after each number of epochs and may be pruned.

    NAS-Bench-101 trained each number of epochs from the start, with a learning rate that falls to
    zero. A trial that continues therefore pays for the longer run as well.
    """
    if found.budgets != EPOCHS:
        raise ValueError(
            f"`{VARIABLE}` must be the path of nasbench_full.tfrecord or of its compact file for "
            f"the problem {problem.name}, got one with the epochs {found.budgets}. Set the "
            f"variable, or leave this problem out. {WHERE}"
        )

    def objective(trial: BaseTrial) -> float:
        row = cells.row(problem.space.suggest(trial).module_hash)
        runs = found.measurements[row, :, :, 1, :].astype(float)
        seconds, accuracies = np.nanmean(runs[:, :, [TIME, VALIDATION]], axis=1).T
        for step, epochs in enumerate(EPOCHS[:-1]):
            trial.report(float(accuracies[step]), epochs)
            trial.set_user_attr(TRAINING_TIME, float(seconds[: step + 1].sum()))
            if trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr(TRAINING_TIME, float(seconds.sum()))
        key = problem.key(trial.params)
        assert problem.look_up is not None
        return problem.look_up(key)

    pruner = lambda: SuccessiveHalvingPruner(EPOCHS[0], reduction_factor=3)  # noqa: E731
    return replace(problem, objective=objective, pruner=pruner)


def _timed(
    objective: Callable[[BaseTrial], float], cells: Cells101, seconds: np.ndarray
) -> Callable[[BaseTrial], float]:
    """Return an objective whose trials say how long their training took."""

    def timed(trial: BaseTrial) -> float:
        value = objective(trial)
        cell = NASBench101Space().cell(trial.params)
        assert cell is not None
        trial.set_user_attr(TRAINING_TIME, float(seconds[cells.row(cell.module_hash)]))
        return value

    return timed

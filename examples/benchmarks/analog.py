"""AnalogNAS-Bench: the 15,625 cells of NAS-Bench-201 on simulated analog in-memory hardware.

The data come from `pip install analog-nasbench`, whose own reader needs an old setuptools. Its
file is a pickle of two record classes, and no other class is loaded here. The package does not say
which operation a number stands for, so the problems have no architecture space.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
import pickle
from statistics import median
from typing import Any

from optuna.trial import BaseTrial

from examples.benchmarks.problem import Problem


N_EDGES, N_OPERATIONS = 6, 5
METRICS = {
    "digital": "baseline_accuracy",
    "quantised": "qat_accuracy",
    "noisy": "noisy_accuracy",
    "analog": "analog_accuracy",
    "month": "analog_drift_2592000",
}


class Record:
    """The attributes of a cell, or of an accuracy with its spread, in the file."""


class Reader(pickle.Unpickler):
    """Reads the package's two record classes as `Record`, and no other class."""

    def find_class(self, module: str, name: str) -> type[Record]:
        if (module, name) in {
            ("analognasbench.data", n) for n in ("Architecture", "DriftMeasurement")
        }:
            return Record
        raise pickle.UnpicklingError(
            f"`data.anb` must hold architectures and drift measurements only, got {module}.{name}."
        )


def names() -> list[str]:
    """Return the names of the problems, such as `analognas-noisy`."""
    return [f"analognas-{metric}" for metric in METRICS]


@lru_cache(maxsize=8)
def load(name: str) -> Problem:
    """Return the problem of that name, a test accuracy on CIFAR-10 in percent.

    Raises:
        ValueError: If the package is not installed.
    """
    metric = METRICS[name.removeprefix("analognas-")]
    table = {cell: accuracy(vars(record)[metric]) for cell, record in read(path()).items()}

    def objective(trial: BaseTrial) -> float:
        operations = range(N_OPERATIONS)
        cell = [trial.suggest_categorical(f"edge{i}", operations) for i in range(N_EDGES)]
        return table[tuple(cell)]

    return Problem(
        name=name,
        family="analognas",
        direction="maximize",
        objective=objective,
        optimum=max(table.values()),
        median=median(table.values()),
    )


def path() -> Path:
    """Return the file of the installed package.

    Raises:
        ValueError: If it is not installed.
    """
    package = find_spec("analognasbench")
    if package is None or package.origin is None:
        raise ValueError(
            "`name` must be a problem whose package is installed, got one of AnalogNAS-Bench; "
            "run `pip install analog-nasbench`."
        )
    return Path(package.origin).with_name("data.anb")


@lru_cache(maxsize=1)
def read(file: Path) -> dict[tuple[int, ...], Record]:
    """Return the record of each cell."""
    with file.open("rb") as opened:
        cells: dict[tuple[int, ...], Record] = Reader(opened).load()
    return cells


def accuracy(value: Any) -> float:
    """Return an accuracy, without its spread if it has one."""
    return float(vars(value)["value"] if isinstance(value, Record) else value)

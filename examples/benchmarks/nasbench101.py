"""NAS-Bench-101 with its 423,624 cells, scored by the mean test accuracy of three runs.

The environment variable NASBENCH101_TABLE names a compact copy of the table, an `.npz` with the
arrays `hash64` (the first 8 bytes of each cell's module hash, ascending), `n_vertices`,
`adj_bits` and `ops` (the cells) and `test_acc108_num`, and the scalar `test_acc108_den`.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
import os
from typing import Any
import zipfile

import numpy as np

from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from optuna_lanas.spaces import NASBench101Space


VARIABLE = "NASBENCH101_TABLE"
ARRAYS = ("hash64", "n_vertices", "adj_bits", "ops", "test_acc108_num", "test_acc108_den")


def table() -> dict[str, np.ndarray]:
    """Return the table's arrays, and the mean test accuracies as `accuracies`.

    Raises:
        ValueError: If the environment names no table, or a damaged or foreign file.
    """
    path = os.environ.get(VARIABLE, "")
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS}
        accuracies = arrays["test_acc108_num"] / float(arrays["test_acc108_den"])
    except Exception as error:  # whatever a damaged or foreign file raises
        raise ValueError(
            f"`{VARIABLE}` must be the path of nb101_compact.npz, got {path!r} "
            f"({type(error).__name__}). Set the variable, or leave these problems out."
        ) from None
    return {**arrays, "accuracies": accuracies}


@lru_cache(maxsize=1)
def load() -> Problem:
    """Return the problem.

    Raises:
        ValueError: If the environment names no table.
    """
    arrays = table()
    hashes, accuracies = arrays["hash64"], arrays["accuracies"]
    space = NASBench101Space()

    def accuracy(key: Hashable) -> float:
        return float(accuracies[np.searchsorted(hashes, np.uint64(int(str(key)[:16], 16)))])

    def key(params: Params) -> Hashable | None:
        return key_of_values(tuple(params[name] for name in space.distributions))

    @lru_cache(maxsize=64)
    def key_of_values(values: tuple[Any, ...]) -> str | None:
        return space.key(dict(zip(space.distributions, values, strict=True)))

    return Problem(
        name="nasbench101",
        family="nasbench101",
        direction="maximize",
        objective=lambda trial: accuracy(space.suggest(trial).module_hash),
        optimum=float(accuracies.max()),
        median=float(np.median(accuracies)),
        key=key,
        look_up=accuracy,
        space=space,
    )

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

import numpy as np

from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from optuna_lanas.spaces import NASBench101Space


VARIABLE = "NASBENCH101_TABLE"


def table() -> dict[str, np.ndarray]:
    """Return the table's arrays, and the mean test accuracies as `accuracies`.

    Raises:
        ValueError: If the environment names no table.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        raise ValueError(f"`{VARIABLE}` must be the path of nb101_compact.npz, got {path!r}.")
    with np.load(path) as file:
        arrays = dict(file)
    accuracies = arrays["test_acc108_num"] / float(arrays["test_acc108_den"])
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

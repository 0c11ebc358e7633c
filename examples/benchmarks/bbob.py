"""BBOB's 24 noiseless functions (Hansen et al., 2009) on floats in [-5, 5], by `coco-experiment`.

Notation
    f     the function; f* its minimum, known from the package
    d     number of parameters, 5 or 10

The score is log(1 + f - f*), as in `functions`. The seed chooses the instance, a shift and
rotations of the function.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.trial import BaseTrial

from examples.benchmarks.problem import Problem
from optuna_lanas._checks import needs


BOUND = 5.0
N_FUNCTIONS = 24
N_MEDIAN = 10_000


def names(family: str) -> list[str]:
    """Return the names of a family, `bbob5d` or `bbob10d`."""
    return [f"{family}-f{number:02}" for number in range(1, N_FUNCTIONS + 1)]


def load(name: str, seed: int) -> Problem:
    """Return the problem of that name (`bbob5d-f01`, ...); seed 0 is BBOB's instance 1.

    Raises:
        ImportError: If `coco-experiment` is not installed.
    """
    family, number = name.split("-f")
    dim = int(family.removeprefix("bbob").removesuffix("d"))
    with needs("coco-experiment", "benchmarks", "BBOB's functions"):
        from cocoex import BareProblem
    function = BareProblem("bbob", int(number), dim, seed + 1)
    optimum = function.best_value()

    def score(x: Any) -> float:
        return math.log1p(max(function(np.asarray(x)) - optimum, 0.0))

    def objective(trial: BaseTrial) -> float:
        return score([trial.suggest_float(f"x{i}", -BOUND, BOUND) for i in range(dim)])

    points = np.random.default_rng([seed, dim]).uniform(-BOUND, BOUND, (N_MEDIAN, dim))
    return Problem(
        name=name,
        family=family,
        direction="minimize",
        objective=objective,
        optimum=0.0,
        median=float(np.median([score(x) for x in points])),
    )

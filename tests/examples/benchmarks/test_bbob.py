"""BBOB's functions: the package's optimum, an instance per seed, and what a missing one says."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from examples.benchmarks import bbob
from examples.benchmarks import catalogue


@pytest.mark.parametrize("name", ["bbob5d-f01", "bbob10d-f24"])
def test_the_score_is_zero_at_the_packages_optimum_and_positive_beside_it(name: str) -> None:
    cocoex = pytest.importorskip("cocoex")
    problem = catalogue.load(name, seed=2)
    dim, number = len(problem.distributions()), int(name[-2:])
    best = cocoex.BareProblem("bbob", number, dim, 3).best_parameter()
    params = {f"x{i}": float(x) for i, x in enumerate(best)}
    assert problem.evaluate(params) == pytest.approx(0, abs=1e-6)
    assert problem.evaluate({**params, "x0": params["x0"] + 0.1}) > 1e-3
    assert problem.normalised_regret(problem.median) == 1


def test_the_instance_depends_on_the_seed_alone() -> None:
    pytest.importorskip("cocoex")
    params = {f"x{i}": 0.3 for i in range(5)}
    values = [catalogue.load("bbob5d-f15", seed).evaluate(params) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_random_points_lie_on_both_sides_of_the_median() -> None:
    pytest.importorskip("cocoex")
    problem, rng = catalogue.load("bbob5d-f07", seed=0), np.random.default_rng(0)
    points = rng.uniform(-bbob.BOUND, bbob.BOUND, (200, 5))
    values = [problem.evaluate({f"x{i}": float(x[i]) for i in range(5)}) for x in points]
    assert 0.35 < np.mean(np.array(values) < problem.median) < 0.65


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cocoex", None)
    with pytest.raises(ImportError, match=r"need coco-experiment.*optuna_lanas\[benchmarks\]"):
        catalogue.load("bbob5d-f01", seed=0)

"""The benchmark of several objectives."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from examples.benchmarks.several_objectives import hypervolume
from examples.benchmarks.several_objectives import shares


def test_hypervolume_of_two_points_and_a_dominated_point() -> None:
    values = np.array([[1.0, 4.0], [3.0, 2.0], [4.0, 5.0], [9.0, 0.0]])
    # Scaled by 5: .8 x .2 from the first point, .4 x .4 more from the second.
    area = hypervolume(values, np.zeros(2), np.full(2, 5.0))
    assert area == pytest.approx(0.8 * 0.2 + 0.4 * 0.4)
    assert hypervolume(values[3:], np.zeros(2), np.full(2, 5.0)) == 0.0


def test_share_of_a_random_search_grows() -> None:
    pytest.importorskip("nas_bench_graph")
    half, end = shares("nasbenchgraph-cora", optuna.samplers.RandomSampler(seed=0), [10, 20])
    assert 0.0 <= half <= end <= 1.0
    assert end > 0.0

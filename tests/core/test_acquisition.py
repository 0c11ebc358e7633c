"""Sample paths and nuggets, against the closed form of the posterior."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel
from sklearn.gaussian_process.kernels import Matern

from optuna_lanas._core.acquisition import Acquisition
from optuna_lanas._core.acquisition import draw_acquisition
from optuna_lanas._core.acquisition import noise_of
from optuna_lanas._core.acquisition import Nugget
from optuna_lanas._core.acquisition import standardise
from optuna_lanas._core.gp import Kernel
from optuna_lanas._core.settings import DEFAULT
from tests.builders import LEAST_P


N_DRAWS = 1000
BUDGET = replace(DEFAULT.small_budget, n_features=256)
KEYS: list[Hashable] = [
    b"bytes",
    "text",
    "caf\u00e9 \ud800",
    None,
    -7,
    2.5,
    ("conv3x3", 3, (None, True)),
    frozenset({"a", "b", ("c", 1)}),
    frozenset({frozenset({"x", "y"}), frozenset({1, 2})}),
]


class Problem:
    """Observations of two kernel inputs and three features, and points to predict at."""

    def __init__(self, linear: float, nugget: float) -> None:
        rng = np.random.default_rng(0)
        self.inputs, self.points = rng.random((12, 2)), rng.random((8, 2))
        self.features, self.codes = rng.random((12, 3)), rng.random((8, 3))
        self.kernel = Kernel(
            group=np.array([0, 1]),
            origin=np.array([0.1, -3.0]),
            widths=np.array([1.0, 2.0]),
            log_lengthscales=np.log([0.5, 0.3]),
            centre=self.features.mean(axis=0),
            spread=2.0,
            linear=linear,
            nugget=nugget,
        )

    def draw(self, y: np.ndarray, seed: int) -> Acquisition:
        rng = np.random.default_rng(seed)
        return draw_acquisition(self.inputs, self.features, y, self.kernel, BUDGET, DEFAULT, rng)

    def draws(self, y: np.ndarray) -> np.ndarray:
        """`[N_DRAWS, 8]` scores of the points."""
        keys = [point.tobytes() for point in self.points]
        rng = np.random.default_rng(1)
        functions = (
            draw_acquisition(self.inputs, self.features, y, self.kernel, BUDGET, DEFAULT, rng)
            for _ in range(N_DRAWS)
        )
        return np.array([function(self.points, self.codes, keys) for function in functions])

    def covariance(self, left: np.ndarray, right: np.ndarray, a: np.ndarray, b: np.ndarray) -> Any:
        """The kernel's, without nugget and output scale."""
        centred = (a - self.kernel.centre) @ (b - self.kernel.centre).T
        matern = Matern([0.5, 0.6], nu=2.5)  # the second length scale times a width of 2
        return matern(left, right) + self.kernel.linear * centred / self.kernel.spread**2

    def gram(self) -> np.ndarray:
        """Of the observations."""
        gram = self.covariance(self.inputs, self.inputs, self.features, self.features)
        gram[np.diag_indices(12)] += self.kernel.nugget + DEFAULT.jitter
        return np.asarray(gram)


def check_mean_and_deviation(draws: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> None:
    error = deviation / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - mean) < 5.0 * error).all()
    np.testing.assert_allclose(draws.std(axis=0), deviation, rtol=0.15)


def outputscale(y: np.ndarray, gram: np.ndarray) -> float:
    n_prior = DEFAULT.outputscale_observations
    return float((n_prior + y @ np.linalg.solve(gram, y)) / (n_prior + len(y)))


@pytest.mark.parametrize("nugget", [1e-3, 0.1])
def test_draws_are_of_scikit_learns_posterior(nugget: float) -> None:
    problem = Problem(linear=0.0, nugget=nugget)
    y = standardise(np.sin(6.0 * problem.inputs).sum(axis=1))
    variance = outputscale(y, problem.gram())
    model = GaussianProcessRegressor(
        ConstantKernel(variance) * Matern([0.5, 0.6], nu=2.5),
        alpha=variance * (nugget + DEFAULT.jitter),
        optimizer=None,
    ).fit(problem.inputs, y)
    mean, deviation = model.predict(problem.points, return_std=True)
    check_mean_and_deviation(problem.draws(y), mean, np.sqrt(deviation**2 + nugget * variance))


def test_draws_are_of_the_posterior_with_a_linear_part() -> None:
    problem = Problem(linear=3.0, nugget=0.01)
    y = standardise(problem.features @ [1.0, -2.0, 0.5] + problem.inputs[:, 0] ** 2)
    gram = problem.gram()
    cross = problem.covariance(problem.points, problem.inputs, problem.codes, problem.features)
    prior = problem.covariance(problem.points, problem.points, problem.codes, problem.codes)
    rest = np.diag(prior - cross @ np.linalg.solve(gram, cross.T))
    check_mean_and_deviation(
        problem.draws(y),
        cross @ np.linalg.solve(gram, y),
        np.sqrt(outputscale(y, gram) * (rest + 0.01)),
    )


def test_sample_paths_at_the_observations_are_of_the_closed_form() -> None:
    """K (K + nugget)^-1 y, and the diagonal of s (K - K (K + nugget)^-1 K)."""
    problem = Problem(linear=0.5, nugget=0.1)
    y = standardise(np.sin(6.0 * problem.inputs).sum(axis=1))
    gram = problem.gram()
    free = gram - (0.1 + DEFAULT.jitter) * np.eye(12)
    mean = free @ np.linalg.solve(gram, y)
    rest = np.diag(free - free @ np.linalg.solve(gram, free))
    paths = [problem.draw(y, seed).path for seed in range(N_DRAWS)]
    draws = np.array([path(problem.inputs, problem.features) for path in paths])
    check_mean_and_deviation(draws, mean, np.sqrt(outputscale(y, gram) * rest))


def test_a_value_with_a_great_error_is_as_good_as_not_observed() -> None:
    problem = Problem(linear=0.0, nugget=0.01)
    y = standardise(np.sin(6.0 * problem.inputs).sum(axis=1))
    noise, gram = np.where(np.arange(12) < 9, 0.0, 1e6), problem.gram()[:9, :9]
    cross = Matern([0.5, 0.6], nu=2.5)(problem.points, problem.inputs[:9])
    rest = 1.0 - (cross * np.linalg.solve(gram, cross.T).T).sum(axis=1)
    rng = np.random.default_rng(1)
    keys = [point.tobytes() for point in problem.points]
    functions = (
        draw_acquisition(
            problem.inputs, problem.features, y, problem.kernel, BUDGET, DEFAULT, rng, noise=noise
        )
        for _ in range(N_DRAWS)
    )
    draws = np.array([function(problem.points, problem.codes, keys) for function in functions])
    n_prior = DEFAULT.outputscale_observations
    scale = (n_prior + y[:9] @ np.linalg.solve(gram, y[:9])) / (n_prior + 12)
    mean = cross @ np.linalg.solve(gram, y[:9])
    check_mean_and_deviation(draws, mean, np.sqrt(scale * (rest + 0.01)))


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("values", [[0.0, 1.0, 2.0, 5.0], [-99.0, 1.0, 2.0], [-3.0, 2.0, 2.0]])
def test_noise_is_in_the_unit_of_standardised_values(values: list[float], unit: float) -> None:
    """An error as great as the distance of two values is as great as that of their y."""
    given = unit * np.array(values)
    y = standardise(np.array(values))
    noise = noise_of(given, y, np.full(len(values), given[-1] - given[-2]))
    best = noise_of(given, y, np.full(len(values), 0.25 * unit))
    np.testing.assert_allclose(noise, (y[-1] - y[-2]) ** 2, atol=1e-12)
    assert (best > 0.0).all()
    assert (noise_of(given * 0.0, y, np.ones(len(y))) == 0.0).all()


def test_pending_points_leave_the_mean_and_take_from_the_variance() -> None:
    problem = Problem(linear=0.0, nugget=0.01)
    y = standardise(np.sin(6.0 * problem.inputs[:9]).sum(axis=1))
    gram = problem.gram()
    cross = Matern([0.5, 0.6], nu=2.5)(problem.points, problem.inputs)
    rest = 1.0 - (cross * np.linalg.solve(gram, cross.T).T).sum(axis=1)
    check_mean_and_deviation(
        problem.draws(y),
        cross[:, :9] @ np.linalg.solve(gram[:9, :9], y),
        np.sqrt(outputscale(y, gram[:9, :9]) * (rest + 0.01)),
    )


def test_a_drawn_function_is_deterministic() -> None:
    problem = Problem(linear=1.0, nugget=0.1)
    function = problem.draw(standardise(problem.inputs[:, 0]), seed=0)
    keys = KEYS[:8]
    first = function(problem.points, problem.codes, keys)
    np.testing.assert_array_equal(function(problem.points, problem.codes, keys), first)
    path = function.path(problem.points, problem.codes)
    np.testing.assert_array_equal(path + function.nugget(keys), first)
    backwards = function(problem.points[::-1], problem.codes[::-1], keys[::-1])[::-1]
    np.testing.assert_allclose(backwards, first, atol=1e-5)
    other = problem.draw(standardise(problem.inputs[:, 0]), seed=1)
    assert (other(problem.points, problem.codes, keys) != first).all()


def test_nuggets_are_normal() -> None:
    nugget = Nugget(deviation=0.3, seed=12345)
    by_bytes = nugget([np.array([i]).tobytes() for i in range(5000)])
    by_tuples = nugget([(i, "a") for i in range(5000)])
    by_seed = np.array([Nugget(0.3, seed)(["key"])[0] for seed in range(2000)])
    for draws in (by_bytes, by_tuples, by_seed):
        assert stats.kstest(draws, stats.norm(0.0, 0.3).cdf).pvalue > LEAST_P
    assert abs(stats.pearsonr(by_bytes[1:], by_bytes[:-1]).statistic) < 0.06
    assert abs(stats.pearsonr(by_bytes, by_tuples).statistic) < 0.06


def test_nuggets_of_different_keys_and_seeds_differ() -> None:
    assert len(set(Nugget(1.0, 0)(KEYS))) == len(KEYS)
    assert not np.isin(Nugget(1.0, 1)(KEYS), Nugget(1.0, 0)(KEYS)).any()
    assert Nugget(0.0, 0)(KEYS).tolist() == [0.0] * len(KEYS)
    assert Nugget(1.0, 0)([]).shape == (0,)


@pytest.mark.parametrize(
    "keys",
    [
        [1, 1.0, True, np.int64(1), np.float64(1.0)],
        [0, -0.0, False],
        [2.5, np.float64(2.5), np.float32(2.5)],
        ["a", np.str_("a")],
        [("a", 1), (np.str_("a"), True)],
        [frozenset({1, 2}), frozenset({2.0, 1.0})],
        [2**70, float(2**70)],
        [float("inf"), np.float64("inf")],
    ],
    ids=str,
)
def test_equal_keys_have_equal_nuggets(keys: list[Hashable]) -> None:
    assert len(set(keys)) == 1
    assert len(set(Nugget(1.0, 3)(keys))) == 1


def test_nuggets_are_the_same_in_every_process() -> None:
    script = (
        "import pickle, sys\n"
        "from optuna_lanas._core.acquisition import Nugget\n"
        "print(Nugget(1.0, 7)(pickle.load(sys.stdin.buffer)).tolist())"
    )
    expected = Nugget(1.0, 7)(KEYS).tolist()
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            input=pickle.dumps(KEYS),
            capture_output=True,
            check=True,
        )
        assert ran.stdout.decode().strip() == str(expected)


def test_standardised_values_keep_their_order_above_the_floor() -> None:
    standard = standardise(np.array([-1e100, -50.0, 1.0, 2.0, 3.0, 4.0]))
    assert standard.mean() == pytest.approx(0.0)
    assert standard.std() == pytest.approx(1.0)
    assert standard[0] == standard[1] < standard[2] < standard[3] < standard[4] < standard[5]


def test_values_of_which_half_are_the_best_still_tell_the_others_apart() -> None:
    standardised = standardise(np.array([1.0, 1.0, 1.0, 0.0, -4.0]))
    assert standardised.std() == pytest.approx(1.0)
    assert standardised[0] == standardised[2] > standardised[3] > standardised[4]


def test_equal_values_are_all_zero() -> None:
    assert standardise(np.full(4, 7.0)).tolist() == [0.0] * 4

"""The expected improvement, against scikit-learn's posterior and the closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_ndtr
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import Acquisition
from optuna_lanas._core.acquisition import log_h
from optuna_lanas._core.acquisition import make_acquisition
from optuna_lanas._core.gp import Model
from optuna_lanas._core.settings import DEFAULT


NO_PRIOR = replace(DEFAULT, outputscale_observations=0.0)


class Problem:
    """Observations of two kernel and three additive inputs, and points to predict at."""

    def __init__(self, linear: float, nugget: float, power: float = 1.0) -> None:
        rng = np.random.default_rng(0)
        self.inputs, self.points = rng.random((12, 2)), rng.random((8, 2))
        self.additive, self.codes = rng.random((12, 3)), rng.random((8, 3))
        self.values = np.sin(6 * self.inputs[:, 0]) + self.additive[:, 1]
        self.model = Model(
            group=np.array([0, 1]),
            origin=np.array([0.1, -3.0]),
            widths=np.array([1.0, 2.0]),
            log_lengthscales=np.log([0.5, 0.3]),
            centre=self.additive.mean(axis=0),
            spread=np.array([2.0, 2.0, 0.5]),
            is_fine=np.array([False, False, True]),
            linear=np.array([linear, 0.5 * linear]),
            nugget=nugget,
            power=power,
            value_scale=gp.ValueScale.of(self.values),
        )

    def acquisition(self, n_pending: int = 0) -> Acquisition:
        """The acquisition if the last points are pending."""
        values = self.values[: len(self.values) - n_pending]
        return make_acquisition(self.inputs, self.additive, values, self.model, NO_PRIOR)

    def covariance(self, left: np.ndarray, right: np.ndarray, a: np.ndarray, b: np.ndarray) -> Any:
        """The kernel's, without nugget and output scale."""
        (coarse, fine), centre = self.model.linear, self.model.centre
        scale = np.sqrt([coarse, coarse, fine]) / [2.0, 2.0, 0.5]
        additive = ((a - centre) * scale) @ ((b - centre) * scale).T
        matern = Matern([0.5, 0.6], nu=1.5)  # the second length scale times a width of 2
        return matern(left, right) + additive

    def posterior(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Means `[8]`, deviations `[8]` and the incumbent: by the textbook.

        The mean of the process is that of generalised least squares.
        """
        n = len(self.values)
        gram = self.covariance(self.inputs, self.inputs, self.additive, self.additive)
        noisy = gram + (self.model.nugget + DEFAULT.jitter) * np.eye(n)
        inverse = np.linalg.inv(noisy)
        y, ones = gp.warp(self.model.value_scale(self.values), self.model.power)[0], np.ones(n)
        mean = ones @ inverse @ y / (ones @ inverse @ ones)
        scale = (y - mean) @ inverse @ (y - mean) / n
        k = self.covariance(self.points, self.inputs, self.codes, self.additive)
        own = self.covariance(self.points, self.points, self.codes, self.codes)
        mu = mean + k @ inverse @ (y - mean)
        sd = np.sqrt(scale * np.diag(own - k @ inverse @ k.T))
        return mu, sd, float((mean + gram @ inverse @ (y - mean)).max())

    def expected_improvement(self) -> np.ndarray:
        """`[8]`: by the textbook."""
        mu, sd, best = self.posterior()
        z = (mu - best) / sd
        return np.asarray(sd * (stats.norm.pdf(z) + z * stats.norm.cdf(z)))


@pytest.mark.parametrize("linear", [0.0, 0.7])
@pytest.mark.parametrize("nugget", [1e-3, 0.3])
@pytest.mark.parametrize("power", [1.0, 3.0])
def test_scores_are_logarithms_of_the_expected_improvement(
    linear: float, nugget: float, power: float
) -> None:
    problem = Problem(linear, nugget, power)
    scores = problem.acquisition()(problem.points, problem.codes)
    np.testing.assert_allclose(np.exp(scores), problem.expected_improvement(), rtol=1e-6)


@pytest.mark.parametrize("nugget", [1e-3, 0.3])
@pytest.mark.parametrize("power", [1.0, 3.0])
def test_values_above_a_points_expectation_are_counted(nugget: float, power: float) -> None:
    problem = Problem(0.7, nugget, power)
    acquisition, mu = problem.acquisition(), problem.posterior()[0]
    values = np.linspace(problem.values.min() - 1, problem.values.max() + 1, 50)
    y = gp.warp(problem.model.value_scale(values), power)[0]
    found = [
        acquisition.count_better(problem.points[i : i + 1], problem.codes[i : i + 1], values)
        for i in range(8)
    ]
    assert found == (y > mu[:, None]).sum(axis=1).tolist()
    assert len(set(found)) > 1


def test_the_posterior_is_scikit_learns() -> None:
    problem = Problem(linear=0.0, nugget=0.1)
    kernel = Matern([0.5, 0.6], nu=1.5)
    model = GaussianProcessRegressor(kernel, alpha=0.1 + DEFAULT.jitter, optimizer=None)
    acquisition = problem.acquisition()
    gram = kernel(problem.inputs) + (0.1 + DEFAULT.jitter) * np.eye(12)
    y = problem.model.value_scale(problem.values)
    mean = np.linalg.solve(gram, y).sum() / np.linalg.solve(gram, np.ones(12)).sum()
    model.fit(problem.inputs, y - mean)
    mu, deviation = model.predict(problem.points, return_std=True)
    incumbent = model.predict(problem.inputs).max()
    deviation *= np.sqrt(acquisition.outputscale)
    expected = log_h((mu - incumbent) / deviation) + np.log(deviation)
    np.testing.assert_allclose(acquisition(problem.points, problem.codes), expected, rtol=1e-6)


def test_pending_points_leave_the_mean_and_take_from_the_variance() -> None:
    problem = Problem(linear=0.5, nugget=1e-3)
    known = make_acquisition(
        problem.inputs[:9], problem.additive[:9], problem.values[:9], problem.model, NO_PRIOR
    )
    both = problem.acquisition(n_pending=3)
    assert both.incumbent == pytest.approx(known.incumbent)
    at = problem.inputs[9:], problem.additive[9:]
    (z, deviation), (z_before, deviation_before) = both._posterior(*at), known._posterior(*at)
    np.testing.assert_allclose(deviation**2, 0.0, atol=2e-3)
    np.testing.assert_allclose(z * deviation, z_before * deviation_before, rtol=1e-6, atol=1e-9)
    assert (both(*at) < known(*at)).all()


def test_the_incumbent_is_no_lucky_value() -> None:
    quiet, noisy = Problem(0.0, 1e-6).acquisition(), Problem(0.0, 10.0).acquisition()
    spread = np.ptp(Problem(0.0, 1.0).model.value_scale(Problem(0.0, 1.0).values))
    assert noisy.incumbent < 0.2 * spread < quiet.incumbent


def test_a_value_of_great_error_counts_little() -> None:
    problem = Problem(0.0, 1e-3)
    errors = np.where(problem.values == problem.values.max(), 100.0, 0.0)
    arguments = problem.inputs, problem.additive, problem.values, problem.model, NO_PRIOR
    assert make_acquisition(*arguments, errors).incumbent < problem.acquisition().incumbent
    zero = make_acquisition(*arguments, np.zeros(12))
    np.testing.assert_array_equal(zero.factor, problem.acquisition().factor)


def test_equal_values_leave_the_search_to_the_variance() -> None:
    problem = Problem(linear=0.5, nugget=0.1)
    flat = make_acquisition(problem.inputs, problem.additive, np.zeros(12), problem.model, DEFAULT)
    far = flat(np.array([[50.0, 50.0]]), problem.codes[:1])
    near = flat(problem.inputs[:1], problem.codes[:1])
    assert np.isfinite([*far, *near]).all()
    assert far[0] > near[0]


def test_log_h_is_its_closed_form() -> None:
    z = np.linspace(-6.0, 6.0, 101)
    expected = np.log(stats.norm.pdf(z) + z * stats.norm.cdf(z))
    np.testing.assert_allclose(log_h(z), expected, rtol=1e-6)


def test_log_h_is_exact_far_below_the_incumbent() -> None:
    """Its derivative is Phi / h, whatever the sizes of both."""
    for z in (-7.0, -40.0, -900.0, -1100.0, -1e5):
        step = 1e-6 * abs(z)
        slope = (log_h(np.array([z + step])) - log_h(np.array([z - step])))[0] / (2 * step)
        expected = np.exp(log_ndtr(z) - log_h(np.array([z])))[0]
        assert slope == pytest.approx(expected, rel=1e-4)

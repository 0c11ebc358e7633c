"""The kernel against scikit-learn's, and its fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize
from sklearn.gaussian_process.kernels import Matern

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import standardise
from optuna_lanas._core.gp import Kernel
from optuna_lanas._core.settings import DEFAULT


def prior_of(inputs: np.ndarray) -> Kernel:
    """The prior of inputs that are features as well."""
    n_params = inputs.shape[1]
    return gp.prior_kernel(inputs, inputs, np.arange(n_params), n_params, DEFAULT)


def fit(inputs: np.ndarray, values: np.ndarray) -> Kernel:
    settings = replace(DEFAULT, max_fit_iterations=50)
    return gp.fit_kernel(inputs, inputs, standardise(values), prior_of(inputs), settings)


def test_matern_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.random((20, 3)), rng.random((15, 3))
    squares = gp.squared_distances(left, right)
    np.testing.assert_allclose(gp.matern(squares), Matern(nu=2.5)(left, right))


def test_squared_distances_are_never_negative() -> None:
    points = np.random.default_rng(0).random((50, 4)) + 1e6
    assert (gp.squared_distances(points, points) >= 0.0).all()


def test_a_fit_sees_which_parameter_matters() -> None:
    inputs = np.random.default_rng(0).random((60, 3))
    kernel = fit(inputs, np.sin(8.0 * inputs[:, 0]))
    assert kernel.log_lengthscales[0] < kernel.log_lengthscales[1:].min() - 0.5
    assert kernel.nugget < 0.1


def test_a_fit_sees_noise() -> None:
    rng = np.random.default_rng(0)
    assert fit(rng.random((60, 2)), rng.standard_normal(60)).nugget > 0.1


def test_a_fit_sees_a_linear_function() -> None:
    inputs = np.random.default_rng(0).random((40, 3))
    linear = fit(inputs, inputs @ [1.0, 2.0, -1.0]).linear
    assert linear > fit(inputs, np.cos(20.0 * inputs[:, 0])).linear


def test_a_fit_is_never_worse_than_the_prior() -> None:
    inputs = np.random.default_rng(0).random((30, 2))
    y = standardise(np.sin(5.0 * inputs).sum(axis=1))
    prior = prior_of(inputs)
    loss = _loss(inputs, y, prior)
    kernels = prior, gp.fit_kernel(inputs, inputs, y, prior, DEFAULT)
    before, after = (
        loss(np.append(k.log_lengthscales, np.log([k.linear, k.nugget])))[0] for k in kernels
    )
    assert after < before


def test_the_gradient_of_a_fit_is_that_of_its_loss() -> None:
    inputs = np.random.default_rng(0).random((15, 3))
    y, noise = standardise(np.sin(5.0 * inputs).sum(axis=1)), np.linspace(0.0, 2.0, 15)
    loss = _loss(inputs, y, prior_of(inputs), noise)
    theta = np.array([-0.3, 0.2, 0.5, 0.4, -3.0])
    numeric = optimize.approx_fprime(theta, lambda t: loss(t)[0], 1e-6)
    np.testing.assert_allclose(loss(theta)[1], numeric, rtol=1e-3, atol=1e-4)


def test_the_loss_is_the_density_of_the_values_and_of_the_priors() -> None:
    inputs = np.random.default_rng(0).random((12, 2))
    y = standardise(inputs[:, 0] ** 2)
    prior = prior_of(inputs)
    theta = np.array([-0.3, 0.2, 0.4, -3.0])
    lengthscales, (linear, nugget) = np.exp(theta[:2]), np.exp(theta[2:])
    centred = (inputs - inputs.mean(axis=0)) / prior.spread
    gram = Matern(lengthscales, nu=2.5)(inputs) + linear * centred @ centred.T
    noise = np.linspace(0.0, 2.0, 12)
    gram[np.diag_indices(12)] += nugget + DEFAULT.jitter + noise
    outputscale = y @ np.linalg.solve(gram, y) / 12
    means = np.append(prior.log_lengthscales, [0.0, np.log(DEFAULT.prior_nugget)])
    variances = [*[DEFAULT.lengthscale_variance] * 2]
    variances += [DEFAULT.linear_variance, DEFAULT.nugget_variance]
    penalty = ((theta - means) ** 2 / variances).sum()
    expected = 12 * np.log(outputscale) + np.linalg.slogdet(gram)[1] + penalty
    assert _loss(inputs, y, prior, noise)(theta)[0] == pytest.approx(0.5 * expected)


def test_the_prior_of_length_scales_grows_with_the_number_of_dimensions() -> None:
    inputs = np.random.default_rng(0).random((9, 2))
    scales = [
        gp.prior_kernel(inputs, inputs, np.array([0, 0]), n, DEFAULT).log_lengthscales
        for n in (1, 16)
    ]
    np.testing.assert_allclose(np.exp(scales), [[1.0], [4.0]])


@pytest.mark.parametrize("offset", [1e7, -1e12])
def test_columns_far_from_zero_are_fitted_as_columns_about_it(offset: float) -> None:
    rng = np.random.default_rng(0)
    near = rng.integers(0, 3, (40, 2)).astype(float)
    y = standardise(near[:, 0] - near[:, 1] ** 2)
    settings = replace(DEFAULT, max_fit_iterations=20)
    here, there = (
        gp.fit_kernel(
            inputs, near, y, gp.prior_kernel(inputs, near, np.arange(2), 2, settings), settings
        )
        for inputs in (near, near + offset)
    )
    np.testing.assert_allclose(here.log_lengthscales, there.log_lengthscales, rtol=1e-3)
    np.testing.assert_allclose(
        np.diff(here.scale(near), axis=0), np.diff(there.scale(near + offset), axis=0), rtol=1e-2
    )


def _loss(
    inputs: np.ndarray, y: np.ndarray, prior: Kernel, noise: np.ndarray | float = 0.0
) -> gp._Loss:
    linear_inputs = prior.linear_inputs(inputs)
    return gp._Loss(inputs, linear_inputs @ linear_inputs.T, y, prior, DEFAULT, noise)

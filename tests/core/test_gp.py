"""The kernel against scikit-learn's, the warp against SciPy's, and the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import optimize
from scipy import stats
from sklearn.gaussian_process.kernels import Matern

from optuna_lanas._core import gp
from optuna_lanas._core.gp import Model
from optuna_lanas._core.gp import ValueScale
from optuna_lanas._core.gp import warp
from optuna_lanas._core.settings import DEFAULT


def standardise(values: np.ndarray) -> np.ndarray:
    return ValueScale.of(values)(values)


def prior_of(inputs: np.ndarray) -> Model:
    """The prior of kernel inputs that are the additive ones as well, the last of them fine."""
    n = inputs.shape[1]
    return gp.prior_model(inputs, inputs, np.arange(n) == n - 1, np.arange(n), n, DEFAULT)


def fit(inputs: np.ndarray, values: np.ndarray) -> Model:
    settings = replace(DEFAULT, max_fit_iterations=50)
    return gp.fit_model(inputs, inputs, values, prior_of(inputs), settings)


def test_matern_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.random((20, 3)), rng.random((15, 3))
    squares = gp.squared_distances(left, right)
    np.testing.assert_allclose(gp.matern(squares)[0], Matern(nu=1.5)(left, right))


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
    coarse, fine = fit(inputs, inputs @ [1.0, 2.0, -1.0]).linear
    neither = fit(inputs, np.cos(20.0 * inputs[:, 0])).linear
    assert coarse > neither[0]
    assert fine > neither[1]


def test_a_fit_is_never_worse_than_the_prior() -> None:
    inputs = np.random.default_rng(0).random((30, 2))
    y = standardise(np.sin(5.0 * inputs).sum(axis=1))
    prior = prior_of(inputs)
    loss = _loss(inputs, y, prior)
    models = prior, gp.fit_model(inputs, inputs, y, prior, DEFAULT)
    before, after = (
        loss(np.append(m.log_lengthscales, [*np.log([*m.linear, m.nugget]), m.power]))[0]
        for m in models
    )
    assert after < before


@pytest.mark.parametrize("transformed", [np.exp, np.log1p])
def test_a_fit_undoes_a_monotone_transformation(transformed: Callable[[Any], Any]) -> None:
    inputs = np.random.default_rng(0).random((60, 2))
    plain = -((inputs - 0.4) ** 2).sum(axis=1)
    values = standardise(transformed(8.0 * plain + 8.0))
    power = gp.fit_model(inputs, inputs, values, prior_of(inputs), DEFAULT).power
    warped, before = warp(values, power)[0], warp(values, 1.0)[0]
    assert abs(stats.pearsonr(warped, plain)[0]) > abs(stats.pearsonr(before, plain)[0])


def test_the_gradient_of_a_fit_is_that_of_its_loss() -> None:
    inputs = np.random.default_rng(0).random((15, 3))
    loss = _loss(inputs, standardise(np.sin(5.0 * inputs).sum(axis=1)), prior_of(inputs))
    theta = np.array([-0.3, 0.2, 0.5, 0.4, -1.0, -3.0, 1.7])
    numeric = optimize.approx_fprime(theta, lambda t: loss(t)[0], 1e-6)
    np.testing.assert_allclose(loss(theta)[1], numeric, rtol=1e-3, atol=1e-4)


def test_the_loss_is_the_density_of_the_values_and_of_the_priors() -> None:
    inputs = np.random.default_rng(0).random((12, 2))
    y = standardise(inputs[:, 0] ** 2)
    prior = prior_of(inputs)
    theta = np.array([-0.3, 0.2, 0.4, -1.0, -3.0, 0.6])
    lengthscales, (*linear, nugget) = np.exp(theta[:2]), np.exp(theta[2:5])
    centred = (inputs - inputs.mean(axis=0)) / prior.spread
    gram = Matern(lengthscales, nu=1.5)(inputs) + centred * linear @ centred.T
    gram[np.diag_indices(12)] += nugget + DEFAULT.jitter
    warped, inverse = stats.yeojohnson(y, lmbda=0.6), np.linalg.inv(gram)
    residual = warped - (inverse @ warped).sum() / inverse.sum()
    outputscale = residual @ inverse @ residual / 12
    step = 1e-6
    slopes = (stats.yeojohnson(y + step, lmbda=0.6) - stats.yeojohnson(y - step, lmbda=0.6)) / 2e-6
    logs = np.log([DEFAULT.prior_linear, DEFAULT.prior_fine, DEFAULT.prior_nugget])
    means = np.concatenate([prior.log_lengthscales, logs, [1.0]])
    variances = [*[DEFAULT.lengthscale_variance] * 2, DEFAULT.linear_variance]
    variances += [DEFAULT.fine_variance, DEFAULT.nugget_variance, DEFAULT.power_variance]
    penalty = ((theta - means) ** 2 / variances).sum()
    expected = 12 * np.log(outputscale) + np.linalg.slogdet(gram)[1] + penalty
    expected = 0.5 * expected - np.log(slopes).sum()
    assert _loss(inputs, y, prior)(theta)[0] == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1), st.floats(-2.0, 5.0))
def test_the_warp_is_scipys(values: list[float], power: float) -> None:
    expected = stats.yeojohnson(np.array(values), lmbda=power)
    np.testing.assert_allclose(warp(np.array(values), power)[0], expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.5])
def test_the_derivatives_of_the_warp_are_exact(power: float) -> None:
    values, step = np.array([-30.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 30.0]), 1e-5
    _, by_power, log_slopes = warp(values, power)
    upper, lower = warp(values, power + step)[0], warp(values, power - step)[0]
    np.testing.assert_allclose(by_power, (upper - lower) / (2 * step), rtol=1e-4, atol=1e-8)
    slopes = (warp(values + step, power)[0] - warp(values - step, power)[0]) / (2 * step)
    np.testing.assert_allclose((power - 1.0) * log_slopes, np.log(slopes), rtol=1e-3, atol=1e-4)


@given(st.lists(st.floats(-1e9, 1e9, width=32), min_size=1))
def test_standardised_values_keep_their_order_and_are_bounded(values: list[float]) -> None:
    standardised = standardise(np.array(values))
    order = np.argsort(values, kind="stable")
    assert (np.diff(standardised[order]) >= 0.0).all()
    assert (np.abs(standardised) <= gp.MAX_VALUE).all()


def test_standardised_values_have_no_unit() -> None:
    values = np.random.default_rng(0).standard_normal(20)
    np.testing.assert_allclose(standardise(3.0 * values - 7.0), standardise(values))


def test_the_worst_value_moves_no_other_by_much() -> None:
    values = np.random.default_rng(0).standard_normal(20)
    worse = values.copy()
    worse[values.argmin()] = -1e12
    assert standardise(worse)[values.argmax()] == standardise(values)[values.argmax()]


def test_values_of_which_most_are_equal_still_tell_the_others_apart() -> None:
    assert len(np.unique(standardise(np.array([1.0] * 8 + [0.0, 0.5])))) == 3


def test_errors_are_in_the_unit_of_standardised_values() -> None:
    values, errors = np.random.default_rng(0).standard_normal(20), np.full(20, 0.5)
    scale = ValueScale.of(values)
    moved = scale(values + errors) - scale(values)
    np.testing.assert_allclose(scale.noise(values, errors), moved**2)
    np.testing.assert_array_equal(scale.noise(values, None), np.zeros(20))


def test_a_fit_trusts_values_of_great_errors_less() -> None:
    inputs = np.random.default_rng(0).random((40, 2))
    values = np.sin(5.0 * inputs[:, 0])
    values[::2] += np.random.default_rng(1).standard_normal(20)
    errors = np.where(np.arange(40) % 2, 0.0, 1.0)
    told = gp.fit_model(inputs, inputs, values, prior_of(inputs), DEFAULT, errors)
    assert told.nugget < 0.5 * fit(inputs, values).nugget


def test_equal_values_are_all_zero() -> None:
    assert not standardise(np.full(5, 3.0)).any()


def test_the_prior_of_length_scales_grows_with_the_number_of_dimensions() -> None:
    inputs, coarse = np.random.default_rng(0).random((9, 2)), np.zeros(2, bool)
    scales = [
        gp.prior_model(inputs, inputs, coarse, np.zeros(2, int), n, DEFAULT).log_lengthscales
        for n in (1, 16)
    ]
    np.testing.assert_allclose(np.exp(scales), [[1.0], [4.0]])


@pytest.mark.parametrize("offset", [1e7, -1e12])
def test_columns_far_from_zero_are_fitted_as_columns_about_it(offset: float) -> None:
    rng = np.random.default_rng(0)
    near = rng.integers(0, 3, (40, 2)).astype(float)
    y = standardise(near[:, 0] - near[:, 1] ** 2)
    settings = replace(DEFAULT, max_fit_iterations=20)
    coarse = np.zeros(2, bool)
    priors = (
        gp.prior_model(inputs, near, coarse, np.arange(2), 2, settings)
        for inputs in (near, near + offset)
    )
    here, there = (
        gp.fit_model(inputs, near, y, prior, settings)
        for inputs, prior in zip((near, near + offset), priors, strict=True)
    )
    np.testing.assert_allclose(here.log_lengthscales, there.log_lengthscales, rtol=1e-3)
    np.testing.assert_allclose(
        np.diff(here.scale(near), axis=0), np.diff(there.scale(near + offset), axis=0), rtol=1e-2
    )


def _loss(inputs: np.ndarray, y: np.ndarray, prior: Model) -> gp._Loss:
    centred = (inputs - prior.centre) / prior.spread
    parts = centred[:, ~prior.is_fine], centred[:, prior.is_fine]
    return gp._Loss(inputs, np.stack([part @ part.T for part in parts]), y, prior, DEFAULT)

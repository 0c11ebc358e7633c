"""The Gaussian process against scikit-learn's, and its fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel
from sklearn.gaussian_process.kernels import Matern

from optuna_lanas._core import gp as posterior
from optuna_lanas._core.gp import Kernel


N_DRAWS = 1000


def test_matern_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.random((20, 3)), rng.random((15, 3))
    squares = posterior.squared_distances(left, right)
    np.testing.assert_allclose(posterior.matern(squares), Matern(nu=2.5)(left, right))


def test_squared_distances_are_never_negative() -> None:
    rows = np.random.default_rng(0).random((50, 4)) + 1e6
    assert (posterior.squared_distances(rows, rows) >= 0.0).all()


def kernel_of(encodings: np.ndarray, linear: float, noise: float) -> Kernel:
    return Kernel(
        group=np.array([0, 1]),
        origin=np.array([0.1, -3.0]),
        widths=np.array([1.0, 2.0]),
        log_lengths=np.log([0.5, 0.3]),
        centre=encodings.mean(axis=0),
        spread=2.0,
        linear=linear,
        noise=noise,
    )


def draws_at(
    points: np.ndarray,
    codes: np.ndarray,
    embeddings: np.ndarray,
    encodings: np.ndarray,
    values: np.ndarray,
    kernel: Kernel,
) -> np.ndarray:
    rng = np.random.default_rng(1)
    functions = (
        posterior.draw_function(embeddings, encodings, values, kernel, 256, rng)
        for _ in range(N_DRAWS)
    )
    return np.array([function(points, codes) for function in functions])


def check_moments(draws: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> None:
    error = deviation / np.sqrt(N_DRAWS)
    assert (np.abs(draws.mean(axis=0) - mean) < 5.0 * error).all()
    np.testing.assert_allclose(draws.std(axis=0), deviation, rtol=0.15)


def expected_variance(values: np.ndarray, gram: np.ndarray) -> float:
    n_prior = posterior.PRIOR_SAMPLES
    return float((n_prior + values @ np.linalg.solve(gram, values)) / (n_prior + len(values)))


@pytest.mark.parametrize("noise", [1e-3, 0.1])
def test_draws_have_the_moments_of_scikit_learns_posterior(noise: float) -> None:
    rng = np.random.default_rng(0)
    embeddings, points = rng.random((12, 2)), rng.random((8, 2))
    encodings, codes = rng.random((12, 3)), rng.random((8, 3))
    values = posterior.standardise(np.sin(6.0 * embeddings).sum(axis=1))
    kernel = kernel_of(encodings, 0.0, noise)
    lengths = [0.5, 0.6]  # the second one over a width of 2
    gram = Matern(lengths, nu=2.5)(embeddings)
    gram[np.diag_indices(12)] += noise + posterior.MIN_NOISE
    variance = expected_variance(values, gram)
    model = GaussianProcessRegressor(
        ConstantKernel(variance) * Matern(lengths, nu=2.5),
        alpha=variance * (noise + posterior.MIN_NOISE),
        optimizer=None,
    ).fit(embeddings, values)
    mean, deviation = model.predict(points, return_std=True)
    draws = draws_at(points, codes, embeddings, encodings, values, kernel)
    check_moments(draws, mean, np.sqrt(deviation**2 + noise * variance))  # each point's own part


def test_draws_have_the_moments_of_the_posterior_with_a_linear_part() -> None:
    rng = np.random.default_rng(0)
    embeddings, points = rng.random((12, 2)), rng.random((8, 2))
    encodings, codes = rng.random((12, 3)), rng.random((8, 3))
    values = posterior.standardise(encodings @ [1.0, -2.0, 0.5] + embeddings[:, 0] ** 2)
    kernel = kernel_of(encodings, 3.0, 0.01)

    def covariance(one: np.ndarray, other: np.ndarray, a: np.ndarray, b: np.ndarray) -> Any:
        centred = (a - encodings.mean(axis=0)) @ (b - encodings.mean(axis=0)).T
        return Matern([0.5, 0.6], nu=2.5)(one, other) + 3.0 * centred / 2.0**2

    gram = covariance(embeddings, embeddings, encodings, encodings)
    gram[np.diag_indices(12)] += 0.01 + posterior.MIN_NOISE
    cross = covariance(points, embeddings, codes, encodings)
    variance = expected_variance(values, gram)
    rest = covariance(points, points, codes, codes) - cross @ np.linalg.solve(gram, cross.T)
    draws = draws_at(points, codes, embeddings, encodings, values, kernel)
    check_moments(
        draws,
        cross @ np.linalg.solve(gram, values),
        np.sqrt(variance * (np.diag(rest) + 0.01)),
    )


def test_samples_without_a_value_leave_the_mean_and_take_from_the_variance() -> None:
    rng = np.random.default_rng(0)
    embeddings, points = rng.random((12, 2)), rng.random((8, 2))
    encodings, codes = rng.random((12, 3)), rng.random((8, 3))
    values = posterior.standardise(np.sin(6.0 * embeddings[:9]).sum(axis=1))
    kernel = kernel_of(encodings, 0.0, 0.01)
    correlation = Matern([0.5, 0.6], nu=2.5)
    gram = correlation(embeddings)
    gram[np.diag_indices(12)] += 0.01 + posterior.MIN_NOISE
    cross, known = correlation(points, embeddings), gram[:9, :9]
    rest = 1.0 - (cross * np.linalg.solve(gram, cross.T).T).sum(axis=1)
    check_moments(
        draws_at(points, codes, embeddings, encodings, values, kernel),
        cross[:, :9] @ np.linalg.solve(known, values),
        np.sqrt(expected_variance(values, known) * (rest + 0.01)),
    )


def fit(embeddings: np.ndarray, values: np.ndarray) -> Kernel:
    n_params = embeddings.shape[1]
    prior = posterior.prior_kernel(embeddings, embeddings, np.arange(n_params), n_params)
    return posterior.fit_kernel(embeddings, embeddings, posterior.standardise(values), prior, 50)


def test_a_fit_sees_which_parameter_matters() -> None:
    embeddings = np.random.default_rng(0).random((60, 3))
    kernel = fit(embeddings, np.sin(8.0 * embeddings[:, 0]))
    assert kernel.log_lengths[0] < kernel.log_lengths[1:].min() - 0.5
    assert kernel.noise < 0.1


def test_a_fit_sees_noise() -> None:
    rng = np.random.default_rng(0)
    assert fit(rng.random((60, 2)), rng.standard_normal(60)).noise > 0.1


def test_a_fit_sees_a_linear_function() -> None:
    embeddings = np.random.default_rng(0).random((40, 3))
    linear = fit(embeddings, embeddings @ [1.0, 2.0, -1.0]).linear
    assert linear > fit(embeddings, np.cos(20.0 * embeddings[:, 0])).linear


def test_the_gradient_of_a_fit_is_that_of_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[Callable[[np.ndarray], tuple[float, np.ndarray]]] = []

    def minimize(loss: Any, start: np.ndarray, **options: Any) -> Any:
        losses.append(loss)
        return optimize.OptimizeResult(x=start)

    monkeypatch.setattr(optimize, "minimize", minimize)
    embeddings = np.random.default_rng(0).random((15, 3))
    fit(embeddings, np.sin(5.0 * embeddings).sum(axis=1))
    theta = np.array([-0.3, 0.2, 0.5, 0.4, -3.0])
    numeric = optimize.approx_fprime(theta, lambda t: losses[0](t)[0], 1e-6)
    np.testing.assert_allclose(losses[0](theta)[1], numeric, rtol=1e-3, atol=1e-4)


def test_standardised_values_keep_their_order_above_the_floor() -> None:
    standard = posterior.standardise(np.array([-1e100, -50.0, 1.0, 2.0, 3.0, 4.0]))
    assert standard.mean() == pytest.approx(0.0)
    assert standard.std() == pytest.approx(1.0)
    assert standard[0] == standard[1] < standard[2] < standard[3] < standard[4] < standard[5]


def test_values_of_which_half_are_the_best_still_tell_the_others_apart() -> None:
    standardised = posterior.standardise(np.array([1.0, 1.0, 1.0, 0.0, -4.0]))
    assert standardised.std() == pytest.approx(1.0)
    assert standardised[0] == standardised[2] > standardised[3] > standardised[4]


@pytest.mark.parametrize("offset", [1e7, -1e12])
def test_columns_far_from_zero_are_fitted_as_those_about_it(offset: float) -> None:
    rng = np.random.default_rng(0)
    near = rng.integers(0, 3, (40, 2)).astype(float)
    values = posterior.standardise(near[:, 0] - near[:, 1] ** 2)
    group = np.array([0, 1])
    kernels = [
        posterior.fit_kernel(
            e, near, values, posterior.prior_kernel(e, near, group, 2), max_iterations=20
        )
        for e in (near, near + offset)
    ]
    one, other = kernels
    np.testing.assert_allclose(one.log_lengths, other.log_lengths, rtol=1e-3)
    np.testing.assert_allclose(
        np.diff(one.scale(near), axis=0), np.diff(other.scale(near + offset), axis=0), rtol=1e-2
    )


def test_equal_values_are_all_zero() -> None:
    assert posterior.standardise(np.full(4, 7.0)).tolist() == [0.0] * 4

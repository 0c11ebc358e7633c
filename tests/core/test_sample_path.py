"""Draws from the posterior of a Gaussian process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import Acquisition
from optuna_lanas._core.acquisition import make_acquisition
from optuna_lanas._core.sample_path import draw_sample_path
from optuna_lanas._core.settings import DEFAULT


def posterior(n: int = 25, n_pending: int = 0, nugget: float | None = None) -> Acquisition:
    """The posterior of a smooth function of three numbers, which are additive inputs too."""
    inputs = np.random.default_rng(0).random((n + n_pending, 3))
    values = np.sin(5.0 * inputs[:n].sum(axis=1))
    is_fine, group = np.zeros(3, dtype=bool), np.arange(3)
    prior = gp.prior_model(inputs[:n], inputs[:n], is_fine, group, 3, DEFAULT)
    model = gp.fit_model(inputs[:n], inputs[:n], values, prior, DEFAULT)
    model = model if nugget is None else replace(model, nugget=nugget)
    return make_acquisition(inputs, inputs, values, model, DEFAULT)


def test_draws_have_the_mean_and_the_deviation_of_the_posterior() -> None:
    process, n_draws = posterior(nugget=0.05), 1_000
    points = np.random.default_rng(1).random((40, 3))
    rng = np.random.default_rng(2)
    draws = np.stack([draw_sample_path(process, 512, rng)(points, points) for _ in range(n_draws)])
    z, deviation = process._posterior(points, points)
    error = (draws.mean(axis=0) - z * deviation) / (deviation / np.sqrt(n_draws))
    assert np.abs(error).max() < 5.0
    np.testing.assert_allclose(draws.std(axis=0) / deviation, 1.0, atol=0.15)


def test_neighbours_are_drawn_together() -> None:
    process, rng = posterior(), np.random.default_rng(3)
    point = np.array([[0.5, 0.5, 0.5]])
    draws = [draw_sample_path(process, 256, rng) for _ in range(300)]
    here, there = (np.array([d(p, p)[0] for d in draws]) for p in (point, point + 1e-4))
    assert np.corrcoef(here, there)[0, 1] > 0.99
    assert here.std() > 0.1 * np.sqrt(process.outputscale)


def test_without_noise_a_draw_passes_through_the_observations() -> None:
    process = posterior(nugget=1e-9)
    observed = process.inputs * process.model.lengthscales + process.model.origin
    draw = draw_sample_path(process, 256, np.random.default_rng(4))(observed, observed)
    np.testing.assert_allclose(draw, process.residual - process.incumbent, atol=0.05)


def test_pending_points_leave_a_draw_as_it_is() -> None:
    points = np.random.default_rng(5).random((10, 3))
    alone, beside = posterior(n=25), posterior(n=25, n_pending=5)
    seeds = [np.random.default_rng(6) for _ in range(2)]
    mine = draw_sample_path(alone, 256, seeds[0])(points, points)
    theirs = draw_sample_path(beside, 256, seeds[1])(points, points)
    np.testing.assert_allclose(mine, theirs, atol=1e-8)


def test_no_points_have_no_values() -> None:
    nothing = np.empty((0, 3))
    draw = draw_sample_path(posterior(), 256, np.random.default_rng(7))
    assert draw(nothing, nothing).shape == (0,)

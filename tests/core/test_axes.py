"""Values and coordinates, grids, neighbours, draws."""

from __future__ import annotations

from hypothesis import given
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core.axes import Axes
from optuna_lanas._core.domain import Domain
from tests.builders import domain_of
from tests.builders import LEAST_P
from tests.strategies import domains
from tests.strategies import rngs


N = 4000


def axes_of(*distributions: BaseDistribution) -> Axes:
    return domain_of(*distributions).axes


def drawn(distribution: BaseDistribution) -> np.ndarray:
    """`[N]` values of one axis."""
    axes = axes_of(distribution)
    values: np.ndarray = axes.to_values(axes.sample(N, np.random.default_rng(0)))[:, 0]
    return values


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(3, 9),
        IntDistribution(0, 28, step=7),
        FloatDistribution(0.1, 0.9, step=0.2),
        CategoricalDistribution("abcde"),
    ],
)
def test_every_value_of_a_grid_is_equally_likely(distribution: BaseDistribution) -> None:
    counts = np.unique(np.round(drawn(distribution), 9), return_counts=True)[1]
    assert len(counts) == axes_of(distribution).n_values[0]
    assert stats.chisquare(counts).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (FloatDistribution(-2.0, 5.0), stats.uniform(-2.0, 7.0)),
        (FloatDistribution(1e-9, 1e-2, log=True), stats.loguniform(1e-9, 1e-2)),
    ],
)
def test_a_continuous_parameter_is_drawn_uniformly(
    distribution: FloatDistribution, expected: stats.rv_continuous
) -> None:
    assert stats.kstest(drawn(distribution), expected.cdf).pvalue > LEAST_P


def test_an_int_with_log_is_drawn_as_its_logarithm_rounds() -> None:
    values = np.rint(drawn(IntDistribution(1, 8, log=True))).astype(int)
    edges = np.log(np.arange(0.5, 9.0))
    counts = np.bincount(values, minlength=9)[1:]
    assert stats.chisquare(counts, N * np.diff(edges) / np.ptp(edges)).pvalue > LEAST_P


@given(domains(), rngs())
def test_sampled_coordinates_lie_on_the_grid(domain: Domain, rng: np.random.Generator) -> None:
    axes = domain.axes
    points = axes.sample(20, rng)
    categories = points[:, axes.is_categorical]
    assert (categories == np.floor(categories)).all()
    assert ((categories >= 0) & (categories < axes.n_choices[axes.is_categorical])).all()
    numeric = points[:, axes.numeric]
    assert ((numeric >= 0.0) & (numeric <= 1.0)).all()
    np.testing.assert_allclose(axes.snap(points)[:, axes.numeric], numeric, atol=1e-9)


@given(domains(), rngs())
def test_snapping_again_changes_nothing(domain: Domain, rng: np.random.Generator) -> None:
    axes = domain.axes
    anywhere = np.where(axes.is_categorical, 0.0, rng.uniform(-0.5, 1.5, (20, len(axes))))
    snapped = axes.snap(anywhere)
    np.testing.assert_allclose(axes.snap(snapped), snapped, atol=1e-9)
    assert ((snapped >= 0.0) & (snapped <= 1.0)).all()


@given(domains(), rngs())
def test_coordinates_are_those_of_their_values(domain: Domain, rng: np.random.Generator) -> None:
    axes = domain.axes
    points = axes.sample(20, rng)
    again = axes.to_unit(axes.to_values(points))[:, axes.numeric]
    np.testing.assert_allclose(again, points[:, axes.numeric], atol=1e-9)


def test_the_ends_of_a_range_are_the_coordinates_0_and_1() -> None:
    axes = axes_of(
        FloatDistribution(-3.0, 7.0),
        FloatDistribution(1e-300, 1e300, log=True),
        IntDistribution(-(2**62), 2**62),
    )
    ends = np.stack([axes.low, axes.high])
    np.testing.assert_allclose(axes.to_unit(ends), [[0.0] * 3, [1.0] * 3])
    np.testing.assert_allclose(axes.to_values(np.array([[0.0] * 3, [1.0] * 3])), ends)


def test_the_coordinate_of_a_single_value_is_the_middle() -> None:
    axes = axes_of(IntDistribution(7, 7), FloatDistribution(1.0, 1.0))
    assert axes.to_unit(np.array([[7.0, 1.0]])).tolist() == [[0.5, 0.5]]
    assert axes.to_values(np.array([[0.5, 0.5]])).tolist() == [[7.0, 1.0]]
    assert axes.n_values.tolist() == [1.0, 1.0]


def test_the_number_of_values() -> None:
    axes = axes_of(
        CategoricalDistribution("abc"),
        IntDistribution(0, 28, step=7),
        FloatDistribution(0.0, 1.0, step=0.1),
        FloatDistribution(0.0, 1.0),
    )
    assert axes.n_values.tolist() == [3.0, 5.0, 11.0, np.inf]
    np.testing.assert_allclose(axes.spacing, [0.5, 0.25, 0.1, 0.0])


def test_grid_indices_count_values_upwards() -> None:
    axes = axes_of(
        CategoricalDistribution("abc"),
        IntDistribution(2, 8, step=3),
        IntDistribution(1, 3, log=True),
    )
    values = axes.to_values(axes.from_grid(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2]])))
    np.testing.assert_allclose(values, [[0, 2, 1], [1, 5, 2], [2, 8, 3]])


def test_the_neighbour_is_the_next_value_of_the_grid() -> None:
    axes = axes_of(IntDistribution(1, 64, log=True))
    points = axes.to_unit(np.array([[1.0], [1.0], [7.0], [7.0], [64.0], [64.0]]))
    directions = np.array([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])
    values = axes.to_values(axes.neighbour(points, directions))
    np.testing.assert_allclose(values[:, 0], [2, 2, 6, 8, 63, 63])
    single = axes_of(IntDistribution(1, 1, log=True))
    assert single.neighbour(np.array([[0.5]]), np.array([[-1.0]])).tolist() == [[0.5]]


def test_a_part_of_the_axes_has_their_fields() -> None:
    axes = axes_of(
        CategoricalDistribution("abc"), IntDistribution(0, 9, step=3), FloatDistribution(0.0, 1.0)
    )
    part = axes.part(np.array([2, 1]))
    assert part.n_choices.tolist() == [0, 0]
    assert part.high.tolist() == [1.0, 9.0]
    assert part.step.tolist() == [0.0, 3.0]
    assert axes.numeric.tolist() == [1, 2]

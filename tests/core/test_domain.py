"""The domain's draws, and points near other points."""

from __future__ import annotations

from hypothesis import given
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.feasible import Limits
from optuna_lanas._core.mutation import mutate
from optuna_lanas._study.transform import make_transform
from tests.strategies import domains
from tests.strategies import rngs


N = 4000
LEAST_P = 1e-4


def domain_of(*distributions: BaseDistribution) -> Domain:
    return make_transform({f"p{i}": [d] for i, d in enumerate(distributions)}).domain


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(3, 9),
        IntDistribution(0, 28, step=7),
        FloatDistribution(0.1, 0.9, step=0.2),
        CategoricalDistribution("abcde"),
    ],
)
def test_every_value_is_drawn_as_often(distribution: BaseDistribution) -> None:
    domain = domain_of(distribution)
    values = domain.to_values(domain.sample(N, np.random.default_rng(0)))[:, 0]
    counts = np.unique(np.round(values, 9), return_counts=True)[1]
    assert len(counts) == domain.n_values[0]
    assert stats.chisquare(counts).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (FloatDistribution(-2.0, 5.0), stats.uniform(-2.0, 7.0)),
        (FloatDistribution(1e-9, 1e-2, log=True), stats.loguniform(1e-9, 1e-2)),
    ],
)
def test_a_continuous_parameter_is_drawn_evenly(
    distribution: FloatDistribution, expected: stats.rv_continuous
) -> None:
    domain = domain_of(distribution)
    values = domain.to_values(domain.sample(N, np.random.default_rng(0)))[:, 0]
    assert stats.kstest(values, expected.cdf).pvalue > LEAST_P


def test_an_int_with_log_is_drawn_as_its_logarithm_rounds() -> None:
    domain = domain_of(IntDistribution(1, 8, log=True))
    values = domain.to_values(domain.sample(N, np.random.default_rng(0)))[:, 0]
    counts = np.bincount(np.rint(values).astype(int), minlength=9)[1:]
    edges = np.log(np.arange(0.5, 9.0))
    assert stats.chisquare(counts, N * np.diff(edges) / np.ptp(edges)).pvalue > LEAST_P


def test_all_points_of_a_finite_domain_are_enumerated_once() -> None:
    domain = domain_of(
        IntDistribution(2, 8, step=3),
        CategoricalDistribution("ab"),
        FloatDistribution(0, 1, step=0.5),
    )
    assert domain.n_points == 18
    rng = np.random.default_rng(0)
    points = limits_of(domain).enumerate(domain, 18, rng)
    assert len(set(domain.keys(points))) == 18
    np.testing.assert_allclose(domain.snap(points)[:, [0, 2]], points[:, [0, 2]])
    assert len(limits_of(domain).enumerate(domain, 17, rng)) == 0
    fixed = limits_of(domain, fixed=[np.nan, 1.0, 0.5]).enumerate(domain, 17, rng)
    assert sorted(fixed.tolist()) == [[0.0, 1.0, 0.5], [0.5, 1.0, 0.5], [1.0, 1.0, 0.5]]


def limits_of(
    domain: Domain,
    fixed: list[float] | None = None,
    low: float = -np.inf,
    high: float = np.inf,
) -> Limits:
    free = np.full(domain.n_params, np.nan)
    ones = np.ones(domain.n_params)
    return Limits(free if fixed is None else np.array(fixed), low * ones, high * ones)


def test_a_narrower_range_is_drawn_evenly() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0))
    limits = limits_of(domain, low=0.7, high=0.70001)
    points = limits.sample(domain, N, np.random.default_rng(0))[:, 0]
    assert stats.kstest(points, stats.uniform(0.7, 1e-5).cdf).pvalue > LEAST_P


def test_a_narrower_range_of_ints_is_drawn_evenly() -> None:
    domain = domain_of(IntDistribution(0, 100))
    limits = limits_of(domain, low=0.1, high=0.13)
    points = limits.sample(domain, N, np.random.default_rng(0))[:, 0]
    counts = np.bincount(np.rint(100 * points).astype(int), minlength=14)[10:]
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_a_narrower_logarithmic_range_of_ints_is_drawn_as_it_would_be_alone() -> None:
    whole, alone = domain_of(IntDistribution(1, 64, log=True)), IntDistribution(2, 8, log=True)
    low, high = whole.to_unit(np.array([[2.0], [8.0]]))[:, 0]
    rng = np.random.default_rng(0)
    drawn = whole.to_values(limits_of(whole, low=low, high=high).sample(whole, N, rng))[:, 0]
    expected = domain_of(alone).to_values(domain_of(alone).sample(N, rng))[:, 0]
    counts = [np.bincount(np.rint(v).astype(int), minlength=9)[2:] for v in (drawn, expected)]
    assert stats.chi2_contingency(counts).pvalue > LEAST_P


def test_beside_a_value_is_the_next_one_of_its_grid() -> None:
    domain = domain_of(IntDistribution(1, 64, log=True))
    points = domain.to_unit(np.array([[1.0], [1.0], [7.0], [7.0], [64.0], [64.0]]))
    directions = np.array([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])
    values = domain.to_values(domain.beside(points, directions))
    np.testing.assert_allclose(values[:, 0], [2, 2, 6, 8, 63, 63])
    single = domain_of(IntDistribution(1, 1, log=True))
    assert single.beside(np.array([[0.5]]), np.array([[-1.0]])).tolist() == [[0.5]]


@given(domains(), rngs())
def test_a_mutation_stays_in_the_domain(domain: Domain, rng: np.random.Generator) -> None:
    mutated = mutate(domain, domain.sample(50, rng), rng)
    assert mutated.shape == (50, domain.n_params)
    categories = mutated[:, domain.is_categorical]
    assert (categories == np.rint(categories)).all()
    assert ((categories >= 0) & (categories < domain.n_choices[domain.is_categorical])).all()
    numeric = mutated[:, ~domain.is_categorical]
    assert ((numeric >= 0) & (numeric <= 1)).all()
    snapped = domain.snap(mutated)[:, ~domain.is_categorical]
    np.testing.assert_allclose(snapped, numeric, atol=1e-9)


@given(rngs())
def test_a_mutation_changes_its_parent(rng: np.random.Generator) -> None:
    domain = domain_of(
        CategoricalDistribution("abc"),
        IntDistribution(0, 5),
        FloatDistribution(0.0, 1.0),
        IntDistribution(1, 64, log=True),
    )
    parents = domain.sample(50, rng)
    changed = mutate(domain, parents, rng) != parents
    assert changed.any(axis=1).mean() > 0.9


def test_a_constant_float_leaves_a_domain_finite() -> None:
    domain = domain_of(FloatDistribution(1.0, 1.0), IntDistribution(0, 4))
    assert domain.n_points == 5

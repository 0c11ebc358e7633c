"""A feasible set cannot be left, and its draws are uniform."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import settings
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core.feasible import FeasibleSet
from tests.builders import architecture_transform
from tests.builders import domain_of
from tests.builders import feasible_of
from tests.builders import LEAST_P
from tests.builders import TwoLayers
from tests.strategies import Asked
from tests.strategies import asked
from tests.strategies import rngs


N = 4000
FREE: list[BaseDistribution] = [
    CategoricalDistribution("abc"),
    IntDistribution(0, 5),
    FloatDistribution(0.0, 1.0),
    IntDistribution(1, 64, log=True),
]


def check_inside(trial: Asked, points: np.ndarray) -> None:
    """Check that points have the fixed coordinates, and else values that the trial asks for."""
    fixed = trial.feasible.fixed
    assert points.shape[1] == len(fixed)
    assert not np.isnan(points).any()
    is_fixed = ~np.isnan(fixed)
    np.testing.assert_array_equal(points[:, is_fixed], np.tile(fixed[is_fixed], (len(points), 1)))
    values = trial.transform.domain.axes.to_values(points)
    for column, distribution in enumerate(trial.distributions.values()):
        if is_fixed[column]:
            continue
        if isinstance(distribution, CategoricalDistribution):
            n_choices = trial.transform.domain.axes.n_choices[column]
            assert set(values[:, column]) <= set(range(n_choices))
            continue
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        tolerance = 1e-7 * max(abs(trial.transform.domain.axes.high[column]), 1.0)
        assert (values[:, column] >= distribution.low - tolerance).all()
        assert (values[:, column] <= distribution.high + tolerance).all()
        if distribution.step is not None:
            n_steps = (values[:, column] - distribution.low) / distribution.step
            np.testing.assert_allclose(n_steps, np.rint(n_steps), atol=1e-5)


@given(asked(), rngs())
def test_draws_and_their_mutations_stay_in_the_set(trial: Asked, rng: np.random.Generator) -> None:
    check_draws(trial, rng)


@pytest.mark.slow
@settings(max_examples=1_000)
@given(asked(max_size=6), rngs())
def test_draws_and_their_mutations_stay_in_many_sets(
    trial: Asked, rng: np.random.Generator
) -> None:
    check_draws(trial, rng)


def check_draws(trial: Asked, rng: np.random.Generator) -> None:
    points = trial.feasible.sample(30, rng)
    check_inside(trial, points)
    for _ in range(5):
        points = trial.feasible.mutate(points, rng)
        check_inside(trial, points)


@given(asked(), rngs())
def test_projection_moves_any_point_into_the_set_and_no_point_of_it(
    trial: Asked, rng: np.random.Generator
) -> None:
    projected = trial.feasible.project(trial.transform.domain.sample(30, rng))
    check_inside(trial, projected)
    np.testing.assert_allclose(trial.feasible.project(projected), projected, atol=1e-9)
    feasible = trial.feasible.sample(30, rng)
    np.testing.assert_allclose(trial.feasible.project(feasible), feasible, atol=1e-9)


@given(asked(max_size=3, max_values=8), rngs())
def test_every_point_of_a_finite_set_is_listed_once(
    trial: Asked, rng: np.random.Generator
) -> None:
    feasible = trial.feasible
    points = feasible.enumerate(512, rng)
    check_inside(trial, points)
    keys = trial.transform.domain.keys(points)
    assert len(keys) == len(set(keys)) == feasible.n_points
    if feasible.n_points <= 100:
        drawn = trial.transform.domain.keys(feasible.sample(3000, rng))
        assert set(drawn) == set(keys)
    assert len(feasible.enumerate(int(feasible.n_points) - 1, rng)) == 0


def test_all_points_of_a_finite_domain_are_listed() -> None:
    domain = domain_of(
        IntDistribution(2, 8, step=3),
        CategoricalDistribution("ab"),
        FloatDistribution(0, 1, step=0.5),
    )
    rng = np.random.default_rng(0)
    feasible = feasible_of(domain)
    assert feasible.n_points == 18
    points = feasible.enumerate(18, rng)
    assert len(set(domain.keys(points))) == 18
    np.testing.assert_allclose(domain.axes.snap(points)[:, [0, 2]], points[:, [0, 2]])
    assert len(feasible.enumerate(17, rng)) == 0
    fixed = feasible_of(domain, fixed=[np.nan, 1.0, 0.5]).enumerate(17, rng)
    assert sorted(fixed.tolist()) == [[0.0, 1.0, 0.5], [0.5, 1.0, 0.5], [1.0, 1.0, 0.5]]


def test_the_list_is_in_random_order() -> None:
    feasible = feasible_of(domain_of(IntDistribution(0, 9)))
    lists = [feasible.enumerate(10, np.random.default_rng(i))[:, 0].tolist() for i in range(200)]
    first = np.bincount(np.rint([9 * each[0] for each in lists]).astype(int), minlength=10)
    assert stats.chisquare(first).pvalue > LEAST_P


def test_a_constant_float_leaves_a_set_finite() -> None:
    feasible = feasible_of(domain_of(FloatDistribution(1.0, 1.0), IntDistribution(0, 4)))
    assert feasible.n_points == 5
    assert feasible.free.tolist() == [1]
    assert len(feasible.enumerate(5, np.random.default_rng(0))) == 5


def test_a_set_of_one_point() -> None:
    feasible = feasible_of(domain_of(*FREE), fixed=[2.0, 0.4, 0.25, 1.0])
    rng = np.random.default_rng(0)
    point = [[2.0, 0.4, 0.25, 1.0]]
    assert feasible.n_points == 1
    assert feasible.sample(1, rng).tolist() == feasible.enumerate(1, rng).tolist() == point
    assert feasible.mutate(np.array(point), rng).tolist() == point


@given(asked(), rngs())
def test_a_mutation_changes_its_parent(trial: Asked, rng: np.random.Generator) -> None:
    """Always, but on a grid of equal steps: a step that is reflected may lead back."""
    feasible = trial.feasible
    if len(feasible.free) == 0:
        return
    parents = feasible.sample(50, rng)
    is_changed = (np.abs(feasible.mutate(parents, rng) - parents) > 1e-12).any(axis=1)
    axes = feasible.axes.part(feasible.free)
    may_return = (axes.step > 0.0) & ~axes.is_log & ~axes.is_categorical
    if not may_return.any():
        assert is_changed.all()
    assert is_changed.mean() > 0.2


def test_few_steps_lead_back() -> None:
    feasible = feasible_of(domain_of(*FREE))
    rng = np.random.default_rng(0)
    parents = feasible.sample(N, rng)
    assert (feasible.mutate(parents, rng) != parents).any(axis=1).mean() > 0.9


def test_a_mutation_at_an_end_of_a_grid_stays_as_often_as_it_leaves() -> None:
    feasible = feasible_of(domain_of(IntDistribution(0, 1)))
    mutated = feasible.mutate(np.zeros((N, 1)), np.random.default_rng(0))
    assert stats.binomtest(int(mutated.sum()), N).pvalue > LEAST_P


def test_mutations_of_uniform_points_are_uniform() -> None:
    """As a random walk over a grid needs it: what enters a value also leaves it."""
    feasible = feasible_of(domain_of(IntDistribution(0, 9), CategoricalDistribution("abc")))
    everything = np.tile(feasible.enumerate(30, np.random.default_rng(0)), (200, 1))
    mutated = feasible.mutate(everything, np.random.default_rng(1))
    counts = list(Counter(feasible.domain.keys(mutated)).values())
    assert len(counts) == 30
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_a_mutated_category_is_any_other_one() -> None:
    feasible = feasible_of(domain_of(CategoricalDistribution("abcd")))
    mutated = feasible.mutate(np.full((N, 1), 2.0), np.random.default_rng(0))[:, 0]
    counts = np.bincount(mutated.astype(int), minlength=4)
    assert counts[2] == 0
    assert stats.chisquare(counts[[0, 1, 3]]).pvalue > LEAST_P


@pytest.mark.parametrize("n_fixed", [20, 100])
def test_fixed_columns_are_no_dimensions(n_fixed: int) -> None:
    """The mutations are the same draws, the samples are of the same distribution."""
    alone = feasible_of(domain_of(*FREE))
    others: list[BaseDistribution] = [FloatDistribution(0.0, 1.0), CategoricalDistribution("ab")]
    with_fixed = feasible_of(
        domain_of(*FREE, *others * (n_fixed // 2)), fixed=[*[np.nan] * 4, *[1.0] * n_fixed]
    )
    parents = alone.sample(200, np.random.default_rng(0))
    widened = np.hstack([parents, np.ones((200, n_fixed))])
    mutated = alone.mutate(parents, np.random.default_rng(1))
    np.testing.assert_array_equal(
        with_fixed.mutate(widened, np.random.default_rng(1)),
        np.hstack([mutated, np.ones((200, n_fixed))]),
    )
    drawn = alone.sample(N, np.random.default_rng(2))
    wide = with_fixed.sample(N, np.random.default_rng(3))[:, :4]
    for column in range(4):
        assert stats.ks_2samp(drawn[:, column], wide[:, column]).pvalue > LEAST_P


def test_a_set_with_a_hundred_fixed_columns_is_listed() -> None:
    choices = CategoricalDistribution("ab")
    domain = domain_of(*[IntDistribution(0, 4), choices] + [choices] * 100)
    feasible = feasible_of(domain, fixed=[np.nan, np.nan, *[1.0] * 100])
    points = feasible.enumerate(10, np.random.default_rng(0))
    assert sorted(points[:, :2].tolist()) == [[u, c] for u in np.arange(5) / 4 for c in (0.0, 1.0)]
    assert (points[:, 2:] == 1.0).all()


@pytest.mark.parametrize(
    ("whole", "asked_for"),
    [
        (IntDistribution(0, 100), IntDistribution(10, 13)),
        (IntDistribution(0, 100), IntDistribution(20, 80, step=15)),
        (FloatDistribution(0.0, 1.0), FloatDistribution(0.1, 0.9, step=0.2)),
        (IntDistribution(1, 64, log=True), IntDistribution(8, 20)),
    ],
)
def test_every_value_of_a_narrowed_grid_is_equally_likely(
    whole: BaseDistribution, asked_for: BaseDistribution
) -> None:
    feasible = feasible_of(domain_of(whole), asked=[asked_for])
    points = feasible.sample(N, np.random.default_rng(0))[:, 0]
    counts = np.unique(np.round(points, 9), return_counts=True)[1]
    assert len(counts) == feasible.n_points
    assert stats.chisquare(counts).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("whole", "asked_for", "expected"),
    [
        ((0.0, 1.0, False), (0.7, 0.70001, False), stats.uniform(0.7, 1e-5)),
        ((1e-9, 1.0, False), (1e-9, 1e-2, True), stats.loguniform(1e-9, 1e-2)),
        ((1e-3, 1.0, True), (0.1, 1.0, False), stats.uniform(0.1, 0.9)),
    ],
)
def test_a_narrower_range_is_drawn_as_it_would_be_alone(
    whole: tuple[float, float, bool],
    asked_for: tuple[float, float, bool],
    expected: stats.rv_continuous,
) -> None:
    distributions = [FloatDistribution(low, h, log=log) for low, h, log in (whole, asked_for)]
    feasible = feasible_of(domain_of(distributions[0]), asked=distributions[1:])
    points = feasible.sample(N, np.random.default_rng(0))
    values = feasible.domain.axes.to_values(points)[:, 0]
    assert stats.kstest(values, expected.cdf).pvalue > LEAST_P


def test_a_narrower_logarithmic_range_of_ints_is_drawn_as_it_would_be_alone() -> None:
    whole, alone = domain_of(IntDistribution(1, 64, log=True)), IntDistribution(2, 8, log=True)
    rng = np.random.default_rng(0)
    drawn = whole.axes.to_values(feasible_of(whole, asked=[alone]).sample(N, rng))[:, 0]
    expected = domain_of(alone).axes.to_values(domain_of(alone).sample(N, rng))[:, 0]
    counts = [np.bincount(np.rint(v).astype(int), minlength=9)[2:] for v in (drawn, expected)]
    assert stats.chi2_contingency(counts)[1] > LEAST_P


def test_a_set_with_architectures_keeps_what_is_fixed() -> None:
    space = TwoLayers(9)
    transform = architecture_transform(space, {"rate": FloatDistribution(0.0, 1.0)})
    point = transform.to_point({"width_1": 4})
    feasible = FeasibleSet(transform.domain, transform.domain.axes, point)
    rng = np.random.default_rng(0)
    points = feasible.mutate(feasible.sample(100, rng), rng)
    params = [transform.to_params(p) for p in points]
    assert {p["width_1"] for p in params} == {4}
    assert {p["width_2"] for p in params} == set(range(1, 10))

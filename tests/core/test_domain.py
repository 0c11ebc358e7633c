"""Points to features, kernel inputs and keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy.interpolate import BSpline

from optuna_lanas._core.domain import _with_splines
from optuna_lanas._core.domain import Architectures
from optuna_lanas._core.domain import CODE_LENGTH
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import KnownKeys
from optuna_lanas._core.domain import MAX_ONE_HOT
from optuna_lanas._core.domain import N_COARSE
from optuna_lanas._core.domain import N_FINE
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas.spaces import Space
from tests.builders import architecture_transform
from tests.builders import domain_of
from tests.builders import TwoLayers
from tests.strategies import domains
from tests.strategies import rngs


@given(domains(), rngs())
def test_the_features_of_each_parameter_sum_to_one(
    domain: Domain, rng: np.random.Generator
) -> None:
    features = domain.features(domain.sample(20, rng))
    assert (features >= 0).all()
    for param in range(domain.n_params):
        own = features[:, domain.feature_param == param]
        np.testing.assert_allclose(own.sum(axis=1), 1.0)


@given(domains(), rngs())
def test_the_features_of_an_inactive_parameter_are_zero(
    domain: Domain, rng: np.random.Generator
) -> None:
    points = domain.sample(5, rng)
    whole = domain.features(points)
    points[:, 0] = np.nan
    expected = np.where(domain.feature_param == 0, 0.0, whole)
    np.testing.assert_array_equal(domain.features(points), expected)


def test_a_categorical_parameter_is_one_hot() -> None:
    domain = domain_of(CategoricalDistribution("abc"))
    points = np.array([[0.0], [1.0], [2.0]])
    np.testing.assert_array_equal(domain.features(points), np.eye(3))


def test_a_linear_function_of_numeric_features_is_piecewise_linear() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0))
    knots = np.linspace(0.0, 1.0, DEFAULT.max_knots)
    heights = np.random.default_rng(0).standard_normal(DEFAULT.max_knots)
    u = np.linspace(0.0, 1.0, 101)
    drawn = domain.features(u[:, None]) @ heights
    np.testing.assert_allclose(drawn, np.interp(u, knots, heights), atol=1e-12)


def test_a_grid_of_few_values_has_a_knot_for_each() -> None:
    domain = domain_of(IntDistribution(2, 8, step=3), IntDistribution(0, 99))
    assert domain.n_knots.tolist() == [3, DEFAULT.max_knots]
    points = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(domain.features(points)[:, :3], np.eye(3), atol=1e-12)


def test_kernel_inputs_are_as_far_apart_as_coordinates_and_categories_by_one() -> None:
    domain = domain_of(CategoricalDistribution("abc"), FloatDistribution(-5.0, 5.0))
    points = np.array([[0.0, 0.25], [2.0, 0.25], [0.0, 1.0]])
    inputs = domain.kernel_inputs(points, domain.features(points))
    assert np.linalg.norm(inputs[0] - inputs[1]) == pytest.approx(1.0)
    assert np.linalg.norm(inputs[0] - inputs[2]) == pytest.approx(0.75)
    group = domain.lengthscale_groups(domain.features(points).shape[1])
    assert group.tolist() == [0, 0, 0, 1]
    assert domain.n_dimensions(domain.features(points).shape[1]) == 2


def test_inactivity_is_a_kernel_input_of_its_own_under_the_same_length_scale() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0))
    conditional = Domain(domain.axes, activity=lambda points: points >= 0.0)
    points = np.array([[0.25, np.nan], [0.25, 0.5]])
    features = conditional.features(points)
    inputs = conditional.kernel_inputs(points, features)
    np.testing.assert_allclose(inputs, [[0.25, 0.5, 0.0, 1.0], [0.25, 0.5, 0.0, 0.0]])
    assert conditional.lengthscale_groups(features.shape[1]).tolist() == [0, 1, 0, 1]


def test_shared_choices_are_counted_in_any_order_of_the_choices() -> None:
    edge, other, alone = (CategoricalDistribution(c) for c in ("abc", "cab", "ab"))
    domain = domain_of(edge, FloatDistribution(0.0, 1.0), alone, other, edge)
    points = np.array([[0.0, 0.5, 0.0, 1.0, 2.0], [2.0, 0.5, 0.0, 2.0, 2.0]])  # a, a, c; c, b, c
    features = domain.features(points)
    np.testing.assert_allclose(
        domain.additive_inputs(points, features)[:, :3], [[2, 0, 1], [0, 1, 2]]
    )
    counts = domain.kernel_inputs(points, features)[:, -3:]
    np.testing.assert_allclose(counts, np.sqrt(0.5) * np.array([[2, 0, 1], [0, 1, 2]]))
    group = domain.lengthscale_groups(features.shape[1])
    assert len(set(group[-3:])) == 1
    assert group[-1] not in group[:-3]


def test_moving_a_choice_to_another_parameter_keeps_the_counts() -> None:
    domain = domain_of(*[CategoricalDistribution(range(4))] * 5)
    rng = np.random.default_rng(0)
    points = domain.sample(20, rng)
    moved = rng.permuted(points, axis=1)
    for inputs in (domain.additive_inputs, domain.kernel_inputs):
        before = inputs(points, domain.features(points))
        after = inputs(moved, domain.features(moved))
        first = slice(4) if inputs == domain.additive_inputs else slice(-4, None)
        np.testing.assert_allclose(before[:, first], after[:, first])


def test_each_set_of_shared_choices_has_a_length_scale_of_its_own() -> None:
    pairs = [CategoricalDistribution(c) for c in ("ab", "ab", "xyz", "xyz")]
    domain = domain_of(*pairs)
    group = domain.lengthscale_groups(domain.n_plain_features).tolist()
    assert len(set(group[-5:-3])) == len(set(group[-3:])) == 1
    assert len({group[-1], group[-5]} | set(group[:-5])) == 6


def test_numbers_of_the_same_range_are_not_counted() -> None:
    domain = domain_of(*[IntDistribution(1, 4)] * 3, *[FloatDistribution(0.0, 1.0)] * 2)
    points = domain.sample(3, np.random.default_rng(0))
    assert domain.kernel_inputs(points, domain.features(points)).shape[1] == 5


def test_keys_are_equal_for_equal_points_only() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0), CategoricalDistribution("ab"))
    points = np.array([[0.0, 1.0], [-0.0, 1.0], [1e-15, 1.0], [0.0, 0.0], [1e-9, 1.0]])
    keys = domain.keys(points)
    assert keys[0] == keys[1] == keys[2]
    assert len({keys[0], keys[3], keys[4]}) == 3
    inactive = domain.keys(np.array([[np.nan, 1.0], [np.nan, 1.0]]))
    assert inactive[0] == inactive[1] != keys[0]


def test_an_architecture_has_the_key_and_the_features_of_its_space() -> None:
    transform = architecture_transform(TwoLayers(5), {"rate": FloatDistribution(0.0, 1.0)})
    domain = transform.domain
    many = [
        {"rate": 0.5, "width_1": 2, "width_2": 4},
        {"rate": 0.5, "width_1": 4, "width_2": 2},
        {"rate": 0.25, "width_1": 4, "width_2": 2},
        {"rate": 0.5, "width_1": 3, "width_2": 3},
    ]
    points = transform.to_points(many)
    keys = domain.keys(points)
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None
    features = domain.features(points)
    np.testing.assert_array_equal(features[:3, :2], [[2.0, 4.0]] * 3)
    assert np.isnan(features[3]).any()
    inputs = domain.kernel_inputs(points, features)
    np.testing.assert_array_equal(inputs[:3], [[2, 4, 0.5], [2, 4, 0.5], [2, 4, 0.25]])
    assert domain.lengthscale_groups(features.shape[1]).tolist() == [0, 0, 1]


def test_features_that_tell_of_one_parameter_have_its_length_scale() -> None:
    space = Space({"op": ["conv", "pool"], "width": (8, 256), "twin": ["conv", "pool"]})
    domain = architecture_transform(space, {"rate": FloatDistribution(0.0, 1.0)}).domain
    groups = domain.lengthscale_groups(len(space.encoding_names) + domain.n_plain_features)
    by_group: dict[int, set[str]] = {}
    for name, group in zip([*space.encoding_names, "rate"], groups.tolist(), strict=True):
        by_group.setdefault(group, set()).add(name.split("=")[0].split("≈")[0])
    assert sorted(map(sorted, by_group.values())) == [
        *(["count:conv", "count:pool"], ["op"], ["rate"], ["twin"], ["width"]),
    ]


def test_the_draws_of_a_space_replace_those_of_its_axes() -> None:
    plain = domain_of(IntDistribution(0, 9), FloatDistribution(0.0, 1.0))
    architectures = Architectures(
        params=np.array([0]),
        encode=lambda points: points,
        keys=lambda points: list(points[:, 0]),
        sample=lambda n, rng: np.ones((n, 1)),
    )
    points = Domain(plain.axes, architectures).sample(50, np.random.default_rng(0))
    assert (points[:, 0] == 1.0).all()
    assert len(set(points[:, 1])) == 50


def test_inactive_parameters_are_masked_and_completed() -> None:
    domain = Domain(
        domain_of(CategoricalDistribution("ab"), FloatDistribution(0.0, 1.0)).axes,
        activity=lambda points: np.column_stack([points[:, 0] >= 0, points[:, 0] == 1]),
    )
    points = np.array([[0.0, 0.5], [1.0, 0.5]])
    masked = domain.mask_inactive(points)
    np.testing.assert_array_equal(masked, [[0.0, np.nan], [1.0, 0.5]])
    completed = domain.complete(masked, np.random.default_rng(0))
    np.testing.assert_array_equal(domain.mask_inactive(completed), masked)
    assert 0.0 <= completed[0, 1] <= 1.0


def test_known_keys_do_not_change_when_more_are_added() -> None:
    place: dict[object, int] = {"a": 0, "b": 1}
    known = KnownKeys(place, 2)
    place["c"] = 2
    assert ["a" in known, "b" in known, "c" in known, "d" in known] == [True, True, False, False]
    assert "c" in KnownKeys(place, 3)


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=8))
def test_splines_are_scipys_and_sum_to_one(coordinates: list[tuple[float, float]]) -> None:
    """Cubic and uniform, with knots beyond both ends: first all coarse ones, then all fine."""
    points, parts = np.array(coordinates), []
    for n_splines in (N_COARSE, N_FINE):
        knots = np.arange(-3, n_splines + 1) / (n_splines - 3)
        parts += [BSpline.design_matrix(x, knots, 3).toarray() for x in points.T]
    splines = _with_splines(np.empty((len(points), 0)), points)
    np.testing.assert_allclose(splines, np.hstack(parts), atol=1e-12)
    np.testing.assert_allclose(splines.sum(axis=1), 4.0)


def test_an_inactive_number_has_no_splines() -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0), CategoricalDistribution("abcd"))
    points = np.array([[np.nan, 0.0]])
    inputs = domain.additive_inputs(points, domain.features(points))
    np.testing.assert_array_equal(inputs, [[1.0, 0.0, 0.0, 0.0] + [0.0] * (N_COARSE + N_FINE)])
    assert domain.is_fine(inputs.shape[1]).sum() == N_FINE


def test_a_number_of_few_values_has_no_additive_inputs() -> None:
    few, many = IntDistribution(1, N_COARSE), IntDistribution(0, N_COARSE)
    points = np.random.default_rng(0).random((5, 2))
    for domain, n_inputs in ((domain_of(few, few), 0), (domain_of(few, many), N_COARSE + N_FINE)):
        assert domain.additive_inputs(points, domain.features(points)).shape == (5, n_inputs)


def test_parameters_of_very_many_choices_have_nearly_orthogonal_codes() -> None:
    many = CategoricalDistribution(list(range(20_000)))
    domain = domain_of(many, FloatDistribution(0.0, 1.0), many)
    points = domain.sample(300, np.random.default_rng(0))
    points[0, 0] = np.nan
    features = domain.features(points)
    assert features.shape == (300, 2 * CODE_LENGTH + 9)
    assert (features[0, :CODE_LENGTH] == 0.0).all()
    np.testing.assert_array_equal(domain.features(points[5:7]), features[5:7])
    fewer = domain_of(CategoricalDistribution(list(range(10_000))))
    places = np.arange(0.0, 10_000.0, 99.0)[:, None]
    codes = fewer.features(places)
    np.testing.assert_allclose(codes @ codes.T, np.eye(len(places)), atol=0.6)
    np.testing.assert_allclose(np.diag(codes @ codes.T), 1.0)
    alike = np.column_stack([places, np.zeros_like(places), places])
    np.testing.assert_array_equal(fewer.features(places), domain.features(alike)[:, :CODE_LENGTH])


def test_a_parameter_of_few_choices_is_one_hot() -> None:
    domain = domain_of(CategoricalDistribution(list(range(MAX_ONE_HOT))))
    points = np.arange(float(MAX_ONE_HOT))[:, None]
    np.testing.assert_array_equal(domain.features(points), np.eye(MAX_ONE_HOT))

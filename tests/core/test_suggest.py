"""The search phase: a function of its arguments, and where it searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest
from scipy import stats

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.gp import Model
from optuna_lanas._core.history import History
from optuna_lanas._core.pareto import count_dominating
from optuna_lanas._core.search_tree import learn
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.suggest import _make_acquisition
from optuna_lanas._core.suggest import _pending
from optuna_lanas._core.suggest import Caches
from optuna_lanas._core.suggest import ModelCache
from optuna_lanas._core.suggest import place_of_best
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._core.suggest import restart_of
from optuna_lanas._core.suggest import suggest
from tests.builders import architecture_transform
from tests.builders import CHEAP
from tests.builders import domain_of
from tests.builders import feasible_of
from tests.builders import history_of
from tests.builders import random_history
from tests.builders import transform_of
from tests.builders import TwoLayers
from tests.strategies import Asked
from tests.strategies import asked
from tests.strategies import rngs


MIXED: list[BaseDistribution] = [
    CategoricalDistribution("abc"),
    IntDistribution(0, 9),
    IntDistribution(1, 64, log=True),
    FloatDistribution(0.0, 1.0),
]
ONE_IN_FOUR = domain_of(*[CategoricalDistribution([0, 1, 2, 3])] * 6)
N = 90


def assert_same(left: Proposal, right: Proposal) -> None:
    np.testing.assert_array_equal(left.point, right.point)
    assert (left.leaf, left.node, left.chosen) == (right.leaf, right.node, right.chosen)
    if left.candidates is not None:
        assert right.candidates is not None
        np.testing.assert_array_equal(left.candidates.scores, right.candidates.scores)


def part(history: History, n: int) -> History:
    """The first observations, the next two pending."""
    points = history.points
    return history_of(
        history.domain,
        points[:n],
        history.values[:n],
        objectives=None if history.objectives is None else history.objectives[:n],
        pending=points[n : n + 2],
    )


def conditional_domain() -> Domain:
    """The last two parameters are active for one category each."""

    def activity(points: np.ndarray) -> np.ndarray:
        is_first = points[:, 0] == 0.0
        always = np.ones(len(points), dtype=bool)
        return np.column_stack([always, always, is_first, ~is_first])

    return Domain(domain_of(*MIXED).axes, activity=activity)


def two_objectives(points: np.ndarray) -> History:
    domain = domain_of(*MIXED)
    objectives = np.column_stack([points[:, 3], 1.0 - points[:, 3] ** 2 - points[:, 1]])
    values = -count_dominating(np.empty(0), objectives)
    return history_of(domain, points, values, objectives=objectives)


HISTORIES: dict[str, Callable[[], History]] = {
    "mixed": lambda: random_history(domain_of(*MIXED), 90),
    "conditional": lambda: random_history(conditional_domain(), 90),
    "getting worse": lambda: random_history(ONE_IN_FOUR, 90, value=lambda p: -np.arange(len(p))),
    "equal": lambda: random_history(domain_of(*MIXED), 90, value=lambda p: np.zeros(len(p))),
    "two objectives": lambda: two_objectives(
        domain_of(*MIXED).sample(90, np.random.default_rng(0))
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("settings", [CHEAP, replace(PUBLISHED, n_select=8, n_first=5)])
def test_caches_change_no_proposal_along_a_history(name: str, settings: Settings) -> None:
    whole, caches = HISTORIES[name](), Caches()
    for n in [1, 2, 12, 13, 14, 40, 41, 42, 60, 88]:
        history = part(whole, n)
        feasible = feasible_of(history.domain, settings=settings)
        with_caches, without = (
            suggest(history, feasible, settings, np.random.default_rng(n), c)
            for c in (caches, None)
        )
        assert_same(with_caches, without)


def test_caches_of_another_history_change_no_proposal() -> None:
    domain, caches = domain_of(*MIXED), Caches()
    points = domain.sample(60, np.random.default_rng(0))
    values = points.sum(axis=1)
    for changed in (
        history_of(domain, points, values),
        history_of(domain, points[::-1].copy(), values),
        history_of(domain, points, -values),
        history_of(domain, points[:30], values[:30]),
        random_history(conditional_domain(), 60),
    ):
        feasible = feasible_of(changed.domain)
        for settings in (CHEAP, replace(CHEAP, max_depth=1, lengthscale_variance=0.1)):
            rngs_ = [np.random.default_rng(1) for _ in range(2)]
            with_caches = suggest(changed, feasible, settings, rngs_[0], caches)
            assert_same(with_caches, suggest(changed, feasible, settings, rngs_[1]))


@pytest.mark.parametrize("name", HISTORIES)
def test_a_suggestion_writes_into_no_array_of_its_history(name: str) -> None:
    history = part(HISTORIES[name](), 88)
    feasible = feasible_of(history.domain)
    arrays = {k: v for k, v in vars(history).items() if isinstance(v, np.ndarray)}
    before = {k: v.copy() for k, v in arrays.items()}
    fixed = feasible.fixed.copy()
    for settings in (CHEAP, replace(PUBLISHED, n_first=10, n_select=10)):
        suggest(history, feasible, settings, np.random.default_rng(0), Caches())
    for k, v in before.items():
        np.testing.assert_array_equal(arrays[k], v)
    np.testing.assert_array_equal(feasible.fixed, fixed)


@given(asked(), rngs())
def test_a_proposal_is_feasible_and_new(trial: Asked, rng: np.random.Generator) -> None:
    domain, feasible = trial.transform.domain, trial.feasible
    history = history_of(domain, domain.sample(15, rng), rng.random(15))
    for settings in (CHEAP, replace(PUBLISHED, n_uniform_batches=1, n_walk_steps=3)):
        point = suggest(history, feasible, settings, rng).point
        np.testing.assert_allclose(feasible.project(point[None])[0], point, atol=1e-9)
        is_new = domain.keys(point[None])[0] not in history.keys
        listed = feasible.enumerate(5_000, rng)
        has_new = feasible.n_points > 5_000
        has_new |= any(key not in history.keys for key in domain.keys(listed))
        assert is_new == has_new


def test_a_model_proposes_the_best_new_candidate() -> None:
    history = part(HISTORIES["mixed"](), 80)
    found = suggest(history, feasible_of(history.domain), DEFAULT, np.random.default_rng(0))
    assert found.candidates is not None
    assert found.search_tree is not None
    assert found.chosen == found.candidates.best_new(history)
    np.testing.assert_array_equal(found.point, found.candidates.points[found.chosen])
    features = history.domain.features(found.point[None])
    assert found.search_tree.tree.region(found.node).contains(features).all()
    assert found.node in found.search_tree.tree.path(found.leaf)


@pytest.mark.parametrize("n_constants", [1, 50])
@pytest.mark.parametrize("settings", [CHEAP, replace(PUBLISHED, n_first=10, n_select=10)])
def test_constant_columns_change_no_proposal(n_constants: int, settings: Settings) -> None:
    """A parameter that the trial fixes is no dimension of its search either."""
    free = [IntDistribution(0, 9), FloatDistribution(0.0, 1.0)]
    alone = random_history(domain_of(*free), 40)
    domain = domain_of(*free, *[CategoricalDistribution("ab")] * n_constants)
    points = np.hstack([alone.points, np.ones((40, n_constants))])
    wide = history_of(domain, points, alone.values)
    fixed = feasible_of(domain, fixed=[np.nan, np.nan, *[1.0] * n_constants])
    found = suggest(wide, fixed, settings, np.random.default_rng(0))
    assert (found.point[2:] == 1.0).all()
    tree = learn(wide, settings)
    np.testing.assert_array_equal(tree.leaf, learn(alone, settings).leaf)


def test_a_region_with_nothing_new_is_left_for_that_of_its_parent() -> None:
    """Whole small spaces are proposed by the model, without a repeat."""
    domain = domain_of(*[CategoricalDistribution([0, 1, 2])] * 4)
    feasible, rng = feasible_of(domain), np.random.default_rng(0)
    points = domain.sample(1, rng)
    found: list[Proposal] = []
    while len(points) < 81:
        values = points.sum(axis=1) + 3 * (points[:, 0] == points[:, 1])
        found.append(suggest(history_of(domain, points, values), feasible, CHEAP, rng))
        points = np.vstack([points, found[-1].point])
    assert len(set(domain.keys(points))) == 81
    # All but the last points, which no mutation meets, are proposed by the model.
    assert sum(proposal.search_tree is not None for proposal in found) >= 0.8 * 81
    assert sum(proposal.node == 0 for proposal in found[40:]) > 8


@pytest.mark.parametrize("settings", [CHEAP, replace(PUBLISHED, n_first=10, n_select=10)])
def test_a_set_of_known_points_needs_no_model(settings: Settings) -> None:
    """None is fitted, no tree is grown, and every feasible point is as likely as the others."""

    class Refusing(ModelCache):
        def fitted(
            self, history: History, settings: Settings, n_known: int | None = None
        ) -> Model:
            raise AssertionError

    domain = domain_of(IntDistribution(0, 9), CategoricalDistribution("ab"))
    feasible = feasible_of(domain, fixed=[np.nan, 1.0])
    points = feasible.enumerate(10, np.random.default_rng(0))
    caches, drawn = Caches(model=Refusing()), []
    for seed in range(300):
        # The last one still runs.
        history = history_of(domain, points[:9], np.arange(9.0), pending=points[9:])
        found = suggest(history, feasible, settings, np.random.default_rng(seed), caches)
        assert found.search_tree is None
        drawn.append(found.point)
    shares = np.unique(np.array(drawn), axis=0, return_counts=True)[1]
    assert len(shares) == 10
    assert stats.chisquare(shares).pvalue > 1e-4


def test_a_leaf_with_nothing_new_is_passed_over_for_the_next() -> None:
    domain = domain_of(IntDistribution(0, 31))
    points = np.arange(10, 32)[:, None] / 31
    history = history_of(domain, points, points[:, 0])
    settings = replace(DEFAULT, exploration=0.0, max_depth=3, min_samples_leaf=1, is_uniform=True)
    grown = learn(history, settings)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = suggest(history, feasible_of(domain), settings, rng)
        assert found.point < points.min()
        assert found.leaf == grown.tree.route(domain.features(found.point[None]))[0]
        assert found.leaf != grown.select()


def test_a_published_draw_lies_in_the_selected_leaf() -> None:
    history = part(HISTORIES["mixed"](), 80)
    settings = replace(PUBLISHED, n_first=20, n_select=20)
    leaf = learn(history, settings).select()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = suggest(history, feasible_of(history.domain), settings, rng)
        assert found.leaf == found.node == leaf
        assert found.candidates is None
        assert found.search_tree is not None
        features = history.domain.features(found.point[None])
        assert found.search_tree.tree.route(features)[0] == leaf


def test_several_objectives_are_searched_in_the_leaf() -> None:
    history = HISTORIES["two objectives"]()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = suggest(history, feasible_of(history.domain), CHEAP, rng)
        assert found.node == found.leaf


@pytest.mark.parametrize("width", [8, 60])
def test_key_and_encode_are_asked_once_for_each_candidate(width: int) -> None:
    space = TwoLayers(width)
    transform = architecture_transform(space, {"rate": FloatDistribution(0.0, 1.0)})
    domain, rng = transform.domain, np.random.default_rng(0)
    points = domain.sample(30, rng)
    points = points[[key is not None for key in domain.keys(points)]]
    history = history_of(domain, points, points.sum(axis=1))
    suggest(history, feasible_of(domain), CHEAP, rng)
    assert len(space.n_keys) > len(points)
    assert set(space.n_keys.values()) == {1}
    # An encoding is asked for once more, for its length.
    assert sum(space.n_codes.values()) <= len(space.n_codes) + 1
    assert all(first != second for first, second in space.n_codes)  # others are invalid


def test_a_long_history_is_modelled_by_the_nearest_observations_and_of_these_the_best() -> None:
    domain = transform_of({"x": FloatDistribution(0.0, 1.0)}).domain
    history = random_history(domain, 60)
    shared = np.where(history.points[:, 0] < 0.3, 1, 0)
    acquisition = _make_acquisition(history, shared, CHEAP, ModelCache(), np.random.default_rng(0))
    n_near = int(shared.sum())
    assert 0 < n_near < CHEAP.n_observations
    others = np.sort(history.values[shared == 0])[::-1][: CHEAP.n_observations - n_near]
    expected = np.sort(np.append(history.points[shared == 1, 0], others))
    model = acquisition.model
    modelled = acquisition.inputs[:, 0] * np.exp(model.log_lengthscales[0])
    np.testing.assert_allclose(np.sort(modelled * model.widths[0] + model.origin[0]), expected)


@pytest.mark.parametrize("is_conditional", [False, True])
def test_a_pending_point_without_a_parameter_is_one_of_a_conditional_space(
    is_conditional: bool,
) -> None:
    """Whichever kind of parameter it lacks."""
    domain = domain_of(FloatDistribution(0.0, 1.0), CategoricalDistribution("abc"))
    if is_conditional:
        domain = replace(domain, activity=lambda points: np.ones(points.shape, dtype=bool))
    points = domain.sample(6, np.random.default_rng(0))
    pending = np.array([[0.5, 1.0], [np.nan, 2.0], [0.25, np.nan], [0.75, 0.0]])
    history = history_of(domain, points, points[:, 0], pending=pending)
    for limit in (2, 9):
        inputs, additive = _pending(history, limit)
        expected = (pending if is_conditional else pending[[0, 3]])[:limit]
        features = domain.features(expected)
        assert not np.isnan(inputs).any()
        np.testing.assert_array_equal(inputs, domain.kernel_inputs(expected, features))
        np.testing.assert_array_equal(additive, domain.additive_inputs(expected, features))


STALLED = replace(CHEAP, n_stalled=10, stalled_share=0.5, n_restart=8, max_stalled_nugget=1.0)


def stalled_history(n: int, best: int = 4, n_pending: int = 0) -> History:
    """The best observation is one of the first."""
    rng = np.random.default_rng(3)
    points = ONE_IN_FOUR.sample(n + n_pending, rng)
    values = rng.random(n)
    values[best] = 2.0
    return history_of(ONE_IN_FOUR, points[:n], values, pending=points[n:])


def test_a_stalled_search_and_restarts_take_turns() -> None:
    firsts = [restart_of(stalled_history(n), STALLED) for n in range(5, 56)]
    assert firsts[:10] == [0] * 10  # n = 5, .., 14
    for block in range(5):
        first = 15 + 8 * block
        own = firsts[first - 5 : first + 3]
        assert own == [0 if block % 2 else first] * len(own)


def test_a_late_best_observation_is_waited_for_longer() -> None:
    for best in (4, 29, 59):
        n_waited = max(10, (best + 1) // 2)
        n = best + 1 + n_waited
        assert restart_of(stalled_history(n - 1, best), STALLED) == 0
        assert restart_of(stalled_history(n, best), STALLED) == n


def test_a_new_best_observation_ends_a_restart() -> None:
    history = stalled_history(18)
    assert restart_of(history, STALLED) == 15
    values = np.append(history.values[:-1], 3.0)
    assert restart_of(replace(history, values=values), STALLED) == 0


@pytest.mark.parametrize("error", [0.1, np.inf])
def test_what_a_trial_without_a_value_is_taken_for_is_not_the_best(error: float) -> None:
    history = stalled_history(18, best=16)
    values, errors = history.values.copy(), np.zeros(18)
    values[4], errors[4] = 2.0, error  # as the best one, which ended later
    history = replace(history, values=values, errors=errors)
    assert place_of_best(history) == 16
    assert restart_of(history, STALLED) == 0
    assert place_of_best(replace(history, errors=np.full(18, np.inf))) == 0


def test_many_workers_wait_for_what_their_pending_trials_find() -> None:
    settings = replace(STALLED, n_workers=3)
    assert restart_of(stalled_history(16, n_pending=2), settings) == 15
    assert restart_of(stalled_history(24, n_pending=3), settings) == 0
    assert restart_of(stalled_history(26, n_pending=3), settings) == 25
    assert restart_of(stalled_history(40, n_pending=3), settings) == 25


def test_a_restart_knows_its_own_observations_alone_and_proposes_new_points() -> None:
    history = stalled_history(22)
    feasible = feasible_of(ONE_IN_FOUR)
    found = suggest(history, feasible, STALLED, np.random.default_rng(0))
    own = history_of(ONE_IN_FOUR, history.points[15:], history.values[15:])
    alone = suggest(
        replace(own, keys=history.keys), feasible, STALLED, np.random.default_rng(0), Caches()
    )
    assert (found.first, alone.first) == (15, 0)
    assert_same(found, alone)
    assert ONE_IN_FOUR.keys(found.point[None])[0] not in history.keys


@pytest.mark.parametrize(("n", "n_startup"), [(17, 5), (15, 0)])
def test_a_restart_begins_with_uniform_draws(n: int, n_startup: int) -> None:
    history = stalled_history(n)
    settings = replace(STALLED, n_startup_trials=n_startup)
    found = suggest(history, feasible_of(ONE_IN_FOUR), settings, np.random.default_rng(0))
    assert found.first == 15
    assert found.search_tree is None


def test_several_objectives_and_the_published_search_are_not_restarted() -> None:
    history = stalled_history(60)
    assert restart_of(history, PUBLISHED) == 0
    objectives = np.column_stack([history.values, history.values])
    assert restart_of(replace(history, objectives=objectives), STALLED) == 0


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_search_of_noisy_values_is_not_restarted(noise: float) -> None:
    domain = domain_of(FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0))
    rng = np.random.default_rng(0)
    points = domain.sample(60, rng)
    values = -np.sum((points - 0.5) ** 2, axis=1) + 0.2 * noise * rng.standard_normal(60)
    points[[4, values.argmax()]] = points[[values.argmax(), 4]]
    values[[4, values.argmax()]] = values[[values.argmax(), 4]]
    history = history_of(domain, points[:18], values[:18])
    settings = replace(STALLED, max_stalled_nugget=DEFAULT.max_stalled_nugget)
    assert restart_of(history, settings) == 15
    found = suggest(history, feasible_of(domain), settings, rng)
    assert found.first == (0 if noise else 15)


def test_what_was_known_before_a_restart_decides_whether_it_takes_place() -> None:
    """It would otherwise begin midway, and know trials of the search that knows everything."""
    domain = domain_of(FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0))
    points = domain.sample(23, np.random.default_rng(0))
    values = -np.sum((points - 0.5) ** 2, axis=1)
    values[4] = 0.0
    settings = replace(STALLED, max_stalled_nugget=DEFAULT.max_stalled_nugget)
    caches = Caches()
    for n in range(15, 23):
        values[15:] = np.random.default_rng(n).uniform(-9.0, -1.0, 8)  # noise
        history = history_of(domain, points[:n], values[:n])
        found = suggest(history, feasible_of(domain), settings, np.random.default_rng(n), caches)
        assert found.first == 15

"""Candidates lie inside a region, are feasible, and rise with every round."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from optuna_lanas._core.acquisition import Acquisition
from optuna_lanas._core.acquisition import make_acquisition
from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.gp import prior_model
from optuna_lanas._core.gp import ValueScale
from optuna_lanas._core.history import History
from optuna_lanas._core.local_search import Candidates
from optuna_lanas._core.local_search import local_search
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Region
from tests.builders import architecture_transform
from tests.builders import CHEAP
from tests.builders import domain_of
from tests.builders import everywhere
from tests.builders import feasible_of
from tests.builders import half_spaces
from tests.builders import history_of
from tests.builders import random_history
from tests.builders import TwoLayers
from tests.strategies import Asked
from tests.strategies import asked
from tests.strategies import rngs


SMALL = replace(CHEAP, n_random=30, n_near=30, n_rounds=2)
DOMAIN = domain_of(
    CategoricalDistribution("abc"), IntDistribution(0, 9), FloatDistribution(0.0, 1.0)
)


def acquisition_of(history: History) -> Acquisition:
    features, domain = history.features, history.domain
    inputs = domain.kernel_inputs(history.points, features)
    additive = domain.additive_inputs(history.points, features)
    dim, is_fine = features.shape[1], domain.is_fine(additive.shape[1])
    group, n_dimensions = domain.lengthscale_groups(dim), domain.n_dimensions(dim)
    model = prior_model(inputs, additive, is_fine, group, n_dimensions, SMALL)
    model = replace(model, value_scale=ValueScale.of(history.values))
    return make_acquisition(inputs, additive, history.values, model, SMALL)


def search(
    history: History,
    feasible: FeasibleSet,
    region: Region,
    settings: Settings = SMALL,
    seed: int = 0,
) -> Candidates:
    inside = history.points[region.contains(history.features)]
    starts = feasible.project(inside if len(inside) else history.points)
    rng = np.random.default_rng(seed)
    acquisition = acquisition_of(history)
    return local_search(feasible, region, starts, acquisition, settings, rng)


@pytest.mark.parametrize("n_cuts", [0, 1, 3])
def test_candidates_lie_inside_the_region_and_have_their_own_scores(n_cuts: int) -> None:
    history, region = random_history(DOMAIN, 30), half_spaces(DOMAIN, n_cuts)
    found = search(history, feasible_of(DOMAIN), region)
    assert len(found.points) > 0
    features = DOMAIN.features(found.points)
    assert region.contains(features).all()
    assert found.keys == DOMAIN.keys(found.points)
    inputs = DOMAIN.kernel_inputs(found.points, features)
    scores = acquisition_of(history)(inputs, DOMAIN.additive_inputs(found.points, features))
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)


@given(asked(), rngs())
def test_candidates_are_feasible(trial: Asked, rng: np.random.Generator) -> None:
    domain, feasible = trial.transform.domain, trial.feasible
    history = history_of(domain, domain.sample(10, rng), rng.random(10))
    dim = history.features.shape[1]
    found = search(history, feasible, everywhere(dim))
    n_mutated = SMALL.n_near + SMALL.n_rounds * SMALL.n_round
    assert len(found.points) == SMALL.n_random + n_mutated
    np.testing.assert_allclose(feasible.project(found.points), found.points, atol=1e-9)


def test_more_rounds_only_add_candidates() -> None:
    history, region = random_history(DOMAIN, 30), half_spaces(DOMAIN, 1)
    feasible = feasible_of(DOMAIN)
    best = []
    for n_rounds in range(4):
        settings = replace(SMALL, n_rounds=n_rounds)
        found = search(history, feasible, region, settings)
        best.append(found.scores.max())
    assert best == sorted(best)
    assert best[-1] > best[0]


def test_rounds_mutate_the_best_candidates() -> None:
    """They find more of the best than as many random points."""
    domain = domain_of(*[FloatDistribution(0.0, 1.0)] * 4)
    history, feasible = random_history(domain, 40), feasible_of(domain)
    region = everywhere(history.features.shape[1])
    acquisition = acquisition_of(history)
    climbing = replace(SMALL, n_random=50, n_near=0, n_rounds=5, n_round=50)
    random = replace(SMALL, n_random=300, n_near=0, n_rounds=0)

    def mean_best(settings: Settings) -> float:
        rngs = [np.random.default_rng(seed) for seed in range(20)]
        found = [
            local_search(feasible, region, history.points, acquisition, settings, rng)
            for rng in rngs
        ]
        return float(np.mean([each.scores.max() for each in found]))

    assert mean_best(climbing) > mean_best(random)


def test_a_region_that_no_candidate_hits_is_searched_from_its_starts() -> None:
    history = random_history(DOMAIN, 30)
    weights = DOMAIN.features(np.array([[0.0, 0.0, 0.0]]))[0]  # one point of the corner
    region = Region(weights[None], np.array([2.99]), np.array([True]))
    starts = np.zeros((1, 3))
    found = local_search(
        feasible_of(DOMAIN),
        region,
        starts,
        acquisition_of(history),
        replace(SMALL, n_random=0),
        np.random.default_rng(0),
    )
    assert len(found.points) > 0
    assert (found.points[:, :2] == 0.0).all()


def test_invalid_architectures_are_no_candidates() -> None:
    domain = architecture_transform(TwoLayers(4)).domain
    points = domain.sample(40, np.random.default_rng(0))
    points = points[[key is not None for key in domain.keys(points)]]
    history = history_of(domain, points, points.sum(axis=1))
    found = search(history, feasible_of(domain), everywhere(2))
    assert len(found.keys) > 0
    assert None not in found.keys
    assert len(set(found.keys)) <= 6
    for key in set(found.keys):  # isomorphic candidates score the same
        scores = found.scores[[k == key for k in found.keys]]
        np.testing.assert_allclose(scores, scores[0], rtol=1e-9)


def test_new_candidates_are_ranked_from_the_best_one() -> None:
    points = np.array([[0.0, 0.0, u] for u in (0.1, 0.2, 0.3, 0.4, 0.5)])
    found = Candidates(points, list(DOMAIN.keys(points)), np.array([1.0, 5.0, 2.0, 4.0, 3.0]))
    history = history_of(DOMAIN, points[[1]], np.zeros(1), pending=points[[4]])
    assert list(found.ranked_new(history)) == [3, 2, 0]
    assert found.best_new(history) == 3
    assert found.best_new(history_of(DOMAIN, points, np.zeros(5))) is None

"""What earlier studies foretell: means, weights and the points to try first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from optuna_lanas._core import gp
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.earlier import Earlier
from optuna_lanas._core.earlier import EarlierStudy
from optuna_lanas._core.earlier import learn_earlier
from optuna_lanas._core.earlier import make_plan
from optuna_lanas._core.earlier import View
from optuna_lanas._core.settings import DEFAULT
from tests.builders import transform_of


DOMAIN = transform_of(
    {
        "x": FloatDistribution(-2.0, 2.0),
        "n": IntDistribution(1, 9),
        "op": CategoricalDistribution(["a", "b", "c"]),
    }
).domain
OP, X = 1, 2  # columns, in the order of the names


def view_of(domain: Domain, *, shift: float = 0.0, stretch: float = 1.0) -> View:
    """All parameters; the coordinates of x are others than the new domain's."""
    shifts, stretches = np.zeros(3), np.ones(3)
    shifts[X], stretches[X] = shift, stretch
    return View(domain, np.arange(3), shifts, stretches, shift == 0.0)


def score(points: np.ndarray) -> np.ndarray:
    return np.asarray(-((points[:, X] - 0.3) ** 2) + 0.3 * (points[:, OP] == 1) - points[:, 0] / 9)


def learned(
    seed: int, *, is_shuffled: bool = False, view: View | None = None, n: int = 40
) -> EarlierStudy:
    rng, view = np.random.default_rng(seed), view or view_of(DOMAIN)
    points = view.domain.sample(n, rng)
    values = rng.permutation(score(points)) if is_shuffled else score(points)
    return learn_earlier(view, points, values, np.zeros(n), 64, DEFAULT)


def earlier_of(*studies: EarlierStudy) -> Earlier:
    names = tuple(map(str, range(len(studies))))
    none = np.empty((0, 3))
    return Earlier(studies, names, none, np.empty(0, dtype=np.intp), none)


def means(earlier: Earlier, points: np.ndarray) -> np.ndarray:
    features = DOMAIN.features(points)
    return earlier.means(points, features, DOMAIN.kernel_inputs(points, features))


def test_what_a_study_foretells_follows_its_values() -> None:
    points = DOMAIN.sample(200, np.random.default_rng(9))
    foretold = means(earlier_of(learned(0)), points)[:, 0]
    assert np.corrcoef(foretold, score(points))[0, 1] > 0.9


def test_a_study_of_noise_foretells_little() -> None:
    points = DOMAIN.sample(200, np.random.default_rng(9))
    noise, good = means(earlier_of(learned(0, is_shuffled=True), learned(0)), points).T
    assert noise.std() < 0.5 * good.std()


def test_studies_are_independent_of_those_beside_them() -> None:
    points = DOMAIN.sample(20, np.random.default_rng(9))
    studies = [learned(0), learned(1, n=20), learned(2, view=view_of(DOMAIN, stretch=0.5))]
    together = means(earlier_of(*studies), points)
    apart = np.hstack([means(earlier_of(study), points) for study in studies])
    assert together == pytest.approx(apart, abs=1e-9)


def test_a_view_moves_and_stretches_coordinates() -> None:
    points = DOMAIN.sample(20, np.random.default_rng(9))
    inside = points.copy()
    inside[:, X] = 0.25 + 0.5 * points[:, X]
    plain, view = learned(0), view_of(DOMAIN, shift=0.25, stretch=0.5)
    seen = earlier_of(replace(plain, view=view))
    assert means(seen, points) == pytest.approx(means(earlier_of(plain), inside))


def test_the_domain_passes_on_what_is_foretold() -> None:
    points = DOMAIN.sample(7, np.random.default_rng(9))
    earlier = earlier_of(learned(0), learned(1))
    features = DOMAIN.features(points)
    inputs = replace(DOMAIN, earlier=earlier).kernel_inputs(points, features)
    assert inputs[:, -2:] == pytest.approx(means(earlier, points))
    assert (inputs[:, :-2] == DOMAIN.kernel_inputs(points, features)).all()


def test_a_misleading_study_has_less_weight_than_a_good_one() -> None:
    earlier = earlier_of(learned(0), learned(1, is_shuffled=True))
    points = DOMAIN.sample(25, np.random.default_rng(5))
    features = DOMAIN.features(points)
    inputs = DOMAIN.kernel_inputs(points, features)
    foretold = earlier.means(points, features, inputs)
    dim = features.shape[1]
    group, n_dimensions = DOMAIN.lengthscale_groups(dim), DOMAIN.n_dimensions(dim)
    additive = DOMAIN.additive_inputs(points, features)
    is_fine = DOMAIN.is_fine(additive.shape[1])
    prior = gp.prior_model(inputs, additive, is_fine, group, n_dimensions, DEFAULT)
    values = score(points)
    model = earlier.fit(inputs, additive, values, np.zeros(25), foretold, prior, DEFAULT)
    assert model.earlier is not None
    good, misleading = model.earlier
    assert good > 0.3
    assert 0.0 <= misleading < 0.3 * good


def test_the_gradient_of_the_fit_holds_for_the_weights() -> None:
    rng = np.random.default_rng(1)
    points = DOMAIN.sample(12, rng)
    features = DOMAIN.features(points)
    inputs = DOMAIN.kernel_inputs(points, features)
    dim = features.shape[1]
    group, n_dimensions = DOMAIN.lengthscale_groups(dim), DOMAIN.n_dimensions(dim)
    additive = DOMAIN.additive_inputs(points, features)
    is_fine = DOMAIN.is_fine(additive.shape[1])
    prior = gp.prior_model(inputs, additive, is_fine, group, n_dimensions, DEFAULT)
    linear = (additive - prior.centre) / prior.spread
    grams = np.stack([a @ a.T for a in (linear[:, ~is_fine], linear[:, is_fine])])
    foretold, values = rng.standard_normal((12, 2)), rng.standard_normal(12)
    loss = gp._Loss(inputs, grams, values, prior, DEFAULT, 0.0, foretold)
    theta = np.append(prior.log_lengthscales, [0.1, -1.0, -3.0, 1.2, 0.4, 0.7])
    value, gradient = loss(theta)
    for place in range(len(theta)):
        moved = theta.copy()
        moved[place] += 1e-6
        assert gradient[place] == pytest.approx((loss(moved)[0] - value) / 1e-6, abs=1e-3)


def test_the_plan_begins_with_the_best_and_repeats_nothing() -> None:
    studies = [learned(0), learned(1)]
    points = DOMAIN.sample(12, np.random.default_rng(4))
    plan, of = make_plan(DOMAIN, studies, [points[:8], points[4:]], DEFAULT)
    assert len(plan) == len(of) == len(points) <= 2 * DEFAULT.n_elites
    alone = make_plan(DOMAIN, studies[:1], [points], DEFAULT)[0]
    assert len(alone) == DEFAULT.n_elites
    assert len({point.tobytes() for point in plan}) == len(plan)
    foretold = means(earlier_of(*studies), points).mean(axis=1)
    assert (plan[0] == points[foretold.argmax()]).all()

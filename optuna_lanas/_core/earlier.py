"""What earlier studies foretell of a point: the posterior means of their own Gaussian processes.

Each earlier study has a Gaussian process of its own, fitted once. The new study's process has the
mean ``c + sum_j b_j f_j(x)``. The weights b_j are at least 0 and are fitted with the
hyperparameters: a study that orders the new values wrongly gets the weight 0.

Notation
    f_j    posterior mean of earlier study j, in units of the spread of its values
    b_j    its weight
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from optuna_lanas._core import gp
from optuna_lanas._core.acquisition import make_acquisition
from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.gp import Model
from optuna_lanas._core.settings import Settings


MAX_SHARES = 2  # several studies have so many times more elites than a single one


@dataclass(frozen=True, eq=False)
class View:
    """How earlier studies see the points of a new study's domain.

    Attributes:
        domain: The parameters that both have, with the ranges of both.
        columns: `[n_shared]` ints, the new study's columns of these parameters.
        shift: `[n_shared]`, what a coordinate 0 of the new domain is in this one.
        stretch: `[n_shared]`, what a coordinate of the new domain is multiplied by before.
        is_whole: Whether it sees all points as the new domain does.
    """

    domain: Domain
    columns: np.ndarray
    shift: np.ndarray
    stretch: np.ndarray
    is_whole: bool

    @cached_property
    def n_features(self) -> int:
        """The number of features of a point."""
        return int(self.domain.features(np.empty((0, len(self.columns)))).shape[1])

    def points(self, points: np.ndarray) -> np.ndarray:
        """Return `[n, n_shared]` points of `[n, n_params]` ones of the new domain."""
        return np.asarray(points[:, self.columns] * self.stretch + self.shift)

    def inputs(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel inputs and additive inputs of `[n, n_shared]` points."""
        features, domain = self.domain.features(points), self.domain
        kernel_inputs = domain.kernel_inputs(points, features)
        return kernel_inputs, domain.additive_inputs(points, features)


@dataclass(frozen=True, eq=False)
class EarlierStudy:
    """The posterior mean of an earlier study's process.

    Attributes:
        view: How it sees points.
        model: The hyperparameters.
        inputs: `[n, k]`, scaled kernel inputs of the observations.
        weights: `[n]`, ``K^-1 (y - c)`` over the spread of y.
        by_linear: `[a]`, the derivatives of the mean by linear inputs.
        best: The posterior mean of its best observation, in units of the spread.
    """

    view: View
    model: Model
    inputs: np.ndarray
    weights: np.ndarray
    by_linear: np.ndarray
    best: float


def learn_earlier(
    view: View,
    points: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    limit: int,
    settings: Settings,
) -> EarlierStudy:
    """Return what an earlier study foretells, by a process fitted to its observations.

    Its unit is the spread of the values: where they are all noise, it is about 0.

    Args:
        view: How it sees points.
        points: `[n, n_shared]`.
        values: `[n]`.
        errors: `[n]`, their standard errors.
        limit: The most observations that are used.
        settings: The settings.
    """
    chosen = gp.spread_out(values, limit)
    values, errors, domain = values[chosen], errors[chosen], view.domain
    inputs, additive = view.inputs(points[chosen])
    dim, is_fine = view.n_features, domain.is_fine(additive.shape[1])
    group, n_dimensions = domain.lengthscale_groups(dim), domain.n_dimensions(dim)
    prior = gp.prior_model(inputs, additive, is_fine, group, n_dimensions, settings)
    model = gp.fit_model(inputs, additive, values, prior, settings, errors)
    found = make_acquisition(inputs, additive, values, model, settings, errors)
    y = gp.warp(model.value_scale(values), model.power)[0]
    spread = float(y.std()) or 1.0
    by_linear = found.weights @ found.linear_inputs / spread
    best = found.incumbent / spread
    return EarlierStudy(view, model, found.inputs, found.weights / spread, by_linear, best)


def make_plan(
    domain: Domain,
    studies: Sequence[EarlierStudy],
    elites: Sequence[np.ndarray],
    settings: Settings,
) -> tuple[np.ndarray, np.ndarray]:
    """Return points to try first: `[n, n_params]`, and the study `[n]` of each.

    They are those of the elites that all studies together foretell to be best. The first is the
    best one, each other one the farthest from those before.

    Args:
        domain: The new study's.
        studies: The earlier studies.
        elites: The best points of each study, `[n_elites, n_params]`.
        settings: The settings.
    """
    points, of = np.vstack(elites), np.repeat(np.arange(len(elites)), list(map(len, elites)))
    first: dict[object, int] = {}
    for place, key in enumerate(domain.keys(points)):
        if key is not None and not np.isnan(points[place]).all():
            first.setdefault(key, place)
    places = list(first.values())
    points, of = points[places], of[places]
    if len(points) == 0:
        return points, of
    together = Earlier(studies, (), points, of, points)
    features = domain.features(points)
    inputs = domain.kernel_inputs(points, features)
    mean = np.nan_to_num(together.means(points, features, inputs).mean(axis=1), nan=-np.inf)
    n_best = settings.n_elites * min(len(studies), MAX_SHARES)
    best = np.argsort(-mean, kind="stable")[:n_best]
    inputs = np.nan_to_num(inputs[best], nan=0.5)
    nearest = np.full(len(best), np.inf)
    order = [0]
    while len(order) < len(best):
        nearest = np.minimum(nearest, ((inputs - inputs[order[-1]]) ** 2).sum(axis=1))
        nearest[order[-1]] = -1.0
        order.append(int(nearest.argmax()))
    return points[best[order]], of[best[order]]


@dataclass(frozen=True, eq=False)
class Earlier:
    """All earlier studies.

    Attributes:
        studies: Each one, `n_earlier`.
        names: Theirs.
        plan: `[n_plan, n_params]` points of the new domain to try first; NaN where an earlier
            trial had no value.
        plan_of: `[n_plan]` ints, the study of each.
        elites: `[n_elites, n_params]`, the best points of all studies.
    """

    studies: Sequence[EarlierStudy]
    names: Sequence[str]
    plan: np.ndarray
    plan_of: np.ndarray
    elites: np.ndarray

    def __len__(self) -> int:
        return len(self.studies)

    def means(
        self, points: np.ndarray, features: np.ndarray, kernel_inputs: np.ndarray
    ) -> np.ndarray:
        """Return `[n, n_earlier]` posterior means at points of the new domain.

        Args:
            points: `[n, n_params]`.
            features: `[n, dim]`, theirs.
            kernel_inputs: `[n, k]`, theirs, without what is foretold.
        """
        means = np.empty((len(points), len(self.studies)))
        for stack in self._stacks:
            is_same = stack.view.is_whole and kernel_inputs.shape[1] == stack.inputs.shape[2]
            own = stack.view.points(points)
            if is_same:
                additive = stack.view.domain.additive_inputs(own, features)
                means[:, stack.places] = stack.means(kernel_inputs, additive)
                continue
            means[:, stack.places] = stack.means(*stack.view.inputs(own))
        return means

    @cached_property
    def _stacks(self) -> list[_Stack]:
        by_view: dict[int, list[int]] = {}
        for place, study in enumerate(self.studies):
            by_view.setdefault(id(study.view), []).append(place)
        return [_Stack.of(self.studies, places) for places in by_view.values()]

    def fit(
        self,
        inputs: np.ndarray,
        additive: np.ndarray,
        values: np.ndarray,
        errors: np.ndarray,
        foretold: np.ndarray,
        prior: Model,
        settings: Settings,
    ) -> Model:
        """Return the fitted model of the new study, with the weights of the earlier ones.

        What is foretold is given to the fit in units of its spread at the new observations, as
        their values are: a weight then is about a correlation.

        Args:
            inputs: `[n, k]`, without what is foretold.
            additive: `[n, a]`.
            values: `[n]`.
            errors: `[n]`.
            foretold: `[n, n_earlier]`.
            prior: From `gp.prior_model`.
            settings: The settings.
        """
        centred = foretold - foretold.mean(axis=0)
        n_prior = settings.earlier_observations
        spread = np.sqrt(((centred**2).sum(axis=0) + n_prior) / (len(centred) + n_prior))
        scaled = centred / spread
        model = gp.fit_model(inputs, additive, values, prior, settings, errors, scaled)
        assert model.earlier is not None, "something is foretold"
        return replace(model, earlier=model.earlier / spread)


@dataclass(frozen=True, eq=False)
class _Stack:
    """The `s` studies of one view, each padded to `n` observations whose weight is 0.

    Attributes:
        view: Theirs.
        places: `[s]` ints, among all studies.
        origin: `[s, 1, k]`, subtracted from kernel inputs.
        lengthscales: `[s, 1, k]`.
        inputs: `[s, n, k]`, scaled kernel inputs.
        weights: `[s, n]`.
        by_additive: `[a, s]`, the derivatives of the linear parts.
        offsets: `[s]`, added to the means.
    """

    view: View
    places: np.ndarray
    origin: np.ndarray
    lengthscales: np.ndarray
    inputs: np.ndarray
    weights: np.ndarray
    by_additive: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, studies: Sequence[EarlierStudy], places: Sequence[int]) -> _Stack:
        """Return some of the studies as arrays."""
        own = [studies[place] for place in places]
        n = max(len(study.weights) for study in own)
        inputs = np.zeros((len(own), n, own[0].inputs.shape[1]))
        weights = np.zeros((len(own), n))
        for row, study in enumerate(own):
            inputs[row, : len(study.weights)] = study.inputs
            weights[row, : len(study.weights)] = study.weights
        by_additive = np.stack([s.by_linear * s.model.linear_scale for s in own], axis=1)
        centres = np.stack([study.model.centre for study in own], axis=1)
        best = np.array([study.best for study in own])
        return cls(
            view=own[0].view,
            places=np.array(places, dtype=np.intp),
            origin=np.stack([study.model.origin for study in own])[:, None],
            lengthscales=np.stack([study.model.lengthscales for study in own])[:, None],
            inputs=inputs,
            weights=weights,
            by_additive=by_additive,
            offsets=-(centres * by_additive).sum(axis=0) - best,
        )

    def means(self, kernel_inputs: np.ndarray, additive: np.ndarray) -> np.ndarray:
        """Return the means `[m, s]` at `[m, k]` kernel and `[m, a]` additive inputs."""
        covariance = gp.matern(self._squares(self._scaled(kernel_inputs)))[0]
        own = (covariance @ self.weights[:, :, None])[:, :, 0].T
        return np.asarray(own + additive @ self.by_additive + self.offsets)

    def _scaled(self, kernel_inputs: np.ndarray) -> np.ndarray:
        return np.asarray((kernel_inputs - self.origin) / self.lengthscales)

    def _squares(self, scaled: np.ndarray) -> np.ndarray:
        """`[s, m, n]`: squared distances of `[s, m, k]` scaled inputs from the observations."""
        squares = -2.0 * (scaled @ self.inputs.transpose(0, 2, 1))
        squares += (scaled**2).sum(axis=2)[:, :, None]
        squares += self._norms
        return np.asarray(np.maximum(squares, 0.0))

    @cached_property
    def _norms(self) -> np.ndarray:
        return np.asarray((self.inputs**2).sum(axis=2)[:, None])

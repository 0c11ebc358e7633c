"""Searches led by a predictor of the value, after BANANAS and WeakNAS.

Both are reimplementations for comparison, with this suite's encodings and scikit-learn's models;
they are not the authors' programs. BANANAS (White et al., 2021) trains an ensemble of neural
networks, and scores each mutation of the best samples by a network drawn at random. WeakNAS (Wu et
al., 2021) fits a predictor in each round, and evaluates a random part of its best candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import partial
import itertools
import math
from typing import Any
from typing import TypeAlias
import warnings

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import IntDistribution

from examples.benchmarks.peers.encoding import encode
from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


Scores: TypeAlias = npt.NDArray[np.float64]


@dataclass
class EnsembleSearch:
    """BANANAS-like: independent Thompson sampling from an ensemble of neural networks."""

    task: Task
    n_startup: int = 20
    batch_size: int = 10
    n_models: int = 5
    n_candidates: int = 200
    n_parents: int = 10
    queue: list[Params] = field(default_factory=list)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if len(history) < self.n_startup:
            return self.task.random(rng)
        if not self.queue:
            self.queue = self._batch(history, rng)
        return self.queue.pop()

    def _batch(self, history: list[Sample], rng: np.random.Generator) -> list[Params]:
        parents = sorted(history, key=lambda s: s.value, reverse=True)[: self.n_parents]
        mutate = partial(_mutate_any, self.task, [s.params for s in parents], rng)
        pool = _distinct(self.task, mutate, {s.key for s in history}, self.n_candidates)
        predicted = self._predict(history, pool, rng)
        drawn = predicted[rng.integers(self.n_models, size=len(pool)), np.arange(len(pool))]
        best = np.argsort(drawn)[-self.batch_size :]  # ascending: the best is popped first
        return [pool[i] for i in best] or [self.task.random(rng)]

    def _predict(
        self, history: list[Sample], pool: list[Params], rng: np.random.Generator
    ) -> Scores:
        """Return the predictions `[n_models, n_pool]`."""
        from sklearn.neural_network import MLPRegressor

        if not pool:
            return np.empty((self.n_models, 0))
        x, y = _training_set(self.task, history)
        candidates = encode(pool, self.task.distributions)
        network = partial(MLPRegressor, hidden_layer_sizes=(20, 20, 20), learning_rate_init=0.01)
        models = [network(random_state=int(s)) for s in rng.integers(2**31, size=self.n_models)]
        return np.array([fit_and_predict(model, x, y, candidates) for model in models])


@dataclass
class WeakPredictorSearch:
    """WeakNAS-like: evaluate a random part of the candidates that a predictor ranks highest.

    If the space has at most `max_pool` configurations, all of them are candidates.
    """

    task: Task
    n_startup: int = 20
    batch_size: int = 10
    n_top: int = 50
    max_pool: int = 70_000
    n_random: int = 5_000
    queue: list[Params] = field(default_factory=list)
    space: list[Params] = field(default_factory=list)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if len(history) < self.n_startup:
            return self.task.random(rng)
        if not self.queue:
            self.queue = self._batch(history, rng)
        return self.queue.pop()

    def _batch(self, history: list[Sample], rng: np.random.Generator) -> list[Params]:
        from sklearn.ensemble import GradientBoostingRegressor

        seen = {s.key for s in history}
        pool = self._pool(history, seen, rng)
        if not pool:
            return [self.task.random(rng)]
        model = GradientBoostingRegressor(random_state=int(rng.integers(2**31)))
        candidates = encode(pool, self.task.distributions)
        predicted = fit_and_predict(model, *_training_set(self.task, history), candidates)
        # Trees predict many ties, which are put in random order.
        order = np.lexsort((rng.random(len(pool)), predicted))[-self.n_top :]
        chosen = rng.choice(order, min(self.batch_size, len(order)), replace=False)
        return [pool[i] for i in chosen]

    def _pool(
        self, history: list[Sample], seen: set[object], rng: np.random.Generator
    ) -> list[Params]:
        if _n_configurations(self.task.distributions) <= self.max_pool:
            self.space = self.space or _enumerate(self.task)
            return [params for params in self.space if self.task.key(params) not in seen]
        best = sorted(history, key=lambda s: s.value, reverse=True)[:10]
        mutate = partial(_mutate_any, self.task, [s.params for s in best], rng)
        near = _distinct(self.task, mutate, seen, 500)
        return near + _distinct(self.task, partial(self.task.random, rng), seen, self.n_random)


def _mutate_any(task: Task, parents: list[Params], rng: np.random.Generator) -> Params:
    return task.mutate(parents[rng.integers(len(parents))], rng)


def _distinct(task: Task, propose: Any, seen: set[object], n: int) -> list[Params]:
    proposals = [propose() for _ in range(n)]
    distinct = {task.key(params): params for params in proposals}
    return [params for key, params in distinct.items() if key not in seen]


def _training_set(task: Task, history: list[Sample]) -> tuple[Scores, Scores]:
    encodings = encode([sample.params for sample in history], task.distributions)
    return encodings, np.array([sample.value for sample in history])


def fit_and_predict(model: Any, x: Scores, y: Scores, candidates: Scores) -> Scores:
    """Return a model's predictions `[m]` of candidates, in units of the spread of `y`.

    Args:
        model: One of scikit-learn's regressors.
        x: `[n, dim]`.
        y: `[n]`.
        candidates: `[m, dim]`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # networks need not converge
        model.fit(x, (y - y.mean()) / (y.std() + 1e-12))
    return np.asarray(model.predict(candidates), dtype=np.float64)


def _n_configurations(distributions: dict[str, BaseDistribution]) -> float:
    return math.prod(_n_values(d) for d in distributions.values())


def _n_values(distribution: BaseDistribution) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    return math.inf


def _enumerate(task: Task) -> list[Params]:
    values = [
        d.choices if isinstance(d, CategoricalDistribution) else range(d.low, d.high + 1, d.step)
        for d in task.distributions.values()
        if isinstance(d, CategoricalDistribution | IntDistribution)
    ]
    names = list(task.distributions)
    combinations = (dict(zip(names, v, strict=True)) for v in itertools.product(*values))
    return [params for params in combinations if task.key(params) is not None]

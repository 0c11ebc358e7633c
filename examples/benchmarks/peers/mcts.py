"""Plain Monte Carlo tree search over one parameter at a time, in a fixed order.

This is the hand-made action space that the paper compares LaNAS with (section 4). A node is a
prefix of decisions, each expansion adds one decision, and a rollout draws the rest uniformly at
random. The UCB formula is the paper's: value(child) + 2 c sqrt(2 ln n(parent) / n(child)).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from dataclasses import field
import math
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.distributions import IntDistribution

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params
from examples.benchmarks.unit import random_value


@dataclass
class Node:
    """A prefix of decisions: its visits, and the sum of their values."""

    n_visits: int = 0
    total: float = 0.0
    children: dict[Any, Node] = field(default_factory=dict)


@dataclass
class PlainMCTS:
    """Plain MCTS on finite parameters and values in [0, 1]; `exploration` is the paper's c."""

    task: Task
    exploration: float = 0.1
    root: Node = field(default_factory=Node)
    path: list[Node] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        if history:
            self._backpropagate(history[-1])
        while True:
            self.path, params = self._select(rng)
            if self._is_new(self.task.key(params)):
                return params
            self._backpropagate_nothing()

    def _select(self, rng: np.random.Generator) -> tuple[list[Node], Params]:
        node, path, params = self.root, [self.root], {}
        for name, distribution in self.task.distributions.items():
            choices = _choices(distribution)
            if len(node.children) < len(choices):
                params[name] = _unvisited(choices, node, rng)
                path.append(node.children.setdefault(params[name], Node()))
                return path, self._rollout(params, rng)
            params[name] = max(choices, key=lambda choice: self._ucb(node, choice))
            node = node.children[params[name]]
            path.append(node)
        return path, params

    def _ucb(self, node: Node, choice: Any) -> float:
        child = node.children[choice]
        bonus = math.sqrt(2 * math.log(node.n_visits) / child.n_visits)
        return child.total / child.n_visits + 2 * self.exploration * bonus

    def _rollout(self, params: Params, rng: np.random.Generator) -> Params:
        """Return the prefix completed at random, if possible validly within a hundred tries."""
        for _ in range(100):
            rest = {n: random_value(d, rng) for n, d in self.task.distributions.items()}
            if self._is_new(self.task.key({**rest, **params})):
                break
        return {**rest, **params}

    def _is_new(self, key: Hashable | None) -> bool:
        return key is not None and key not in self.seen

    def _backpropagate(self, last: Sample) -> None:
        self.seen.add(last.key)
        for node in self.path:
            node.n_visits += 1
            node.total += last.value

    def _backpropagate_nothing(self) -> None:
        """Count a visit without a new architecture, so that the search moves on."""
        for node in self.path:
            node.n_visits += 1


def _choices(distribution: object) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution), "plain MCTS needs finitely many choices"
    return list(range(distribution.low, distribution.high + 1, distribution.step))


def _unvisited(choices: list[Any], node: Node, rng: np.random.Generator) -> Any:
    left = [choice for choice in choices if choice not in node.children]
    return left[rng.integers(len(left))]

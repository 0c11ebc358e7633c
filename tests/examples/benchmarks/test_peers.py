"""The peers: valid proposals, and the searches that they are named after."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
import pytest

from examples.benchmarks.peers.evolution import RegularizedEvolution
from examples.benchmarks.peers.local_search import LocalSearch
from examples.benchmarks.peers.mcts import PlainMCTS
from examples.benchmarks.peers.peer import Peer
from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.peers.predictor import EnsembleSearch
from examples.benchmarks.peers.predictor import WeakPredictorSearch
from examples.benchmarks.problem import key_of_params
from examples.benchmarks.problem import Params
from examples.benchmarks.samplers import PEERS


pytestmark = pytest.mark.slow


GRID: dict[str, BaseDistribution] = {f"x{i}": CategoricalDistribution((0, 1, 2)) for i in range(4)}
NAMES = [name for name in PEERS if name != "smac" or find_spec("smac")]
MIXED: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "n": IntDistribution(1, 64, log=True),
    "c": CategoricalDistribution(("a", "b", "c")),
}


def sum_of(params: Params) -> float:
    return float(sum(params.values())) / 8


def search(
    peer: Peer, task: Task, value: Callable[[Params], float], n: int, seed: int = 0
) -> list[Sample]:
    rng = np.random.default_rng(seed)
    history: list[Sample] = []
    for _ in range(n):
        params = peer(history, rng)
        history.append(Sample(params, value(params), task.key(params)))
    return history


@pytest.mark.parametrize("name", [n for n in NAMES if n != "mcts"])
def test_every_peer_stays_within_mixed_parameters(name: str) -> None:
    task = Task(MIXED, key_of_params)
    history = search(PEERS[name](task), task, lambda p: p["x"] - abs(p["n"] - 8) / 64, 45)
    for sample in history:
        assert list(sample.params) == list(MIXED)
        for parameter, d in MIXED.items():
            assert d._contains(d.to_internal_repr(sample.params[parameter]))


@pytest.mark.parametrize("name", NAMES)
def test_no_peer_proposes_an_invalid_architecture(name: str) -> None:
    task = Task(GRID, lambda p: None if p["x0"] == p["x1"] else key_of_params(p))
    history = search(PEERS[name](task), task, sum_of, 40)
    assert all(sample.params["x0"] != sample.params["x1"] for sample in history)


def test_evolution_keeps_only_the_youngest_alive() -> None:
    task = Task(GRID, key_of_params)
    best, others = {f"x{i}": 2 for i in range(4)}, {f"x{i}": 0 for i in range(4)}
    peer = RegularizedEvolution(task, population_size=5, tournament_size=5)
    history = [Sample(best, 1.0, "best")] + [Sample(others, 0.0, i) for i in range(5)]
    child = peer(history, np.random.default_rng(0))
    assert sum(child[name] != others[name] for name in GRID) == 1


def test_evolution_that_avoids_seen_configurations_never_repeats() -> None:
    task = Task(GRID, key_of_params)
    peer = RegularizedEvolution(task, 10, 5, avoids_seen=True)
    keys = [sample.key for sample in search(peer, task, sum_of, 60)]
    assert len(set(keys[10:])) == 50


def test_local_search_climbs_a_hill_and_restarts() -> None:
    task = Task(GRID, key_of_params)
    history = search(LocalSearch(task), task, sum_of, 81, seed=1)
    values = [sample.value for sample in history]
    assert max(values[:30]) == 1.0
    assert len({sample.key for sample in history}) > 60


def test_plain_mcts_visits_every_configuration_once() -> None:
    task = Task(GRID, key_of_params)
    history = search(PlainMCTS(task), task, sum_of, 81)
    assert len({sample.key for sample in history}) == 81


@pytest.mark.slow
@pytest.mark.parametrize("peer", [EnsembleSearch, WeakPredictorSearch])
def test_a_predictor_finds_the_best_of_a_linear_table_early(
    peer: type[EnsembleSearch] | type[WeakPredictorSearch],
) -> None:
    grid: dict[str, BaseDistribution] = {
        f"x{i}": CategoricalDistribution((0, 1, 2)) for i in range(6)
    }
    task = Task(grid, key_of_params)
    history = search(peer(task), task, lambda p: sum(p.values()) / 12, 150)
    assert max(sample.value for sample in history) == 1.0

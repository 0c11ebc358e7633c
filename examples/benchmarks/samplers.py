"""The samplers by name: Optuna's, LaNAS, OptunaHub's, and the peers that Optuna does not have."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler

from examples.benchmarks.peers import hub
from examples.benchmarks.peers.catcma import CatCMA
from examples.benchmarks.peers.evolution import RegularizedEvolution
from examples.benchmarks.peers.local_search import LocalSearch
from examples.benchmarks.peers.mcts import PlainMCTS
from examples.benchmarks.peers.peer import Peer
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.peers.predictor import EnsembleSearch
from examples.benchmarks.peers.predictor import WeakPredictorSearch
from examples.benchmarks.peers.smac import SMAC
from examples.benchmarks.problem import Problem
from optuna_lanas import LaNASSampler


OPTUNA: dict[str, Callable[[Problem, int], BaseSampler]] = {
    "lanas": lambda problem, seed: LaNASSampler(seed=seed),
    "lanas-space": lambda problem, seed: LaNASSampler(seed=seed, space=problem.space),
    "lanas-paper": lambda problem, seed: LaNASSampler.paper(seed=seed, space=problem.space),
    "random": lambda problem, seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda problem, seed: optuna.samplers.TPESampler(seed=seed),
    "tpe-no-liar": lambda problem, seed: optuna.samplers.TPESampler(
        seed=seed, constant_liar=False
    ),
    "gp": lambda problem, seed: optuna.samplers.GPSampler(seed=seed),
    "nsga2": lambda problem, seed: optuna.samplers.NSGAIISampler(seed=seed),
    "cmaes": lambda problem, seed: optuna.samplers.CmaEsSampler(
        seed=seed, warn_independent_sampling=False
    ),
    "confopt": lambda problem, seed: hub.sampler(
        "confopt_sampler", "ConfOptSampler", search_space=problem.distributions(), seed=seed
    ),
    "hebo": lambda problem, seed: hub.sampler(
        "hebo", "HEBOSampler", search_space=problem.distributions(), seed=seed
    ),
    "turbo": lambda problem, seed: hub.sampler(
        "turbo", "TuRBOSampler", seed=seed, warn_independent_sampling=False
    ),
}
PEERS: dict[str, Callable[[Task], Peer]] = {
    "evolution-500": lambda task: RegularizedEvolution(task, 500, 50),
    "evolution": lambda task: RegularizedEvolution(task, 10, 8, avoids_seen=True),
    "local-search": LocalSearch,
    "ensemble-predictor": EnsembleSearch,
    "weak-predictor": WeakPredictorSearch,
    "mcts": PlainMCTS,
    "catcma": CatCMA,
    "smac": SMAC,
}

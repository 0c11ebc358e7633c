"""The methods by name; methods with a tree run at every requested height."""

from __future__ import annotations

from collections.abc import Callable

from examples.benchmarks.paper import evolution
from examples.benchmarks.paper import lanas
from examples.benchmarks.paper import mcts
from examples.benchmarks.paper import predictor
from examples.benchmarks.paper import random_search
from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.evolution import Evolution
from examples.benchmarks.paper.lanas import Published
from examples.benchmarks.paper.outcome import Outcome


LANAS: dict[str, Callable[[int], Published]] = {
    "lanas": lambda height: Published(height),
    "lanas-encodings": lambda height: Published(height, draws_cells=False),
    "lanas-one-hot": lambda height: Published(height, sees="one-hot"),
    "lanas-ordinal": lambda height: Published(height, sees="ordinal"),
    "lanas-paths": lambda height: Published(height, sees="paths"),
    "lanas-ranks": lambda height: Published(height, use_ranks=True),
}
OTHERS: dict[str, Callable[[Cells, int, int], Outcome]] = {
    "random": random_search.run,
    "random-encodings": random_search.run_over_encodings,
    "evolution-500": lambda cells, seed, most: evolution.run(
        cells, seed, Evolution(500, 50), most
    ),
    "evolution-500-new": lambda cells, seed, most: evolution.run(
        cells, seed, Evolution(500, 50, passes_seen=True), most
    ),
    "evolution-30": lambda cells, seed, most: evolution.run(cells, seed, Evolution(30, 10), most),
    "mcts": lambda cells, seed, most: mcts.run(cells, seed, 0.5, most),
    "mcts-0.1": lambda cells, seed, most: mcts.run(cells, seed, 0.1, most),
    "weak-predictor": predictor.run_weak,
    "ensemble-predictor": predictor.run_ensemble,
}


def run(cells: Cells, method: str, height: int, seed: int, most: int) -> Outcome:
    """Return how a run ended: at the best cell, or after `most` evaluations."""
    if method in LANAS:
        return lanas.run(cells, seed, LANAS[method](height), most)
    return OTHERS[method](cells, seed, most)

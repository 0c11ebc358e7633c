"""Searches led by a predictor over the table, after WeakNAS and BANANAS.

These are reimplementations for comparison, with the models and settings of
`examples/benchmarks/peers/predictor.py`, on the canonical matrix with one-hot operations. WeakNAS
(Wu et al., 2021) scores every cell of the table in each round, which needs a table. BANANAS (White
et al., 2021) scores mutations of its best cells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from examples.benchmarks.paper.cells import Cells
from examples.benchmarks.paper.evolution import with_one_change
from examples.benchmarks.paper.outcome import Ledger
from examples.benchmarks.paper.outcome import Outcome
from examples.benchmarks.peers.predictor import fit_and_predict
from optuna_lanas.spaces import _cell_graphs


N_STARTUP = 20
N_BATCH = 10
N_TOP = 50
N_PARENTS = 10
N_CANDIDATES = 200
N_MODELS = 5

# Maps `[n_cells]` bools, the evaluated cells, to the rows to evaluate next.
Propose = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def run_weak(cells: Cells, seed: int, most: int) -> Outcome:
    """Return how a WeakNAS-like run ended: at the best cell, or after `most` evaluations."""
    return _run(cells, seed, most, partial(_weak, cells, cells.one_hot.astype(np.float32)))


def run_ensemble(cells: Cells, seed: int, most: int) -> Outcome:
    """Return how a BANANAS-like run ended: at the best cell, or after `most` evaluations."""
    return _run(cells, seed, most, partial(_ensemble, cells, cells.one_hot))


def _run(cells: Cells, seed: int, most: int, propose: Propose) -> Outcome:
    rng, ledger = np.random.default_rng(seed), Ledger(cells, most)
    batch = rng.choice(len(cells), min(N_STARTUP, len(cells)), replace=False)
    while True:
        for row in batch:
            ledger.accuracy(row)
            if ledger.is_over:
                return ledger.outcome()
        batch = propose(ledger.seen, rng)


def _weak(
    cells: Cells, encodings: np.ndarray, seen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a random part of the new cells that gradient-boosted trees rank highest."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(random_state=int(rng.integers(2**31)))
    predicted = fit_and_predict(model, encodings[seen], cells.accuracies[seen], encodings)
    predicted[seen] = -np.inf
    order = np.lexsort((rng.random(len(cells)), predicted))[-N_TOP:]
    return rng.choice(order, min(N_BATCH, len(order)), replace=False)


def _ensemble(
    cells: Cells, encodings: np.ndarray, seen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the best mutations of the best cells, each under a network drawn at random."""
    from sklearn.neural_network import MLPRegressor

    rows = np.flatnonzero(seen)
    pool = _changes(cells, rows[np.argsort(-cells.accuracies[rows])[:N_PARENTS]], rng)
    pool = pool[~seen[pool]]
    if len(pool) == 0:
        return rng.choice(np.flatnonzero(~seen), 1)
    networks = [
        MLPRegressor(hidden_layer_sizes=(20, 20, 20), learning_rate_init=0.01, random_state=int(s))
        for s in rng.integers(2**31, size=N_MODELS)
    ]
    train = encodings[rows].astype(float), cells.accuracies[rows]
    predicted = np.array([fit_and_predict(n, *train, encodings[pool]) for n in networks])
    drawn = predicted[rng.integers(N_MODELS, size=len(pool)), np.arange(len(pool))]
    return np.asarray(pool[np.argsort(-drawn)[:N_BATCH]])


def _changes(cells: Cells, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of valid cells that differ from a parent in one edge or operation."""
    masks = _cell_graphs.cell_graphs().graph_masks[cells.graphs[parents]].tolist()
    codes = cells.codes[parents].tolist()
    chosen = rng.integers(len(parents), size=N_CANDIDATES)
    changed = np.array([with_one_change(masks[i], codes[i], rng) for i in chosen])
    rows = cells.rows_of(*changed.T)
    return np.unique(rows[rows >= 0])

"""A file in the official format with made-up accuracies, for whoever has no official file.

    python -m tests.tables.nasbench101_small nasbench101_small.tfrecord

It holds every cell of up to five vertices (2,532 cells), or more with `--vertices 6`. Accuracies
rise with the 3x3 convolutions and the edges of a cell, and with its epochs. A search in this file
says nothing about NAS-Bench-101.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from optuna_lanas.spaces import _cell_graphs
from optuna_lanas.spaces import _edge_masks
from optuna_lanas.spaces import NASBench101Cell
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces.nasbench101 import OPERATIONS
from tests.tables.nasbench101_writer import record
from tests.tables.nasbench101_writer import write_records


BUDGETS = (4, 12, 36, 108)
N_IMAGES = 9_984
N_INTERIOR = _edge_masks.N_INTERIOR
SPACE = NASBench101Space()


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="python -m tests.tables.nasbench101_small")
    parser.add_argument("output", type=Path)
    parser.add_argument("--vertices", type=int, choices=range(2, 8), default=5)
    parser.add_argument("--budgets", type=int, nargs="+", choices=BUDGETS, default=BUDGETS)
    options = parser.parse_args(arguments)
    write(options.output, options.vertices, options.budgets)


def write(path: Path, n_vertices: int = 5, budgets: Sequence[int] = BUDGETS) -> None:
    """Write every cell of up to some vertices, three runs for each number of epochs."""
    rng = np.random.default_rng(0)
    write_records(path, (r for c in cells(n_vertices) for r in runs(c, budgets, rng)))


def cells(n_vertices: int) -> Iterator[NASBench101Cell]:
    """Yield the cells of up to some vertices, one of each isomorphism class."""
    masks = _cell_graphs.cell_graphs().graph_masks
    interior = _edge_masks.n_bits(_edge_masks.prune(masks)[1]) - 2
    for mask, n in zip(masks.tolist(), interior.tolist(), strict=True):
        if n + 2 > n_vertices:
            continue
        codes = np.array(list(product(range(3), repeat=n)), dtype=np.int64).reshape(3**n, n)
        padded = np.zeros((len(codes), N_INTERIOR), dtype=np.int64)
        padded[:, :n] = codes
        words = _edge_masks.encode_operations(padded)
        _, found = _cell_graphs.canonical_cells(np.full(len(words), mask, np.uint32), words)
        for code in np.unique(found).tolist():
            params = {f"edge_{i}_{j}": mask >> b & 1 for b, (i, j) in enumerate(EDGES)}
            ops = {f"op_{v + 1}": OPERATIONS[(code >> 2 * v & 3) % 3] for v in range(N_INTERIOR)}
            cell = SPACE.cell(params | ops)
            assert cell is not None
            yield cell


EDGES = _edge_masks.EDGES


def runs(
    cell: NASBench101Cell, budgets: Sequence[int], rng: np.random.Generator
) -> Iterator[bytes]:
    """Yield the records of a cell."""
    share = (cell.ops.count(OPERATIONS[0]) / N_INTERIOR + cell.matrix.sum() / 9) / 2
    adjacency = "".join(map(str, cell.matrix.ravel().tolist()))
    n_params = SPACE.n_params(cell)
    for budget in budgets:
        for _ in range(3):
            best = 0.95 - 0.3 / budget - 0.15 * (1 - share) ** 2
            valid, test = np.rint((best + rng.normal(0, 0.002, 2)) * N_IMAGES) / N_IMAGES
            seconds = budget * (5.0 + n_params / 1e6)
            start = (0.0, 0.0, 0.1, 0.1, 0.1)
            half = (budget / 2, seconds / 2, 0.9 * valid, 0.9 * valid, 0.9 * test)
            final = (float(budget), seconds, min(valid + 0.03, 1.0), valid, test)
            yield record(
                cell.module_hash, budget, adjacency, ",".join(cell.ops), n_params,
                (start, half, final),
            )  # fmt: skip


if __name__ == "__main__":
    main()

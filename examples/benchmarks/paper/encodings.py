"""How many encodings each cell has, and what that means for random search.

python -m examples.benchmarks.paper.encodings
"""

from __future__ import annotations

import numpy as np

from examples.benchmarks.paper import cells
from examples.benchmarks.paper import random_search
from examples.benchmarks.paper.cells import N_OPERATIONS
from optuna_lanas.spaces._edge_masks import NO_OPERATION


def main() -> None:
    """Print the numbers of cells and encodings by number of vertices, and exact expectations."""
    table = cells.load()
    n_encodings = table.n_encodings
    operations = table.codes[:, None] >> 2 * np.arange(5) & N_OPERATIONS
    n_vertices = 2 + (operations != NO_OPERATION).sum(axis=1)
    print("| vertices | cells | share | encodings of a cell, median | share of encodings |")
    print("|---|---|---|---|---|")
    for n in np.unique(n_vertices):
        own = n_encodings[n_vertices == n]
        shares = len(own) / len(table), own.sum() / n_encodings.sum()
        print(
            f"| {n} | {len(own):,} | {shares[0]:.2%} | {np.median(own):,.0f} | {shares[1]:.2%} |"
        )
    best = n_encodings[table.best]
    print(
        f"\nThe best cell has {n_vertices[table.best]} vertices and {best:.0f} of "
        f"{n_encodings.sum():,.0f} valid encodings. Mean samples until it is found: "
        f"{random_search.expected(table):,.1f} cells drawn uniformly without repeats; "
        f"{random_search.expected_over_encodings(table):,.0f} distinct cells, in "
        f"{n_encodings.sum() / best:,.0f} draws of encodings, uniformly at random."
    )


if __name__ == "__main__":
    main()

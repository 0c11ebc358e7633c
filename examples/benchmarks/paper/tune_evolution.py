"""Compares settings of regularized evolution, on seeds that no reported run uses.

python -m examples.benchmarks.paper.tune_evolution
"""

from __future__ import annotations

from itertools import product

import numpy as np

from examples.benchmarks.paper import cells
from examples.benchmarks.paper import evolution
from examples.benchmarks.paper.evolution import Evolution


SEEDS = range(1000, 1004)
MOST = 25_000
SIZES = ((100, 25), (100, 50), (500, 50), (500, 250))


def main() -> None:
    """Print the mean samples of each setting, with at most `MOST` evaluations per run."""
    table = cells.load()
    print("| population | tournament | changes one | samples | found |\n|---|---|---|---|---|")
    for (population, tournament), changes_one in product(SIZES, (True, False)):
        settings = Evolution(population, tournament, changes_one, passes_seen=True)
        ends = [evolution.run(table, seed, settings, MOST) for seed in SEEDS]
        samples, found = [e.samples for e in ends], [e.is_found for e in ends]
        row = (population, tournament, changes_one, round(np.mean(samples)), sum(found))
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()

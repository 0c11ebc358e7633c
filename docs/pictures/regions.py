"""Draw the regions of a real search: `python -m docs.pictures.regions`.

    pip install 'optuna_lanas[benchmarks]'

The search is on a function of two parameters. The picture shows its tree after 30 and after 60
trials, and is written beside this file as `regions.png`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import optuna

from optuna_lanas import LaNASSampler
from optuna_lanas._study.transform import make_transform
from optuna_lanas.visualization import partition


OPTIMUM = (0.65, 0.35)
N_SIDE = 300


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
    for axis in axes:
        study.optimize(objective, n_trials=30)
        draw(axis, study)
    axes[0].set_ylabel("y")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


def objective(trial: optuna.Trial) -> float:
    """Return the height of a tilted valley whose optimum is off the centre."""
    x, y = (trial.suggest_float(name, 0, 1) for name in "xy")
    along, across = x - OPTIMUM[0] + y - OPTIMUM[1], x - OPTIMUM[0] - y + OPTIMUM[1]
    return along**2 + 8 * across**2


def draw(axis: plt.Axes, study: optuna.Study) -> None:
    """Colour every point by the mean rank of its leaf's trials."""
    search_tree = partition(study).search_tree
    tree = search_tree.tree
    side = (np.arange(N_SIDE) + 0.5) / N_SIDE
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    distribution = optuna.distributions.FloatDistribution(0, 1)
    domain = make_transform({"x": [distribution], "y": [distribution]}).domain
    leaf = tree.route(domain.features(points)).reshape(N_SIDE, N_SIDE)
    axis.imshow(search_tree.value[leaf], origin="lower", extent=(0, 1, 0, 1), cmap="Blues")
    for node in tree.leaves:
        axis.contour(side, side, leaf == node, levels=[0.5], colors="white", linewidths=0.8)
    tried = np.array([[trial.params["x"], trial.params["y"]] for trial in study.trials])
    axis.scatter(*tried.T, s=10, color="darkorange", edgecolor="black", linewidth=0.3)
    axis.plot(*OPTIMUM, marker="+", markersize=12, color="crimson")
    axis.set(title=f"{len(tried)} trials, {len(tree.leaves)} regions", xlabel="x")


if __name__ == "__main__":
    main()

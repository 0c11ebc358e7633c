"""One-shot and few-shot search: a weight-sharing supernet, searched by LaNAS in minutes.

    python examples/supernet.py --data cifar10 --root data --download
    python examples/supernet.py --smoke              # Fashion-MNIST or digits, CPU, a minute
    python examples/supernet.py --few-shot --smoke   # and a supernet for each region

The supernet is trained once, each batch with another random architecture. It then gives the
accuracy of each trial's architecture, and the best architectures are trained alone.

With --few-shot, a latent action learnt from these trials splits the space into two regions. A copy
of the supernet is trained further for each region, on architectures of the region alone, and
gives their accuracies in a second search.

examples/supernet_check.py measures how well a supernet search works, on all networks of a small
space.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import copy
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
import time

import numpy as np
import optuna
import torch
from torch import nn

from examples.cifar10_search import smoke_data
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import random_architecture
from optuna_lanas.training import SupernetObjective
from optuna_lanas.training import train
from optuna_lanas.training import train_supernet
from optuna_lanas.training import TrainingConfig


@dataclass(frozen=True)
class Settings:
    """The settings of a supernet search.

    Attributes:
        supernet: Training of the supernet.
        alone: Training of a network with weights of its own.
        n_trials: Number of trials that the supernet evaluates.
        n_retrained: Number of the best architectures that are trained alone.
    """

    supernet: TrainingConfig
    alone: TrainingConfig
    n_trials: int
    n_retrained: int


FULL = Settings(
    supernet=TrainingConfig(n_epochs=150, learning_rate=0.05),
    alone=TrainingConfig(n_epochs=100, learning_rate=0.1, cutout=0.5),
    n_trials=1000,
    n_retrained=5,
)
SMOKE = Settings(
    supernet=TrainingConfig(n_epochs=8, batch_size=64, learning_rate=0.05, crops=False),
    alone=TrainingConfig(n_epochs=2, batch_size=64, learning_rate=0.1, crops=False),
    n_trials=20,
    n_retrained=1,
)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    settings = SMOKE if options.smoke else FULL
    data = smoke_data(options.root) if options.smoke else _data(options)
    network = CellNetworkConfig(data.n_classes, data.n_channels)
    space = CellSpace.nasnet(network=network)
    if options.smoke:
        small = replace(network, channels=8, n_cells=3, n_stem_strides=2)
        space = replace(space, n_blocks=2, network=small)
    study, supernet = one_shot(space, data, settings, options.seed)
    if options.few_shot:
        study = few_shot(space, data, settings, options.seed, study, supernet)
    retrain_best(space, data, settings, study)


def one_shot(
    space: CellSpace, data: ImageData, settings: Settings, seed: int
) -> tuple[optuna.Study, nn.Module]:
    """Train a supernet and search with it; return the study and the supernet."""
    torch.manual_seed(seed)
    supernet = space.build_supernet()
    start = time.perf_counter()
    rng = np.random.default_rng(seed)
    train_supernet(supernet, random_architecture(space), data, settings.supernet, rng)
    print(f"Supernet trained in {time.perf_counter() - start:.0f} s.")
    objective = SupernetObjective(space, supernet, data, settings.supernet)
    return _search(space, objective, settings.n_trials, seed), supernet


def few_shot(
    space: CellSpace,
    data: ImageData,
    settings: Settings,
    seed: int,
    study: optuna.Study,
    supernet: nn.Module,
) -> optuna.Study:
    """Split the space, train a supernet for each region, and return a second study.

    Args:
        space: The space.
        data: The images.
        settings: The settings of the search.
        seed: Seed of the supernets' architectures and of the sampler.
        study: The study of the first search, whose trials decide the split.
        supernet: The supernet of the first search, from which the regional supernets start.
    """
    n_trials = len(study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE]))
    least = max(2, n_trials // 4)
    two_regions = LaNASSampler(space=space, max_depth=1, min_samples_leaf=least)
    tree = partition(study, sampler=two_regions).tree

    def leaf_of(architecture: CellArchitecture) -> int:
        return int(tree.route(space.encode(space.params(architecture))[None])[0])

    shorter = replace(settings.supernet, n_epochs=max(1, settings.supernet.n_epochs // 2))
    objectives = {}
    for leaf in tree.leaves.tolist():
        regional = copy.deepcopy(supernet)
        draw = _draw_in(leaf, leaf_of, random_architecture(space))
        train_supernet(regional, draw, data, shorter, np.random.default_rng((seed, leaf)))
        objectives[leaf] = SupernetObjective(space, regional, data, settings.supernet)
    print(f"{len(objectives)} regional supernets trained.")

    def objective(trial: optuna.Trial) -> float:
        architecture = space.suggest(trial)
        return objectives[leaf_of(architecture)].accuracy(architecture)

    return _search(space, objective, settings.n_trials, seed)


def retrain_best(
    space: CellSpace, data: ImageData, settings: Settings, study: optuna.Study
) -> tuple[CellArchitecture, float]:
    """Train the best architectures of a study alone; return the best of them and its accuracy."""
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    trials.sort(key=lambda trial: trial.value or 0.0, reverse=True)
    results = []
    for trial in trials[: settings.n_retrained]:
        architecture = space.architecture(trial.params)
        assert architecture is not None, "A complete trial has a valid architecture."
        value = train_alone(space, architecture, data, settings.alone)
        results.append((value, architecture))
        print(f"With the supernet {trial.value:.3f}, trained alone {value:.3f}: {architecture}")
    value, architecture = max(results, key=lambda result: result[0])
    return architecture, value


def train_alone(
    space: CellSpace, architecture: CellArchitecture, data: ImageData, config: TrainingConfig
) -> float:
    """Return the validation accuracy of a network with weights of its own."""
    torch.manual_seed(config.seed)
    return train(space.build(architecture), data, config).validation_accuracies[-1]


def _search(
    space: CellSpace, objective: Callable[[optuna.Trial], float], n_trials: int, seed: int
) -> optuna.Study:
    start = time.perf_counter()
    sampler = LaNASSampler(space=space, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    seconds = time.perf_counter() - start
    print(f"{n_trials} architectures searched in {seconds:.0f} s, best {study.best_value:.3f}.")
    return study


def _draw_in(
    leaf: int,
    leaf_of: Callable[[CellArchitecture], int],
    draw: Callable[[np.random.Generator], CellArchitecture],
) -> Callable[[np.random.Generator], CellArchitecture]:
    """Return a function that draws from a region, by rejection."""

    def draw_in_leaf(rng: np.random.Generator) -> CellArchitecture:
        while leaf_of(architecture := draw(rng)) != leaf:
            pass
        return architecture

    return draw_in_leaf


def _data(options: argparse.Namespace) -> ImageData:
    return load_images(options.data, options.root, is_downloaded=options.download)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="cifar10, fashion-mnist or digits")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of data sets")
    parser.add_argument("--download", action="store_true", help="fetch a missing data set")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    parser.add_argument(
        "--few-shot", action="store_true", help="also search with a supernet for each region"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()

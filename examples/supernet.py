"""One-shot and few-shot search: a weight-sharing supernet, searched by LaNAS in minutes.

    python examples/supernet.py --data cifar10 --root data --download
    python examples/supernet.py --smoke              # Fashion-MNIST or digits, CPU, a minute
    python examples/supernet.py --few-shot --smoke   # and a supernet for each region
    python examples/supernet.py --check              # against all 81 networks of a small space

The supernet is trained once, every batch with another random architecture. LaNAS then asks it for
the accuracy of each trial's architecture, and the best ones are trained alone. With --few-shot,
the latent action learnt from those trials splits the space; each region gets a copy of the
supernet that is trained on with architectures of that region alone, and is asked about them.
--check trains every architecture of a small space alone (resumable, in results/), and tells where
the found one ranks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import copy
from dataclasses import dataclass
from dataclasses import replace
from itertools import product
from pathlib import Path
import time

import numpy as np
import optuna
from scipy.stats import spearmanr
import torch
from torch import nn

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import open_storage
from optuna_lanas.training import random_architecture
from optuna_lanas.training import SupernetObjective
from optuna_lanas.training import train
from optuna_lanas.training import train_supernet
from optuna_lanas.training import TrainingConfig
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST
from optuna_lanas.tree import grow


@dataclass(frozen=True)
class Settings:
    """How much is spent on what."""

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
CHECK = Settings(
    supernet=TrainingConfig(n_epochs=16, batch_size=64, learning_rate=0.05, crops=False),
    alone=TrainingConfig(n_epochs=3, batch_size=64, learning_rate=0.1, crops=False),
    n_trials=60,
    n_retrained=8,
)

CHECK_SPACE = CellSpace(
    1,
    ("sep_conv_3x3", "max_pool_3x3", "skip_connect"),
    has_distinct_inputs=True,
    network=CellNetworkConfig(in_channels=1, channels=8, n_cells=3, n_stem_strides=2),
)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.check:
        check(options.root, options.storage, options.seed)
        return
    settings = SMOKE if options.smoke else FULL
    data = _smoke_data(options.root) if options.smoke else _data(options)
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
    """Train a supernet and search it."""
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
    """Split the space by the trials so far, train a supernet for each region, search again."""
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    encodings = np.stack([space.encode(trial.params) for trial in trials])
    values = np.array([trial.value for trial in trials], dtype=float)
    ranks = values.argsort().argsort() / len(values)
    least = max(2, len(trials) // 4)
    tree = grow(encodings, ranks, max_depth=1, min_samples_leaf=least, ridge=1.0)

    def leaf_of(architecture: CellArchitecture) -> int:
        return int(tree.route(space.encode(space.params(architecture))[None])[0])

    objectives = {}
    for leaf in tree.leaves.tolist():
        regional = copy.deepcopy(supernet)
        draw = _draw_in(leaf, leaf_of, random_architecture(space))
        rng = np.random.default_rng((seed, leaf))
        shorter = replace(settings.supernet, n_epochs=max(1, settings.supernet.n_epochs // 2))
        train_supernet(regional, draw, data, shorter, rng)
        objectives[leaf] = SupernetObjective(space, regional, data, settings.supernet)
    print(f"{len(objectives)} regional supernets trained.")

    def objective(trial: optuna.Trial) -> float:
        architecture = space.suggest(trial)
        return objectives[leaf_of(architecture)].accuracy(architecture)

    return _search(space, objective, settings.n_trials, seed)


def retrain_best(
    space: CellSpace, data: ImageData, settings: Settings, study: optuna.Study
) -> tuple[CellArchitecture, float]:
    """Train the best architectures of a study alone; return the best and its accuracy."""
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    trials.sort(key=lambda trial: trial.value or 0.0, reverse=True)
    results = []
    for trial in trials[: settings.n_retrained]:
        architecture = space.architecture(trial.params)
        assert architecture is not None, "A complete trial has a valid architecture."
        value = train_alone(space, architecture, data, settings.alone)
        results.append((value, architecture))
        print(f"Supernet {trial.value:.3f}, trained alone {value:.3f}: {architecture}")
    value, architecture = max(results, key=lambda result: result[0])
    return architecture, value


def train_alone(
    space: CellSpace, architecture: CellArchitecture, data: ImageData, config: TrainingConfig
) -> float:
    """Return the validation accuracy of a network with weights of its own."""
    torch.manual_seed(config.seed)
    return train(space.build(architecture), data, config).validation_accuracies[-1]


def check(root: Path, storage: Path, seed: int) -> None:
    """Search a small space through its supernet, and rank the result among all its networks."""
    space, data = (
        CHECK_SPACE,
        load_images("fashion-mnist", root, n_train=3000, n_validation=6000, n_test=100),
    )
    table = train_all(space, data, storage)
    study, supernet = one_shot(space, data, CHECK, seed)
    found, _ = retrain_best(space, data, CHECK, study)
    objective = SupernetObjective(space, supernet, data, CHECK.supernet)
    keys = list(table)
    accuracies = np.array([table[key][1] for key in keys])
    shared = [objective.accuracy(table[key][0]) for key in keys]
    value = table[_key(space, found)][1]
    rank = int((accuracies > value).sum()) + 1
    correlation = float(spearmanr(shared, accuracies)[0])
    print(f"Rank correlation of supernet and networks trained alone: {correlation:.2f}")
    print(f"Accuracies of all: {np.quantile(accuracies, [0, 0.5, 0.95, 1]).round(4)}")
    print(f"Found by {CHECK.n_retrained} trainings of {len(keys)}: {value:.4f}, rank {rank}.")


def train_all(
    space: CellSpace, data: ImageData, storage: Path
) -> dict[str, tuple[CellArchitecture, float]]:
    """Every architecture of a space of one block, and its accuracy; kept in a journal file."""
    storage.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="all",
        storage=open_storage(str(storage)),
        direction="maximize",
        load_if_exists=True,
    )
    done = {_key_of_params(space, t.params) for t in study.trials if t.state.is_finished()}
    for ops in product(space.operations, repeat=4):
        params: dict[str, int | str] = {}
        for cell_type, (op_a, op_b) in (("normal", ops[:2]), ("reduction", ops[2:])):
            params |= {f"{cell_type}_1_input_a": 0, f"{cell_type}_1_op_a": op_a}
            params |= {f"{cell_type}_1_input_b": 1, f"{cell_type}_1_op_b": op_b}
        if _key_of_params(space, params) not in done:
            study.enqueue_trial(params)
            study.optimize(
                lambda trial: train_alone(space, space.suggest(trial), data, CHECK.alone),
                n_trials=1,
            )
    table = {}
    for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE]):
        architecture = space.architecture(trial.params)
        assert architecture is not None, "Only valid architectures were enqueued."
        assert trial.value is not None, "A complete trial has a value."
        table[_key(space, architecture)] = (architecture, trial.value)
    return table


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
    """Draw from a region by rejection."""

    def draw_in_leaf(rng: np.random.Generator) -> CellArchitecture:
        while leaf_of(architecture := draw(rng)) != leaf:
            pass
        return architecture

    return draw_in_leaf


def _key(space: CellSpace, architecture: CellArchitecture) -> str:
    return _key_of_params(space, space.params(architecture))


def _key_of_params(space: CellSpace, params: dict[str, int | str]) -> str:
    key = space.key(params)
    assert key is not None, "Only valid architectures are asked about."
    return key


def _data(options: argparse.Namespace) -> ImageData:
    return load_images(options.data, options.root, is_downloaded=options.download)


def _smoke_data(root: Path) -> ImageData:
    has_fashion = DEBIAN_FASHION_MNIST.is_dir() or (root / "FashionMNIST" / "raw").is_dir()
    if has_fashion:
        return load_images("fashion-mnist", root, 1000, n_validation=500, n_test=500)
    return load_images("digits")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="cifar10, fashion-mnist or digits")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--download", action="store_true", help="fetch what is missing")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    parser.add_argument("--few-shot", action="store_true", help="a supernet for each region")
    parser.add_argument(
        "--check", action="store_true", help="against all networks of a small space"
    )
    parser.add_argument("--storage", type=Path, default=Path("results/supernet_check.log"))
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()

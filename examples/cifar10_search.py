"""The paper's open-domain search: NASNet cells, trained on CIFAR-10 and pruned early.

    python examples/cifar10_search.py --root data --download --devices cuda:0 cuda:1
    python examples/cifar10_search.py --smoke            # Fashion-MNIST or digits, CPU, a minute
    python examples/cifar10_search.py --sampler tpe      # the same search by another sampler

The paper spends 800 to 6,000 trials. The study is in a journal file: an interrupted search
resumes, several machines can share it, and examples/retrain.py finds it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import open_storage
from optuna_lanas.training import optimize_on_devices
from optuna_lanas.training import TrainingConfig
from optuna_lanas.training import TrainingObjective
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST


STUDY = "cells"
FULL = TrainingConfig(n_epochs=24, learning_rate=0.1)
SMOKE = TrainingConfig(n_epochs=2, batch_size=64, learning_rate=0.1, crops=False)


def main(arguments: Sequence[str] | None = None) -> optuna.Study:
    options = _parser().parse_args(arguments)
    data = smoke_data(options.root) if options.smoke else _data(options)
    space = search_space(data, options.smoke)
    config = replace(SMOKE if options.smoke else FULL, max_seconds=options.max_seconds)
    path = storage_path(options.storage, options.smoke)
    path.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=STUDY,
        storage=open_storage(str(path)),
        direction="maximize",
        sampler=make_sampler(options.sampler, space, options.seed),
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=10, n_warmup_steps=config.n_epochs // 4
        ),
        load_if_exists=True,
    )
    _optimize(study, space, TrainingObjective(space, data, config), path, options)
    _report(study, space)
    return study


def search_space(data: ImageData, is_small: bool) -> CellSpace:
    """Return the space of NASNet cells of five blocks, in a network that trains quickly."""
    network = CellNetworkConfig(data.n_classes, data.n_channels, channels=16, n_cells=8)
    if is_small:
        network = replace(network, channels=4, n_cells=3, n_stem_strides=2)
    return CellSpace.nasnet(n_blocks=5, network=network)


def storage_path(named: Path | None, is_smoke: bool) -> Path:
    """Return the path of the search's journal file; a smoke run has a file of its own."""
    return named or Path("results") / ("cells_smoke.log" if is_smoke else "cells.log")


def make_sampler(name: str, space: CellSpace, seed: int) -> BaseSampler:
    """Return a sampler: "lanas", "tpe" or "random"."""
    if name == "lanas":
        return LaNASSampler(space=space, seed=seed)
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def make_sampler_of_worker(name: str, space: CellSpace, seed: int, worker: int) -> BaseSampler:
    """Return the sampler of a worker; each worker has a seed of its own."""
    return make_sampler(name, space, seed + worker)


def smoke_data(root: Path) -> ImageData:
    """Return 1,000 training images of Fashion-MNIST, or digits where it is not installed."""
    if DEBIAN_FASHION_MNIST.is_dir() or (root / "FashionMNIST" / "raw").is_dir():
        return load_images("fashion-mnist", root, 1000, n_validation=500, n_test=500)
    return load_images("digits")


def _optimize(
    study: optuna.Study,
    space: CellSpace,
    objective: TrainingObjective,
    path: Path,
    options: argparse.Namespace,
) -> None:
    n_trials = 4 if options.smoke else options.n_trials
    if len(options.devices) == 1:
        n_finished = sum(trial.state.is_finished() for trial in study.trials)
        objective = objective.on_device(options.devices[0])
        study.optimize(objective, n_trials=max(0, n_trials - n_finished))
        return
    sampler = partial(make_sampler_of_worker, options.sampler, space, options.seed)
    optimize_on_devices(objective, STUDY, str(path), sampler, n_trials, options.devices)


def _data(options: argparse.Namespace) -> ImageData:
    return load_images(options.data, options.root, is_downloaded=options.download)


def _report(study: optuna.Study, space: CellSpace) -> None:
    states = [trial.state.name for trial in study.trials]
    print({state: states.count(state) for state in sorted(set(states))})
    best = study.best_trial
    print(f"Best validation accuracy {best.value:.4f}, trial {best.number}:")
    print(space.architecture(best.params))
    print("Train it in full: python examples/retrain.py")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="cifar10, fashion-mnist or digits")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of data sets")
    parser.add_argument("--download", action="store_true", help="fetch a missing data set")
    parser.add_argument("--storage", type=Path, help="default: results/cells.log")
    parser.add_argument("--n-trials", type=int, default=800, help="including earlier trials")
    parser.add_argument("--sampler", choices=("lanas", "tpe", "random"), default="lanas")
    parser.add_argument("--devices", nargs="+", default=["auto"], help="one worker process each")
    parser.add_argument(
        "--max-seconds", type=float, default=3600, help="limit of each training run"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    return parser


if __name__ == "__main__":
    main()

"""Does a supernet search find good networks? A check in a small space with 207 networks.

    python examples/supernet_check.py --table tests/training/supernet_table.csv
    python examples/supernet_check.py                # trains all networks again, into results/

The table holds the validation accuracy of every network, trained alone. Missing networks are
trained first; an interrupted run resumes.

Each search trains a supernet, and LaNAS searches with it. The tenth of the space that the supernet
rates best would then be trained alone; the table gives their accuracies. The result of the search
is the best of them. Fashion-MNIST is read from torchvision's folder, or from Debian's package
dataset-fashion-mnist.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from scipy.stats import hypergeom
from scipy.stats import spearmanr
import torch

from examples.supernet import one_shot
from examples.supernet import Settings
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import train
from optuna_lanas.training import TrainingConfig


BEST_SHARE = 0.05
SETTINGS = Settings(
    supernet=TrainingConfig(n_epochs=16, batch_size=64, learning_rate=0.05, crops=False),
    alone=TrainingConfig(n_epochs=3, batch_size=64, learning_rate=0.1, crops=False),
    n_trials=60,
    n_retrained=20,
)
NORMAL = {
    f"normal_{block}_{name}": value
    for block in (1, 2)
    for name, value in (
        ("input_a", 0),
        ("op_a", "skip_connect"),
        ("input_b", 1),
        ("op_b", "skip_connect"),
    )
}

Table = dict[str, float]  # validation accuracy of each network, by the name of its cell


class ReductionCells(CellSpace):
    """Networks of two reduction cells; the unused normal cell is fixed."""

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        fixed = {name: CategoricalDistribution((value,)) for name, value in NORMAL.items()}
        return {**super().distributions, **fixed}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        fixed = {name: np.full(n, value, dtype=object) for name, value in NORMAL.items()}
        return {**super().sample_many(n, rng), **fixed}


SPACE = ReductionCells(
    2,
    ("sep_conv_3x3", "max_pool_3x3", "skip_connect"),
    has_distinct_inputs=True,
    network=CellNetworkConfig(in_channels=1, channels=8, n_cells=2, n_stem_strides=2),
)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    data = images(options.root)
    table = fill(options.table, data)
    print(f"Accuracies: {np.quantile(list(table.values()), [0, 0.5, 0.95, 1]).round(4)}")
    searches = [ranks_of_search(table, data, seed) for seed in range(options.n_searches)]
    n_best = int(BEST_SHARE * len(table))
    for n_trained in (1, 2, 4, 8, SETTINGS.n_retrained):
        n_found = sum(min(ranks[:n_trained]) <= n_best for ranks in searches)
        chance = float(hypergeom(len(table), n_best, n_trained).sf(0))
        print(
            f"{n_trained} trained alone: {n_found} of {len(searches)} searches find one of the "
            f"{n_best} best of {len(table)}; a random choice does with probability {chance:.2f}."
        )


def images(root: Path) -> ImageData:
    """Return few images to train on, and many to compare networks on."""
    return load_images("fashion-mnist", root, n_train=2560, n_validation=5000, n_test=1)


def networks() -> dict[str, CellArchitecture]:
    """Return all networks by the names of their reduction cells."""
    searched = {
        name: distribution.choices
        for name, distribution in SPACE.distributions.items()
        if isinstance(distribution, CategoricalDistribution) and name not in NORMAL
    }
    found = {}
    for values in product(*searched.values()):
        params = NORMAL | dict(zip(searched, values, strict=True))
        architecture = SPACE.architecture(params)
        if architecture is not None:
            found[name_of(architecture)] = architecture
    return found


def name_of(architecture: CellArchitecture) -> str:
    """Return the reduction cell as text: the operations and inputs that each block adds."""
    return " ".join(f"{b.op_a}({b.input_a})+{b.op_b}({b.input_b})" for b in architecture.reduction)


def fill(path: Path, data: ImageData, seed: int = 0) -> Table:
    """Return the table of a CSV file; missing networks are trained and added to the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        path.write_text("cell,accuracy\n")
    with path.open(newline="") as file:
        table = {row["cell"]: float(row["accuracy"]) for row in csv.DictReader(file)}
    for name, architecture in networks().items():
        if name not in table:
            table[name] = train_alone(architecture, data, seed)
            with path.open("a") as file:
                file.write(f"{name},{table[name]:.5f}\n")
    return table


def train_alone(architecture: CellArchitecture, data: ImageData, seed: int) -> float:
    """Return the validation accuracy of a network with weights of its own."""
    # The validation images take the place of the test images: they are evaluated once, at the end.
    at_end = replace(
        data,
        validation_images=data.validation_images[:1],
        validation_labels=data.validation_labels[:1],
        test_images=data.validation_images,
        test_labels=data.validation_labels,
    )
    torch.manual_seed(seed)
    network = SPACE.build(architecture)
    return train(network, at_end, replace(SETTINGS.alone, seed=seed)).test_accuracy


def ranks_of_search(table: Table, data: ImageData, seed: int) -> list[int]:
    """Return the ranks, from 1 among all networks, of the networks a search would train alone."""
    study, _ = one_shot(SPACE, data, SETTINGS, seed)
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    trials.sort(key=lambda trial: trial.value or 0.0, reverse=True)
    alone = []
    for trial in trials:
        architecture = SPACE.architecture(trial.params)
        assert architecture is not None, "A complete trial has a valid architecture."
        alone.append(table[name_of(architecture)])
    correlation = spearmanr([trial.value for trial in trials], alone).statistic
    ranks = [1 + sum(other > value for other in table.values()) for value in alone]
    taken = ranks[: SETTINGS.n_retrained]
    print(f"Search {seed}: rank {min(taken)}; rank correlation {correlation:.2f}.", flush=True)
    return taken


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=Path("results/supernet_table.csv"))
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of data sets")
    parser.add_argument("--n-searches", type=int, default=10)
    return parser


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()

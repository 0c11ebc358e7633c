"""A supernet search in a small space whose networks were all trained alone."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from examples import supernet_check  # noqa: E402
from optuna_lanas.spaces import CellArchitecture  # noqa: E402
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST  # noqa: E402


# Written by: python examples/supernet_check.py --table tests/training/supernet_table.csv
TABLE = Path(__file__).with_name("supernet_table.csv")


@pytest.fixture(scope="module")
def table() -> dict[str, float]:
    with TABLE.open(newline="") as file:
        return {row["cell"]: float(row["accuracy"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def networks() -> dict[str, CellArchitecture]:
    return supernet_check.networks()


def test_the_table_holds_every_network_once(
    table: dict[str, float], networks: dict[str, CellArchitecture]
) -> None:
    keys = {
        supernet_check.SPACE.key(supernet_check.SPACE.params(network))
        for network in networks.values()
    }
    assert table.keys() == networks.keys()
    assert len(keys) == len(networks) == 207


def test_a_sampled_network_is_among_the_enumerated(networks: dict[str, CellArchitecture]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        architecture = supernet_check.SPACE.architecture(supernet_check.SPACE.sample(rng))
        assert architecture is not None
        assert networks[supernet_check.name_of(architecture)] == architecture


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN_FASHION_MNIST.is_dir(), reason="needs dataset-fashion-mnist")
def test_a_search_that_trains_a_tenth_finds_one_of_the_best_twentieth(
    table: dict[str, float], tmp_path: Path
) -> None:
    data = supernet_check.images(tmp_path)
    ranks = supernet_check.ranks_of_search(table, data, seed=0)
    assert len(ranks) <= 0.1 * len(table)
    assert min(ranks) <= 0.05 * len(table)


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN_FASHION_MNIST.is_dir(), reason="needs dataset-fashion-mnist")
def test_training_a_network_again_gives_its_accuracy_in_the_table(
    table: dict[str, float], networks: dict[str, CellArchitecture], tmp_path: Path
) -> None:
    data = supernet_check.images(tmp_path)
    name, architecture = next(iter(networks.items()))
    again = supernet_check.train_alone(architecture, data, seed=0)
    assert again == pytest.approx(table[name], abs=0.02)  # rounding differs between processors

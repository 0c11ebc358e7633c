"""The supernet: the shared weights of all architectures, trained in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.spaces import CellArchitecture  # noqa: E402
from optuna_lanas.spaces import CellNetworkConfig  # noqa: E402
from optuna_lanas.spaces import CellSpace  # noqa: E402
from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import random_architecture  # noqa: E402
from optuna_lanas.training import SupernetObjective  # noqa: E402
from optuna_lanas.training import train_supernet  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training import TrainingTimeoutError  # noqa: E402
from tests.training.builders import digits  # noqa: E402


SPACE = CellSpace(
    2,
    ("sep_conv_3x3", "skip_connect"),
    network=CellNetworkConfig(in_channels=1, channels=8, n_cells=3),
)
CONFIG = TrainingConfig(n_epochs=10, batch_size=32, learning_rate=0.05, crops=False, device="cpu")


def _supernet(space: CellSpace = SPACE) -> Any:
    torch.manual_seed(0)
    return space.build_supernet()


@pytest.mark.parametrize("concatenates_all", [False, True])
def test_a_supernet_computes_what_a_network_with_its_weights_computes(
    concatenates_all: bool,
) -> None:
    space = replace(SPACE, concatenates_all=concatenates_all)
    supernet = _supernet(space).eval()
    architecture = random_architecture(space)(np.random.default_rng(2))
    network = space.build(architecture).eval()
    shared = supernet.state_dict()
    network.load_state_dict(
        {
            name: _used_part(space, architecture, name, weight.shape, shared[name])
            for name, weight in network.state_dict().items()
        }
    )
    images = torch.randn(2, 1, 12, 12)
    with torch.no_grad():
        torch.testing.assert_close(network(images), supernet(images, architecture))


def _used_part(
    space: CellSpace, architecture: CellArchitecture, name: str, shape: Any, shared: Any
) -> Any:
    """The part of a shared weight that a network uses.

    A layer that reads a whole cell has input channels for all blocks in the supernet, and for the
    output blocks alone in a network.
    """
    if shared.shape == shape:
        return shared
    width = shared.shape[1] // space.n_blocks
    assert width % space.network.channels == 0
    # The last layer reads the last cell; the first input of a cell is two cells back.
    distance = 2 if ".first." in name else 1
    cell = int(name.split(".")[2]) - distance if "cells" in name else space.network.n_cells - 1
    is_reduction = cell in space.network.reduction_cells
    blocks = architecture.reduction if is_reduction else architecture.normal
    used = {state for block in blocks for state in (block.input_a, block.input_b)}
    outputs = [b for b in range(space.n_blocks) if b + 2 not in used]
    return torch.cat([shared[:, b * width : (b + 1) * width] for b in outputs], dim=1)


@pytest.mark.slow
def test_training_makes_architectures_better_than_chance() -> None:
    data = load_images("digits", n_train=900, n_validation=300)
    supernet = _supernet()
    objective = SupernetObjective(SPACE, supernet, data, CONFIG)
    train_supernet(supernet, random_architecture(SPACE), data, CONFIG, np.random.default_rng(0))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=10)
    assert study.best_value > 0.8
    best = SPACE.architecture(study.best_params)
    assert best is not None
    assert objective.accuracy(best) == study.best_value


def test_the_same_seed_gives_the_same_supernet() -> None:
    config = replace(CONFIG, n_epochs=1)
    first, second = _supernet(), _supernet()
    before = torch.random.get_rng_state()
    for supernet in (first, second):
        rng = np.random.default_rng(0)
        train_supernet(supernet, random_architecture(SPACE), digits(), config, rng)
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_each_batch_trains_a_new_architecture() -> None:
    drawn = []

    def draw(rng: np.random.Generator) -> CellArchitecture:
        drawn.append(random_architecture(SPACE)(rng))
        return drawn[-1]

    config = replace(CONFIG, n_epochs=2, batch_size=100)
    train_supernet(_supernet(), draw, digits(), config, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    expected = [random_architecture(SPACE)(rng) for _ in range(4)]  # 200 images, two epochs
    assert drawn == expected


def test_the_trained_supernet_has_its_moving_average() -> None:
    # One epoch of two steps: average = 0.5 weights after the first + 0.5 after the second.
    config = replace(CONFIG, n_epochs=1, batch_size=100, n_warmup_epochs=0)
    seen: list[Any] = []
    plain, averaged = _supernet(), _supernet()

    def draw(rng: np.random.Generator) -> CellArchitecture:
        seen.append([weight.detach().clone() for weight in plain.parameters()])
        return random_architecture(SPACE)(rng)

    train_supernet(plain, draw, digits(), config, np.random.default_rng(0))
    changed = replace(config, ema_decay=0.5)
    draw_only = random_architecture(SPACE)
    train_supernet(averaged, draw_only, digits(), changed, np.random.default_rng(0))
    _, after_first = seen
    for first, second, average in zip(
        after_first, plain.parameters(), averaged.parameters(), strict=True
    ):
        torch.testing.assert_close(average, (first + second) / 2)


def test_a_run_over_its_limit_of_time_is_an_error() -> None:
    config = replace(CONFIG, max_seconds=1e-9)
    draw = random_architecture(SPACE)
    with pytest.raises(TrainingTimeoutError, match="`max_seconds`"):
        train_supernet(_supernet(), draw, digits(), config, np.random.default_rng(0))

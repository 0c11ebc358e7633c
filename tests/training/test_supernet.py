"""The supernet: one set of weights, all architectures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import optuna
import pytest

from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import random_architecture  # noqa: E402
from optuna_lanas.training import SupernetObjective  # noqa: E402
from optuna_lanas.training import train_supernet  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training import TrainingTimeoutError  # noqa: E402


SPACE = CellSpace(
    2,
    ("sep_conv_3x3", "skip_connect"),
    network=CellNetworkConfig(in_channels=1, channels=8, n_cells=3),
)
CONFIG = TrainingConfig(n_epochs=10, batch_size=32, learning_rate=0.05, crops=False, device="cpu")


@pytest.mark.parametrize("concatenates_all", [False, True])
def test_a_supernet_computes_what_the_network_with_its_weights_does(
    concatenates_all: bool,
) -> None:
    space = replace(SPACE, concatenates_all=concatenates_all)
    torch.manual_seed(0)
    supernet = space.build_supernet().eval()
    architecture = random_architecture(space)(np.random.default_rng(2))
    network = space.build(architecture).eval()
    channels = space.network.channels
    shared = supernet.state_dict()
    own = {}
    for name, weight in network.state_dict().items():
        found = shared[name]
        if found.shape != weight.shape:
            # Inputs from a whole cell: the supernet has those of all blocks.
            width = found.shape[1] // space.n_blocks
            assert width % channels == 0
            cell = (
                int(name.split(".")[2]) - (2 if ".first." in name else 1) if "cells" in name else 2
            )
            is_reduction = cell in space.network.reduction_cells
            blocks = architecture.reduction if is_reduction else architecture.normal
            used = {s for b in blocks for s in (b.input_a, b.input_b)}
            outputs = [b for b in range(space.n_blocks) if b + 2 not in used]
            found = torch.cat([found[:, b * width : (b + 1) * width] for b in outputs], dim=1)
        own[name] = found
    network.load_state_dict(own)
    images = torch.randn(2, 1, 12, 12)
    with torch.no_grad():
        torch.testing.assert_close(network(images), supernet(images, architecture))


@pytest.mark.slow
def test_training_makes_architectures_better_than_chance() -> None:
    data = load_images("digits", n_train=900, n_validation=300)
    torch.manual_seed(0)
    supernet = SPACE.build_supernet()
    draw = random_architecture(SPACE)
    objective = SupernetObjective(SPACE, supernet, data, CONFIG)
    train_supernet(supernet, draw, data, CONFIG, np.random.default_rng(0))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=10)
    assert study.best_value > 0.8
    best = SPACE.architecture(study.best_params)
    assert best is not None
    assert objective.accuracy(best) == study.best_value


def test_it_is_trained_to_the_end_with_its_moving_average() -> None:
    data = load_images("digits", n_train=200, n_validation=100)
    torch.manual_seed(0)
    supernet = SPACE.build_supernet()
    config = replace(CONFIG, n_epochs=1, ema_decay=0.5, label_smoothing=0.1)
    train_supernet(supernet, random_architecture(SPACE), data, config, np.random.default_rng(0))
    accuracy = SupernetObjective(SPACE, supernet, data, config).accuracy
    assert 0 < accuracy(random_architecture(SPACE)(np.random.default_rng(1))) < 1


def test_time_out() -> None:
    data = load_images("digits", n_train=900, n_validation=300)
    with pytest.raises(TrainingTimeoutError, match="`max_seconds`"):
        train_supernet(
            SPACE.build_supernet(),
            random_architecture(SPACE),
            data,
            replace(CONFIG, max_seconds=0.01),
            np.random.default_rng(0),
        )

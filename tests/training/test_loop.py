"""Training: it learns, repeats with its seed, and ends in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import train  # noqa: E402
from optuna_lanas.training import TrainingTimeoutError  # noqa: E402
from tests.training.builders import cell_network  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402
from tests.training.builders import digits  # noqa: E402
from tests.training.builders import linear_network  # noqa: E402


@pytest.mark.slow
def test_a_network_of_cells_learns_digits() -> None:
    data = load_images("digits", n_train=900, n_validation=300)
    config = replace(CONFIG, n_epochs=8, crops=False)
    result = train(cell_network(), data, config)
    assert result.validation_accuracies[-1] > 0.9
    assert result.test_accuracy > 0.8


@pytest.mark.parametrize(
    "change",
    [
        {"auto_augment": True, "crops": False},
        {"cutout": 0.3},
        {"cutmix": 1.0, "label_smoothing": 0.1},
        {"ema_decay": 0.5},
        {"crops": False, "n_warmup_epochs": 0},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_network_learns_with_every_regulariser(change: dict[str, Any]) -> None:
    config = replace(CONFIG, n_epochs=8, batch_size=32, **change)
    result = train(linear_network(), digits(), config)
    assert len(result.validation_accuracies) == 8
    assert result.validation_accuracies[-1] > 0.5


def test_the_same_seed_gives_the_same_network() -> None:
    first, second = cell_network(), cell_network()
    assert train(first, digits(), CONFIG).validation_accuracies == (
        train(second, digits(), CONFIG).validation_accuracies
    )
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_training_leaves_the_random_state_as_it_was() -> None:
    network = linear_network()
    before = torch.random.get_rng_state()
    train(network, digits(), CONFIG)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_over_its_limit_of_time_is_an_error() -> None:
    with pytest.raises(TrainingTimeoutError, match=r"`max_seconds` = 1e-09 s, but was in epoch 1"):
        train(linear_network(), digits(), replace(CONFIG, max_seconds=1e-9))


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`device` must be .*, got 'nowhere'"):
        train(linear_network(), digits(), replace(CONFIG, device="nowhere"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_network_learns_in_mixed_precision() -> None:
    data = load_images("digits", n_train=900, n_validation=300)
    config = replace(CONFIG, n_epochs=8, crops=False, device="cuda")
    assert train(cell_network(), data, config).validation_accuracies[-1] > 0.9

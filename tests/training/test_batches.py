"""Batches in memory: which images an epoch holds, and what augmentation does to them."""

from __future__ import annotations

from dataclasses import replace

import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from torch import Tensor  # noqa: E402

from optuna_lanas.training import ImageData  # noqa: E402
from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training._batches import MemoryBatches  # noqa: E402
from optuna_lanas.training._batches import n_batches  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402
from tests.training.builders import digits  # noqa: E402


PLAIN = replace(CONFIG, crops=False)


def _epoch(config: TrainingConfig, number: int = 1, data: ImageData | None = None) -> Tensor:
    """The images of an epoch with pixels in 0 .. 1, `[n, 1, 8, 8]`."""
    data = data or digits()
    batches = MemoryBatches(data, config, torch.device("cpu"))
    mean, deviation = data.normalization()
    return torch.cat([images for images, _ in batches.epoch(number)]) * deviation + mean


def _as_bytes(images: Tensor) -> list[bytes]:
    return [image.numpy().tobytes() for image in (images * 255).round().to(torch.uint8)]


def test_an_epoch_holds_each_training_image_once() -> None:
    expected = sorted(image.numpy().tobytes() for image in digits().train_images)
    assert sorted(_as_bytes(_epoch(PLAIN))) == expected


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = _as_bytes(_epoch(PLAIN, 1))
    assert _as_bytes(_epoch(PLAIN, 1)) == first
    assert _as_bytes(_epoch(PLAIN, 2)) != first
    assert _as_bytes(_epoch(replace(PLAIN, seed=1), 1)) != first


@pytest.mark.parametrize("crops", [False, True])
def test_a_last_batch_of_one_image_is_left_out(crops: bool) -> None:
    data = load_images("digits", n_train=65, n_validation=10)
    batches = MemoryBatches(data, replace(CONFIG, crops=crops), torch.device("cpu"))
    assert [len(labels) for _, labels in batches.epoch(1)] == [64]
    assert batches.n_steps == 1


@pytest.mark.parametrize(
    ("n_images", "batch_size", "n"), [(64, 64, 1), (65, 64, 1), (66, 64, 2), (1, 64, 1), (3, 1, 3)]
)
def test_the_number_of_batches_is_that_of_batches_with_two_images_or_more(
    n_images: int, batch_size: int, n: int
) -> None:
    assert n_batches(n_images, batch_size) == n


def test_cutmix_mixes_labels_by_area() -> None:
    batches = MemoryBatches(digits(), replace(PLAIN, cutmix=1.0), torch.device("cpu"))
    for images, labels in batches.epoch(1):
        assert labels.shape == (len(images), 10)
        torch.testing.assert_close(labels.sum(dim=1), torch.ones(len(images)))
        # An area of whole pixels out of 64.
        torch.testing.assert_close(labels * 64, (labels * 64).round())


def test_cutout_replaces_a_square_by_the_mean() -> None:
    # All images but the first are white, so no pixel has the mean value.
    data = digits()
    pixels = torch.full_like(data.train_images, 255)
    pixels[0] = 0
    data = replace(data, train_images=pixels)
    images = _epoch(replace(PLAIN, cutout=0.5), data=data)
    is_cut = ((images - data.normalization()[0]).abs() < 1 / 255).flatten(1)
    assert (is_cut.sum(dim=1) == 16).all()  # a quarter of 64 pixels


def test_evaluation_is_in_order_and_never_augmented() -> None:
    config = replace(CONFIG, auto_augment=True, cutout=0.5, cutmix=1.0)
    batches = MemoryBatches(digits(), config, torch.device("cpu"))
    mean, deviation = digits().normalization()
    images = torch.cat([images for images, _ in batches.validation()]) * deviation + mean
    assert _as_bytes(images) == [image.numpy().tobytes() for image in digits().validation_images]
    labels = torch.cat([labels for _, labels in batches.test()])
    assert torch.equal(labels, digits().test_labels)

"""Images in memory: the split loses no image, and parts have the requested sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import ImageData  # noqa: E402
from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST  # noqa: E402


def _images(data: ImageData) -> list[bytes]:
    """The training and validation images, sorted."""
    images = data.with_validation_in_training().train_images
    return sorted(image.numpy().tobytes() for image in images)


def test_each_image_is_in_one_part_whatever_the_seed_of_the_split() -> None:
    first, second = load_images("digits"), load_images("digits", seed=1)
    assert len(first.validation_labels) == 150  # a tenth of all but the test images
    assert len(first.train_labels) + len(first.test_labels) == 1797 - 150
    assert not torch.equal(first.validation_images, second.validation_images)
    assert _images(first) == _images(second)
    assert torch.equal(first.test_images, second.test_images)


def test_parts_have_the_requested_sizes() -> None:
    data = load_images("digits", n_train=50, n_validation=20, n_test=10)
    assert data.train_images.shape == (50, 1, 8, 8)
    assert data.validation_images.shape == (20, 1, 8, 8)
    assert data.test_images.shape == (10, 1, 8, 8)
    assert (data.n_channels, data.image_size, data.n_classes) == (1, 8, 10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "mnist"}, r"`name` must be one of \('cifar10', .*, got 'mnist'"),
        ({"n_train": 2000}, "positive and at most 1500 together, got 2000 and 150"),
        ({"n_validation": 0}, "`n_validation` must be at least 1, got 0"),
        ({"n_test": 0}, "`n_test` must be at least 1, got 0. None takes all"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_argument_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_images(**{"name": "digits", **wrong})


def test_a_missing_data_set_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"`root` must hold .*'cifar10'.*`is_downloaded=True`"):
        load_images("cifar10", tmp_path)


@pytest.mark.skipif(not DEBIAN_FASHION_MNIST.is_dir(), reason="needs dataset-fashion-mnist")
def test_fashion_mnist_is_read_from_debian_s_package(tmp_path: Path) -> None:
    data = load_images("fashion-mnist", tmp_path, n_train=500, n_validation=200)
    assert data.train_images.shape == (500, 1, 28, 28)
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.n_classes == 10
    mean, deviation = data.normalization()
    assert mean.item() == pytest.approx(0.286, abs=0.02)
    assert deviation.item() == pytest.approx(0.353, abs=0.02)


def test_a_damaged_data_set_is_told(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"\x00\x00\x08\x03" + bytes(5))
    with pytest.raises(RuntimeError, match=r"`root` must hold .*remove what is damaged"):
        load_images("fashion-mnist", tmp_path)

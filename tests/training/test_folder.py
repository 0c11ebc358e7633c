"""Folders of images: the same classes in both parts, augmented in training alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")
pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

from optuna_lanas.training import FolderData  # noqa: E402
from optuna_lanas.training import train  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training.folder import FolderBatches  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402


CPU = torch.device("cpu")


def _written(root: Path, n_images: dict[str, int], levels: dict[str, int]) -> FolderData:
    """Noise images of 40 x 40 pixels; each class has a range of grey levels of its own."""
    rng = np.random.default_rng(0)
    for part, n in n_images.items():
        for label, level in levels.items():
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(level, level + 50, size=(40, 40, 3), dtype=np.uint8)
                pillow.fromarray(pixels).save(folder / f"{number}.png")
    return FolderData(root, image_size=32)


def test_a_network_learns_from_a_folder(tmp_path: Path) -> None:
    data = _written(tmp_path, {"train": 20, "val": 10}, {"dark": 40, "light": 200})
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.AvgPool2d(32), torch.nn.Flatten(), torch.nn.Linear(3, data.n_classes)
    )
    config = TrainingConfig(
        n_epochs=4, batch_size=8, cutmix=0.2, cutout=0.3, auto_augment=True, device="cpu"
    )
    result = train(network, data, config)
    assert result.validation_accuracies[-1] > 0.9
    assert result.test_accuracy == result.validation_accuracies[-1]


def test_classes_in_one_part_alone_are_refused(tmp_path: Path) -> None:
    _written(tmp_path, {"train": 1}, {"a": 0, "b": 0, "c": 0})
    data = _written(tmp_path, {"val": 1}, {"b": 0, "c": 0})
    with pytest.raises(ValueError, match=r"the same classes in train/ and val/; .*\['a'\]"):
        FolderBatches(data, CONFIG, CPU)


def test_a_folder_without_its_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`data\.root` must hold .* has no train/\. Add it"):
        FolderData(tmp_path).n_classes  # noqa: B018
    data = _written(tmp_path, {"train": 1}, {"a": 0})
    with pytest.raises(ValueError, match="has no val/"):
        FolderBatches(data, CONFIG, CPU)


def test_images_are_cut_out_in_training_alone(tmp_path: Path) -> None:
    data = _written(tmp_path, {"train": 2, "val": 2}, {"light": 200})
    batches = FolderBatches(data, replace(CONFIG, crops=False, cutout=0.5), CPU)
    images, _ = next(iter(batches.epoch(1)))
    assert ((images == 0).flatten(2).sum(dim=2) == 16**2).all()  # zero is the mean
    assert not (next(iter(batches.validation()))[0] == 0).any()


def test_an_epoch_has_cutmix_s_mixed_labels(tmp_path: Path) -> None:
    data = _written(tmp_path, {"train": 4, "val": 1}, {"dark": 40, "light": 200})
    batches = FolderBatches(data, replace(CONFIG, cutmix=1.0), CPU)
    ((images, labels),) = batches.epoch(1)
    assert images.shape == (8, 3, 32, 32)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(8))

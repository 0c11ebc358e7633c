"""Batches of normalised images in memory, augmented one by one where the settings ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset
from torchvision.transforms import v2

from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData


EVALUATION_BATCH_SIZE = 512


def n_batches(n_images: int, batch_size: int) -> int:
    """Return the batches of an epoch, of which the last one may be smaller."""
    return -(-len(without_single(torch.arange(n_images), batch_size)) // batch_size)


def without_single(order: Tensor, batch_size: int) -> Tensor:
    """Return an epoch's order without a last batch of one image: batch norm needs two."""
    is_single = len(order) > batch_size > 1 and len(order) % batch_size == 1
    return order[:-1] if is_single else order


class MemoryBatches:
    """Training batches of one data set, in an order that depends on seed and epoch alone.

    Args:
        data: The images.
        config: Settings.
        device: Where batches go.
    """

    def __init__(self, data: ImageData, config: TrainingConfig, device: torch.device) -> None:
        self._data = data
        self._config = config
        self._device = device
        self._normalization = tuple(part.to(device) for part in data.normalization())
        self._cutmix = v2.CutMix(num_classes=data.n_classes) if config.cutmix else None
        self._augmented = _Augmented(data, config) if config.augments else None

    @property
    def n_steps(self) -> int:
        """Batches an epoch; the last one may be smaller."""
        return n_batches(len(self._data.train_labels), self._config.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images `[n, c, s, s]` and labels, `[n]` or, if mixed, `[n, n_classes]`."""
        generator = torch.Generator().manual_seed(self._config.seed + 7919 * number)
        order = torch.randperm(len(self._data.train_labels), generator=generator)
        order = without_single(order, self._config.batch_size)
        for images, labels in self._raw(order):
            images, labels = self._normalized(images), labels.to(self._device)
            if self._cutmix and torch.rand((), generator=generator) < self._config.cutmix:
                images, labels = self._cutmix(images, labels)
            yield images, labels

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images in large batches, as they are."""
        yield from self._in_order(self._data.validation_images, self._data.validation_labels)

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the test images in large batches, as they are."""
        yield from self._in_order(self._data.test_images, self._data.test_labels)

    def _in_order(self, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(labels), EVALUATION_BATCH_SIZE):
            rows = slice(start, start + EVALUATION_BATCH_SIZE)
            yield self._normalized(images[rows]), labels[rows].to(self._device)

    def _normalized(self, images: Tensor) -> Tensor:
        """Return images of bytes as floats with zero mean and unit variance."""
        mean, deviation = self._normalization
        floats = images.to(self._device, non_blocking=True).float() / 255
        normalized = (floats - mean) / deviation
        return normalized.contiguous(memory_format=torch.channels_last)

    def _raw(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        if self._augmented is None:
            for start in range(0, len(order), self._config.batch_size):
                rows = order[start : start + self._config.batch_size]
                yield self._data.train_images[rows], self._data.train_labels[rows]
            return
        yield from DataLoader(
            self._augmented,
            batch_size=self._config.batch_size,
            sampler=order.tolist(),
            num_workers=self._config.n_loader_workers,
            pin_memory=self._device.type == "cuda",
        )


class _Augmented(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, data: ImageData, config: TrainingConfig) -> None:
        self._data = data
        steps: list[torch.nn.Module] = []
        if config.crops:
            steps.append(v2.RandomCrop(data.image_size, padding=max(1, data.image_size // 8)))
            steps += [v2.RandomHorizontalFlip()] if data.can_mirror else []
        if config.auto_augment:
            steps.append(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10))
        if config.cutout:
            area = config.cutout**2
            mean = data.train_images.float().mean(dim=(0, 2, 3)).round().tolist()
            steps.append(v2.RandomErasing(p=1.0, scale=(area, area), ratio=(1, 1), value=mean))
        self._transform = v2.Compose(steps)

    def __len__(self) -> int:
        return len(self._data.train_labels)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self._transform(self._data.train_images[row]), self._data.train_labels[row]

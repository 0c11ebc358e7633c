"""Batches of normalised images in memory, and the order of images that every run shares.

Shapes: ``n`` images of a batch, ``c`` channels, ``s`` pixels of a side.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset
from torchvision.transforms import v2

from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData


EVALUATION_BATCH_SIZE = 512
# A large prime, so that the epochs of neighbouring seeds have different orders.
_ORDER_SEED_STEP = 7919


class MemoryBatches:
    """Training and evaluation batches of images in memory.

    Args:
        data: The images.
        config: The settings of the training run.
        device: Where the batches go.
    """

    def __init__(self, data: ImageData, config: TrainingConfig, device: torch.device) -> None:
        self._data = data
        self._config = config
        self._device = device
        self._normalization = tuple(part.to(device) for part in data.normalization())
        self._augmented = _AugmentedImages(data, config) if config.augments else None

    @property
    def n_steps(self) -> int:
        """Number of batches per epoch."""
        return n_batches(len(self._data.train_labels), self._config.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images `[n, c, s, s]` and labels, `[n]` or, with CutMix, `[n, n_classes]`."""
        order, generator = epoch_order(len(self._data.train_labels), self._config, number)
        batches = (
            (self._normalized(images), labels.to(self._device))
            for images, labels in self._raw(order)
        )
        yield from with_cutmix(batches, self._data.n_classes, self._config, generator)

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images in order, without augmentation."""
        yield from self._in_order(self._data.validation_images, self._data.validation_labels)

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the test images in order, without augmentation."""
        yield from self._in_order(self._data.test_images, self._data.test_labels)

    def _in_order(self, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(labels), EVALUATION_BATCH_SIZE):
            batch = slice(start, start + EVALUATION_BATCH_SIZE)
            yield self._normalized(images[batch]), labels[batch].to(self._device)

    def _normalized(self, images: Tensor) -> Tensor:
        """Return uint8 images as floats with zero mean and unit variance per channel."""
        mean, deviation = self._normalization
        floats = images.to(self._device, non_blocking=True).float() / 255
        normalized = (floats - mean) / deviation
        return normalized.contiguous(memory_format=torch.channels_last)

    def _raw(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 images and labels in an order, augmented if the settings say so."""
        if self._augmented is not None:
            yield from loader(self._augmented, order, self._config, self._device)
            return
        for indices in order.split(self._config.batch_size):
            yield self._data.train_images[indices], self._data.train_labels[indices]


class _AugmentedImages(Dataset[tuple[Tensor, Tensor]]):
    """The training images, augmented differently at each access."""

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

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._transform(self._data.train_images[index]), self._data.train_labels[index]


def epoch_order(
    n_images: int, config: TrainingConfig, epoch: int
) -> tuple[Tensor, torch.Generator]:
    """Return the image indices of an epoch, `[n]`, and the generator that shuffled them.

    Both depend on the seed and the epoch alone, so that a resumed run repeats them.
    """
    generator = torch.Generator().manual_seed(config.seed + _ORDER_SEED_STEP * epoch)
    order = torch.randperm(n_images, generator=generator)
    return _without_single(order, config.batch_size), generator


def n_batches(n_images: int, batch_size: int) -> int:
    """Return the number of batches per epoch; the last batch may be smaller."""
    return -(-len(_without_single(torch.arange(n_images), batch_size)) // batch_size)


def with_cutmix(
    batches: Iterable[tuple[Tensor, Tensor]],
    n_classes: int,
    config: TrainingConfig,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches, each mixed by CutMix with probability ``config.cutmix``."""
    if not config.cutmix:
        yield from batches
        return
    cutmix = v2.CutMix(num_classes=n_classes)
    for images, labels in batches:
        is_mixed = torch.rand((), generator=generator) < config.cutmix
        yield cutmix(images, labels) if is_mixed else (images, labels)


def loader(
    images: Dataset[tuple[Tensor, Tensor]],
    order: Tensor,
    config: TrainingConfig,
    device: torch.device,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return a loader of images and labels in an order of indices."""
    return DataLoader(
        images,
        batch_size=config.batch_size,
        sampler=order.tolist(),
        num_workers=config.n_loader_workers,
        pin_memory=device.type == "cuda",
    )


def _without_single(order: Tensor, batch_size: int) -> Tensor:
    """Return the order without a last batch of a single image: batch norm needs two."""
    is_single = len(order) > batch_size > 1 and len(order) % batch_size == 1
    return order[:-1] if is_single else order

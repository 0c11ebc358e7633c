"""Images too many for memory: ImageNet as folders of files, one a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from optuna_lanas.training._batches import n_batches
from optuna_lanas.training._batches import without_single
from optuna_lanas.training.config import TrainingConfig


MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# ImageNet is evaluated on the central square of images scaled to 256 pixels for a crop of 224.
RESIZE = 256 / 224


@dataclass(frozen=True)
class FolderData:
    """A folder with ``train/{class}/*.jpg`` and ``val/{class}/*.jpg``, as ImageNet comes.

    The validation images serve for the report as well; there are no others with labels.

    Attributes:
        root: The folder.
        image_size: Pixels of a side of the crops.
    """

    root: Path
    image_size: int = 224

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return sum(entry.is_dir() for entry in (self.root / "train").iterdir())


class FolderBatches:
    """Training and evaluation batches of a folder.

    Args:
        data: The folder.
        config: Settings; ``crops`` takes random resized crops, mirrored at random.
        device: Where batches go.
    """

    def __init__(self, data: FolderData, config: TrainingConfig, device: torch.device) -> None:
        self._config = config
        self._device = device
        self._train = ImageFolder(str(data.root / "train"), _training_steps(data, config))
        self._evaluation = ImageFolder(str(data.root / "val"), _evaluation_steps(data.image_size))
        if self._train.classes != self._evaluation.classes:
            other = sorted({*self._train.classes} ^ {*self._evaluation.classes})
            raise ValueError(
                f"`data.root` must have the same classes in train/ and val/; {data.root} has "
                f"{other} in one of them alone. Make the missing folders, or remove the others."
            )
        self._cutmix = v2.CutMix(num_classes=data.n_classes) if config.cutmix else None

    @property
    def n_steps(self) -> int:
        """Batches an epoch; the last one may be smaller."""
        return n_batches(len(self._train), self._config.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images `[n, 3, s, s]` and labels, `[n]` or, if mixed, `[n, n_classes]`."""
        generator = torch.Generator().manual_seed(self._config.seed + 7919 * number)
        order = without_single(
            torch.randperm(len(self._train), generator=generator), self._config.batch_size
        )
        for images, labels in self._moved(self._loader(self._train, order.tolist())):
            if self._cutmix and torch.rand((), generator=generator) < self._config.cutmix:
                yield self._cutmix(images, labels)
            else:
                yield images, labels

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images in order."""
        order = list(range(len(self._evaluation)))
        yield from self._moved(self._loader(self._evaluation, order))

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images in order."""
        yield from self.validation()

    def _loader(self, folder: ImageFolder, order: list[int]) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(
            folder,
            batch_size=self._config.batch_size,
            sampler=order,
            num_workers=self._config.n_loader_workers,
            pin_memory=self._device.type == "cuda",
        )

    def _moved(self, loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in loader:
            moved = images.to(self._device, non_blocking=True, memory_format=torch.channels_last)
            yield moved, labels.to(self._device, non_blocking=True)


def _training_steps(data: FolderData, config: TrainingConfig) -> v2.Compose:
    steps: list[torch.nn.Module] = [
        v2.RandomResizedCrop(data.image_size),
        v2.RandomHorizontalFlip(),
    ]
    if not config.crops:
        steps = _central(data.image_size)
    if config.auto_augment:
        steps.append(v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET))
    erase = v2.RandomErasing(p=1.0, scale=(config.cutout**2,) * 2, ratio=(1, 1))
    return v2.Compose([*steps, *_to_tensor(), *([erase] if config.cutout else [])])


def _evaluation_steps(image_size: int) -> v2.Compose:
    return v2.Compose([*_central(image_size), *_to_tensor()])


def _central(image_size: int) -> list[torch.nn.Module]:
    return [v2.Resize(round(image_size * RESIZE)), v2.CenterCrop(image_size)]


def _to_tensor() -> list[torch.nn.Module]:
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)]

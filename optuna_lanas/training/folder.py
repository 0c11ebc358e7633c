"""Images too many for memory, such as ImageNet: a folder of image files for each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_path
from optuna_lanas.training._batches import epoch_order
from optuna_lanas.training._batches import loader
from optuna_lanas.training._batches import n_batches
from optuna_lanas.training._batches import with_cutmix
from optuna_lanas.training.config import TrainingConfig


# Mean and standard deviation of ImageNet's channels, pixels in 0 .. 1.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# ImageNet is evaluated on the central 224 pixels of images resized to 256 pixels.
RESIZE = 256 / 224


@dataclass(frozen=True)
class FolderData:
    """A folder with ``train/{class}/*.jpg`` and ``val/{class}/*.jpg``, the layout of ImageNet.

    The validation images are the test images as well: ImageNet's test labels are not public.

    Attributes:
        root: The folder.
        image_size: Pixels of a side after cropping.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``image_size`` is below 1.

    Example:
        ::

            data = FolderData(Path("/data/imagenet"))
            train(network, data, TrainingConfig(n_epochs=90, n_loader_workers=8))
    """

    root: Path
    image_size: int = 224

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", check_path("root", self.root))
        check_int("image_size", self.image_size, 1, "224 is the default.")

    @property
    def n_classes(self) -> int:
        """Number of classes.

        Raises:
            ValueError: If the folder has no train/.
        """
        return sum(entry.is_dir() for entry in _part(self, "train").iterdir())


class FolderBatches:
    """Training and evaluation batches of a folder.

    Args:
        data: The folder.
        config: The settings of the training run; ``crops`` are random resized crops, mirrored at
            random.
        device: Where the batches go.

    Raises:
        ValueError: If the folder has no train/ or val/, or they differ in their classes.
    """

    def __init__(self, data: FolderData, config: TrainingConfig, device: torch.device) -> None:
        self._config = config
        self._device = device
        self._train = ImageFolder(str(_part(data, "train")), _training_steps(data, config))
        self._evaluation = ImageFolder(str(_part(data, "val")), _evaluation_steps(data.image_size))
        if self._train.classes != self._evaluation.classes:
            unpaired = sorted({*self._train.classes} ^ {*self._evaluation.classes})
            raise ValueError(
                f"`data.root` must have the same classes in train/ and val/; in {data.root} only "
                f"one of them has {unpaired}. Add the missing folders, or remove the unpaired."
            )

    @property
    def n_steps(self) -> int:
        """Number of batches per epoch."""
        return n_batches(len(self._train), self._config.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images `[n, 3, s, s]` and labels, `[n]` or, with CutMix, `[n, n_classes]`."""
        order, generator = epoch_order(len(self._train), self._config, number)
        batches = self._loaded(self._train, order)
        yield from with_cutmix(batches, len(self._train.classes), self._config, generator)

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images in order, without augmentation."""
        yield from self._loaded(self._evaluation, torch.arange(len(self._evaluation)))

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the validation images, which are the test images as well."""
        yield from self.validation()

    def _loaded(self, folder: ImageFolder, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in loader(folder, order, self._config, self._device):
            moved = images.to(self._device, non_blocking=True, memory_format=torch.channels_last)
            yield moved, labels.to(self._device, non_blocking=True)


def _part(data: FolderData, name: str) -> Path:
    path = data.root / name
    if not path.is_dir():
        raise ValueError(
            f"`data.root` must hold the folders train/ and val/; {data.root} has no {name}/. Add "
            f"it, with a folder of images for each class, or name another folder."
        )
    return path


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

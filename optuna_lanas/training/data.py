"""Images to train on, through torchvision's and scikit-learn's data sets."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
import gzip
from pathlib import Path
import shutil

import torch
from torch import Tensor
from torchvision import datasets


DATA_SETS = ("cifar10", "fashion-mnist", "digits")
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images of one data set, as bytes.

    Attributes:
        name: The data set.
        train_images: `[n_train, channels, size, size]` of uint8.
        train_labels: `[n_train]`.
        validation_images: `[n_validation, channels, size, size]`, for the search.
        validation_labels: `[n_validation]`.
        test_images: `[n_test, channels, size, size]`, for the report.
        test_labels: `[n_test]`.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    @property
    def n_channels(self) -> int:
        """Channels of an image."""
        return int(self.train_images.shape[1])

    @property
    def image_size(self) -> int:
        """Pixels of a side."""
        return int(self.train_images.shape[2])

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.train_labels.max()) + 1

    @property
    def can_mirror(self) -> bool:
        """Whether a mirrored image is of the same class."""
        return self.name != "digits"

    def normalization(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each channel, `[channels, 1, 1]`, in 0 .. 1."""
        pixels = self.train_images.float() / 255
        mean = pixels.mean(dim=(0, 2, 3))[:, None, None]
        return mean, pixels.std(dim=(0, 2, 3))[:, None, None]

    def with_validation_in_training(self) -> ImageData:
        """Return the data with the validation images among those to train on."""
        images = torch.cat([self.train_images, self.validation_images])
        labels = torch.cat([self.train_labels, self.validation_labels])
        return replace(self, train_images=images, train_labels=labels)


def load_images(
    name: str,
    root: str | Path = "data",
    n_train: int | None = None,
    n_validation: int | None = None,
    n_test: int | None = None,
    is_downloaded: bool = False,
    seed: int = 0,
) -> ImageData:
    """Load a data set and split validation images from its training images.

    Args:
        name: "cifar10", "fashion-mnist" or "digits" (scikit-learn's 1,797 images of 8 x 8).
        root: Where torchvision keeps its data sets. Fashion-MNIST is also taken from Debian's
            package dataset-fashion-mnist.
        n_train: Number of images to train on, by default all that are left.
        n_validation: Number of images to validate on, by default a tenth.
        n_test: Number of test images, by default all.
        is_downloaded: Whether torchvision may download what is missing.
        seed: Seed of the split.

    Raises:
        ValueError: If there is no such data set, or it has too few images.
        RuntimeError: If the data set is not in `root`; from torchvision.
    """
    if name not in DATA_SETS:
        raise ValueError(f"`name` must be one of {DATA_SETS}, got {name!r}.")
    loaded = {"cifar10": _cifar10, "fashion-mnist": _fashion_mnist, "digits": _digits}
    images, labels, test_images, test_labels = loaded[name](Path(root), is_downloaded)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    n_validation = len(images) // 10 if n_validation is None else n_validation
    n_train = len(images) - n_validation if n_train is None else n_train
    if min(n_train, n_validation) < 1 or n_train + n_validation > len(images):
        raise ValueError(
            f"`n_train` and `n_validation` must be positive and at most {len(images)} together, "
            f"got {n_train} and {n_validation}."
        )
    if n_test is not None and n_test < 1:
        raise ValueError(f"`n_test` must be at least 1, or None for all, got {n_test}.")
    train, validation = order[n_validation : n_validation + n_train], order[:n_validation]
    return ImageData(
        name,
        images[train],
        labels[train],
        images[validation],
        labels[validation],
        test_images[:n_test],
        test_labels[:n_test],
    )


_Arrays = tuple[Tensor, Tensor, Tensor, Tensor]


def _cifar10(root: Path, is_downloaded: bool) -> _Arrays:
    train = datasets.CIFAR10(str(root), train=True, download=is_downloaded)
    test = datasets.CIFAR10(str(root), train=False, download=is_downloaded)
    images = [
        torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous() for part in (train, test)
    ]
    return images[0], torch.tensor(train.targets), images[1], torch.tensor(test.targets)


def _fashion_mnist(root: Path, is_downloaded: bool) -> _Arrays:
    raw = root / "FashionMNIST" / "raw"
    if not raw.is_dir() and DEBIAN_FASHION_MNIST.is_dir():
        _unpack(DEBIAN_FASHION_MNIST, raw)
    train = datasets.FashionMNIST(str(root), train=True, download=is_downloaded)
    test = datasets.FashionMNIST(str(root), train=False, download=is_downloaded)
    return train.data[:, None], train.targets, test.data[:, None], test.targets


def _unpack(packed: Path, raw: Path) -> None:
    raw.mkdir(parents=True)
    for archive in packed.glob("*.gz"):
        with gzip.open(archive) as source, (raw / archive.stem).open("wb") as target:
            shutil.copyfileobj(source, target)


def _digits(root: Path, is_downloaded: bool) -> _Arrays:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images * (255 / 16)).to(torch.uint8)[:, None]
    labels = torch.from_numpy(found.target).long()
    n_test = 297
    return images[:-n_test], labels[:-n_test], images[-n_test:], labels[-n_test:]

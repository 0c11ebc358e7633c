"""Images in memory, from the data sets of torchvision and scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
import gzip
from pathlib import Path
import shutil
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torchvision import datasets

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import check_flag
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_path
from optuna_lanas._checks import check_text
from optuna_lanas._checks import check_type
from optuna_lanas._checks import wrong_value


DATA_SETS = ("cifar10", "fashion-mnist", "digits")
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, eq=False)
class ImageData:
    """The images of a data set as uint8, with labels from 0.

    Attributes:
        name: The name of the data set.
        train_images: Images to train on, `[n_train, channels, size, size]`.
        train_labels: Their labels, `[n_train]`.
        validation_images: Images for the search, `[n_validation, channels, size, size]`.
        validation_labels: Their labels, `[n_validation]`.
        test_images: Images for the final report, `[n_test, channels, size, size]`.
        test_labels: Their labels, `[n_test]`.

    Raises:
        TypeError: If a part is no tensor.
        ValueError: If images or labels are of another type or shape.

    Example:
        ::

            images = torch.randint(256, (90, 1, 8, 8), dtype=torch.uint8)
            labels = torch.arange(90) % 3
            parts = (slice(0, 50), slice(50, 70), slice(70, 90))
            data = ImageData("noise", *(x[part] for part in parts for x in (images, labels)))
            data.n_classes  # 3
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    def __post_init__(self) -> None:
        check_text("name", self.name, "Name the data set.")
        for part in ("train", "validation", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            remedy = "Pass a tensor `[n, channels, size, size]` and its labels `[n]`."
            for name, value in ((f"{part}_images", images), (f"{part}_labels", labels)):
                check_type(name, value, Tensor, "a tensor", remedy)
            if images.dtype != torch.uint8 or images.ndim != 4:
                got = f"{images.dtype} of shape {tuple(images.shape)}"
                raise wrong_value(f"{part}_images", "uint8 with four axes", got, remedy)
            if labels.shape != (len(images),) or labels.is_floating_point():
                got = f"{labels.dtype} of shape {tuple(labels.shape)}"
                raise wrong_value(f"{part}_labels", f"{len(images)} ints", got, remedy)

    @property
    def n_channels(self) -> int:
        """Number of channels of an image."""
        return int(self.train_images.shape[1])

    @property
    def image_size(self) -> int:
        """Pixels of an image's side."""
        return int(self.train_images.shape[2])

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.train_labels.max()) + 1

    @property
    def can_mirror(self) -> bool:
        """Whether a mirrored image has the same label."""
        return self.name != "digits"

    def normalization(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation per channel, `[channels, 1, 1]`, pixels in 0 .. 1."""
        pixels = self.train_images.float() / 255
        mean = pixels.mean(dim=(0, 2, 3))[:, None, None]
        return mean, pixels.std(dim=(0, 2, 3))[:, None, None]

    def with_validation_in_training(self) -> ImageData:
        """Return the data with the validation images added to the training images."""
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
    """Load a data set and split its training images into training and validation images.

    Args:
        name: "cifar10", "fashion-mnist" or "digits" (scikit-learn's 1,797 images of 8 x 8).
        root: Folder of torchvision's data sets. Fashion-MNIST is also found in Debian's package
            dataset-fashion-mnist.
        n_train: Number of training images; None for all that are not for validation.
        n_validation: Number of validation images; None for a tenth.
        n_test: Number of test images; None for all.
        is_downloaded: Whether torchvision may download a missing data set.
        seed: Seed of the split.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If there is no such data set, or it has too few images.
        RuntimeError: If the data set is not in `root` and may not be downloaded, or is damaged.

    Example:
        ::

            digits = load_images("digits", n_train=900, n_validation=300)
            digits.train_images.shape  # [900, 1, 8, 8]
    """
    check_choice("name", name, DATA_SETS)
    root = check_path("root", root)
    for given, n in (("n_train", n_train), ("n_validation", n_validation), ("n_test", n_test)):
        if n is not None:
            check_int(given, n, 1, "None takes all that there are.")
    check_flag("is_downloaded", is_downloaded)
    check_int("seed", seed, 0, "0 is the default.")
    images, labels, test_images, test_labels = _loaded(name, root, is_downloaded)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    n_validation = len(images) // 10 if n_validation is None else n_validation
    n_train = len(images) - n_validation if n_train is None else n_train
    if min(n_train, n_validation) < 1 or n_train + n_validation > len(images):
        raise ValueError(
            f"`n_train` and `n_validation` must be positive and at most {len(images)} together, "
            f"got {n_train} and {n_validation}. Lower one of them."
        )
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


_Arrays = tuple[Tensor, Tensor, Tensor, Tensor]  # training images, labels, test images, labels


def _loaded(name: str, root: Path, is_downloaded: bool) -> _Arrays:
    load = {"cifar10": _cifar10, "fashion-mnist": _fashion_mnist, "digits": _digits}[name]
    try:
        return load(root, is_downloaded)
    except Exception as error:  # torchvision finds no data set, or whatever a damaged file raises
        raise RuntimeError(
            f"`root` must hold the data set {name!r} as torchvision stores it, got '{root}' "
            f"({type(error).__name__}). Name another folder, or remove what is damaged there and "
            f"pass `is_downloaded=True`."
        ) from error


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
    raw.parent.mkdir(parents=True, exist_ok=True)
    # Renamed in a single step: half of the files would be taken for all of them.
    with TemporaryDirectory(dir=raw.parent) as folder:
        unpacked = Path(folder) / "raw"
        unpacked.mkdir()
        for archive in packed.glob("*.gz"):
            with gzip.open(archive) as source, (unpacked / archive.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
        unpacked.rename(raw)


def _digits(root: Path, is_downloaded: bool) -> _Arrays:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images * (255 / 16)).to(torch.uint8)[:, None]
    labels = torch.from_numpy(found.target).long()
    n_test = 297
    return images[:-n_test], labels[:-n_test], images[-n_test:], labels[-n_test:]

"""Transfer the best cells to ImageNet in the mobile setting: at most 600 million multiply-adds.

    python examples/imagenet_transfer.py --imagenet /data/imagenet
    python examples/imagenet_transfer.py --smoke   # after a small search, run first if needed

The best trial of examples/cifar10_search.py gives the cells. Their network gets as many channels
as the limit allows at 224 x 224 pixels, and trains on a folder with train/ and val/. With --smoke,
a smaller network trains on a folder of images of Fashion-MNIST or digits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import tempfile

import torch
from torchvision.utils import save_image

from examples.cifar10_search import search_space
from examples.cifar10_search import smoke_data
from examples.cifar10_search import storage_path
from examples.retrain import print_epoch
from examples.retrain import search_study
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import FolderData
from optuna_lanas.training import ImageData
from optuna_lanas.training import train
from optuna_lanas.training import TrainingConfig


FULL = TrainingConfig(
    n_epochs=250,
    batch_size=128,
    learning_rate=0.1,
    weight_decay=3e-5,
    n_warmup_epochs=5,
    label_smoothing=0.1,
    ema_decay=0.9999,
    n_loader_workers=16,
)
SMOKE = TrainingConfig(n_epochs=2, batch_size=32, learning_rate=0.05)


def main(arguments: Sequence[str] | None = None) -> float:
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.smoke and options.imagenet is None:
        parser.error(
            "--imagenet must name a folder with train/ and val/; name it, or pass --smoke."
        )
    path = storage_path(options.storage, options.smoke)
    study = search_study(path, options.smoke, options.root, parser)
    with tempfile.TemporaryDirectory() as scratch:
        data, space = _data_and_space(options, Path(scratch))
        architecture = space.architecture(study.best_params)
        assert architecture is not None, "The best trial has a valid architecture."
        space = mobile_setting(space, architecture, data.n_classes, options.max_mflops)
        _print_cost(space, architecture)
        if options.smoke:
            space = replace(space, network=replace(space.network, channels=8, n_cells=4))
        config = replace(SMOKE if options.smoke else FULL, device=options.device)
        torch.manual_seed(config.seed)
        name = f"imagenet_{study.best_trial.number}_{space.network.channels}.pt"
        checkpoint = None if options.smoke else path.parent / name
        network = space.build(architecture)
        result = train(network, data, config, print_epoch, checkpoint, repr(architecture))
    return result.validation_accuracies[-1]


def mobile_setting(
    space: CellSpace, architecture: CellArchitecture, n_classes: int, max_mflops: float
) -> CellSpace:
    """Return the space with the widest network of 14 cells within the limit.

    Args:
        space: The space of the architecture.
        architecture: Its cells.
        n_classes: Number of classes.
        max_mflops: Limit in millions of multiply-adds at 224 x 224 pixels.
    """
    network = CellNetworkConfig(n_classes, channels=2, n_cells=14, n_stem_strides=3)
    best = replace(space, network=network)
    for channels in range(4, 257, 2):
        wider = replace(space, network=replace(network, channels=channels))
        if wider.flops(architecture, 224) > max_mflops * 1e6:
            break
        best = wider
    return best


def _data_and_space(options: argparse.Namespace, scratch: Path) -> tuple[FolderData, CellSpace]:
    """Return ImageNet and the space of its cells, or a small folder of the smoke data."""
    if not options.smoke:
        return FolderData(options.imagenet), CellSpace.nasnet()
    images = smoke_data(options.root)
    return _written(images, scratch), search_space(images, is_small=True)


def _written(images: ImageData, folder: Path) -> FolderData:
    """Write 100 training and 50 validation images of each of three classes as files."""
    parts = (
        ("train", images.train_images, images.train_labels, 100),
        ("val", images.validation_images, images.validation_labels, 50),
    )
    for part, pixels, labels, n in parts:
        for label in range(3):
            target = folder / part / str(label)
            target.mkdir(parents=True)
            for number, image in enumerate(pixels[labels == label][:n]):
                scaled = torch.nn.functional.interpolate(image[None].float() / 255, size=64)
                save_image(scaled[0], target / f"{number}.png")
    return FolderData(folder, image_size=64)


def _print_cost(space: CellSpace, architecture: CellArchitecture) -> None:
    mflops, mparams = space.flops(architecture, 224) / 1e6, space.n_params(architecture) / 1e6
    print(f"{space.network.channels} channels: {mflops:.0f} million multiply-adds at 224 x 224,")
    print(f"{mparams:.2f} million parameters.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--imagenet", type=Path, help="folder with train/ and val/")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of data sets")
    parser.add_argument("--storage", type=Path, help="default: results/cells.log")
    parser.add_argument("--max-mflops", type=float, default=600, help="limit, in millions")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    return parser


if __name__ == "__main__":
    main()

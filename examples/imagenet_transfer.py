"""Transfer the found cells to ImageNet in the mobile setting: at most 600 million multiply-adds.

    python examples/imagenet_transfer.py --imagenet /data/imagenet
    python examples/imagenet_transfer.py --smoke   # of a small search, made first if need be

Takes the best trial of examples/cifar10_search.py and the most channels with which its network
stays within the limit at 224 x 224 pixels, and trains it on a folder with train/ and val/.
--smoke trains the same network, smaller, on images of Fashion-MNIST or digits written to such a
folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import tempfile

import optuna
import torch
from torchvision.utils import save_image

from examples.cifar10_search import main as search
from examples.cifar10_search import search_space
from examples.cifar10_search import smoke_data
from examples.cifar10_search import storage_path
from examples.cifar10_search import STUDY
from optuna_lanas.spaces import CellArchitecture
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import FolderData
from optuna_lanas.training import ImageData
from optuna_lanas.training import open_storage
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
    path = storage_path(options.storage, options.smoke)
    if options.smoke and not path.is_file():
        search(["--smoke", "--storage", str(path), "--root", str(options.root)])
    if not path.is_file():
        parser.error(f"--storage must be a search's journal; there is no {path}. Run it first.")
    if not options.smoke and options.imagenet is None:
        parser.error("--imagenet must name a folder with train/ and val/; or pass --smoke.")
    study = optuna.load_study(study_name=STUDY, storage=open_storage(str(path)))
    with tempfile.TemporaryDirectory() as scratch:
        if options.smoke:
            images = smoke_data(options.root)
            data = FolderData(_written(images, Path(scratch)), image_size=64)
            space = search_space(images, is_small=True)
        else:
            data = FolderData(options.imagenet)
            space = CellSpace.nasnet()
        architecture = space.architecture(study.best_params)
        assert architecture is not None, "The best trial has a valid architecture."
        space = mobile_setting(space, architecture, data.n_classes, options.max_mflops)
        mflops, mparams = space.flops(architecture, 224) / 1e6, space.n_params(architecture) / 1e6
        print(
            f"{space.network.channels} channels: {mflops:.0f} million multiply-adds at 224 x 224,"
        )
        print(f"{mparams:.2f} million parameters.")
        if options.smoke:
            small = replace(space.network, channels=8, n_cells=4)
            space = replace(space, network=small)
        config = replace(SMOKE if options.smoke else FULL, device=options.device)
        torch.manual_seed(config.seed)
        name = f"imagenet_{study.best_trial.number}_{space.network.channels}.pt"
        checkpoint = None if options.smoke else path.parent / name
        network = space.build(architecture)
        result = train(network, data, config, _print, checkpoint, repr(architecture))
    return result.validation_accuracies[-1]


def mobile_setting(
    space: CellSpace, architecture: CellArchitecture, n_classes: int, max_mflops: float
) -> CellSpace:
    """Return the space with the widest network of 14 cells within the limit at 224 pixels."""
    network = CellNetworkConfig(n_classes, channels=2, n_cells=14, n_stem_strides=3)
    best = replace(space, network=network)
    for channels in range(4, 257, 2):
        wider = replace(space, network=replace(network, channels=channels))
        if wider.flops(architecture, 224) > max_mflops * 1e6:
            break
        best = wider
    return best


def _written(images: ImageData, folder: Path) -> Path:
    """A hundred training and fifty validation images of each of three classes, as files."""
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
    return folder


def _print(epoch: int, accuracy: float) -> None:
    print(f"Epoch {epoch}: {accuracy:.4f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--imagenet", type=Path, help="folder with train/ and val/")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--storage", type=Path, help="by default results/cells.log")
    parser.add_argument("--max-mflops", type=float, default=600)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    return parser


if __name__ == "__main__":
    main()

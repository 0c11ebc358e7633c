"""Train the best architectures of examples/cifar10_search.py in full; report test accuracies.

    python examples/retrain.py --root data
    python examples/retrain.py --smoke       # after a small search, which runs first if needed

Networks are larger and train for more epochs, on training and validation images together, with
cutout, AutoAugment, CutMix and a moving average of the weights. An interrupted run resumes from
its checkpoint.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import replace
import json
from pathlib import Path

import optuna
import torch

from examples.cifar10_search import main as search
from examples.cifar10_search import search_space
from examples.cifar10_search import smoke_data
from examples.cifar10_search import storage_path
from examples.cifar10_search import STUDY
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.training import ImageData
from optuna_lanas.training import load_images
from optuna_lanas.training import open_storage
from optuna_lanas.training import train
from optuna_lanas.training import TrainingConfig


FULL = TrainingConfig(
    n_epochs=600,
    batch_size=96,
    learning_rate=0.025,
    weight_decay=3e-4,
    n_warmup_epochs=5,
    auto_augment=True,
    cutout=0.5,
    cutmix=0.5,
    label_smoothing=0.1,
    ema_decay=0.9995,
    n_loader_workers=8,
)
SMOKE = TrainingConfig(n_epochs=3, batch_size=64, learning_rate=0.1, cutout=0.3, ema_decay=0.9)


def main(arguments: Sequence[str] | None = None) -> list[float]:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.smoke:
        data = smoke_data(options.root)
    else:
        data = load_images(options.data, options.root).with_validation_in_training()
    space = search_space(data, options.smoke)
    network = replace(space.network, channels=8) if options.smoke else _published(space)
    space = replace(space, network=network)
    config = replace(SMOKE if options.smoke else FULL, device=options.device)
    path = storage_path(options.storage, options.smoke)
    study = search_study(path, options.smoke, options.root, parser)
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    trials.sort(key=lambda trial: trial.value or 0.0, reverse=True)
    best = trials[: 1 if options.smoke else options.n_best]
    return [_retrain(trial, space, data, config, path) for trial in best]


def search_study(
    path: Path, is_smoke: bool, root: Path, parser: argparse.ArgumentParser
) -> optuna.Study:
    """Return the study of a search; a missing smoke search runs first."""
    if is_smoke and not path.is_file():
        search(["--smoke", "--storage", str(path), "--root", str(root)])
    if not path.is_file():
        parser.error(
            f"--storage must be the journal file of a search; there is no {path}. Run "
            f"examples/cifar10_search.py first, or name another file."
        )
    return optuna.load_study(study_name=STUDY, storage=open_storage(str(path)))


def _published(space: CellSpace) -> CellNetworkConfig:
    """Return the network of published results: 20 cells, 36 channels in the first cell."""
    return replace(space.network, channels=36, n_cells=20)


def _retrain(
    trial: optuna.trial.FrozenTrial,
    space: CellSpace,
    data: ImageData,
    config: TrainingConfig,
    path: Path,
) -> float:
    """Train a trial's architecture, write a report beside the study, return test accuracy."""
    architecture = space.architecture(trial.params)
    assert architecture is not None, "A complete trial has a valid architecture."
    torch.manual_seed(config.seed)
    folder, name = path.parent / "retrained", f"{path.stem}_{trial.number}"
    checkpoint = folder / f"{name}.pt"
    network = space.build(architecture)
    result = train(network, data, config, print_epoch, checkpoint, repr(architecture))
    report = {
        "trial": trial.number,
        "search_accuracy": trial.value,
        "test_accuracy": result.test_accuracy,
        "seconds": result.seconds,
        "n_params": space.n_params(architecture),
        "flops": space.flops(architecture, data.image_size),
        "architecture": asdict(architecture),
    }
    (folder / f"{name}.json").write_text(json.dumps(report, indent=2))
    print(f"Trial {trial.number}: test accuracy {result.test_accuracy:.4f}")
    return result.test_accuracy


def print_epoch(epoch: int, accuracy: float) -> None:
    print(f"Epoch {epoch}: {accuracy:.4f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", help="cifar10, fashion-mnist or digits")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of data sets")
    parser.add_argument("--storage", type=Path, help="default: results/cells.log")
    parser.add_argument("--n-best", type=int, default=3, help="architectures to train")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--smoke", action="store_true", help="small and quick")
    return parser


if __name__ == "__main__":
    main()

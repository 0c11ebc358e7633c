"""Training: it learns, resumes to the same result, prunes, and fails trials as it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

from optuna_lanas.training import FolderData  # noqa: E402
from optuna_lanas.training import ImageData  # noqa: E402
from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import open_storage  # noqa: E402
from optuna_lanas.training import optimize_on_devices  # noqa: E402
from optuna_lanas.training import train  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training import TrainingObjective  # noqa: E402
from optuna_lanas.training import TrainingTimeoutError  # noqa: E402
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST  # noqa: E402


SPACE = CellSpace(
    2,
    ("sep_conv_3x3", "skip_connect"),
    network=CellNetworkConfig(in_channels=1, channels=8, n_cells=3),
)
CONFIG = TrainingConfig(n_epochs=3, batch_size=64, learning_rate=0.1, device="cpu")


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_images("digits", n_train=400, n_validation=200)


def _network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    architecture = SPACE.architecture(SPACE.sample(np.random.default_rng(0)))
    assert architecture is not None
    return SPACE.build(architecture)


@pytest.mark.slow
def test_digits_are_learnt() -> None:
    digits = load_images("digits", n_train=900, n_validation=300)
    result = train(_network(), digits, replace(CONFIG, n_epochs=8, crops=False))
    assert result.validation_accuracies[-1] > 0.9
    assert result.test_accuracy > 0.8
    assert len(result.validation_accuracies) == 8
    assert result.seconds > 0


@pytest.mark.parametrize(
    "change",
    [
        {"auto_augment": True, "crops": False},
        {"cutout": 0.3},
        {"cutmix": 1.0, "label_smoothing": 0.1},
        {"ema_decay": 0.9},
        {"crops": False, "n_warmup_epochs": 0},
    ],
    ids=lambda change: "-".join(change),
)
def test_every_regulariser_learns(digits: ImageData, change: dict[str, Any]) -> None:
    result = train(_network(), digits, replace(CONFIG, n_epochs=4, **change))
    assert result.validation_accuracies[-1] > 0.15


def test_the_same_seed_gives_the_same_network(digits: ImageData) -> None:
    first, second = _network(), _network()
    before = torch.random.get_rng_state()
    assert train(first, digits, CONFIG).validation_accuracies == (
        train(second, digits, CONFIG).validation_accuracies
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_an_interrupted_run_goes_on_to_the_same_result(
    digits: ImageData, tmp_path: Path, ema_decay: float
) -> None:
    config, path = replace(CONFIG, ema_decay=ema_decay), tmp_path / "folder" / "run.pt"
    whole = train(_network(), digits, config)

    def interrupt(epoch: int, _: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_network(), digits, config, interrupt, path)
    epochs = []
    resumed = train(_network(1), digits, config, lambda epoch, _: epochs.append(epoch), path)
    assert epochs == [3]
    assert resumed.validation_accuracies == whole.validation_accuracies
    assert resumed.test_accuracy == whole.test_accuracy
    with pytest.raises(ValueError, match="`checkpoint` must be of a run with the same settings"):
        train(_network(), digits, replace(config, n_epochs=5), checkpoint=path)


def test_time_out(digits: ImageData) -> None:
    with pytest.raises(TrainingTimeoutError, match=r"`max_seconds` = 0\.01"):
        train(_network(), digits, replace(CONFIG, max_seconds=0.01))


def test_a_trial_reports_every_epoch_and_tells_about_itself(digits: ImageData) -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(TrainingObjective(SPACE, digits, CONFIG), n_trials=2)
    for trial in study.trials:
        assert list(trial.intermediate_values) == [1, 2, 3]
        assert trial.value == trial.intermediate_values[3]
        assert set(trial.user_attrs) == {"n_params", "seconds", "test_accuracy"}


def test_the_pruner_ends_a_trial(digits: ImageData) -> None:
    pruner = optuna.pruners.ThresholdPruner(lower=1.1, n_warmup_steps=1)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(TrainingObjective(SPACE, digits, CONFIG), n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.PRUNED
    assert list(study.trials[0].intermediate_values) == [1]


def _run_out_of_memory(*_: Any) -> None:
    raise torch.OutOfMemoryError("tried to allocate 2 GiB")


def _allocate_a_petabyte(*_: Any) -> None:
    torch.empty(10**15, dtype=torch.uint8)


def _fail(*_: Any) -> None:
    raise RuntimeError("shapes do not match")


def _space_whose_networks(hook: Callable[..., None]) -> CellSpace:
    class Hooked(CellSpace):
        def build(self, architecture: Any) -> Any:
            network = super().build(architecture)
            network.register_forward_hook(hook)
            return network

    return Hooked(2, SPACE.operations, network=SPACE.network)


TOO_MUCH: dict[str, tuple[CellSpace, float]] = {
    "TrainingTimeoutError": (SPACE, 0.01),
    "OutOfMemoryError": (_space_whose_networks(_run_out_of_memory), math.inf),
    "RuntimeError": (_space_whose_networks(_allocate_a_petabyte), math.inf),
}


@pytest.mark.parametrize("reason", list(TOO_MUCH))
def test_a_run_that_takes_too_much_is_a_failed_trial(digits: ImageData, reason: str) -> None:
    space, max_seconds = TOO_MUCH[reason]
    study = optuna.create_study(direction="maximize")
    config = replace(CONFIG, max_seconds=max_seconds)
    study.optimize(TrainingObjective(space, digits, config), n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.FAIL
    assert study.trials[0].user_attrs["failure"].startswith(reason)


def test_other_errors_are_raised(digits: ImageData) -> None:
    objective = TrainingObjective(_space_whose_networks(_fail), digits, CONFIG)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        optuna.create_study(direction="maximize").optimize(objective, n_trials=1)


def test_a_failed_trial_goes_on_from_its_checkpoint(digits: ImageData, tmp_path: Path) -> None:
    params = SPACE.sample(np.random.default_rng(3))
    objective = TrainingObjective(SPACE, digits, CONFIG, tmp_path)
    values = []
    for _ in range(2):
        study = optuna.create_study(direction="maximize")
        study.enqueue_trial(params)
        study.optimize(objective, n_trials=1)
        values.append((study.best_value, len(study.trials[0].intermediate_values)))
    assert values == [(values[0][0], 3), (values[0][0], 0)]


@pytest.mark.slow
def test_two_workers_share_a_study(digits: ImageData, tmp_path: Path) -> None:
    storage = str(tmp_path / "journal.log")
    optuna.create_study(study_name="s", storage=open_storage(storage), direction="maximize")
    objective = TrainingObjective(SPACE, digits, replace(CONFIG, n_epochs=1))
    make: Callable[[int], optuna.samplers.BaseSampler] = optuna.samplers.RandomSampler
    optimize_on_devices(objective, "s", storage, make, 4, ["cpu", "cpu"])
    study = optuna.load_study(study_name="s", storage=open_storage(storage))
    finished = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert 4 <= len(finished) <= 5
    assert len({tuple(t.params.items()) for t in finished}) == len(finished)
    with pytest.raises(RuntimeError, match="nowhere ended with an error"):
        optimize_on_devices(objective, "s", storage, make, 9, ["nowhere"])


def test_fashion_mnist_from_debian(tmp_path: Path) -> None:
    if not DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    data = load_images("fashion-mnist", tmp_path, n_train=500, n_validation=200)
    assert data.train_images.shape == (500, 1, 28, 28)
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.n_classes == 10
    mean, deviation = data.normalization()
    assert mean.item() == pytest.approx(0.286, abs=0.02)
    assert deviation.item() == pytest.approx(0.353, abs=0.02)
    assert len(data.with_validation_in_training().train_labels) == 700


def test_errors_name_the_remedy(digits: ImageData) -> None:
    with pytest.raises(ValueError, match="`name` must be one of"):
        load_images("mnist")
    with pytest.raises(ValueError, match="`n_train` and `n_validation` must be positive"):
        load_images("digits", n_train=2000)
    with pytest.raises(ValueError, match="`n_epochs` must be at least 1"):
        TrainingConfig(n_epochs=0)
    with pytest.raises(ValueError, match="`learning_rate` must be positive"):
        TrainingConfig(learning_rate=math.nan)
    with pytest.raises(ValueError, match=r"`cutout` must be in 0 .. 1"):
        TrainingConfig(cutout=2)
    with pytest.raises(ValueError, match="`n_warmup_epochs` must be in"):
        TrainingConfig(n_epochs=1, n_warmup_epochs=2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_mixed_precision_on_gpu(digits: ImageData) -> None:
    result = train(_network(), digits, replace(CONFIG, n_epochs=8, crops=False, device="cuda"))
    assert result.validation_accuracies[-1] > 0.9


def test_folders_of_images_are_learnt(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, n in (("train", 40), ("val", 10)):
        for label, level in (("dark", 40), ("light", 200)):
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(level, level + 50, size=(40, 40, 3), dtype=np.uint8)
                pillow.fromarray(pixels).save(folder / f"{number}.png")
    network = CellNetworkConfig(n_classes=2, channels=4, n_cells=3, n_stem_strides=2)
    space = CellSpace(1, ("skip_connect",), network=network)
    architecture = space.architecture(space.sample(rng))
    assert architecture is not None
    config = TrainingConfig(n_epochs=3, batch_size=16, cutmix=0.2, cutout=0.3, auto_augment=True)
    result = train(space.build(architecture), FolderData(tmp_path, image_size=32), config)
    assert result.validation_accuracies[-1] > 0.9
    assert result.test_accuracy == result.validation_accuracies[-1]

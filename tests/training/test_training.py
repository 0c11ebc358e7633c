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
from optuna_lanas.training import loop  # noqa: E402
from optuna_lanas.training import open_storage  # noqa: E402
from optuna_lanas.training import optimize_on_devices  # noqa: E402
from optuna_lanas.training import train  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training import TrainingObjective  # noqa: E402
from optuna_lanas.training import TrainingTimeoutError  # noqa: E402
from optuna_lanas.training._batches import MemoryBatches  # noqa: E402
from optuna_lanas.training._batches import n_batches  # noqa: E402
from optuna_lanas.training.data import DEBIAN_FASHION_MNIST  # noqa: E402
from optuna_lanas.training.folder import FolderBatches  # noqa: E402


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
    assert epochs == [1, 2, 3]
    assert resumed.seconds > 0
    assert resumed.validation_accuracies == whole.validation_accuracies
    assert resumed.test_accuracy == whole.test_accuracy
    with pytest.raises(ValueError, match="`checkpoint` must be of a run with the same settings"):
        train(_network(), digits, replace(config, n_epochs=5), checkpoint=path)
    with pytest.raises(ValueError, match=r"has another network\. Remove it, or name another"):
        train(_network(), digits, config, checkpoint=path, identity="another")
    with pytest.raises(ValueError, match="has another data"):
        train(_network(), load_images("digits", n_train=400, seed=1), config, checkpoint=path)


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


class _TooLarge(CellSpace):
    def build(self, architecture: Any) -> Any:
        _allocate_a_petabyte()


TOO_MUCH: dict[str, tuple[CellSpace, float]] = {
    "TrainingTimeoutError": (SPACE, 0.01),
    "OutOfMemoryError": (_space_whose_networks(_run_out_of_memory), math.inf),
    "RuntimeError": (_space_whose_networks(_allocate_a_petabyte), math.inf),
    "RuntimeError: [enforce fail": (
        _TooLarge(2, SPACE.operations, network=SPACE.network),
        math.inf,
    ),
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


class _Killed(BaseException):
    """What ends a process ends its trial without a result."""


def test_a_failed_trial_goes_on_from_its_checkpoint(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = SPACE.sample(np.random.default_rng(3))
    objective = TrainingObjective(SPACE, digits, CONFIG, tmp_path)
    whole = optuna.create_study(direction="maximize")
    whole.enqueue_trial(params)
    whole.optimize(TrainingObjective(SPACE, digits, CONFIG), n_trials=1)

    study = optuna.create_study(direction="maximize")
    study.enqueue_trial(params)
    report = optuna.Trial.report

    def report_and_die(trial: optuna.Trial, value: float, step: int) -> None:
        report(trial, value, step)
        if step == 2:
            raise _Killed

    monkeypatch.setattr(optuna.Trial, "report", report_and_die)
    with pytest.raises(_Killed):
        study.optimize(objective, n_trials=1)
    monkeypatch.undo()
    assert len(list(tmp_path.glob("*.pt"))) == 1
    trained: list[int] = []
    train_epoch = loop._train_epoch

    def counted(state: Any, batches: Any, epoch: int, *rest: Any) -> None:
        trained.append(epoch)
        train_epoch(state, batches, epoch, *rest)

    monkeypatch.setattr(loop, "_train_epoch", counted)
    study.enqueue_trial(params)  # as RetryFailedTrialCallback does
    study.optimize(objective, n_trials=1)
    assert trained == [3]
    assert study.trials[1].number == 1
    assert study.trials[1].intermediate_values == whole.trials[0].intermediate_values
    assert study.trials[1].value == whole.trials[0].value
    assert list(tmp_path.glob("*.pt")) == []


def test_another_study_does_not_take_up_the_checkpoint_of_another_architecture(
    digits: ImageData, tmp_path: Path
) -> None:
    objective = TrainingObjective(SPACE, digits, replace(CONFIG, n_epochs=1), tmp_path)
    for seed in range(2):
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.RandomSampler(seed)
        )
        study.optimize(objective, n_trials=1)
        assert list(study.trials[0].intermediate_values) == [1]


def test_a_last_batch_of_one_image_is_left_out(digits: ImageData) -> None:
    data = load_images("digits", n_train=65, n_validation=10)
    for crops in (False, True):
        config = replace(CONFIG, n_epochs=1, crops=crops)
        batches = MemoryBatches(data, config, torch.device("cpu"))
        sizes = [len(labels) for _, labels in batches.epoch(1)]
        assert sizes == [64]
        assert batches.n_steps == 1
    assert n_batches(66, 64) == 2
    assert n_batches(3, 1) == 3


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`n_test` must be at least 1, or None for all, got 0"):
        load_images("digits", n_test=0)
    with pytest.raises(ValueError, match="`cutout` must be less than 1"):
        TrainingConfig(cutout=1.0)


def test_a_folder_must_have_the_same_classes_in_both_parts(tmp_path: Path) -> None:
    for part, classes in (("train", "abc"), ("val", "bc")):
        for name in classes:
            (tmp_path / part / name).mkdir(parents=True)
            pillow.new("RGB", (32, 32)).save(tmp_path / part / name / "0.png")
    with pytest.raises(ValueError, match=r"the same classes in train/ and val/; .*\['a'\]"):
        FolderBatches(FolderData(tmp_path, 32), CONFIG, torch.device("cpu"))


def test_a_folder_is_augmented_without_crops_too(tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / part / "a").mkdir(parents=True)
        for i in range(2):
            image = pillow.new("RGB", (40, 40), "white")
            image.save(tmp_path / part / "a" / f"{i}.png")
    config = replace(CONFIG, crops=False, cutout=0.5)
    batches = FolderBatches(FolderData(tmp_path, 32), config, torch.device("cpu"))
    images, _ = next(iter(batches.epoch(1)))
    assert (images == 0).any()  # cut out: the mean
    assert not (next(iter(batches.validation()))[0] == 0).any()


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
    config = TrainingConfig(n_epochs=6, batch_size=16, cutmix=0.2, cutout=0.3, auto_augment=True)
    torch.manual_seed(1)
    result = train(space.build(architecture), FolderData(tmp_path, image_size=32), config)
    assert result.validation_accuracies[-1] > 0.9
    assert result.test_accuracy == result.validation_accuracies[-1]

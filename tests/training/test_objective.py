"""The training objective: trials report, are pruned, fail and resume as they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState
import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.spaces import CellNetworkConfig  # noqa: E402
from optuna_lanas.spaces import CellSpace  # noqa: E402
from optuna_lanas.spaces import Space  # noqa: E402
from optuna_lanas.training import FolderData  # noqa: E402
from optuna_lanas.training import TrainingObjective  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402
from tests.training.builders import digits  # noqa: E402
from tests.training.builders import SPACE  # noqa: E402


def _study(**settings: Any) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(0)
    return optuna.create_study(direction="maximize", sampler=sampler, **settings)


def test_a_trial_reports_every_epoch_and_describes_itself() -> None:
    study = _study()
    study.optimize(TrainingObjective(SPACE, digits(), CONFIG), n_trials=1)
    (trial,) = study.trials
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.value == trial.intermediate_values[3]
    assert set(trial.user_attrs) == {"n_params", "seconds", "test_accuracy"}


def test_the_pruner_ends_a_trial_and_its_checkpoint(tmp_path: Path) -> None:
    study = _study(pruner=optuna.pruners.ThresholdPruner(lower=1.1, n_warmup_steps=1))
    study.optimize(TrainingObjective(SPACE, digits(), CONFIG, tmp_path), n_trials=1)
    (trial,) = study.trials
    assert trial.state == TrialState.PRUNED
    assert list(trial.intermediate_values) == [1]
    assert list(tmp_path.iterdir()) == []


class HookedSpace(CellSpace):
    """A space whose networks call a hook in every forward pass."""

    hook: Callable[..., None]

    def build(self, architecture: Any) -> Any:
        network = super().build(architecture)
        network.register_forward_hook(type(self).hook)
        return network


def _space_with(hook: Callable[..., None]) -> CellSpace:
    hooked = type("Hooked", (HookedSpace,), {"hook": staticmethod(hook)})
    space: CellSpace = hooked(SPACE.n_blocks, SPACE.operations, network=SPACE.network)
    return space


class TooLargeSpace(CellSpace):
    """A space whose networks do not fit into memory."""

    def build(self, architecture: Any) -> Any:
        _allocate_a_petabyte()


def _run_out_of_memory(*_: Any) -> None:
    raise torch.OutOfMemoryError("tried to allocate 2 GiB")


def _allocate_a_petabyte(*_: Any) -> None:
    torch.empty(10**15, dtype=torch.uint8)


def _fail(network: Any, *_: Any) -> None:
    if network.training:
        raise RuntimeError("shapes do not match")


TOO_MUCH: dict[str, tuple[CellSpace, float]] = {
    "TrainingTimeoutError": (SPACE, 1e-9),
    "OutOfMemoryError": (_space_with(_run_out_of_memory), math.inf),
    "RuntimeError": (_space_with(_allocate_a_petabyte), math.inf),
    "RuntimeError: [enforce fail": (
        TooLargeSpace(SPACE.n_blocks, SPACE.operations, network=SPACE.network),
        math.inf,
    ),
}


@pytest.mark.parametrize("reason", list(TOO_MUCH))
def test_a_run_that_takes_too_much_is_a_failed_trial(reason: str) -> None:
    space, max_seconds = TOO_MUCH[reason]
    study = _study()
    config = replace(CONFIG, max_seconds=max_seconds)
    study.optimize(TrainingObjective(space, digits(), config), n_trials=1)
    (trial,) = study.trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["failure"].startswith(reason)


def test_other_errors_are_raised() -> None:
    objective = TrainingObjective(_space_with(_fail), digits(), CONFIG)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        _study().optimize(objective, n_trials=1)


class _Killed(BaseException):
    """The end of a process: its trial has no result."""


class _KillingPruner(optuna.pruners.BasePruner):
    """Kills the first trial after two epochs."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        if trial.number == 0 and trial.last_step == 2:
            raise _Killed
        return False


def test_a_retried_trial_resumes_from_the_checkpoint(tmp_path: Path) -> None:
    params = SPACE.sample(np.random.default_rng(3))
    whole = _study()
    whole.enqueue_trial(params)
    whole.optimize(TrainingObjective(SPACE, digits(), CONFIG), n_trials=1)

    n_steps = 0

    def count(network: Any, *_: Any) -> None:
        nonlocal n_steps
        n_steps += network.training

    study = _study(pruner=_KillingPruner())
    objective = TrainingObjective(_space_with(count), digits(), CONFIG, tmp_path)
    study.enqueue_trial(params)
    with pytest.raises(_Killed):
        study.optimize(objective, n_trials=1)
    assert len(list(tmp_path.glob("*.pt"))) == 1
    n_steps_before = n_steps
    study.enqueue_trial(params)  # as RetryFailedTrialCallback does
    study.optimize(objective, n_trials=1)
    assert 2 * (n_steps - n_steps_before) == n_steps_before  # the third of three epochs
    assert study.trials[1].intermediate_values == whole.trials[0].intermediate_values
    assert study.trials[1].value == whole.trials[0].value
    assert list(tmp_path.iterdir()) == []


def test_architectures_have_checkpoints_of_their_own(tmp_path: Path) -> None:
    objective = TrainingObjective(SPACE, digits(), replace(CONFIG, n_epochs=1), tmp_path)
    for seed in range(2):
        study = _study(pruner=_KillingPruner())
        study.enqueue_trial(SPACE.sample(np.random.default_rng(seed)))
        study.optimize(objective, n_trials=1)
        assert list(study.trials[0].intermediate_values) == [1]


@pytest.mark.usefixtures("log")
def test_a_damaged_checkpoint_is_replaced_and_the_search_continues(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = SPACE.params(SPACE.suggest(_study().ask()))
    expected = _study()
    expected.enqueue_trial(params)
    expected.optimize(TrainingObjective(SPACE, digits(), CONFIG), n_trials=1)
    objective = TrainingObjective(SPACE, digits(), CONFIG, str(tmp_path))
    checkpoint = objective._checkpoint(repr(SPACE.architecture(params)))
    assert checkpoint is not None
    for content in (b"damaged", b""):
        checkpoint.write_bytes(content)
        study = _study()
        study.enqueue_trial(params)
        with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
            study.optimize(objective, n_trials=1)
        assert study.best_value == expected.best_value
        assert not checkpoint.exists()
    assert len(caplog.records) == 1
    assert "The training starts again, since `checkpoint` must be" in caplog.text


WRONG: dict[str, tuple[CellSpace, str]] = {
    "channels": (
        CellSpace(2, network=CellNetworkConfig(in_channels=3, channels=4, n_cells=3)),
        r"got 'RuntimeError: .*1 channels instead.*in_channels=1, n_classes=10\)",
    ),
    "classes": (
        CellSpace(2, network=CellNetworkConfig(4, in_channels=1, channels=4, n_cells=3)),
        r"got 'an output of \(2, 4\)'\. Match its channels and classes",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_space_that_does_not_fit_the_data_is_told_at_once(what: str) -> None:
    space, message = WRONG[what]
    with pytest.raises(
        ValueError, match=r"`space` must build networks for the data, .*" + message
    ):
        TrainingObjective(space, digits(), CONFIG)


def test_a_build_that_returns_no_network_is_told_at_once() -> None:
    class Forgetful(CellSpace):
        def build(self, architecture: Any) -> Any:
            super().build(architecture)

    space = Forgetful(SPACE.n_blocks, SPACE.operations, network=SPACE.network)
    with pytest.raises(TypeError, match=r"`space\.build` must be a torch\.nn\.Module, got None"):
        TrainingObjective(space, digits(), CONFIG)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "cpu:x"])
def test_a_device_that_this_machine_lacks_is_told_at_once(device: str) -> None:
    message = r"`device` must be .* of this machine, got '.+'\. Choose one; torch finds \d+ GPUs"
    with pytest.raises(ValueError, match=message):
        TrainingObjective(SPACE, digits(), replace(CONFIG, device=device))
    with pytest.raises(ValueError, match=message):
        TrainingObjective(SPACE, digits(), CONFIG).on_device(device)


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    data = FolderData(tmp_path, image_size=8)
    with pytest.raises(ValueError, match=r"`data\.root` must hold the folders train/ and val/"):
        TrainingObjective(SPACE, data, CONFIG)


def test_the_check_leaves_torchs_generator_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    TrainingObjective(SPACE, digits(), CONFIG)
    assert torch.rand(1) == expected


def test_a_space_needs_no_count_of_its_parameters() -> None:
    """Its three methods are enough, here from its parts."""

    class Layers(Space):
        def build(self, architecture: dict[str, int]) -> Any:
            width = architecture["width"]
            layers = (torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))
            return torch.nn.Sequential(torch.nn.Flatten(), *layers)

    study = _study()
    study.optimize(TrainingObjective(Layers({"width": (4, 8)}), digits(), CONFIG), n_trials=1)
    width = study.best_params["width"]
    assert study.best_trial.user_attrs["n_params"] == 65 * width + 10 * (width + 1)

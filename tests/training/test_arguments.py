"""Wrong arguments of everything public in `optuna_lanas.training` are told at the call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas import training  # noqa: E402
from optuna_lanas.spaces import CellNetworkConfig  # noqa: E402
from optuna_lanas.spaces import CellSpace  # noqa: E402
from optuna_lanas.spaces import NASBench201Space  # noqa: E402
from optuna_lanas.training import TrainingConfig  # noqa: E402
from optuna_lanas.training import TrainingObjective  # noqa: E402
from tests.arguments import Case  # noqa: E402
from tests.arguments import check_completeness  # noqa: E402
from tests.arguments import check_wrong_value  # noqa: E402
from tests.arguments import CHOICE  # noqa: E402
from tests.arguments import FLAG  # noqa: E402
from tests.arguments import FUNCTION  # noqa: E402
from tests.arguments import INT  # noqa: E402
from tests.arguments import INT_OR_NONE  # noqa: E402
from tests.arguments import NAN  # noqa: E402
from tests.arguments import RNG  # noqa: E402
from tests.arguments import TEXT  # noqa: E402
from tests.arguments import wrong_values  # noqa: E402
from tests.training.builders import digits  # noqa: E402
from tests.training.builders import linear_network  # noqa: E402


PLAIN = {"TrainingResult", "TrainingTimeoutError"}
NUMBER: list[Any] = [True, "0.5", None, 1j, NAN, -1.0, [0.5], float]
DATA: list[Any] = ["digits", 3, None, np.zeros(3)]
CONFIG: list[Any] = [None, {"n_epochs": 3}, TrainingConfig, 3]
NETWORK: list[Any] = [None, "network", torch.nn.Linear, lambda images: images]
PATH: list[Any] = [3, b"file", ["file"]]


def cases() -> Iterator[Case]:
    sizes_of = CellNetworkConfig(in_channels=1, channels=4, n_cells=3)
    space, config = CellSpace.nasnet(n_blocks=1, network=sizes_of), TrainingConfig()
    network = linear_network()
    both: dict[str, Any] = {"data": digits(), "config": config}
    shares = ("momentum", "label_smoothing", "cutout", "cutmix", "ema_decay")
    wrong: dict[str, list[Any]] = {share: [*NUMBER, 1.5] for share in shares}
    wrong |= {n: [*NUMBER, 0.0] for n in ("learning_rate", "max_gradient_norm", "max_seconds")}
    wrong |= {n: [*INT, 0] for n in ("n_epochs", "batch_size")}
    wrong |= {n: [*INT, -1] for n in ("n_warmup_epochs", "n_loader_workers")}
    wrong |= {"crops": FLAG, "auto_augment": FLAG, "device": TEXT, "seed": INT}
    yield Case(TrainingConfig, wrong | {"weight_decay": NUMBER})
    yield Case(training.FolderData, {"root": [*PATH, None], "image_size": [*INT, 0]}, lambda: {
        "root": "folder"
    })  # fmt: skip
    parts = [
        f"{part}_{what}"
        for part in ("train", "validation", "test")
        for what in ("images", "labels")
    ]
    tensors = [None, "images", np.zeros((3, 1, 2, 2)), torch.zeros(3)]
    yield Case(training.ImageData, {"name": TEXT, **dict.fromkeys(parts, tensors)}, lambda: {
        "name": "digits", **{part: getattr(digits(), part) for part in parts}
    })  # fmt: skip
    sizes: dict[str, list[Any]] = {
        n: [*INT_OR_NONE, 0] for n in ("n_train", "n_validation", "n_test")
    }
    others: dict[str, list[Any]] = {
        "name": CHOICE,
        "root": [*PATH, None],
        "is_downloaded": FLAG,
        "seed": [*INT, -1],
    }
    yield Case(training.load_images, {**others, **sizes}, lambda: {"name": "digits"})
    given: dict[str, list[Any]] = {"data": DATA, "config": CONFIG}
    others = {"report": FUNCTION, "checkpoint": PATH, "identity": TEXT}
    yield Case(training.train, {"network": NETWORK, **given, **others}, lambda: {
        "network": network, **both
    })  # fmt: skip
    spaces: list[Any] = [CellSpace, "space", None, NASBench201Space]
    yield Case(TrainingObjective, {"space": spaces, **given, "checkpoints": PATH}, lambda: {
        "space": space, **both
    })  # fmt: skip
    supernet: dict[str, list[Any]] = {"space": [*spaces, NASBench201Space()], "supernet": NETWORK}
    yield Case(training.SupernetObjective, {**supernet, **given}, lambda: {
        "space": space, "supernet": network, **both
    })  # fmt: skip
    yield Case(training.random_architecture, {"space": supernet["space"]})
    others = {"supernet": NETWORK, "draw": FUNCTION, "rng": RNG}
    yield Case(training.train_supernet, {**others, **given}, lambda: {
        "supernet": network, "draw": print, "rng": np.random.default_rng(0), **both
    })  # fmt: skip
    yield Case(training.open_storage, {"storage": [*TEXT, Path("journal.log")]})
    others = {
        "objective": [None, print, TrainingObjective],
        "study_name": TEXT,
        "storage": TEXT,
        "sampler": FUNCTION,
        "n_trials": [*INT, 0],
        "devices": ["cuda:0", None, [0, 1], 3],
    }
    yield Case(training.optimize_on_devices, others, lambda: {
        "objective": TrainingObjective(space, **both), "study_name": "s", "storage": "s.log",
        "sampler": print, "n_trials": 1, "devices": ("cpu",),
    })  # fmt: skip


CASES = list(cases())


@pytest.mark.parametrize(("case", "name", "value"), wrong_values(CASES))
def test_a_wrong_value_is_told_with_its_rule_and_remedy(case: Case, name: str, value: Any) -> None:
    check_wrong_value(case, name, value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_argument_has_wrong_values(case: Case) -> None:
    check_completeness(case)


def test_every_public_function_has_a_case() -> None:
    assert {case.name for case in CASES} == set(training.__all__) - PLAIN

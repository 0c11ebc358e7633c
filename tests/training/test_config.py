"""Settings of a training run: a wrong value is refused by name, with its rule."""

from __future__ import annotations

import math
from typing import Any

import pytest


pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import TrainingConfig


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_epochs": 0}, "`n_epochs` must be at least 1, got 0"),
        ({"batch_size": -1}, "`batch_size` must be at least 1, got -1"),
        ({"learning_rate": math.nan}, "`learning_rate` must be a number, got nan"),
        ({"weight_decay": -1.0}, r"`weight_decay` must be at least 0 and finite, got -1\.0"),
        ({"n_loader_workers": -1}, "`n_loader_workers` must be at least 0, got -1"),
        ({"learning_rate": math.inf}, "`learning_rate` must be at least 0 and finite, got inf"),
        ({"cutmix": 2}, r"`cutmix` must be in 0 \.\. 1, got 2"),
        ({"cutout": 1.0}, "`cutout` must be less than 1, got 1"),
        ({"n_epochs": 1, "n_warmup_epochs": 2}, r"must be in 0 \.\. 1 \(`n_epochs`\), got 2"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_setting_out_of_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**wrong)


def test_a_run_may_be_all_warm_up() -> None:
    assert TrainingConfig(n_epochs=2, n_warmup_epochs=2).n_warmup_epochs == 2

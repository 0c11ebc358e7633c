"""Worker processes: together they finish a study once, and an error of theirs is raised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest


pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import open_storage
from optuna_lanas.training import optimize_on_devices
from optuna_lanas.training import TrainingObjective
from tests.training.builders import CONFIG
from tests.training.builders import digits
from tests.training.builders import SPACE


MAKE_SAMPLER: Callable[[int], optuna.samplers.BaseSampler] = optuna.samplers.RandomSampler


@pytest.mark.slow
def test_two_workers_share_a_study(tmp_path: Path) -> None:
    storage = str(tmp_path / "journal.log")
    optuna.create_study(study_name="s", storage=open_storage(storage), direction="maximize")
    objective = TrainingObjective(SPACE, digits(), replace(CONFIG, n_epochs=1))
    optimize_on_devices(objective, "s", storage, MAKE_SAMPLER, 4, ["cpu", "cpu"])
    study = optuna.load_study(study_name="s", storage=open_storage(storage))
    finished = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert 4 <= len(finished) <= 5
    assert len({tuple(t.params.items()) for t in finished}) == len(finished)
    with pytest.raises(RuntimeError, match="nowhere ended with an error, printed above"):
        optimize_on_devices(objective, "s", storage, MAKE_SAMPLER, 9, ["nowhere"])


def test_a_url_is_a_storage_as_it_is(tmp_path: Path) -> None:
    assert open_storage("sqlite:///study.db") == "sqlite:///study.db"
    assert isinstance(open_storage(str(tmp_path / "log")), optuna.storages.JournalStorage)

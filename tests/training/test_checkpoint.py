"""Checkpoints: a resumed run ends as an uninterrupted run does, and no other run resumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import pickle
from typing import Any

import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import load_images  # noqa: E402
from optuna_lanas.training import train  # noqa: E402
from tests.training.builders import cell_network  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402
from tests.training.builders import digits  # noqa: E402
from tests.training.builders import linear_network  # noqa: E402


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_resumed_run_gives_the_result_of_an_uninterrupted_run(
    tmp_path: Path, ema_decay: float
) -> None:
    config, path = replace(CONFIG, ema_decay=ema_decay), tmp_path / "folder" / "run.pt"
    whole, resumed = cell_network(), cell_network(seed=1)
    expected = train(whole, digits(), config)

    def interrupt(epoch: int, _: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cell_network(), digits(), config, interrupt, path)
    reports: list[tuple[int, float]] = []
    result = train(resumed, digits(), config, lambda *report: reports.append(report), path)
    assert reports == list(enumerate(expected.validation_accuracies, start=1))
    assert result.validation_accuracies == expected.validation_accuracies
    assert result.test_accuracy == expected.test_accuracy
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_time_of_a_resumed_run_includes_the_time_before(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    first = train(linear_network(), digits(), CONFIG, checkpoint=path)
    again = train(linear_network(), digits(), CONFIG, checkpoint=path)
    assert again.seconds == first.seconds > 0  # no epoch was left


@pytest.mark.parametrize("name", ["settings", "network", "identity", "data"])
def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.pt"
    arguments: dict[str, Any] = {
        "network": linear_network(),
        "data": digits(),
        "config": replace(CONFIG, n_epochs=1),
        "identity": "first",
    }
    train(**arguments, checkpoint=path)
    change, different = {
        "settings": ({"config": CONFIG}, "n_epochs"),
        "network": ({"network": cell_network()}, "network"),
        "identity": ({"identity": "second"}, "network"),
        "data": ({"data": load_images("digits", n_train=200, seed=1)}, "data"),
    }[name]
    message = rf"`checkpoint` must be of .* differs in {different}\. Remove the file, or name"
    with pytest.raises(ValueError, match=message):
        train(**{**arguments, **change}, checkpoint=path)


def test_a_run_with_another_limit_of_time_may_resume(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    train(linear_network(), digits(), CONFIG, checkpoint=path)
    longer = replace(CONFIG, max_seconds=1e6)
    train(linear_network(), digits(), longer, checkpoint=path)
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


class Trap:
    """What would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "unpickled")


def test_a_damaged_or_foreign_checkpoint_is_told_and_never_unpickled(tmp_path: Path) -> None:
    path, trap = tmp_path / "run.pt", tmp_path / "trap"
    train(linear_network(), digits(), CONFIG, checkpoint=str(path))
    whole = path.read_bytes()
    foreign = [b"", b"text", whole[: len(whole) // 2], pickle.dumps(Trap(trap))]
    for content in (torch.zeros(3), {"run": 3}, {}, [1]):
        torch.save(content, path)
        foreign.append(path.read_bytes())
    torch.save({"run": Trap(trap)}, path)
    for content in [*foreign, path.read_bytes()]:
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"`checkpoint` must be .*Remove the file, or "
        ) as told:
            train(linear_network(), digits(), CONFIG, checkpoint=path)
        assert "weights_only" not in str(told.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match="`checkpoint` must be"):
        train(linear_network(), digits(), CONFIG, checkpoint=path)
    assert not trap.exists()

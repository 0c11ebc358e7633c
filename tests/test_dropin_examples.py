"""The examples of `examples/dropin`, at a small size."""

from __future__ import annotations

from pathlib import Path
import re
import subprocess
import sys

import pytest

from examples.dropin import ask_and_tell
from examples.dropin import continued_study


def both(output: str) -> tuple[float, float]:
    """The numbers before and after that an example prints."""
    numbers = re.findall(r"(?:before|after) +\(\w+\): +(?:loss )?([\d.]+)", output)
    assert len(numbers) == 2, output
    return float(numbers[0]), float(numbers[1])


def test_ask_and_tell(capsys: pytest.CaptureFixture[str]) -> None:
    ask_and_tell.main(["--batches", "8", "--size", "4"])
    before, after = both(capsys.readouterr().out)
    assert 0.6 < before < 1.0
    assert 0.6 < after < 1.0


@pytest.mark.slow
def test_continued_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "folder" / "continued.sqlite3"
    continued_study.main(["--file", str(file), "--trials", "8"])
    found = re.findall(r"(\d+) trials of \d+ configurations", capsys.readouterr().out)
    assert found == ["8", "16"]


@pytest.mark.slow
def test_search_cv(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna_integration.sklearn", reason="needs optuna-integration[sklearn]")
    from examples.dropin import search_cv

    search_cv.main(["--trials", "14"])
    before, after = both(capsys.readouterr().out)
    assert 0.8 < before <= 1.0
    assert 0.8 < after <= 1.0


@pytest.mark.slow
def test_lightgbm_pruning(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightgbm", reason="needs lightgbm")
    pytest.importorskip("optuna_integration", reason="needs optuna-integration[lightgbm]")
    from examples.dropin import lightgbm_pruning

    lightgbm_pruning.main(["--trials", "14"])
    before, after = both(capsys.readouterr().out)
    assert 0.0 < before < 0.7
    assert 0.0 < after < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["lanas", "random"])
def test_hydra_sweeper(sampler: str, tmp_path: Path) -> None:
    pytest.importorskip(
        "hydra_plugins.hydra_optuna_sweeper", reason="needs hydra-optuna-sweeper, without its deps"
    )
    script = Path(ask_and_tell.__file__).with_name("hydra_sweeper.py")
    options = ["--multirun", f"hydra/sweeper/sampler={sampler}", "hydra.sweeper.n_trials=14"]
    done = subprocess.run(
        [sys.executable, script, *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    best = re.search(r"Best value: ([\d.]+)", done.stdout)
    assert best is not None, done.stdout
    assert 0.5 < float(best[1]) <= 1.0

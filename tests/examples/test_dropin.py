"""The examples of `examples/dropin`, at a small size."""

from __future__ import annotations

import json
import os
from pathlib import Path
import re
import subprocess
import sys

import optuna
import pytest

from examples.dropin import ask_and_tell
from examples.dropin import continued_study


FOLDER = Path(ask_and_tell.__file__).parent


def both(output: str) -> tuple[float, float]:
    """Return the numbers before and after, as an example prints them."""
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
    script = FOLDER / "hydra_sweeper.py"
    options = ["--multirun", f"hydra/sweeper/sampler={sampler}", "hydra.sweeper.n_trials=14"]
    done = subprocess.run(
        [sys.executable, script, *options],
        env=os.environ | {"PYTHONPATH": str(FOLDER.parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    best = re.search(r"Best value: ([\d.]+)", done.stdout)
    assert best is not None, done.stdout
    assert 0.5 < float(best[1]) <= 1.0


@pytest.mark.slow
def test_lightning_pruning(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightning", reason="needs the extra `lightning`")
    pytest.importorskip("optuna_integration", reason="needs the extra `lightning`")
    from examples.dropin import lightning_pruning

    lightning_pruning.main(["--trials", "8"])
    accuracies = re.findall(r"(0\.\d+), \d of 8 trials pruned", capsys.readouterr().out)
    assert len(accuracies) == 2
    assert min(map(float, accuracies)) > 0.8


@pytest.mark.slow
def test_notebook() -> None:
    """Every cell runs, from top to bottom, in a kernel of its own."""
    nbformat = pytest.importorskip("nbformat", reason="needs the extra `integrations`")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `integrations`")
    pytest.importorskip("ipykernel", reason="needs the extra `integrations`")
    file = FOLDER / "ask_and_tell.ipynb"
    notebook = nbformat.read(file, as_version=4)
    root = {"metadata": {"path": str(FOLDER.parents[1])}}
    nbclient.NotebookClient(notebook, timeout=120, resources=root).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    results = [o.data["text/plain"] for o in outputs if o.output_type == "execute_result"]
    best, _ = results[-2].split(",", 1)
    assert 0.6 < float(best.strip("(")) < 1.0
    assert results[-1] == "41"


@pytest.mark.slow
def test_optuna_cli(tmp_path: Path) -> None:
    """Optuna's command line creates and reads a study that LaNAS continues."""
    commands = Path(sys.executable).parent  # where Optuna's is installed
    environment = os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"TRIALS": "6", "PYTHONPATH": str(FOLDER.parents[1])}
    done = subprocess.run(
        ["bash", str(FOLDER / "optuna_cli.sh"), str(tmp_path / "cli.sqlite3")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"7 trials of \d configurations", done.stdout) is not None, done.stdout
    shown = json.loads(re.findall(r"^{.*}$", done.stdout, re.MULTILINE)[-1])
    url = f"sqlite:///{tmp_path / 'cli.sqlite3'}"
    best = optuna.load_study(study_name="digits", storage=url).best_trial
    assert (shown["number"], shown["value"]) == (best.number, best.value)

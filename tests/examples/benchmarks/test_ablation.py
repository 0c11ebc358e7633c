"""The ablation: every variant is another search, made from settings alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from examples.benchmarks import ablation
from examples.benchmarks import results
from examples.benchmarks.ablation import VARIANTS
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas._core.settings import Settings


N_TRIALS = 40


def values_of(settings: Settings, folder: Path) -> list[float]:
    run = Run("5d-sphere", "variant", 0, N_TRIALS)
    ablation.run_variant(run, folder, {"variant": settings})
    return list(results.read(folder)["value"])


@pytest.mark.slow
def test_every_variant_is_another_search(tmp_path: Path) -> None:
    early = {name: each for name, each in VARIANTS.items() if name != "no restarts"}
    found = {name: values_of(settings, tmp_path / name) for name, settings in early.items()}
    assert len({tuple(values) for values in found.values()}) == len(early)


def test_the_default_variant_is_the_default_sampler(tmp_path: Path) -> None:
    rows = execute(Run("5d-sphere", "lanas", 0, N_TRIALS))
    values = values_of(VARIANTS["default"], tmp_path)
    assert [row.value for row in rows] == pytest.approx(values, rel=1e-12)


@pytest.mark.slow
def test_the_command_runs_variants_and_overrides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--problems", "nasbench201-cifar10", "--seeds", "1", "--first-seed", "7"]
    command += ["--trials", "12", "--output", str(tmp_path), "--until-optimum"]
    ablation.main([*command, "--variants", "no tree"])
    assert "0 of 1 runs are done" in capsys.readouterr().out
    ablation.main([*command, "--set", "max_depth=0", "--set", "exploration=0"])
    printed = capsys.readouterr().out
    assert "0 of 2 runs are done" in printed
    assert "| nasbench201-cifar10 | max_depth=0,exploration=0 | 1 |" in printed
    rows = results.read(tmp_path)
    assert set(rows["sampler"]) == {"default", "no tree", "max_depth=0,exploration=0"}
    assert set(rows["seed"]) == {7}


def test_a_variant_with_the_problems_space(tmp_path: Path) -> None:
    run = Run("nasbench201-cifar10", "default-space", 0, 12)
    ablation.run_variant(run, tmp_path, {"default-space": ablation.DEFAULT}, with_space=True)
    rows = execute(replace(run, sampler="lanas-space"))
    assert list(results.read(tmp_path)["value"]) == [row.value for row in rows]


def test_an_unknown_setting_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        ablation.main(["--set", "max_dept=0"])
    assert "got 'max_dept'. Did you mean 'max_depth'?" in capsys.readouterr().err

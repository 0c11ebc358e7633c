from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from examples.benchmarks import ablation
from examples.benchmarks import results
from examples.benchmarks.ablation import VARIANTS
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas._core import stagnation
from optuna_lanas._core import suggest as search
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._study import propose as trial_proposal


N_TRIALS = 40


def values_of(variant: str, folder: Path) -> list[float]:
    ablation.run_variant(Run("5d-sphere", variant, 0, N_TRIALS), folder)
    rows = results.read(folder)
    return list(rows.loc[rows["sampler"] == variant, "value"])


@pytest.fixture
def proposals() -> Iterator[list[Proposal]]:
    """What the sampler proposes in the test."""
    seen: list[Proposal] = []
    suggest: Any = search.suggest

    def spy(*args: Any) -> Proposal:
        seen.append(suggest(*args))
        return seen[-1]

    with patch.object(search, "suggest", spy), patch.object(trial_proposal, "suggest", spy):
        yield seen


def test_every_variant_is_another_search_and_leaves_nothing_patched(tmp_path: Path) -> None:
    with patch.object(stagnation, "LEAST", 3), patch.object(stagnation, "SHARE_OF_HISTORY", 0.05):
        found = {name: values_of(name, tmp_path / name) for name in VARIANTS}
        assert values_of("default", tmp_path / "again") == found["default"]
    assert len({tuple(values) for values in found.values()}) == len(VARIANTS)


def test_the_default_variant_is_the_default_sampler(tmp_path: Path) -> None:
    rows = execute(Run("5d-sphere", "lanas", 0, N_TRIALS))
    assert [row.value for row in rows] == pytest.approx(values_of("default", tmp_path), rel=1e-12)


def test_the_leafs_region_is_searched_always(tmp_path: Path, proposals: list[Proposal]) -> None:
    values_of("leaf's region always", tmp_path)
    assert proposals
    assert all(proposal.node == proposal.leaf for proposal in proposals)
    assert max(proposal.leaf for proposal in proposals) > 0


def test_without_a_tree_everything_is_the_roots(tmp_path: Path, proposals: list[Proposal]) -> None:
    values_of("no tree", tmp_path)
    assert proposals
    assert all(proposal.leaf == 0 for proposal in proposals)


def test_a_silent_generator_speaks_until_it_is_silenced() -> None:
    rng = ablation.Silent(np.random.PCG64(0))
    spoken = rng.standard_normal(3)
    assert spoken.tolist() == np.random.Generator(np.random.PCG64(0)).standard_normal(3).tolist()
    rng.is_silent = True
    assert rng.standard_normal(3).tolist() == [0, 0, 0]


def test_the_command_prints_variants_by_families(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--families", "nasbench201", "--variants", "default", "no tree", "--seeds", "1"]
    ablation.main([*command, "--trials", "15", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "0 of 6 runs are done" in printed
    assert "| no tree |" in printed


def test_the_command_tells_the_trials_to_the_optimum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--problems", "nasbench201-cifar100", "--variants", "default", "never elsewhere"]
    command += ["--seeds", "1", "--first-seed", "7", "--trials", "60", "--until-optimum"]
    ablation.main([*command, "--output", str(tmp_path)])
    rows = results.read(tmp_path)
    assert set(rows["seed"]) == {7}
    printed = capsys.readouterr().out
    assert "| nasbench201-cifar100 | never elsewhere | 1 | 1.0 |" in printed

"""Samplers of OptunaHub: read from a copy of the registry, and what a missing package says."""

from __future__ import annotations

from pathlib import Path
import sys

import optuna
import pytest

from examples.benchmarks.peers import hub


SAMPLER = """
import optuna

class Drawn(optuna.samplers.RandomSampler):
    pass
"""


def registry(folder: Path, text: str) -> str:
    package = folder / "package" / "samplers" / "drawn"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(text)
    return str(folder)


def test_a_copy_of_the_registry_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optunahub")
    monkeypatch.setenv(hub.REGISTRY, registry(tmp_path, SAMPLER))
    studies = [optuna.create_study(sampler=hub.sampler("drawn", "Drawn", seed=0)) for _ in "ab"]
    values = [study.ask().suggest_float("x", 0, 1) for study in studies]
    assert values[0] == values[1]


@pytest.mark.parametrize("module", ["optunahub", "needed"])
def test_a_missing_package_is_told(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module != "optunahub":
        pytest.importorskip("optunahub")
    monkeypatch.setenv(hub.REGISTRY, registry(tmp_path, "import needed"))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"needs a package.*{module}.*docs/benchmarks\.md"):
        hub.sampler("drawn", "Drawn")

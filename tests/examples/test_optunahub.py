"""The package directory for OptunaHub, in the layout of its registry."""

from __future__ import annotations

import inspect
from pathlib import Path
import re
import runpy

import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler


REGISTRY = Path(__file__).parents[2] / "examples" / "optunahub"
PACKAGE = REGISTRY / "samplers" / "lanas"
KEYS = {"author", "title", "description", "tags", "optuna_versions", "license"}


def test_files_of_the_registry() -> None:
    for name in ("README.md", "LICENSE", "__init__.py", "example.py", "requirements.txt"):
        assert (PACKAGE / name).is_file(), name
    assert (PACKAGE / "tests" / "test_lanas.py").is_file()
    root = REGISTRY.parents[1]
    assert (PACKAGE / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()


def test_front_matter() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    matter = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    assert matter is not None
    fields = dict(line.split(": ", 1) for line in matter[1].splitlines())
    assert set(fields) == KEYS
    assert fields["license"] == "MIT License"
    for heading in ("Abstract", "APIs", "Installation", "Example"):
        assert f"\n## {heading}\n" in readme


def test_readme_has_its_pictures_and_no_html() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.+\]\((.+)\)", readme)
    assert sorted(pictures) == sorted(f"images/{f.name}" for f in (PACKAGE / "images").iterdir())
    assert sum((PACKAGE / name).stat().st_size for name in pictures) < 300_000
    assert re.search(r"<[a-zA-Z/!]", readme) is None


def test_readme_shows_every_argument_with_its_type() -> None:
    signature = inspect.signature(LaNASSampler)
    shown = re.search(r"`LaNASSampler\((.*?)\)`", (PACKAGE / "README.md").read_text("utf-8"))
    assert shown is not None
    arguments = [
        f"{p.name}: {p.annotation} = {p.default!r}" for p in signature.parameters.values()
    ]
    assert shown[1] == ", ".join(["*", *arguments])


def test_load_local_module(monkeypatch: pytest.MonkeyPatch) -> None:
    optunahub = pytest.importorskip("optunahub", reason="needs optunahub")
    module = optunahub.load_local_module("samplers/lanas", registry_root=str(REGISTRY))
    assert (module.LaNASSampler, module.explain) == (LaNASSampler, explain)
    monkeypatch.setattr(optunahub, "load_module", lambda package: module)
    runpy.run_path(str(PACKAGE / "example.py"), run_name="__main__")


def test_the_packages_own_test() -> None:
    pytest.importorskip("optunahub", reason="needs optunahub")
    tests = runpy.run_path(str(PACKAGE / "tests" / "test_lanas.py"))
    tests["test_search"]()  # it asserts

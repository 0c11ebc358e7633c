"""The direction of imports, read from the source, and how light the package is."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
import os
from pathlib import Path
import subprocess
import sys
from types import FrameType
from typing import Any

import optuna
import pytest

import optuna_lanas
from optuna_lanas import sampler


PACKAGE = Path(optuna_lanas.__file__).parent
ALLOWED = {  # what a folder imports; any other file of the package imports what it likes
    "_core": {"numpy", "scipy", "sklearn", "optuna_lanas._core"},
    "_study": {"numpy", "optuna", "threadpoolctl", "optuna_lanas._core", "optuna_lanas._study"},
}
HEAVY = {"sklearn", "scipy", "plotly", "torch", "pandas", "matplotlib", "networkx"}


@cache
def imports(path: Path) -> dict[str, bool]:
    """The modules that a file imports, and whether it does so while it is imported itself."""
    found: dict[str, bool] = {}
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text()), True)]
    while pending:
        node, is_at_once = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}: relative import"
                names = [_module(node.module or "", name) for name in names]
            found |= {name: is_at_once or found.get(name, False) for name in names}
        is_late = isinstance(node, ast.FunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        pending += [(child, is_at_once and not is_late) for child in ast.iter_child_nodes(node)]
    return found


def _module(package: str, name: str) -> str:
    inside = PACKAGE.parent / package.replace(".", "/") / name
    is_module = inside.with_suffix(".py").exists() or inside.is_dir()
    return f"{package}.{name}" if is_module else package


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("_*/*.py")), ids=lambda path: path.stem)
def test_a_folder_imports_what_its_rule_allows_even_inside_functions(path: Path) -> None:
    allowed = ALLOWED[path.parent.name]
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] in sys.stdlib_module_names | allowed or ".".join(parts[:2]) in allowed


def test_no_imports_go_in_a_circle() -> None:
    files = {_name(path): path for path in PACKAGE.rglob("*.py")}
    own = {
        name: {other for other, is_at_once in imports(path).items() if is_at_once}
        for name, path in files.items()
    }
    assert list(TopologicalSorter(own).static_order())  # raises CycleError where there is one


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def in_new_process(code: str, **variables: str) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | variables
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent, env=environment
    )
    return run.stdout.split()


def test_the_sampler_adds_no_package_but_numpy_to_optuna() -> None:
    code = (
        "import sys, optuna; before = set(sys.modules); from optuna_lanas import LaNASSampler;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    added = set(in_new_process(code)) - set(sys.stdlib_module_names)
    assert "optuna_lanas" in added
    assert not added & HEAVY
    assert added <= {"optuna_lanas", "numpy"}


def test_the_package_imports_nothing_before_it_is_asked_to() -> None:
    code = "import sys, optuna_lanas; print(*sys.modules)"
    own = {name for name in in_new_process(code) if name.startswith("optuna")}
    assert own == {"optuna_lanas"}


def test_names_of_the_package() -> None:
    assert set(optuna_lanas.__all__) <= set(dir(optuna_lanas))
    assert optuna_lanas.LaNASSampler is sampler.LaNASSampler
    with pytest.raises(AttributeError, match="no attribute 'LanasSampler'"):
        getattr(optuna_lanas, "LanasSampler")  # noqa: B009


def test_at_most_nine_files_lie_directly_in_the_package() -> None:
    files = sorted(path.name for path in PACKAGE.iterdir() if path.is_file())
    assert len(files) <= 9, files


def test_functions_of_the_package_are_not_hidden_by_modules() -> None:
    code = (
        "import optuna_lanas, optuna_lanas.visualization, optuna_lanas.explanation;"
        "from optuna_lanas import explain, partition;"
        "print(callable(explain), callable(partition));"
        "print(optuna_lanas.explain is explain, optuna_lanas.partition is partition);"
        "print(explain is optuna_lanas.explanation.explain);"
        "print(partition is optuna_lanas.visualization.partition)"
    )
    assert in_new_process(code) == ["True"] * 6


def test_a_suggestion_enters_at_most_fourteen_files() -> None:
    files = files_of_a_suggestion()
    assert len(files) <= 14, files


def files_of_a_suggestion() -> list[str]:
    """The package's files whose functions run in the trial after forty of three parameters."""
    study = optuna.create_study(sampler=sampler.LaNASSampler(seed=0))
    study.optimize(suggested, n_trials=40)
    entered = set()

    def enter(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            entered.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(enter)
    try:
        suggested(study.ask())
    finally:
        sys.setprofile(before)
    inside = [Path(name) for name in entered if Path(name).is_relative_to(PACKAGE)]
    return sorted(str(path.relative_to(PACKAGE)) for path in inside)


def suggested(trial: optuna.Trial) -> float:
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 0, 9)
    return x + n + (trial.suggest_categorical("c", ["a", "b"]) == "a")

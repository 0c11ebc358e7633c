"""The direction of imports, read from the source, and how light the package is."""

from __future__ import annotations

import ast
from pathlib import Path
import subprocess
import sys

import pytest

import optuna_lanas


PACKAGE = Path(optuna_lanas.__file__).parent

# What each layer is made of; a file imports from the layers above its own alone. The core, up to
# `search`, knows nothing of Optuna; the seam, from `encoding` on, brings both together.
LAYERS = [
    {"config", "domain", "region", "rows"},
    {"history", "limits", "mutation", "presence", "pareto", "posterior", "tree"},
    {"partition", "uniform"},
    {"thompson"},
    {"search"},
    {"encoding", "objective"},
    {"architecture"},
    {"study_record"},
    {"sampler"},
    {"__init__"},
]
CORE = set().union(*LAYERS[:5])
SEAM = set().union(*LAYERS[5:])
THIRD_PARTY = {"core": {"numpy"}, "seam": {"numpy", "optuna"}}
HEAVY = {"sklearn", "scipy", "plotly", "torch", "pandas", "matplotlib", "networkx"}


def module_level_imports(path: Path) -> set[str]:
    """The modules that a file imports when it is imported; not those inside functions."""
    found: set[str] = set()
    pending: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            pending += ast.iter_child_nodes(node)
    return found


def siblings(imports: set[str]) -> set[str]:
    """The names of the package's own files among imported modules."""
    inside = [name.split(".") for name in imports if name.startswith("optuna_lanas.")]
    return {parts[1] for parts in inside}


@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_a_layer_imports_from_earlier_layers_alone(layer: int) -> None:
    earlier = set().union(*LAYERS[:layer])
    for name in LAYERS[layer]:
        imported = siblings(module_level_imports(PACKAGE / f"{name}.py"))
        assert imported <= earlier, f"{name}.py imports {imported - earlier}"


@pytest.mark.parametrize("name", sorted(CORE | SEAM))
def test_third_party_imports_are_those_of_the_table(name: str) -> None:
    allowed = THIRD_PARTY["core" if name in CORE else "seam"]
    tops = {module.split(".")[0] for module in module_level_imports(PACKAGE / f"{name}.py")}
    others = tops - set(sys.stdlib_module_names) - {"optuna_lanas"}
    assert others <= allowed, f"{name}.py imports {others - allowed}"


def test_the_core_never_imports_optuna_even_inside_a_function() -> None:
    for name in CORE:
        tree = ast.parse((PACKAGE / f"{name}.py").read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                 for alias in node.names}  # fmt: skip
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {n for n in names if n.split(".")[0] in {"optuna", "torch", "plotly"}}


def test_the_rest_of_the_package_is_not_imported_by_core_and_seam() -> None:
    known = CORE | SEAM
    for name in known:
        assert siblings(module_level_imports(PACKAGE / f"{name}.py")) <= known


def test_importing_the_package_is_as_light_as_importing_optuna() -> None:
    code = (
        "import sys, optuna; before = set(sys.modules); import optuna_lanas;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    added = set(run.stdout.split()) - set(sys.stdlib_module_names)
    assert "optuna_lanas" in added
    assert not added & HEAVY
    assert added <= {"optuna_lanas", "numpy"}

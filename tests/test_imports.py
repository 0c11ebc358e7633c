"""The direction of imports, read from the source, and how light the package is."""

from __future__ import annotations

import ast
import os
from pathlib import Path
import subprocess
import sys

import pytest

import optuna_lanas
from optuna_lanas import sampler


PACKAGE = Path(optuna_lanas.__file__).parent

# What each layer is made of; a file imports from the layers above its own alone. The core, up to
# `search`, knows nothing of Optuna; the seam, from `encoding` on, brings both together.
LAYERS = [
    {"config", "domain", "region", "rows"},
    {"history", "limits", "mutation", "presence", "pareto", "posterior", "tree"},
    {"partition", "uniform"},
    {"stagnation", "thompson"},
    {"search"},
    {"abandoned", "encoding", "moment", "objective", "one_thread"},
    {"architecture"},
    {"study_record"},
    {"trial_proposal"},
    {"records"},
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


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["import optuna_lanas", "import optuna_lanas.sampler"])
def test_time_of_imports(statement: str, tmp_path: Path) -> None:
    """At most a tenth of `import optuna`, in the fastest of several processes."""
    code = (
        "import time; start = time.perf_counter(); import optuna; middle = time.perf_counter();"
        f"{statement}; print(middle - start, time.perf_counter() - middle)"
    )
    runs = [in_new_process(code, PYTHONPYCACHEPREFIX=str(tmp_path)) for _ in range(8)]
    of_optuna, added = (min(map(float, column)) for column in zip(*runs, strict=True))
    assert added < 0.1 * of_optuna

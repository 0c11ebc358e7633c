from __future__ import annotations

import pytest

from examples.benchmarks import figure_times


pytest.importorskip("plotly")
pytest.importorskip("networkx")


@pytest.mark.slow
def test_every_figure_and_text_of_every_study_is_in_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figure_times.main(["--trials", "30"])
    lines = capsys.readouterr().out.splitlines()
    shown = sorted(line.split("trials")[1].strip() for line in lines)
    texts = ["print(partition)", "explain"]
    names = [plot.__name__ for plot in figure_times.PLOTS] + texts
    expected = [
        f"{study}: {name}"
        for study in ("mixed", "two objectives", "architectures")
        for name in names
    ]
    assert shown == sorted([*expected, "architectures: plot_architecture"])

"""Draw how searches scale with their workers: `python -m docs.pictures.async_scale`.

    pip install 'optuna_lanas[benchmarks]'
    python -m examples.benchmarks.async_scale
    python -m docs.pictures.async_scale

Reads `results/async_scale/runs.csv` and writes `async_scale.png` beside this file.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
import matplotlib.pyplot as plt
import pandas as pd

from examples.benchmarks.async_report import ALL
from examples.benchmarks.async_report import read
from examples.benchmarks.async_report import summary
from examples.benchmarks.figures import COLOURS


LABELS = {
    "lanas": "LaNAS",
    "tpe": "TPE",
    "tpe-no-liar": "TPE without constant liar",
    "gp": "GP",
    "nsga2": "NSGA-II",
    "random": "random",
}


def main() -> None:
    table = summary(read(Path("results/async_scale"))).loc[ALL]
    figure, (hours, trials) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    _draw(hours, table, "hours", "hours to the optimum")
    _draw(trials, table, "trials", "trials to the optimum")
    hours.legend(fontsize="small")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


def _draw(axis: Axes, table: pd.DataFrame, column: str, title: str) -> None:
    """Draw a column; an open symbol is a lower bound, since some runs missed the optimum."""
    for (name, label), colour in zip(LABELS.items(), COLOURS, strict=False):
        if name in table.index:
            rows = table.loc[name]
            missed = rows[rows["found"] < 1.0]
            axis.plot(rows.index, rows[column], "o-", color=colour, label=label, markersize=4)
            axis.plot(missed.index, missed[column], "o", color=colour, mfc="white", markersize=4)
    axis.set(xscale="log", yscale="log", xlabel="workers", ylabel=title)
    axis.set_xticks(sorted(table.index.unique("n_workers")))
    axis.get_xaxis().set_major_formatter("{x:.0f}")
    axis.minorticks_off()
    axis.grid(which="major", alpha=0.3)


if __name__ == "__main__":
    main()

"""Draw the regret curves of all families: `python -m docs.pictures.families --help`.

    pip install 'optuna_lanas[benchmarks]'
    python -m docs.pictures.families --results results

Reads the results of `examples.benchmarks.run` and writes `families.png` beside this file. A curve
ends where its runs do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.axes import Axes
import matplotlib.pyplot as plt
import pandas as pd

from examples.benchmarks import results
from examples.benchmarks.figures import COLOURS
from examples.benchmarks.report import regret_curves


TITLES = {
    "nasbench201": "NAS-Bench-201",
    "nasbenchgraph": "NAS-Bench-Graph",
    "hpolib": "HPOlib",
    "hpobench": "HPOBench",
    "functions5d": "functions, 5-d",
    "functions10d": "functions, 10-d",
    "mixed": "mixed",
    "bbob5d": "BBOB, 5-d",
    "bbob10d": "BBOB, 10-d",
}
LABELS = {
    "lanas": "LaNAS",
    "tpe": "TPE",
    "random": "random",
    "gp": "GP",
    "cmaes": "CMA-ES",
    "catcma": "CatCMA",
}
FLOOR = 1e-3
N_COLUMNS = 3
TICKS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.pictures.families")
    parser.add_argument("--results", type=Path, nargs="+", default=[Path("results")])
    parser.add_argument("--trials", type=int, default=100, help="the last trial drawn")
    options = parser.parse_args()
    rows = pd.concat([results.read(folder) for folder in options.results], ignore_index=True)
    rows = rows[rows["trial"] <= options.trials]
    found = [family for family in TITLES if family in set(rows["family"])]
    n_rows = -(-len(found) // N_COLUMNS)
    figure, grid = plt.subplots(
        n_rows, N_COLUMNS, figsize=(10, 0.6 + 2.6 * n_rows), sharex=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes, family in zip(grid.flat, found, strict=False):
        _draw(axes, rows[rows["family"] == family], TITLES[family], options.trials)
    lines = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
    names = [label for label in LABELS.values() if label in lines]
    figure.legend(
        [lines[name] for name in names], names, loc="outside upper center", ncols=len(names),
        frameon=False,
    )  # fmt: skip
    figure.supxlabel("trials", fontsize="medium")
    figure.supylabel("normalised regret", fontsize="medium")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


def _draw(axes: Axes, rows: pd.DataFrame, title: str, n_trials: int) -> None:
    """Draw a family's mean curves with their bands."""
    curves = {curve.name: curve for curve in regret_curves(rows)}
    for (name, label), colour in zip(LABELS.items(), COLOURS, strict=False):
        if name in curves:
            curve = curves[name]
            axes.plot(curve.trial, curve.mean.clip(FLOOR), color=colour, label=label)
            low, high = curve.low.clip(FLOOR), curve.high.clip(FLOOR)
            axes.fill_between(curve.trial, low, high, color=colour, alpha=0.15, lw=0)
    axes.set_title(title, fontsize="medium")
    least = min(line.get_ydata().min() for line in axes.get_lines())
    axes.set(yscale="log", xlim=(1, n_trials), ylim=(0.7 * least, 1.2))
    axes.set_yticks([tick for tick in TICKS if tick > 0.7 * least], minor=False)
    axes.get_yaxis().set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()

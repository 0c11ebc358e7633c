"""Draw README's regret curves: `python -m docs.pictures.regret --help`.

    pip install 'optuna_lanas[benchmarks]'
    python -m examples.benchmarks.run --samplers lanas tpe random --families nasbench201 hpobench \
        --seeds 10 --trials 200
    python -m docs.pictures.regret

Reads `results` and writes `regret.png` beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from examples.benchmarks import results
from examples.benchmarks.figures import COLOURS
from examples.benchmarks.report import regret_curves


TITLES = {
    "nasbench201": "Architectures: NAS-Bench-201 (3 data sets)",
    "hpobench": "Hyperparameters: HPOBench (8 tasks)",
}
LABELS = {"lanas": "LaNAS", "tpe": "TPE (Optuna's default)", "random": "random"}
FLOOR = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.pictures.regret")
    parser.add_argument("--results", type=Path, default=Path("results"))
    rows = results.read(parser.parse_args().results)
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
    for axes, (family, title) in zip(panels, TITLES.items(), strict=True):
        curves = {c.name: c for c in regret_curves(rows[rows["family"] == family])}
        for (name, label), colour in zip(LABELS.items(), COLOURS, strict=False):
            curve = curves[name]
            axes.plot(curve.trial, curve.mean.clip(FLOOR), color=colour, label=label)
            low, high = curve.low.clip(FLOOR), curve.high.clip(FLOOR)
            axes.fill_between(curve.trial, low, high, color=colour, alpha=0.15, lw=0)
        axes.set(title=title, xlabel="trials", yscale="log", xlim=(5, 200), ylim=(FLOOR, 1.0))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("normalised regret")
    panels[0].legend(frameon=False)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()

"""Draw the time of a suggestion by the length of the history: `python -m docs.pictures.speed`.

    pip install 'optuna_lanas[benchmarks]'
    python -m examples.benchmarks.speed --storages memory
    python -m docs.pictures.speed

Reads `results/speed/speed.csv` and writes `speed.png` beside this file.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd


LABELS = {"tpe": "TPE", "lanas": "LaNAS", "floor": "floor of any sampler", "random": "random"}
COLOURS = {"tpe": "darkorange", "lanas": "tab:blue", "floor": "grey", "random": "lightgrey"}


def main() -> None:
    table = pd.read_csv("results/speed/speed.csv")
    table = table[table["storage"] == "memory"]
    figure, axis = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
    for name, label in LABELS.items():
        rows = table[table["sampler"] == name]
        axis.plot(rows["trials"], rows["median_ms"], "o-", color=COLOURS[name], label=label)
    axis.set(xscale="log", yscale="log", xlabel="trials in the history", ylabel="suggestion (ms)")
    axis.grid(which="major", alpha=0.3)
    axis.legend()
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()

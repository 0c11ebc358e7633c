"""Table and figure of docs/reproduction.md, from the runs.

python -m examples.benchmarks.paper.report --help
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.benchmarks import figures
from examples.benchmarks.counts import positive
from examples.benchmarks.figures import Array
from examples.benchmarks.figures import Curve
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


N_RESAMPLES = 10_000
COVERAGE = 0.95
PAPER_RATIOS = {"random": 22.0, "evolution-500": 14.6, "mcts": 12.4}
PAPER_HEIGHTS = {2: 35_233, 3: 18_085, 4: 11_904, 5: 8_306, 8: 7_927}


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `tables.md` into a folder, and for `lanas` also `heights.html` and `heights.png`."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.paper.report")
    parser.add_argument("--runs", type=Path, default=Path("results/paper/runs.csv"))
    parser.add_argument(
        "--height", type=positive, default=5, help="tree height of the first table"
    )
    parser.add_argument("--output", type=Path, default=Path("results/paper"))
    options = parser.parse_args(arguments)
    runs = pd.read_csv(options.runs)
    options.output.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*methods_table(runs, options.height), "", *heights_table(runs)])
    (options.output / "tables.md").write_text(text + "\n", encoding="utf-8")
    written = [options.output / "tables.md"]
    if (runs["method"] == "lanas").any():
        curves = {"Samples to the best cell": [ours(runs), published()]}
        written += figures.write_curves(curves, "samples", options.output / "heights", "height")
    print("\n".join(map(str, written)))


def methods_table(runs: pd.DataFrame, height: int) -> list[str]:
    """Return the lines of a table: each method's samples, and their ratio to LaNAS's samples."""
    is_asked = (runs["method"].str.startswith("lanas") & (runs["height"] == height)) | (
        runs["height"] == 0
    )
    groups = dict(list(runs[is_asked].groupby("method")))
    reference = groups["lanas"]["samples"].to_numpy(dtype=float) if "lanas" in groups else None
    titles = ("method", "runs", "found", "mean samples", "median", "evaluations", "times LaNAS")
    lines = _head(*titles, "paper")
    for name, group in groups.items():
        samples, bound = group["samples"].to_numpy(dtype=float), _bound(group)
        times = "-"  # without a found optimum, repeated evaluations give no bound
        if reference is not None and name != "lanas" and group["is_found"].any():
            times = bound + _factor(ratio(samples, reference))
        lines.append(
            _line(
                name, len(group), f"{group['is_found'].mean():.0%}",
                bound + _thousands(mean(samples)), f"{np.median(samples):,.0f}",
                f"{group['evaluations'].mean():,.0f}", times, PAPER_RATIOS.get(name, "-"),
            )
        )  # fmt: skip
    return lines


def heights_table(runs: pd.DataFrame) -> list[str]:
    """Return the lines of a table: samples of LaNAS and of the paper by height."""
    lines = _head("height", "runs", "found", "mean samples", "median", "paper")
    for height, group in runs[runs["method"] == "lanas"].groupby("height"):
        samples = group["samples"].to_numpy(dtype=float)
        paper = f"{PAPER_HEIGHTS[height]:,}" if height in PAPER_HEIGHTS else "-"
        found = f"{group['is_found'].mean():.0%}"
        average = _bound(group) + _thousands(mean(samples))
        lines.append(
            _line(height, len(group), found, average, f"{np.median(samples):,.0f}", paper)
        )
    return lines


def ours(runs: pd.DataFrame) -> Curve:
    """Return the mean samples of LaNAS by height."""
    groups = runs[runs["method"] == "lanas"].groupby("height")["samples"]
    heights = np.array(list(groups.groups), dtype=float)
    found = [mean(group.to_numpy(dtype=float)) for _, group in groups]
    low, value, high = (
        np.array([getattr(e, name) for e in found]) for name in ("low", "value", "high")
    )
    return Curve("here, 95 % interval", heights, value, low, high)


def published() -> Curve:
    """Return the paper's samples by height."""
    heights = np.array(list(PAPER_HEIGHTS), dtype=float)
    samples = np.array(list(PAPER_HEIGHTS.values()), dtype=float)
    return Curve("paper (figure 6a)", heights, samples, samples, samples)


def mean(samples: Array) -> Estimate:
    """Return the mean over runs."""
    return _estimate(float(samples.mean()), _resampled_means(samples, 0))


def ratio(samples: Array, reference: Array) -> Estimate:
    """Return the ratio of two means, both resampled."""
    resampled = _resampled_means(samples, 0) / _resampled_means(reference, 1)
    return _estimate(float(samples.mean() / reference.mean()), resampled)


def _resampled_means(samples: Array, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(samples), size=(N_RESAMPLES, len(samples)))
    means: Array = samples[drawn].mean(axis=1)
    return means


def _estimate(value: float, resampled: Array) -> Estimate:
    low, high = np.quantile(resampled, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Estimate(value, float(low), float(high))


def _head(*titles: str) -> list[str]:
    return [_line(*titles), _line(*["---"] * len(titles))]


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _bound(group: pd.DataFrame) -> str:
    """Return a mean's prefix: a run that ended without the best cell needs more samples."""
    return "" if group["is_found"].all() else "at least "


def _thousands(estimate: Estimate) -> str:
    return f"{estimate.value:,.0f} ({estimate.low:,.0f}-{estimate.high:,.0f})"


def _factor(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} ({estimate.low:.1f}-{estimate.high:.1f})"


if __name__ == "__main__":
    main()

"""Tables and figures of results: `python -m examples.benchmarks.report --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from examples.benchmarks import comparison
from examples.benchmarks import figures
from examples.benchmarks import results
from examples.benchmarks import summary
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `tables.md`, and figures per family and problem, into the output folder."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.benchmarks.report", description=__doc__
    )
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--output", type=Path, default=Path("results/report"))
    options = parser.parse_args(arguments)
    rows = results.read(options.results)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "tables.md").write_text(tables(rows), encoding="utf-8")
    written = [options.output / "tables.md", *_figures(rows, options.output)]
    print("\n".join(str(path) for path in written))


def tables(rows: pd.DataFrame) -> str:
    """Return all tables as Markdown."""
    parts = [
        "## Average normalised regret\n",
        regret_table(rows),
        "\n## Trials to the optimum\n",
        optimum_table(rows),
        *(part for trial in _checkpoints(rows) for part in _who_beats_whom(rows, trial)),
        "\n## Repeated configurations and time\n",
        _markdown(summary.repeats_and_time(rows).round(3)),
        "\n## Versions\n",
        _versions(rows),
    ]
    return "\n".join(parts) + "\n"


def regret_table(rows: pd.DataFrame, across: str = "sampler") -> str:
    """Return a table of families and samplers, with the regret at each checkpoint.

    Args:
        rows: The rows of `results.read`.
        across: Which has the columns, `sampler` or `family`.
    """
    regret = summary.family_regret(rows)
    cells = regret.apply(lambda row: " / ".join(_number(x) for x in row), axis=1)
    at = " / ".join(str(trial) for trial in regret.columns)
    return f"At {at} trials:\n\n{_markdown(cells.unstack(across).fillna('-'))}"


def optimum_table(rows: pd.DataFrame) -> str:
    """Return the trials to the optimum of each problem and sampler."""
    return _markdown(summary.optimum_table(rows).round(2))


def _checkpoints(rows: pd.DataFrame) -> list[int]:
    """Return the checkpoints that a run reached, or the last trial if none did."""
    last = int(rows["trial"].max())
    return [trial for trial in summary.CHECKPOINTS if trial <= last] or [last]


def _who_beats_whom(rows: pd.DataFrame, trial: int) -> list[str]:
    """Return the wins and the mean ranks after a number of trials."""
    pairs = comparison.pairwise(rows, trial)
    cells = pairs.apply(
        lambda pair: f"{pair['won']:.2f} ({pair['tied']:.2f}), {pair['p']:.1g}", axis=1
    ).where(pairs["runs"] > 0)
    return [
        f"\n## Share of runs won by the row's sampler (share tied), p, at {trial} trials\n",
        _markdown(cells.unstack("other")),
        f"\n## Mean ranks of the problems' mean regrets at {trial} trials\n",
        "Less than CD apart is no difference (Nemenyi, 5 %); p is of Friedman's test.\n",
        _markdown(comparison.ranks_by_family(rows, trial)),
    ]


def _number(x: float) -> str:
    return "-" if np.isnan(x) else f"{x:.3f}".removeprefix("0")


def _markdown(table: pd.DataFrame) -> str:
    flat = table.reset_index().astype(object)
    flat = flat.where(flat.notna(), "-")
    header = [str(column) for column in flat.columns]
    lines = [header, ["---"] * len(header), *flat.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _versions(rows: pd.DataFrame) -> str:
    names = list(results.versions())
    found = rows[names].drop_duplicates().astype(str)
    return "\n".join(
        "- " + ", ".join(f"{n} {row[n]}" for n in names) for _, row in found.iterrows()
    )


def _figures(rows: pd.DataFrame, folder: Path) -> list[Path]:
    written: list[Path] = []
    for problem, part in rows.groupby("problem"):
        if (part["regret"] <= 0).any():
            panel = {f"{problem}: runs that hold the optimum": found_curves(part)}
            written += figures.write_shares(panel, "share of runs", folder / f"found-{problem}")
    for family, part in rows.groupby("family"):
        panel = {f"{family}: mean of all runs, 95 % bootstrap band": regret_curves(part)}
        path = folder / f"regret-{family}"
        written += figures.write_curves(panel, "normalised regret", path)
    for problem, runs in summary.trials_to_optimum(rows).groupby("problem"):
        if runs["found"].any():
            title = f"{problem}: distinct configurations to the optimum, or tried in vain"
            groups = [
                figures.Distribution(str(name), group["distinct"].to_numpy(dtype=float))
                for name, group in runs.groupby("sampler")
            ]
            path = folder / f"optimum-{problem}"
            written += figures.write_distributions(groups, title, "configurations", path)
    return written


def regret_curves(rows: pd.DataFrame) -> list[figures.Curve]:
    """Return each sampler's mean regret over all problems and seeds of the rows."""
    return _mean_curves(summary.curves(rows))


def found_curves(rows: pd.DataFrame) -> list[figures.Curve]:
    """Return the share of each sampler's runs that found the optimum, by trial."""
    regrets = summary.curves(rows)
    return _mean_curves((regrets <= 0).astype(float).where(regrets.notna()))


def _mean_curves(by_run: pd.DataFrame) -> list[figures.Curve]:
    curves = []
    for name, runs in by_run.groupby("sampler"):
        wide = runs.dropna(axis=1)
        low, high = summary.bootstrap_band(wide.to_numpy(), np.random.default_rng(0))
        trial = wide.columns.to_numpy(dtype=float)
        curves.append(figures.Curve(str(name), trial, wide.mean().to_numpy(), low, high))
    return curves


if __name__ == "__main__":
    main()

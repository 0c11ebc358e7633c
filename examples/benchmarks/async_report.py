"""Table and figures of simulated asynchronous workers, for `async_scale`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from examples.benchmarks.figures import COLOURS
from examples.benchmarks.results import versions
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


ALL = "all problems"
KEY = ["problem", "sampler", "n_workers", "seed"]


def read(folder: Path) -> pd.DataFrame:
    """Return a folder's runs; of repeated runs, the last."""
    return pd.read_csv(folder / "runs.csv").drop_duplicates(KEY, keep="last")


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each problem (and all of them), sampler and number of workers.

    Hours and finished trials are means over the runs. A run that missed the optimum counts with
    the hours and trials that it had. Where `found` is below 1, both are therefore lower bounds.
    `speed-up` and `efficiency` are the hours and the trials of a single worker, divided by the
    hours and trials of several workers. 64 perfect workers have 64 and 1. Both are NaN where a
    lower bound is involved.
    """
    groups = pd.concat([runs, runs.assign(problem=ALL)]).groupby(KEY[:-1])
    table = groups.agg(
        runs=("seed", "size"),
        found=("found", "mean"),
        trials=("n_ended", "mean"),
        hours=("hours", "mean"),
    )
    exact = table[table["found"] == 1.0]
    of_one = exact[exact.index.get_level_values("n_workers") == 1].droplevel("n_workers")
    of_one = of_one.reindex(exact.index.droplevel("n_workers"))
    table["speed-up"] = pd.Series(of_one["hours"].to_numpy() / exact["hours"], exact.index)
    table["efficiency"] = pd.Series(of_one["trials"].to_numpy() / exact["trials"], exact.index)
    return table


def markdown(table: pd.DataFrame) -> str:
    """Return a summary as a Markdown table."""
    flat = table.reset_index()
    bound = np.where(flat["found"] < 1.0, "> ", "")
    digits = {"found": 2, "trials": 0, "hours": 2, "speed-up": 1, "efficiency": 2}
    for column, n_digits in digits.items():
        flat[column] = flat[column].map(f"{{:.{n_digits}f}}".format).replace("nan", "-")
    for column in ("trials", "hours"):
        flat[column] = bound + flat[column]
    lines = [list(flat.columns), ["---"] * flat.shape[1], *flat.astype(str).values.tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_report(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Write `tables.md`, `hours.html` and `efficiency.html` into a folder; return them."""
    table = summary(runs)
    paths = [folder / name for name in ("tables.md", "hours.html", "efficiency.html")]
    found_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    paths[0].write_text(f"{markdown(table)}\n\nVersions: {found_with}\n", encoding="utf-8")
    figures = (
        figure(table, "hours", "hours to the optimum (simulated wall-clock)", with_ideal=True),
        figure(table, "efficiency", "trials of one worker / trials of all", with_ideal=False),
    )
    for path, plot in zip(paths[1:], figures, strict=True):
        plot.write_html(path, include_plotlyjs="directory")
    return paths


def figure(table: pd.DataFrame, column: str, title: str, *, with_ideal: bool) -> go.Figure:
    """Return a column of a summary by the number of workers, one log-log panel per problem.

    Args:
        table: The summary. Open symbols are lower bounds, since some runs missed the optimum.
        column: The column.
        title: Title of the vertical axis.
        with_ideal: Whether to add a dotted line that falls as 1 / workers.
    """
    problems = list(table.index.unique("problem"))
    plot = make_subplots(1, len(problems), subplot_titles=problems, shared_yaxes=True)
    plot.update_layout(template="plotly_white")
    plot.update_xaxes(type="log", title="workers", dtick=np.log10(2))
    plot.update_yaxes(type="log")
    plot.update_yaxes(title=title, col=1)
    colours = dict(zip(table.index.unique("sampler"), COLOURS, strict=False))
    for panel, problem in enumerate(problems, start=1):
        for sampler, rows in table.loc[problem].groupby("sampler"):
            workers = rows.index.get_level_values("n_workers").to_numpy()
            style = {"name": sampler, "legendgroup": sampler, "line_color": colours[sampler]}
            symbols = np.where(rows["found"] == 1.0, "circle", "circle-open")
            curve = go.Scatter(
                x=workers, y=rows[column], showlegend=panel == 1, mode="lines+markers",
                marker_symbol=symbols, **style,
            )  # fmt: skip
            plot.add_trace(curve, 1, panel)
            if with_ideal:
                ideal = rows[column].iloc[0] * workers[0] / workers
                style["line_dash"] = "dot"
                dotted = go.Scatter(x=workers, y=ideal, mode="lines", showlegend=False, **style)
                plot.add_trace(dotted, 1, panel)
    return plot

"""Results as CSV: one file per run, one row per trial, with the versions of the packages."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
from pathlib import Path
import platform
import subprocess

from examples.benchmarks.catalogue import family_of
from examples.benchmarks.trials import Row
from examples.benchmarks.trials import Run
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


def path_of(run: Run, folder: Path) -> Path:
    """Return the path of a run's file."""
    return folder / run.problem / run.sampler / f"{run.seed}.csv"


def is_done(run: Run, folder: Path) -> bool:
    """Return whether a file holds the run: all its trials, or its optimum if it ends there."""
    path = path_of(run, folder)
    if not path.exists():
        return False
    try:
        last = pd.read_csv(path, usecols=["trial", "regret"]).iloc[-1].astype(float)
    except (IndexError, ValueError):  # damaged or foreign: it is made anew
        return False
    return bool(last["trial"] >= run.n_trials or (run.until_optimum and last["regret"] <= 0))


def write(run: Run, rows: list[Row], folder: Path) -> None:
    """Write a run's file atomically."""
    path = path_of(run, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame([asdict(row) for row in rows])
    frame = frame.assign(
        family=family_of(run.problem),
        problem=run.problem,
        sampler=run.sampler,
        seed=run.seed,
        **versions(),
    )
    unfinished = path.with_suffix(".part")
    frame.to_csv(unfinished, index=False)
    unfinished.replace(path)


def read(folder: Path) -> pd.DataFrame:
    """Return all rows of all runs.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If a file is no table; the message names it.
    """
    paths = sorted(folder.glob("*/*/*.csv"))
    if not paths:
        raise FileNotFoundError(
            f"`folder` must hold results, got {folder} without any; make them with "
            "`python -m examples.benchmarks.run`."
        )
    return pd.concat([_read(path) for path in paths], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except ValueError as error:
        raise ValueError(
            f"`folder` must hold results, but {path} is none ({error}). Remove the file, and run "
            f"`python -m examples.benchmarks.run` again."
        ) from error


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that determine a result."""
    packages = ("optuna", "numpy", "scikit-learn")
    found = {name.replace("-", "_"): version(name) for name in packages}
    return {"python": platform.python_version(), "optuna_lanas": _own_version(), **found}


def _own_version() -> str:
    try:
        own = version("optuna_lanas")
    except PackageNotFoundError:
        own = "0"
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    here = Path(__file__).parent
    try:
        commit = subprocess.run(git, cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return own
    return f"{own}+{commit.stdout.strip()}" if commit.returncode == 0 else own

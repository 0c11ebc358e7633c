"""Time and memory of a suggestion against the length of the history.

`python -m examples.benchmarks.speed --help`. Each sampler, storage and history is measured in a
process of its own. The history holds random trials of six categorical parameters of five choices,
a logarithmic float and an int; then 20 trials are asked and told. `floor` reads the history as
every relative sampler must (intersection search space, list of trials) and draws at random.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
import resource
import shutil
import sys
import tempfile
import time
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler
from optuna.samplers import RandomSampler
from optuna.samplers import TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import BaseStorage
from optuna.storages import InMemoryStorage
from optuna.storages import JournalStorage
from optuna.storages import RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from examples.benchmarks.counts import positive
from optuna_lanas import LaNASSampler
from optuna_lanas._checks import needs


with needs("pandas", "benchmarks", "The benchmarks"):
    import pandas as pd


CHOICES = ("a", "b", "c", "d", "e")
N_TIMED = 20
N_TIMED_OF_TPE = 4  # beyond LONG, where each takes a second or more
LONG = 20_000
SMOKE = ["--trials", "100", "1000", "--storages", "memory", "sqlite", "--timed", "5"]
SMOKE_SAMPLERS = ["--samplers", "random", "tpe", "lanas"]
BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


class FloorSampler(BaseSampler):
    """Reads the history as every relative sampler must, and draws at random."""

    def __init__(self) -> None:
        self._random = RandomSampler(seed=0)
        self._intersection = IntersectionSearchSpace()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._intersection.calculate(study)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return {n: self.sample_independent(study, trial, n, d) for n, d in search_space.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, name, distribution)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write `speed.csv` and `speed.html` into the output folder."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.speed")
    parser.add_argument("--samplers", nargs="+", default=["random", "floor", "tpe", "lanas"])
    parser.add_argument("--storages", nargs="+", default=["memory", "journal", "sqlite"])
    parser.add_argument(
        "--trials", nargs="+", type=positive, default=[100, 1_000, 10_000, 20_000, 100_000]
    )
    parser.add_argument(
        "--timed", type=positive, default=N_TIMED, help="number of timed suggestions"
    )
    parser.add_argument("--output", type=Path, default=Path("results/speed"))
    parser.add_argument("--smoke", action="store_true", help="a size for a few seconds")
    options = parser.parse_args(arguments)
    if options.smoke:
        parser.parse_args([*SMOKE, *SMOKE_SAMPLERS], options)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for storage in options.storages:
        for n_trials in options.trials:
            rows += measure_all(options.samplers, storage, n_trials, options.timed)
            pd.DataFrame(rows).to_csv(options.output / "speed.csv", index=False)
    table = pd.DataFrame(rows)
    write_figure(table, options.output / "speed.html")
    print("\n".join(ratios(table)))


def measure_all(
    samplers: Sequence[str], storage: str, n_trials: int, n_timed: int
) -> list[dict[str, Any]]:
    """Measure samplers on copies of one history, each in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if storage != "memory":  # filling a database takes far longer than reading it
            _make_study(storage, Path(folder), n_trials)
        for sampler in samplers:
            is_slow = sampler == "tpe" and n_trials > LONG
            timed = min(n_timed, N_TIMED_OF_TPE) if is_slow else n_timed
            with get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(measure, (sampler, storage, folder, n_trials, timed)))
            print(rows[-1], flush=True)
    return rows


def measure(
    sampler: str, storage: str, folder: str, n_trials: int, n_timed: int
) -> dict[str, Any]:
    """Return times of a suggestion, also of the CPU alone, and the process's peak memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage == "memory":
        study = _make_study(storage, Path(folder), n_trials)
    else:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            return _measured(_storage(storage, Path(copy)), sampler, storage, n_trials, n_timed)
    return _measured(study._storage, sampler, storage, n_trials, n_timed)


def _measured(
    opened: BaseStorage, sampler: str, storage: str, n_trials: int, n_timed: int
) -> dict[str, Any]:
    study = optuna.load_study(study_name="speed", storage=opened, sampler=_sampler(sampler))
    times, cpu_times = np.transpose([_suggest(study) for _ in range(n_timed)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_MAXRSS
    return {
        "storage": storage,
        "trials": n_trials,
        "sampler": sampler,
        "first_ms": round(float(times[0]), 2),
        "median_ms": round(float(np.median(times[1:])), 2),
        "mean_ms": round(float(np.mean(times[1:])), 2),
        "median_cpu_ms": round(float(np.median(cpu_times[1:])), 2),
        "mean_cpu_ms": round(float(np.mean(cpu_times[1:])), 2),
        "peak_mb": round(peak / 2**20),
        "optuna": optuna.__version__,
    }


def ratios(table: pd.DataFrame) -> list[str]:
    """Return lines that compare LaNAS with each other sampler of the same run."""
    lines = []
    for (storage, n_trials), rows in table.groupby(["storage", "trials"], sort=False):
        by_name = rows.set_index("sampler")
        if "lanas" not in by_name.index:
            continue
        lanas = by_name.loc["lanas"]
        others = [
            f"{lanas.median_ms / other.median_ms:.3f} of {name}'s time "
            f"({lanas.median_ms - other.median_ms:+.1f} ms, {lanas.peak_mb - other.peak_mb:+d} MB)"
            for name, other in by_name.drop(index="lanas").iterrows()
        ]
        lines.append(f"{storage}, {n_trials} trials: lanas takes {', '.join(others)}")
    return lines


def write_figure(table: pd.DataFrame, path: Path) -> None:
    """Draw the median time against the length of the history, both logarithmic."""
    import plotly.express as px

    figure = px.line(
        table,
        x="trials",
        y="median_ms",
        color="sampler",
        facet_col="storage",
        log_x=True,
        log_y=True,
        markers=True,
        labels={"median_ms": "suggestion (ms)", "trials": "trials in the history"},
    )
    figure.write_html(path, include_plotlyjs="cdn")


def _make_study(storage: str, folder: Path, n_trials: int) -> optuna.Study:
    study = optuna.create_study(study_name="speed", storage=_storage(storage, folder))
    study.add_trials(_history(n_trials))
    return study


def _suggest(study: optuna.Study) -> tuple[float, float]:
    start, cpu_start = time.perf_counter(), time.process_time()
    trial = study.ask()
    params: dict[str, Any] = {
        f"c{i}": trial.suggest_categorical(f"c{i}", CHOICES) for i in range(6)
    }
    params["rate"] = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    params["width"] = trial.suggest_int("width", 1, 64)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    study.tell(trial, _value(params))
    return 1e3 * seconds, 1e3 * cpu_seconds


def _history(n_trials: int) -> list[FrozenTrial]:
    rng = np.random.default_rng(0)
    distributions: dict[str, BaseDistribution] = {
        **{f"c{i}": CategoricalDistribution(CHOICES) for i in range(6)},
        "rate": FloatDistribution(1e-5, 1.0, log=True),
        "width": IntDistribution(1, 64),
    }
    trials = []
    for _ in range(n_trials):
        params: dict[str, Any] = {f"c{i}": CHOICES[rng.integers(5)] for i in range(6)}
        params |= {"rate": float(10 ** rng.uniform(-5, 0)), "width": int(rng.integers(1, 65))}
        trials.append(
            optuna.create_trial(params=params, distributions=distributions, value=_value(params))
        )
    return trials


def _value(params: dict[str, Any]) -> float:
    operations = sum((i + 1) * CHOICES.index(params[f"c{i}"]) for i in range(6))
    return float(operations + np.log(params["rate"]) ** 2 + abs(params["width"] - 20))


def _sampler(name: str) -> BaseSampler:
    makers: dict[str, Any] = {
        "random": lambda: RandomSampler(seed=0),
        "floor": FloorSampler,
        "tpe": lambda: TPESampler(seed=0),
        "lanas": lambda: LaNASSampler(seed=0),
    }
    return makers[name]()  # type: ignore[no-any-return]


def _storage(name: str, folder: Path) -> BaseStorage:
    if name == "memory":
        return InMemoryStorage()
    if name == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return RDBStorage(f"sqlite:///{folder / 'study.sqlite3'}")


if __name__ == "__main__":
    main()

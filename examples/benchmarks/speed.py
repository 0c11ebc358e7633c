"""Time and memory of a suggestion against the length of the history.

`python -m examples.benchmarks.speed --help`. Each sampler, storage and history is measured in a
process of its own: the history is random trials of six categoricals of five choices, a
logarithmic float and an int; then 20 trials are asked and told. `floor` reads the history as every
relative sampler must (intersection search space, list of trials) and draws at random.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
import resource
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
import pandas as pd

from optuna_lanas import LaNASSampler


CHOICES = ("a", "b", "c", "d", "e")
N_TIMED = 20
LONGEST_OF_TPE = 20_000


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
    """Measure, and write `speed.csv` and `speed.html` into the output folder."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.speed")
    parser.add_argument("--samplers", nargs="+", default=["random", "floor", "tpe", "lanas"])
    parser.add_argument("--storages", nargs="+", default=["memory", "journal", "sqlite"])
    parser.add_argument("--trials", nargs="+", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--output", type=Path, default=Path("results/speed"))
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for storage in options.storages:
        for n_trials in options.trials:
            for sampler in options.samplers:
                if sampler == "tpe" and n_trials > LONGEST_OF_TPE:
                    continue
                with get_context("spawn").Pool(1) as pool:
                    rows.append(pool.apply(measure, (sampler, storage, n_trials)))
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(options.output / "speed.csv", index=False)
    write_figure(table, options.output / "speed.html")


def measure(sampler: str, storage: str, n_trials: int) -> dict[str, Any]:
    """Return the median time of a suggestion and the process's peak memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(
            storage=_storage(storage, Path(folder)), sampler=_sampler(sampler)
        )
        study.add_trials(_history(n_trials))
        times = [_suggest(study) for _ in range(N_TIMED)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "storage": storage,
        "trials": n_trials,
        "sampler": sampler,
        "first_ms": round(times[0], 2),
        "median_ms": round(float(np.median(times[1:])), 2),
        "peak_mb": round(peak),
        "optuna": optuna.__version__,
    }


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


def _suggest(study: optuna.Study) -> float:
    start = time.perf_counter()
    trial = study.ask()
    params: dict[str, Any] = {
        f"c{i}": trial.suggest_categorical(f"c{i}", CHOICES) for i in range(6)
    }
    params["rate"] = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    params["width"] = trial.suggest_int("width", 1, 64)
    milliseconds = 1e3 * (time.perf_counter() - start)
    study.tell(trial, _value(params))
    return milliseconds


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

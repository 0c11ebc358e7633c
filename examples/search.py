"""Searches architectures of NAS-Bench-201 and NAS-Bench-Graph with LaNAS, TPE and random search.

    python examples/search.py

The objectives are look-ups in tables of trained networks. The script prints the best architectures
and the trials that each sampler took to the table's optimum. It draws the regret, and writes the
studies of LaNAS to an SQLite file: `optuna-dashboard sqlite:///results/search.sqlite3` shows them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import sqlite3
from statistics import fmean

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.samplers import RandomSampler
from optuna.samplers import TPESampler
from sqlalchemy import event

from examples.benchmarks import catalogue
from examples.benchmarks import figures
from examples.benchmarks import summary
from examples.benchmarks.counts import positive
from examples.benchmarks.problem import Problem
from optuna_lanas import LaNASSampler
from optuna_lanas._checks import needs


with needs("rich", "benchmarks", "The benchmarks"):
    from rich.console import Console
    from rich.progress import BarColumn
    from rich.progress import MofNCompleteColumn
    from rich.progress import Progress
    from rich.progress import TextColumn
    from rich.progress import TimeRemainingColumn
    from rich.table import Table


PROBLEMS = {
    "nasbench201-cifar100": "NAS-Bench-201, CIFAR-100: validation accuracy in %",
    "nasbenchgraph-arxiv": "NAS-Bench-Graph, arxiv: validation accuracy",
}
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "LaNAS": lambda seed: LaNASSampler(seed=seed),
    "TPE": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}


@dataclass(frozen=True)
class Search:
    """A finished study of a sampler on a problem, and its regret after each trial."""

    problem: Problem
    sampler: str
    study: optuna.Study
    regret: list[float]

    @property
    def trials_to_optimum(self) -> int:
        """Number of trials until the optimum, or all trials if it was missed."""
        return self.regret.index(0.0) + 1 if self.is_optimal else len(self.regret)

    @property
    def is_optimal(self) -> bool:
        """Whether the table's best architecture was found."""
        return self.regret[-1] == 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the searches and show what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=positive, default=200)
    parser.add_argument("--seeds", type=positive, default=5)
    parser.add_argument("--output", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.output.mkdir(parents=True, exist_ok=True)
    searches = _search_all(options.seeds, options.trials)
    database = _keep_studies(searches, options.output / "search.sqlite3")
    console = Console()
    for name, title in PROBLEMS.items():
        console.print(_table(title, [s for s in searches if s.problem.name == name]))
    for path in [*_draw(searches, options.output / "search"), database]:
        console.print(f"Written: {path}", soft_wrap=True)


def _search_all(n_seeds: int, n_trials: int) -> list[Search]:
    columns = (TextColumn("{task.description:>36}"), BarColumn(), MofNCompleteColumn())
    searches = []
    with Progress(*columns, TimeRemainingColumn()) as progress:
        bar = progress.add_task("", total=n_trials * n_seeds * len(PROBLEMS) * len(SAMPLERS))
        for name in PROBLEMS:
            for seed in range(n_seeds):
                for sampler in SAMPLERS:
                    progress.update(bar, description=f"{name}, {sampler}, seed {seed}")
                    step = lambda study, trial: progress.advance(bar)  # noqa: E731
                    searches.append(_search(name, sampler, seed, n_trials, step))
    return searches


def _search(
    name: str,
    sampler: str,
    seed: int,
    n_trials: int,
    callback: Callable[[optuna.Study, optuna.trial.FrozenTrial], None],
) -> Search:
    problem = catalogue.load(name, seed)

    def objective(trial: optuna.Trial) -> float:
        value = problem.objective(trial)
        trial.set_user_attr("architecture", problem.in_words(trial.params))
        return value

    study = optuna.create_study(
        study_name=f"{name}-{sampler}", direction="maximize", sampler=SAMPLERS[sampler](seed)
    )
    study.optimize(objective, n_trials=n_trials, callbacks=[callback])
    best = np.maximum.accumulate([trial.values[0] for trial in study.get_trials(deepcopy=False)])
    return Search(problem, sampler, study, [problem.normalised_regret(b) for b in best])


def _keep_studies(searches: list[Search], path: Path) -> Path:
    """Write the first LaNAS study of each problem into a new SQLite file."""
    path.unlink(missing_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    event.listen(storage.engine, "connect", _do_not_wait_for_the_disk)
    storage.engine.dispose()
    kept: dict[str, optuna.Study] = {}
    for search in searches:
        if search.sampler == "LaNAS":
            kept.setdefault(search.problem.name, search.study)
    for study in kept.values():
        optuna.create_study(
            study_name=study.study_name, direction="maximize", storage=storage
        ).add_trials(study.get_trials(deepcopy=False))
    return path


def _do_not_wait_for_the_disk(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # the file is a copy


def _table(title: str, searches: list[Search]) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in ("sampler", "found", "trials to it", "best value", "best architecture"):
        table.add_column(column, overflow="fold")
    for sampler in SAMPLERS:
        runs = [s for s in searches if s.sampler == sampler]
        best = max((s.study for s in runs), key=lambda study: study.best_value)
        table.add_row(
            sampler,
            f"{sum(s.is_optimal for s in runs)} of {len(runs)}",
            f"{fmean(s.trials_to_optimum for s in runs):.0f}",
            f"{best.best_value:.4g}",
            best.best_trial.user_attrs["architecture"].replace("; ", "\n"),
        )
    optimum, n_trials = searches[0].problem.optimum, len(searches[0].regret)
    table.caption = (
        f"found: runs that found the table's optimum, {optimum:.4g}. Trials to it: the mean over "
        f"runs; a run that missed the optimum counts as {n_trials} trials."
    )
    return table


def _draw(searches: list[Search], path: Path) -> list[Path]:
    panels = {
        title: [
            _curve(
                sampler, [s for s in searches if (s.problem.name, s.sampler) == (name, sampler)]
            )
            for sampler in SAMPLERS
        ]
        for name, title in PROBLEMS.items()
    }
    return figures.write_curves(
        panels, f"regret (1: median; the optimum is at {figures.FLOOR:g})", path
    )


def _curve(name: str, searches: list[Search]) -> figures.Curve:
    regret = np.array([s.regret for s in searches])
    low, high = summary.bootstrap_band(regret, np.random.default_rng(0))
    trial = np.arange(1.0, regret.shape[1] + 1)
    return figures.Curve(name, trial, regret.mean(axis=0), low, high)


if __name__ == "__main__":
    main()

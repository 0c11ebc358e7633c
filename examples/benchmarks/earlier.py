"""What earlier studies are worth: `python -m examples.benchmarks.earlier --task nasbench201`.

Each task searches a table after earlier searches of 100 trials by LaNAS, of other tables with the
same parameters. It prints, for each way to use them, the mean normalised regret after 1, 5, 10, 25
and 50 trials of the new study. For NAS-Bench-201 it prints the mean number of trials to the
optimum with its standard error. `--task time` prints the CPU time of a suggestion, and `--task
likeness` how alike the tables of NAS-Bench-Graph are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
import math
import time
from typing import Literal

import numpy as np
import optuna
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from scipy.stats import rankdata

from examples.benchmarks import catalogue
from examples.benchmarks.counts import positive
from examples.benchmarks.graphs import GRAPHS
from examples.benchmarks.problem import Problem
from optuna_lanas import LaNASSampler
from optuna_lanas._checks import needs


with needs("nas-bench-graph", "tables", "The benchmarks"):
    from nas_bench_graph import light_read


N_EARLIER = 100
N_ENQUEUED = 10
MAX_TRIALS = 200
SHOWN = (1, 5, 10, 25, 50)
TASKS = {
    "nasbench201": (
        ("nasbench201-cifar100", ("nasbench201-cifar10",)),
        ("nasbench201-imagenet", ("nasbench201-cifar10",)),
    ),
    **{
        family: tuple(
            (name, tuple(n for n in catalogue.FAMILIES[family] if n != name))
            for name in catalogue.FAMILIES[family]
        )
        for family in ("hpobench", "nasbenchgraph")
    },
}
Studies = list[optuna.Study]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.earlier")
    parser.add_argument("--task", choices=[*TASKS, "time", "likeness"], default="nasbench201")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--seeds", type=positive, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=positive, default=50)
    offset = "what is added to a seed for the seed of its earlier searches"
    parser.add_argument("--earlier-offset", type=int, default=10_000, help=offset)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if options.task == "time":
        _print_times()
        return
    if options.task == "likeness":
        _print_likeness()
        return
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    means: dict[str, list[list[float]]] = {way: [] for way in options.ways}
    for name, others in TASKS[options.task]:
        for way in options.ways:
            found = []
            for seed in seeds:
                earlier = [_study(other, seed + options.earlier_offset) for other in others]
                found.append(_search(name, earlier, seed, way, options.trials))
            if options.task == "nasbench201":
                counts = [len(regrets) for regrets in found]
                error = np.std(counts) / max(len(counts) - 1, 1) ** 0.5
                print(f"{name:28} {way:9} {np.mean(counts):6.1f} ({error:.1f})", flush=True)
                continue
            at = [k - 1 for k in SHOWN if k <= options.trials]
            means[way].append(np.mean(found, axis=0)[at].tolist())
            _print_row(name, way, means[way][-1])
    for way, table in means.items():
        if table:
            _print_row("mean", way, np.mean(table, axis=0).tolist())


def _print_row(name: str, way: str, regrets: list[float]) -> None:
    print(f"{name:28} {way:9} {' '.join(f'{r:.4f}' for r in regrets)}", flush=True)


def _alone(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    return _new(problem, LaNASSampler(seed=seed, space=problem.space))


def _with_earlier(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    return _new(problem, LaNASSampler(seed=seed, space=problem.space, earlier=earlier))


def _added(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    study = _alone(problem, seed, earlier)
    for each in earlier:
        study.add_trials(each.get_trials(deepcopy=False))
    return study


def _enqueued(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    """Enqueue the best trials of each study in turn."""
    study = _alone(problem, seed, earlier)
    sign = -1.0 if problem.direction == "maximize" else 1.0
    ranked = [
        sorted(e.get_trials(deepcopy=False), key=lambda t: sign * _value(t)) for e in earlier
    ]
    for trials in list(zip(*ranked, strict=True))[: -(-N_ENQUEUED // len(earlier))]:
        for trial in trials:
            study.enqueue_trial(trial.params, skip_if_exists=True)
    return study


def _shuffled(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    """Give one study whose values say nothing of its params."""
    trials = earlier[0].get_trials(deepcopy=False)
    values = np.random.default_rng(seed).permutation([_value(trial) for trial in trials])
    misleading = optuna.create_study(direction=problem.direction)
    misleading.add_trials(_with_value(t, float(v)) for t, v in zip(trials, values, strict=True))
    return _with_earlier(problem, seed, [misleading])


def _reversed(problem: Problem, seed: int, earlier: Studies) -> optuna.Study:
    """Give studies that rate the best as the worst."""
    is_maximised = problem.direction == "maximize"
    opposite: Literal["minimize", "maximize"] = "minimize" if is_maximised else "maximize"
    misleading = [optuna.create_study(direction=opposite) for _ in earlier]
    for new, old in zip(misleading, earlier, strict=True):
        new.add_trials(old.get_trials(deepcopy=False))
    return _with_earlier(problem, seed, misleading)


WAYS: dict[str, Callable[[Problem, int, Studies], optuna.Study]] = {
    "alone": _alone,
    "earlier": _with_earlier,
    "added": _added,
    "enqueued": _enqueued,
    "shuffled": _shuffled,
    "reversed": _reversed,
}


def _new(problem: Problem, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    return optuna.create_study(direction=problem.direction, sampler=sampler)


def _search(name: str, earlier: Studies, seed: int, way: str, n_trials: int) -> list[float]:
    """Return the normalised regret after each of the new trials.

    On NAS-Bench-201 a search lasts until the optimum, at most `MAX_TRIALS`.
    """
    problem, until_optimum = _problem(name), name.startswith("nasbench201")
    n_trials = MAX_TRIALS if until_optimum else n_trials
    study = WAYS[way](problem, seed, earlier)
    best = max if problem.direction == "maximize" else min
    regrets: list[float] = []
    incumbent = None
    while len(regrets) < n_trials:
        trial = study.ask()
        value = problem.objective(trial)
        study.tell(trial, value)
        incumbent = value if incumbent is None else best(incumbent, value)
        regrets.append(problem.normalised_regret(incumbent))
        if until_optimum and regrets[-1] <= 0.0:
            break
    return regrets


@cache
def _problem(name: str) -> Problem:
    return catalogue.load(name, 0)


@cache
def _study(name: str, seed: int) -> optuna.Study:
    problem = _problem(name)
    study = _alone(problem, seed, [])
    study.optimize(problem.objective, n_trials=N_EARLIER)
    return study


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None, "tables have no failures"
    return trial.value


def _with_value(trial: FrozenTrial, value: float) -> FrozenTrial:
    return create_trial(params=trial.params, distributions=trial.distributions, value=value)


def _print_times(n_studies: int = 10, n_each: int = 200, n_trials: int = 60) -> None:
    """Print the CPU time of a suggestion, alone and with earlier studies."""

    def objective(trial: optuna.Trial) -> float:
        x, rate = trial.suggest_float("x", -5, 5), trial.suggest_float("rate", 1e-5, 1, log=True)
        n, kind = trial.suggest_int("n", 1, 64), trial.suggest_categorical("kind", "abc")
        return (x - 1) ** 2 + abs(math.log10(rate) + 2) + abs(n - 20) / 20 + (kind == "b")

    earlier = []
    for seed in range(n_studies):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        study.optimize(objective, n_trials=n_each)
        earlier.append(study)
    for name, given in {"alone": None, f"{n_studies} earlier studies": earlier}.items():
        study = optuna.create_study(sampler=LaNASSampler(seed=0, earlier=given))
        study.optimize(objective, n_trials=n_trials // 3)
        start = time.process_time()
        study.optimize(objective, n_trials=n_trials)
        print(f"{name}: {1e3 * (time.process_time() - start) / n_trials:.1f} ms a suggestion")


def _print_likeness(n_best: int = 25) -> None:
    """Print the mean rank correlation of two graphs, and what all others' tables are worth."""
    tables = [light_read(graph) for graph in GRAPHS]
    known = sorted(set(tables[0]).intersection(*tables[1:]))
    scores = np.array([[float(table[key]["valid_perf"]) for key in known] for table in tables])
    ranks = rankdata(scores, axis=1)
    alike = np.corrcoef(ranks)[np.triu_indices(len(GRAPHS), 1)]
    print(f"mean rank correlation of two graphs: {alike.mean():.2f}")
    regrets = []
    for place, graph in enumerate(GRAPHS):
        best = np.argsort(-np.delete(ranks, place, axis=0).mean(axis=0))[:n_best]
        problem = _problem(f"nasbenchgraph-{graph}")
        regrets.append(problem.normalised_regret(scores[place, best].max()))
    print(f"regret of the {n_best} best by mean rank on the others: {np.mean(regrets):.3f}")


if __name__ == "__main__":
    main()

"""The studies of the golden file: what the sampler suggested, as JSON.

`python -m tests.golden.cases` writes the file anew, which a change of the search needs. A
refactoring must leave it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import json
import math
from pathlib import Path
import platform
from typing import Any

import numpy as np
import optuna
import scipy
from threadpoolctl import threadpool_info

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space


PATH = Path(__file__).parent / "suggestions.json"
Params = dict[str, Any]


def mixed(trial: optuna.Trial) -> float:
    """Every kind of distribution."""
    x = trial.suggest_float("x", -2.0, 2.0)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    width = trial.suggest_int("width", 8, 64, step=8)
    units = trial.suggest_int("units", 1, 500, log=True)
    kernel = trial.suggest_categorical("kernel", ["rbf", "poly", None])
    scale = 1.0 if kernel == "rbf" else 2.0 if kernel == "poly" else 3.0
    distance = abs(math.log10(rate) + 3) + abs(width - 40) / 64 + units / 1000
    return scale * (x - 0.3) ** 2 + distance


def conditional(trial: optuna.Trial) -> float:
    """A model whose parameters depend on its kind."""
    model = trial.suggest_categorical("model", ["svm", "forest"])
    if model == "svm":
        c = trial.suggest_float("c", 1e-3, 1e3, log=True)
        return 0.2 + abs(math.log10(c) - 1.0)
    depth = trial.suggest_int("depth", 1, 12)
    share = trial.suggest_float("share", 0.1, 1.0)
    return abs(depth - 7) / 12 + (share - 0.6) ** 2


def cell(trial: optuna.Trial) -> float:
    """An architecture scored by counts of its operations."""
    text = NASBench201Space().suggest(trial)
    return text.count("3x3") - 0.7 * text.count("none") + 0.2 * text.count("1x1")


def isomorphic_cell(trial: optuna.Trial) -> float:
    """A cell of NAS-Bench-101 scored by its own key."""
    found = NASBench101Space().suggest(trial)
    return len(found.ops) + 0.1 * found.ops.count("conv3x3-bn-relu")


def two(trial: optuna.Trial) -> tuple[float, float]:
    x = trial.suggest_float("x", 0.0, 3.0)
    k = trial.suggest_int("k", 0, 5)
    return x**2 + k, (x - 2.0) ** 2 + (k - 3) ** 2


def constrained(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5.0, 5.0)
    y = trial.suggest_float("y", -5.0, 5.0)
    trial.set_user_attr("violation", 1.0 - x - y)
    return x**2 + y**2


def pruned(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5.0, 5.0)
    k = trial.suggest_categorical("k", [0, 1, 2])
    for step in range(4):
        trial.report(x**2 + k + 1.0 / (step + 1), step)
        if step > 1 and (trial.number % 3 == 0 or abs(x) > 4.0):
            raise optuna.TrialPruned
    if trial.number % 11 == 10:
        raise ValueError("a failure")
    return x**2 + k


def small(trial: optuna.Trial) -> float:
    a = trial.suggest_int("a", 0, 4)
    b = trial.suggest_categorical("b", ["p", "q", "r"])
    return a * (2 if b == "q" else 3)


def wide(trial: optuna.Trial) -> float:
    xs = [trial.suggest_float(f"x{i:03}", 0.0, 1.0) for i in range(120)]
    return float(np.square(np.array(xs) - 0.4).sum())


def flat(trial: optuna.Trial) -> float:
    xs = [trial.suggest_float(f"x{i}", -1.0, 1.0) for i in range(3)]
    return float(np.square(xs).sum())


def drifting(trial: optuna.Trial) -> float:
    """A range that changes, an enqueued value and a parameter of one value."""
    high = 10.0 if trial.number < 12 else 4.0
    constant = trial.suggest_int("constant", 7, 7)
    step = 1 if trial.number < 20 else 2
    return (
        (trial.suggest_float("x", 0.0, high) - 1.0) ** 2
        + trial.suggest_int("n", 0, 12, step=step)
        + constant
    )


def searched(
    objective: Callable[[optuna.Trial], float | Sequence[float]],
    sampler: optuna.samplers.BaseSampler,
    n_trials: int,
    n_kept: int,
    **options: Any,
) -> list[Params]:
    """Return the params of a search's last trials."""
    study = optuna.create_study(sampler=sampler, **options)
    if objective is drifting:
        study.enqueue_trial({"x": 1.25})
        study.enqueue_trial({"n": 4})
    study.optimize(objective, n_trials=n_trials, catch=(ValueError,))
    return [trial.params for trial in study.trials[-n_kept:]]


def asked_together(n_before: int, n_asked: int) -> list[Params]:
    """Return the params of trials that run at the same time."""
    study = optuna.create_study(sampler=LaNASSampler(seed=6))
    study.optimize(mixed, n_trials=n_before)
    trials = [study.ask() for _ in range(n_asked)]
    for trial in trials:
        mixed(trial)
    return [trial.params for trial in trials]


def long_history(n_trials: int, n_asked: int) -> list[Params]:
    """Return suggestions after a history that another sampler made."""
    rng = np.random.default_rng(0)
    study = optuna.create_study(sampler=LaNASSampler(seed=7))
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        f"x{i}": optuna.distributions.FloatDistribution(-1.0, 1.0) for i in range(3)
    }
    for _ in range(n_trials):
        xs = rng.uniform(-1.0, 1.0, 3).tolist()
        params = dict(zip(distributions, xs, strict=True))
        trial = optuna.trial.create_trial(
            params=params, distributions=distributions, value=float(np.square(xs).sum())
        )
        study.add_trial(trial)
    study.optimize(flat, n_trials=n_asked)
    return [trial.params for trial in study.trials[-n_asked:]]


def partially_fixed() -> list[Params]:
    """Return params of a search in which another sampler fixes a parameter."""
    sampler = optuna.samplers.PartialFixedSampler({"x": 0.5}, LaNASSampler(seed=8))
    return searched(mixed, sampler, 24, 8)


def violation(trial: optuna.trial.FrozenTrial) -> list[float]:
    return [trial.user_attrs["violation"]]


def suggestions() -> Iterator[tuple[str, list[Params]]]:
    """Yield each case's name and params."""
    yield "default", searched(mixed, LaNASSampler(seed=0), 60, 20)
    yield "no start-up", searched(mixed, LaNASSampler(seed=0, n_startup_trials=0), 8, 8)
    paper = LaNASSampler.paper(seed=1, n_select=8, n_startup_trials=10)
    yield "paper", searched(mixed, paper, 40, 15)
    ranks = LaNASSampler.paper(seed=1, n_select=8, use_ranks=True, height=3)
    yield "paper, maximised", searched(flat, ranks, 30, 10, direction="maximize")
    yield "conditional", searched(conditional, LaNASSampler(seed=2), 60, 20)
    space = NASBench201Space()
    yield "cells", searched(cell, LaNASSampler(seed=3, space=space), 40, 15, direction="maximize")
    graphs = LaNASSampler(seed=3, space=NASBench101Space())
    yield "graphs", searched(isomorphic_cell, graphs, 24, 8, direction="maximize")
    yield (
        "paper, cells",
        searched(cell, LaNASSampler.paper(seed=3, n_select=10, space=space), 30, 8),
    )
    both = {"directions": ["minimize", "maximize"]}
    yield "two objectives", searched(two, LaNASSampler(seed=4), 40, 15, **both)
    limited = LaNASSampler(seed=5, constraints_func=violation)
    yield "constraints", searched(constrained, limited, 40, 15)
    yield "pruned", searched(pruned, LaNASSampler(seed=5), 45, 15)
    with_failed = LaNASSampler(seed=5, consider_failed_trials=True)
    yield "failed", searched(pruned, with_failed, 30, 6)
    yield "pending", asked_together(20, 12)
    yield "small", searched(small, LaNASSampler(seed=5), 18, 8)
    repeats = LaNASSampler(seed=5, avoid_duplicates=False)
    yield "repeats", searched(small, repeats, 40, 8)
    yield "wide", searched(wide, LaNASSampler(seed=6), 14, 2)
    yield "long", long_history(600, 5)
    yield "drifting", searched(drifting, LaNASSampler(seed=9), 40, 12)
    yield "partially fixed", partially_fixed()
    yield (
        "plateau",
        searched(lambda t: -flat(t) * (t.number == 12), LaNASSampler(seed=1), 70, 20),
    )


def environment() -> dict[str, Any]:
    """Return what suggestions may depend on: versions, processor and linear algebra."""
    libraries = sorted({str(info.get("architecture")) for info in threadpool_info()})
    return {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
        "blas": libraries,
    }


def write() -> None:
    """Write the file."""
    content = {"environment": environment(), "suggestions": dict(suggestions())}
    PATH.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    write()

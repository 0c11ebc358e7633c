"""CPU seconds that a figure takes, against the length of the study.

    python -m examples.benchmarks.figure_times --help

The studies hold random trials: six categoricals of five choices, a logarithmic float and an int,
with one and with two objectives; and cells of NAS-Bench-201. Every figure reads its study from the
start, as for a loaded study. The script fails if a figure exceeds its limit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
import time
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import create_trial

from examples.benchmarks.counts import positive
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.transform import make_transform
from optuna_lanas.explanation import explain
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_architecture
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map


Params = dict[str, Any]

MIXED: dict[str, BaseDistribution] = {
    **{f"op_{i}": CategoricalDistribution(list("abcde")) for i in range(6)},
    "rate": FloatDistribution(1e-5, 1, log=True),
    "width": IntDistribution(1, 64),
}
LIMITS = {1_000: 2.0, 20_000: 5.0}  # CPU seconds by number of trials
PLOTS: list[Callable[..., Any]] = [
    plot_partition,
    plot_leaf_values,
    plot_parameters,
    plot_leaf_share,
    plot_trial_map,
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, the slowest last; exit with 1 if a figure exceeds its limit."""
    parser = argparse.ArgumentParser(prog="python -m examples.benchmarks.figure_times")
    parser.add_argument("--trials", nargs="+", type=positive, default=list(LIMITS))
    options = parser.parse_args(arguments)
    seconds: list[tuple[float, int, str]] = []
    for n_trials in options.trials:
        for name, study, space in studies(n_trials):
            seconds += [(s, n_trials, f"{name}: {what}") for what, s in times(study, space)]
    for taken, n_trials, what in sorted(seconds):
        print(f"{taken:6.2f} s  {n_trials:6} trials  {what}")
    if any(taken > LIMITS.get(n_trials, np.inf) for taken, n_trials, _ in seconds):
        raise SystemExit("A figure exceeds its limit.")


def studies(n_trials: int) -> Iterator[tuple[str, optuna.Study, Any]]:
    """Yield names, studies of random trials, and their architecture spaces."""
    space = NASBench201Space()
    cells = space_distributions(space)
    yield "mixed", _study(1, MIXED, lambda p: (mixed(p),), n_trials), None
    yield "two objectives", _study(2, MIXED, lambda p: (mixed(p), p["width"]), n_trials), None
    yield "architectures", _study(1, cells, lambda p: (convolutions(p),), n_trials), space


def times(study: optuna.Study, space: Any) -> list[tuple[str, float]]:
    """Return the CPU seconds that each figure and text takes, imports excluded."""
    calls: list[tuple[str, Callable[[], Any]]] = [
        (plot.__name__, partial(_plotted, plot, study, space)) for plot in PLOTS
    ]
    if space is not None:
        calls.append(
            ("plot_architecture", lambda: plot_architecture(study, space=space).to_json())
        )
    calls.append(("print(partition)", lambda: str(partition(study, space=space))))
    middle = len(study.get_trials(deepcopy=False)) // 2
    calls.append(("explain", lambda: str(explain(study, middle))))
    calls[0][1]()  # imports plotly
    taken = []
    for name, call in calls:
        start = time.process_time()
        call()
        taken.append((name, time.process_time() - start))
    return taken


def mixed(params: Params) -> float:
    distance = abs(float(np.log(params["rate"] / 0.01)))
    return float(convolutions(params) - distance + params["width"] / 64)


def convolutions(params: Params) -> int:
    return sum(value in ("a", "nor_conv_3x3") for value in params.values())


def _plotted(plot: Callable[..., Any], study: optuna.Study, space: Any) -> str:
    return str(plot(partition(study, space=space)).to_json())


def _study(
    n_objectives: int,
    distributions: Mapping[str, BaseDistribution],
    objectives: Callable[[Params], Sequence[float]],
    n_trials: int,
) -> optuna.Study:
    study = optuna.create_study(directions=[StudyDirection.MAXIMIZE] * n_objectives)
    encoding = make_transform({name: [d] for name, d in distributions.items()})
    points = encoding.domain.sample(n_trials, np.random.default_rng(0))
    drawn = [encoding.to_params(point) for point in points]
    known = dict(distributions)
    study.add_trials(
        create_trial(params=params, distributions=known, values=list(objectives(params)))
        for params in drawn
    )
    return study


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()

"""What each part of the default sampler gives: it runs with one part left out at a time.

    python -m examples.benchmarks.ablation --seeds 10 --trials 200

A part without a public option is left out by a patch here. Runs that are already in the output
folder are skipped; the table is printed at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextlib import nullcontext
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from examples.benchmarks import report
from examples.benchmarks import results
from examples.benchmarks.run import make_parser
from examples.benchmarks.run import run_all
from examples.benchmarks.run import runs_of
from examples.benchmarks.samplers import OPTUNA
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas import LaNASSampler
from optuna_lanas._core import gp as posterior
from optuna_lanas._core import stagnation
from optuna_lanas._core import suggest as search
from optuna_lanas._core.settings import Config


TUNING = ("nasbench201", "hpobench", "functions5d")


@dataclass(frozen=True)
class Variant:
    """The default sampler without a part.

    Attributes:
        change: Takes the default settings, returns those of the variant.
        patches: Makes what is patched while it runs.
    """

    change: Callable[[Config], Config] = lambda config: config
    patches: Callable[[], AbstractContextManager[Any]] = nullcontext

    def sampler(self, seed: int) -> LaNASSampler:
        """Returns the sampler, to be used where the patches are in force."""
        sampler = LaNASSampler(seed=seed)
        config = self.change(sampler.settings.config)
        sampler.settings = replace(sampler.settings, config=config)
        return sampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what the command line asks for and prints the table."""
    name = "python -m examples.benchmarks.ablation"
    parser = make_parser(name, __doc__, "results/ablation", TUNING)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args(arguments)
    run_all(run_variant, runs_of(options, options.variants), options.output, options.jobs)
    rows = results.read(options.output)
    print(report.regret_table(rows, across="family"))
    if options.until_optimum:
        print(report.optimum_table(rows))


def run_variant(run: Run, folder: Path) -> Run:
    """Executes a run whose sampler is a variant, and writes its rows."""
    variant = VARIANTS[run.sampler]
    named = patch.dict(OPTUNA, {run.sampler: lambda problem, seed: variant.sampler(seed)})
    with named, variant.patches():
        results.write(run, execute(run), folder)
    return run


class Silent(np.random.Generator):
    """Draws like another generator, but normal numbers of 0 once it is silent."""

    is_silent = False

    def standard_normal(self, size: Any = None, *args: Any, **options: Any) -> Any:
        drawn = super().standard_normal(size, *args, **options)
        return np.zeros_like(drawn) if self.is_silent else drawn


def _leafs_region() -> AbstractContextManager[Any]:
    return patch.object(search, "draw_depth", lambda n_nodes, is_leafs, rng: n_nodes - 1)


def _never_elsewhere() -> AbstractContextManager[Any]:
    return patch.object(stagnation, "SHARE_OF_TRIALS", 0.0)


def _variance_of_samples() -> AbstractContextManager[Any]:
    return patch.object(posterior, "PRIOR_SAMPLES", 1e-9)


def _no_own_part() -> AbstractContextManager[Any]:
    draw_function: Any = posterior.draw_function

    def draw(*args: Any) -> Any:
        rng = Silent(args[-1].bit_generator)
        drawn = draw_function(*args[:-1], rng)
        rng.is_silent = True
        return drawn

    return patch.object(posterior, "draw_function", draw)


def _no_linear_part() -> AbstractContextManager[Any]:
    return patch.object(posterior.Kernel, "features", lambda self, codes: np.zeros_like(codes))


def _without_climbing(config: Config) -> Config:
    small, large = (
        replace(e, n_random=e.n_random + e.n_near + e.n_rounds * e.n_round, n_near=0, n_rounds=0)
        for e in (config.small, config.large)
    )
    return replace(config, small=small, large=large)


VARIANTS = {
    "default": Variant(),
    "no tree": Variant(lambda config: replace(config, max_depth=0)),
    "leaf's region always": Variant(patches=_leafs_region),
    "never elsewhere": Variant(patches=_never_elsewhere),
    "variance of the samples alone": Variant(patches=_variance_of_samples),
    "no linear part": Variant(patches=_no_linear_part),
    "no own part": Variant(patches=_no_own_part),
    "random candidates": Variant(_without_climbing),
    "values, not ranks": Variant(lambda config: replace(config, use_ranks=False)),
}


if __name__ == "__main__":
    main()

"""What each part of the default sampler contributes: runs with one part left out at a time.

    python -m examples.benchmarks.ablation --seeds 30 --trials 200

Any other settings run the same way, beside the default ones:

    python -m examples.benchmarks.ablation --set max_depth=0 --set exploration=0

Runs that the output folder already holds are skipped. Two tables are printed at the end: regrets,
and the differences from the default, paired by problem and seed, with standard errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from examples.benchmarks import differences
from examples.benchmarks import report
from examples.benchmarks import results
from examples.benchmarks.catalogue import load
from examples.benchmarks.overrides import override
from examples.benchmarks.run import make_parser
from examples.benchmarks.run import run_all
from examples.benchmarks.run import runs_of
from examples.benchmarks.trials import execute
from examples.benchmarks.trials import Run
from optuna_lanas import LaNASSampler
from optuna_lanas._core.settings import Settings


PROBLEMS = (
    *("nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet"),
    *("nasbenchgraph-cora", "nasbenchgraph-photo"),
    *("hpobench-vehicle", "hpobench-phoneme"),
    *("hpolib-protein_structure", "hpolib-slice_localization"),
    *("5d-rosenbrock", "5d-ackley", "5d-sumproduct"),
    *("mixed-ackley", "mixed-rosenbrock"),
    *("conditional-optimizer", "conditional-layers"),
)
DIFFERENCES_AT = (25, 50, 100, 200)
DEFAULT = LaNASSampler().settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for and print the table."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        variants = _variants(options)
    except ValueError as error:
        parser.error(str(error))
    run_one = partial(run_variant, variants=variants, with_space=options.with_space)
    run_all(run_one, runs_of(options, list(variants)), options.output, options.jobs)
    rows = results.read(options.output)
    print(report.regret_table(rows, across="family"))
    others = [name for name, settings in variants.items() if settings != DEFAULT]
    at = [trial for trial in DIFFERENCES_AT if trial <= options.trials]
    for default in variants.keys() - set(others):
        print(differences.table(rows, default, others, at))
    if options.until_optimum:
        print(report.optimum_table(rows))


def run_variant(
    run: Run, folder: Path, variants: Mapping[str, Settings], with_space: bool = False
) -> Run:
    """Execute a run and write its rows.

    Args:
        run: The run, whose sampler is the name of a variant.
        folder: The output folder.
        variants: The settings by name.
        with_space: Whether the sampler gets the problem's architecture space.
    """
    space = load(run.problem, run.seed).space if with_space else None
    sampler = LaNASSampler.from_settings(variants[run.sampler], seed=run.seed, space=space)
    results.write(run, execute(run, sampler), folder)
    return run


def _parser() -> argparse.ArgumentParser:
    name = "python -m examples.benchmarks.ablation"
    parser = make_parser(name, __doc__, "results/ablation", problems=PROBLEMS)
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=list(VARIANTS),
        help="all of them, or with --set the default alone",
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a setting of one more variant; may be repeated",
    )
    parser.add_argument(
        "--with-space", action="store_true", help="give samplers the problem's architecture space"
    )
    return parser


def _variants(options: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings that the options ask for, by name."""
    names = options.variants or (["default"] if options.set else list(VARIANTS))
    variants = {name: VARIANTS[name] for name in names}
    if options.set:
        variants[",".join(options.set)] = override(DEFAULT, options.set)
    if options.with_space:
        variants = {f"{name}-space": settings for name, settings in variants.items()}
    return variants


NO_FINE = replace(DEFAULT, prior_fine=1e-9, fine_variance=1e-6)
VARIANTS = {
    "default": DEFAULT,
    "no tree": replace(DEFAULT, max_depth=0),
    "leaf's region always": replace(DEFAULT, draws_depth=False),
    "no restarts": replace(DEFAULT, n_stalled=0),
    "no additive part": replace(NO_FINE, prior_linear=1e-9),
    "no fine additive part": NO_FINE,
    "no warping": replace(DEFAULT, min_power=1.0, max_power=1.0),
    "no prior of the nugget": replace(DEFAULT, nugget_variance=1e6),
    "no prior of the output scale": replace(DEFAULT, outputscale_observations=0.0),
    "no mutations of trials": replace(
        DEFAULT, n_random=DEFAULT.n_random + DEFAULT.n_near, n_near=0
    ),
    "random candidates": replace(
        DEFAULT,
        n_random=DEFAULT.n_random + DEFAULT.n_near + DEFAULT.n_rounds * DEFAULT.n_round,
        n_near=0,
        n_rounds=0,
    ),
    "values, not ranks": replace(DEFAULT, use_ranks=False),
}


if __name__ == "__main__":
    main()

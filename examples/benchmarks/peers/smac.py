"""SMAC3 (Lindauer et al., 2022) through its package, `pip install smac`: ask and tell."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from examples.benchmarks.peers.peer import Sample
from examples.benchmarks.peers.peer import Task
from examples.benchmarks.problem import Params


N_STARTUP = 20
N_TRIALS = 100_000  # SMAC's budget, never reached


@dataclass
class SMAC:
    """SMAC3's facade for hyperparameters: a random forest, log expected improvement, Sobol start.

    Choices and steps are given by their index, so any value of Optuna is possible.
    """

    task: Task
    asked: Any = None
    folder: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def __call__(self, history: list[Sample], rng: np.random.Generator) -> Params:
        from smac.runhistory.dataclasses import TrialValue

        self.rng = rng
        if history:
            self.facade.tell(self.asked, TrialValue(cost=-history[-1].value))
        while True:
            self.asked = self.facade.ask()
            params = {
                name: _value(distribution, self.asked.config[name])
                for name, distribution in self.task.distributions.items()
            }
            if self.task.key(params) is not None:
                return params
            worst = max((-sample.value for sample in history), default=0.0)
            self.facade.tell(self.asked, TrialValue(cost=worst))

    @cached_property
    def facade(self) -> Any:
        """SMAC's own object, made at the first call, when the seed is known."""
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade
        from smac import Scenario

        seed = int(self.rng.integers(2**31))
        space = ConfigurationSpace(seed=seed)
        space.add([_hyperparameter(name, d) for name, d in self.task.distributions.items()])
        scenario = Scenario(
            space, output_directory=Path(self.folder.name), deterministic=True,
            n_trials=N_TRIALS, seed=seed,
        )  # fmt: skip
        kind = HyperparameterOptimizationFacade
        design = kind.get_initial_design(scenario, n_configs=N_STARTUP)
        return kind(
            scenario, lambda config, seed=0: 0.0, initial_design=design, logging_level=False
        )


def _hyperparameter(name: str, distribution: BaseDistribution) -> Any:
    from ConfigSpace import CategoricalHyperparameter
    from ConfigSpace import UniformFloatHyperparameter
    from ConfigSpace import UniformIntegerHyperparameter

    if isinstance(distribution, CategoricalDistribution):
        return CategoricalHyperparameter(name, list(range(len(distribution.choices))))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if isinstance(distribution, IntDistribution) and distribution.log:
        return UniformIntegerHyperparameter(name, low, high, log=True)
    if step is None:
        return UniformFloatHyperparameter(name, low, high, log=distribution.log)
    return UniformIntegerHyperparameter(name, 0, round((high - low) / step))


def _value(distribution: BaseDistribution, given: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(given)]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    kind = int if isinstance(distribution, IntDistribution) else float
    if distribution.step is None or distribution.log:
        return kind(given)
    return kind(distribution.low + given * distribution.step)

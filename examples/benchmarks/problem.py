"""A problem of the suite: an Optuna objective whose optimum is known."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from typing import Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.trial import BaseTrial


Params = dict[str, Any]


def key_of_params(params: Params) -> Hashable:
    """Return the key of a configuration in a space without isomorphs."""
    return tuple(sorted(params.items()))


@dataclass(frozen=True)
class Problem:
    """A define-by-run objective and what is known of it.

    Attributes:
        name: Unique in the catalogue, such as `nasbench201-cifar10`.
        family: Results are averaged over a family.
        direction: `minimize` or `maximize`.
        objective: From a trial to its value; raises `TrialPruned` if the trial is invalid.
        optimum: The best value of all configurations.
        median: The median of the table's values, or of the values of 10,000 random points.
        key: From params to a hashable, equal for isomorphs, None for an invalid architecture.
        in_words: From params to a description of the architecture.
        look_up: From a key to its value, if that is faster than the objective.
        report: From params to what a run reports of its best trial; None for its value. The
            optimum and the median are those of the report.
        pruner: Makes the pruner of a study, None for no pruning.
        space: The architecture space for `LaNASSampler(space=...)`, if there is one.
    """

    name: str
    family: str
    direction: Literal["minimize", "maximize"]
    objective: Callable[[BaseTrial], float]
    optimum: float
    median: float
    key: Callable[[Params], Hashable | None] = key_of_params
    in_words: Callable[[Params], str] = str
    look_up: Callable[[Hashable], float] | None = None
    report: Callable[[Params], float] | None = None
    pruner: Callable[[], BasePruner] | None = None
    space: Any = None

    def normalised_regret(self, incumbent: float) -> float:
        """Return 0 at the optimum and 1 at the median, in either direction."""
        return (self.optimum - incumbent) / (self.optimum - self.median)

    def evaluate(self, params: Params) -> float:
        """Return the objective's value of given valid parameters, outside any study."""
        if self.look_up is not None:
            return self.look_up(self.key(params))
        return self.objective(optuna.trial.FixedTrial(params))

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the parameters that the objective asks for, by calling it once."""
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        with suppress(optuna.TrialPruned):
            self.objective(trial)
        return dict(trial.distributions)

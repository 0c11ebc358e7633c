"""What the suite optimises: an Optuna objective without noise, whose optimum is known."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from typing import Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import BaseTrial


Params = dict[str, Any]


def key_of_params(params: Params) -> Hashable:
    """Returns what tells two configurations apart where no two of them are isomorphic."""
    return tuple(sorted(params.items()))


@dataclass(frozen=True)
class Problem:
    """A define-by-run objective and what is known of it.

    Attributes:
        name: Unique in the catalogue, such as `nasbench201-cifar10`.
        family: Results are averaged over a family.
        direction: `minimize` or `maximize`.
        objective: Takes a trial, returns its value; raises `TrialPruned` on an invalid one.
        optimum: The best value there is.
        median: Of the table's values, or of the values of 10,000 random points.
        key: Equal for configurations that are the same architecture, None for an invalid one.
        in_words: Says what architecture the parameters are.
        look_up: The value of a key, where that is faster than the objective.
        space: The architecture space to hand to `LaNASSampler(space=...)`, if there is one.
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
    space: Any = None

    def normalised_regret(self, incumbent: float) -> float:
        """Returns 0 at the optimum and 1 at the median, in either direction."""
        return (self.optimum - incumbent) / (self.optimum - self.median)

    def evaluate(self, params: Params) -> float:
        """Returns the objective's value of given valid parameters, outside any study."""
        if self.look_up is not None:
            return self.look_up(self.key(params))
        return self.objective(optuna.trial.FixedTrial(params))

    def distributions(self) -> dict[str, BaseDistribution]:
        """Returns the parameters that the objective asks for, found by calling it once."""
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        with suppress(optuna.TrialPruned):
            self.objective(trial)
        return dict(trial.distributions)

"""Wrong values of every kind, and the law of the error that they cause."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import inspect
import math
import re
from typing import Any

import numpy as np
import optuna
from optuna.samplers import RandomSampler
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import StudyPartition


NAN = math.nan
FLAG: list[Any] = [1, 0, "yes", None, np.array([True])]
INT: list[Any] = [True, 2.5, 2.0, NAN, "2", None, [2], int]
INT_OR_NONE: list[Any] = [each for each in INT if each is not None]
FLOAT: list[Any] = [True, "0.5", None, 1j, NAN, -1.0, math.inf, [0.5], float]
TEXT: list[Any] = [3, None, b"text", str]
FUNCTION: list[Any] = ["accuracy", 3, [print]]
STUDY: list[Any] = ["name", 3, None, optuna.Study, RandomSampler()]
SPACE: list[Any] = [NASBench201Space, "space", 3]
SAMPLER: list[Any] = [LaNASSampler, RandomSampler(), "lanas"]
CHOICE: list[Any] = ["unknown", 3, True, ["cifar10"]]
TRIAL: list[Any] = [3, None, "trial", optuna.Trial, optuna.create_study]
RNG: list[Any] = [0, None, np.random.RandomState(0), np.random.Generator]
PARAMS: list[Any] = [3, None, "params", [("x", 1)]]
VIEW: list[Any] = [3, None, "name", StudyPartition]


@dataclass
class Case:
    """A public function, what it takes, and what it must not take.

    Attributes:
        call: The function; only its parameters count where it is made by `on`.
        wrong: By argument, values that are wrong.
        good: The other arguments.
        named: The arguments that an error calls by another name.
    """

    call: Callable[..., Any]
    wrong: dict[str, list[Any]]
    good: Callable[[], dict[str, Any]] = dict
    named: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return getattr(self.call, "__qualname__", repr(self.call))


def wrong_values(cases: Sequence[Case]) -> list[Any]:
    """A case, the name of an argument, and a wrong value of it, for each of them."""
    return [
        pytest.param(case, name, value, id=f"{case.name}-{name}-{i}")
        for case in cases
        for name, values in case.wrong.items()
        for i, value in enumerate(values)
    ]


def check_wrong_value(case: Case, name: str, value: Any) -> None:
    """A wrong value is told with its argument, rule, value and remedy."""
    arguments = {**case.good(), name: value}
    with pytest.raises((TypeError, ValueError)) as caught:
        case.call(**arguments)
    told = re.escape(case.named.get(name, name))
    message = str(caught.value)
    assert re.match(rf"`{told}(\.\w+)?` must .+(, got |, but ).+\. .+", message, re.DOTALL), (
        message
    )
    if isinstance(value, type) and isinstance(caught.value, TypeError):
        assert value.__name__ in message


def check_completeness(case: Case) -> None:
    """Every argument has wrong values."""
    assert set(inspect.signature(case.call).parameters) == set(case.wrong), case.name

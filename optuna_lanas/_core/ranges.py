"""The ranges of the settings, and the check that each setting lies in its own."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields
import math
from typing import Any

import numpy as np

from optuna_lanas._core.settings import Settings


@dataclass(frozen=True)
class Range:
    """The numbers from a least to a greatest one.

    Attributes:
        low: The least number.
        high: The greatest number.
        is_open: Whether the least number itself is outside.
    """

    low: float = 0.0
    high: float = math.inf
    is_open: bool = False

    def __contains__(self, number: float) -> bool:
        return self.low < number <= self.high or (number == self.low and not self.is_open)

    def __str__(self) -> str:
        text = f"{'greater than' if self.is_open else 'at least'} {self.low:g}"
        return text if self.high == math.inf else f"{text} and at most {self.high:g}"


AT_LEAST_1, POSITIVE, SHARE = Range(1), Range(is_open=True), Range(0.0, 1.0)
POSITIVE_SHARE = Range(0.0, 1.0, is_open=True)
RANGES = {  # of the other numbers the least one is 0
    **dict.fromkeys(("min_samples_leaf", "max_knots", "max_fit_observations"), AT_LEAST_1),
    **dict.fromkeys(("tree_growth", "model_growth", "activity_growth"), AT_LEAST_1),
    **dict.fromkeys(("n_uniform_first", "n_uniform_batch", "n_walk_starts"), AT_LEAST_1),
    **dict.fromkeys(("n_parents", "max_fit_iterations", "n_batch"), AT_LEAST_1),
    **dict.fromkeys(("n_overtaking", "n_recent", "n_path_features"), AT_LEAST_1),
    **dict.fromkeys(("n_observations", "n_fit_observations", "n_random"), AT_LEAST_1),
    **dict.fromkeys(("n_elites", "n_earlier_observations"), AT_LEAST_1),
    **dict.fromkeys(("earlier_variance", "earlier_observations"), POSITIVE),
    **dict.fromkeys(("ridge", "min_step", "lengthscale_variance", "prior_linear"), POSITIVE),
    **dict.fromkeys(
        ("linear_variance", "prior_fine", "fine_variance", "prior_nugget", "nugget_variance"),
        POSITIVE,
    ),
    "max_log_deviation": POSITIVE,
    **dict.fromkeys(("parent_share", "max_step", "start_nugget", "jitter"), POSITIVE_SHARE),
    "power_variance": POSITIVE,
    "path_share": SHARE,
    **dict.fromkeys(("min_power", "max_power"), Range(-5.0, 5.0)),
}
KINDS: dict[str, tuple[type, ...]] = {
    "int": (int, np.integer),
    "float": (int, float, np.integer, np.floating),
    "bool": (bool, np.bool_),
}
ARTICLES = {"int": "an int", "float": "a float", "bool": "a bool"}


def check_settings(settings: Any) -> None:
    """Check that settings are `Settings`, each of the right type and in its range.

    Raises:
        TypeError: If one is of the wrong type; the message names it.
        ValueError: If one is outside its range, likewise.
    """
    if not isinstance(settings, Settings):
        raise TypeError(
            f"`settings` must be a sampler's settings, got {settings!r} of "
            f"{type(settings).__name__}. Pass `dataclasses.replace(sampler.settings, ...)`."
        )
    for field in fields(settings):
        value, allowed = getattr(settings, field.name), RANGES.get(field.name, Range())
        _check_number(f"settings.{field.name}", value, str(field.type), allowed)
    for least, greatest in (("min_step", "max_step"), ("min_power", "max_power")):
        low, high = getattr(settings, least), getattr(settings, greatest)
        if low > high:
            raise ValueError(
                f"`settings.{least}` must be at most `{greatest}`, {high}, got {low}. Lower it, "
                f"or raise the other."
            )


def _check_number(name: str, value: Any, kind: str, allowed: Range) -> None:
    is_bool = isinstance(value, bool | np.bool_)
    if not isinstance(value, KINDS[kind]) or is_bool != (kind == "bool"):
        raise TypeError(_message(name, ARTICLES[kind], value))
    if kind == "bool":
        return
    number: Any = value
    if number not in allowed or (kind == "float" and math.isinf(number)):
        finite = "finite, and " if kind == "float" and allowed.high == math.inf else ""
        raise ValueError(_message(name, f"{finite}{allowed}", value))


def _message(name: str, rule: str, value: Any) -> str:
    return (
        f"`{name}` must be {rule}, got {value!r} of {type(value).__name__}. "
        f"`LaNASSampler().settings` has the defaults."
    )

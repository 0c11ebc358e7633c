"""The parts of a space: what declares a parameter, its share of an encoding, its draws."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution

from optuna_lanas._checks import wrong_type
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces._answers import typed


N_KNOTS = 5  # values of a number that an encoding tells apart
FORMS = "a list of choices, a tuple (low, high) of two numbers, or an Optuna distribution"


def make_distribution(name: str, part: Any) -> BaseDistribution:
    """Return the distribution that a part of a space stands for."""
    if isinstance(part, CategoricalDistribution):
        return _choices(name, list(part.choices))
    if isinstance(part, FloatDistribution | IntDistribution):
        return part
    if isinstance(part, list):
        return _choices(name, part)
    if isinstance(part, tuple):
        return _range(name, part)
    raise wrong_type(f"params.{name}", FORMS, part, "Pass ['conv', 'pool'] or (8, 256).")


def _choices(name: str, choices: list[Any]) -> CategoricalDistribution:
    choices = [c.item() if isinstance(c, np.generic) else c for c in choices]
    rule = "a list of at least one choice, all distinct, each a str, number, bool or None"
    known = all(c is None or isinstance(c, str | bool | int | float) for c in choices)
    if not choices or not known or any(c != c for c in choices):
        remedy = "Name other objects by strs, and look them up in the objective."
        raise wrong_value(f"params.{name}", rule, choices, remedy)
    if len(set(choices)) < len(choices):  # True equals 1, for Optuna as well
        raise wrong_value(f"params.{name}", rule, choices, "List each choice once.")
    return CategoricalDistribution(choices)


def _range(name: str, ends: tuple[Any, ...]) -> IntDistribution | FloatDistribution:
    kinds = int | float | np.integer | np.floating
    is_number = all(isinstance(e, kinds) and not isinstance(e, bool) for e in ends)
    if len(ends) != 2 or not is_number or not all(map(_is_finite, ends)):
        rule = "a tuple (low, high) of two finite numbers"
        remedy = "Pass choices as a list, and steps or a logarithmic scale as a distribution."
        raise wrong_value(f"params.{name}", rule, ends, remedy)
    low, high = (e.item() if isinstance(e, np.generic) else e for e in ends)
    if low > high:
        raise wrong_value(f"params.{name}", "low <= high", ends, "Exchange the two numbers.")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high)
    return FloatDistribution(float(low), float(high))


def suggested(trial: optuna.trial.BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    """Return the value of a parameter that a trial suggests."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    is_int = isinstance(distribution, IntDistribution)
    ask: Any = trial.suggest_int if is_int else trial.suggest_float
    low, high = distribution.low, distribution.high
    return ask(name, low, high, step=distribution.step, log=distribution.log)


def encoding_names(name: str, distribution: BaseDistribution) -> list[str]:
    """Return the names of a parameter's columns in an encoding."""
    if isinstance(distribution, CategoricalDistribution):
        return [f"{name}={choice}" for choice in distribution.choices]
    values = _from_scale(_knots(distribution), distribution).tolist()
    is_int = isinstance(distribution, IntDistribution)
    shown = [str(round(value)) if is_int else f"{value:.3g}" for value in values]
    sign = "=" if _n_values(distribution) <= N_KNOTS else "≈"
    return [name, *(f"{name}{sign}{value}" for value in shown)]


def encoded(numbers: np.ndarray, distribution: BaseDistribution) -> np.ndarray:
    """Return a parameter's columns `[n, n_names]` of encodings.

    A choice is one-hot. A number is its place on the scale of its range, and half of a soft
    one-hot code over a few knots: a linear function of both is piecewise linear in the number.

    Args:
        numbers: `[n]`, the places of choices, or numbers.
        distribution: The parameter's.
    """
    if isinstance(distribution, CategoricalDistribution):
        is_chosen = numbers[:, None] == np.arange(len(distribution.choices))
        return np.asarray(is_chosen, dtype=float)
    place, knots = _to_scale(numbers, distribution)[:, None], _knots(distribution)
    n_gaps = max(len(knots) - 1, 1)
    near = 1.0 - n_gaps * np.abs(np.clip(place, 0.0, 1.0) - knots)
    return np.hstack([place, 0.5 * np.maximum(near, 0.0)])


@dataclass(frozen=True)
class SharedChoices:
    """Choices that several parameters have, in any order.

    Attributes:
        choices: `k` choices, in the order of the first of the parameters.
        places: By column, `[k]` places of the choices among those of the parameter.
    """

    choices: tuple[Any, ...]
    places: Mapping[int, np.ndarray]

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Return `[n, k]`: how many parameters have each choice, of `[n, n_params]` places."""
        counts = np.zeros((len(numbers), len(self.choices)))
        for column, places in self.places.items():
            counts += numbers[:, [column]] == places
        return counts


def shared_choices(distributions: Sequence[BaseDistribution]) -> list[SharedChoices]:
    """Return the sets of choices that more than one of the parameters has."""
    members: dict[frozenset[Any], dict[int, tuple[Any, ...]]] = {}
    for column, distribution in enumerate(distributions):
        if isinstance(distribution, CategoricalDistribution):
            choices = distribution.choices
            members.setdefault(frozenset(choices), {})[column] = choices
    found = []
    for own in members.values():
        first, *others = own.values()
        places = {c: np.array([choices.index(x) for x in first]) for c, choices in own.items()}
        if others:
            found.append(SharedChoices(first, places))
    return found


def _knots(distribution: BaseDistribution) -> np.ndarray:
    """Places on the scale; none for a single value."""
    n = int(min(_n_values(distribution), N_KNOTS))
    return np.linspace(0.0, 1.0, n) if n > 1 else np.empty(0)


def _n_values(distribution: BaseDistribution) -> float:
    low, high, step, _ = _scale(distribution)
    if high == low:
        return 1.0
    return round((high - low) / step) + 1.0 if step else math.inf


def _to_scale(numbers: np.ndarray, distribution: BaseDistribution) -> np.ndarray:
    """Return places, 0 and 1 for the ends of a range; 0.5 in a range of a single value."""
    low, high, _, is_log = _scale(distribution)
    if high == low:
        return np.full(len(numbers), 0.5)
    if is_log:
        low, high = math.log(low), math.log(high)
        numbers = np.log(np.maximum(numbers, np.finfo(float).tiny))
    half = 0.5 * high - 0.5 * low  # the whole range may exceed every float
    return np.asarray((0.5 * numbers - 0.5 * low) / half)


def _from_scale(places: np.ndarray, distribution: BaseDistribution) -> np.ndarray:
    """Return the numbers of places."""
    low, high, _, is_log = _scale(distribution)
    if is_log:
        low, high = math.log(low), math.log(high)
    numbers = low * (1.0 - places) + high * places
    return np.asarray(np.exp(numbers) if is_log else numbers)


def _scale(distribution: BaseDistribution) -> tuple[float, float, float, bool]:
    """Low, high, step (0 for none) and whether a range is logarithmic."""
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    d = distribution
    return float(d.low), float(d.high), float(d.step or 0.0), d.log


def numbers_of(column: Any, name: str, distribution: BaseDistribution) -> np.ndarray:
    """Return `[n]`: the places of a column's values among the choices, or its numbers.

    Numbers of earlier trials may lie outside the range.

    Raises:
        ValueError: If a value is no choice, or no number.
    """
    values = typed(column).tolist()
    if isinstance(distribution, CategoricalDistribution):
        rule = f"one of {distribution.choices}"
        numbers = _places(values, distribution)
    else:
        low, high, *_ = _scale(distribution)
        rule = f"one of the numbers {low:g} .. {high:g}"
        numbers = [value if _is_finite(value) else None for value in values]
    if None in numbers:
        unknown = values[numbers.index(None)]
        raise wrong_value(name, rule, unknown, "Use the values that `Space.suggest` asks for.")
    return np.array(numbers, dtype=float)


def _places(values: list[Any], distribution: CategoricalDistribution) -> list[int | None]:
    """The places of values among the choices, None for a value that is no choice."""
    place: dict[Any, int] = {choice: i for i, choice in enumerate(distribution.choices)}
    try:
        return [place.get(value) for value in values]
    except TypeError:  # not hashable
        return [place.get(v) if isinstance(v, Hashable) else None for v in values]


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """Return a value drawn uniformly at random; a number on its own scale."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    number = float(_from_scale(rng.random(1), distribution)[0])
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None:
        number = low + step * round((number - low) / step)
    return type(low)(min(max(number, low), high))


def _is_finite(value: Any) -> bool:
    """Whether a value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    try:
        return math.isfinite(value)
    except (OverflowError, TypeError):  # an int beyond every float, a complex number
        return False

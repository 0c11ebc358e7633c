"""What the spaces of this package share: parameters with a few choices each.

Notation: *columns* hold the params of `n` architectures. They map the name of each parameter to
an array of its `n` values.
"""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import optuna

from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_methods
from optuna_lanas._checks import check_rng
from optuna_lanas._checks import check_type
from optuna_lanas._checks import shown
from optuna_lanas._checks import wrong_value


Choices = Mapping[str, tuple[Any, ...]]
MAX_WRITTEN_OUT = 10**9


class FiniteSpace(ABC):
    """A space whose parameters have a few choices each.

    A subclass works on columns. The methods here apply it to the params of a single architecture.
    """

    @property
    @abstractmethod
    def _choices(self) -> Choices:
        """The choices of each parameter, in the order in which ``suggest`` asks for them."""

    @abstractmethod
    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, dim]` encodings."""

    @abstractmethod
    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""

    def __repr__(self) -> str:
        """Return the name and the size; some combinations may be isomorphic or invalid."""
        choices = self._choices.values()
        n = prod(map(len, choices))
        size = f"{n:,}" if n < MAX_WRITTEN_OUT else f"{n:.1e}"
        return f"<{type(self).__name__}: {len(choices)} parameters, {size} combinations>"

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """The distribution of each parameter."""
        categorical = optuna.distributions.CategoricalDistribution
        return {name: categorical(choices) for name, choices in self._choices.items()}

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[dim]` encoding; NaN for an invalid architecture."""
        return np.asarray(self.encode_many(columns_of(params))[0])

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return the params of an architecture that is drawn uniformly at random."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def _positions(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, n_params]`: the position of each value among the choices of its parameter.

        Raises:
            ValueError: If a parameter is missing, or if a value is not among its choices.
        """
        choices, space = self._choices, type(self).__name__
        check_params(columns)
        missing = [name for name in choices if name not in columns]
        if missing:
            raise ValueError(
                f"`params` must hold all {len(choices)} parameters of {space}, but {missing} are "
                f"missing. Let `{space}.suggest` ask for them."
            )
        found = [_positions_in(columns[name], name, choices[name], space) for name in choices]
        lengths = {len(positions) for positions in found}
        if len(lengths) > 1:
            remedy = "Pass a value of each parameter for each architecture."
            raise wrong_value("columns", "arrays of equal length", sorted(lengths), remedy)
        return np.stack(found, axis=1)


def columns_of(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the params of a single architecture as columns of length 1."""
    check_params(params)
    return {name: np.array([value], dtype=object) for name, value in params.items()}


def check_params(params: Any) -> None:
    """Raise a TypeError unless the params of architectures are a mapping."""
    remedy = "Pass, for example, `trial.params`."
    check_type("params", params, Mapping, "a mapping from names to values", remedy)


def check_trial(trial: Any) -> None:
    """Raise a TypeError unless the argument ``trial`` suggests values."""
    methods = ("suggest_categorical", "suggest_int", "suggest_float")
    check_methods("trial", trial, methods, "a trial", "Pass the objective's own argument.")


def check_draws(n: Any, rng: Any) -> None:
    """Raise an error unless ``n`` draws can be taken from ``rng``."""
    check_int("n", n, 0, "It is the number of draws.")
    check_rng("rng", rng)


def hash_integers(integers: np.ndarray, start: np.ndarray | int = 0) -> np.ndarray:
    """Return hashes of 62 bits, `[n]`, of natural numbers, `[n, n_integers]`.

    Args:
        integers: Numbers that enter the hash from left to right.
        start: What the hash starts from, a natural number or `[n]` of them.
    """
    words = np.broadcast_to(np.asarray(start, dtype=np.uint64), len(integers)).copy()
    for column in integers.T:
        words = (words ^ (column.astype(np.uint64) + np.uint64(1))) * _MULTIPLIER
        words ^= words >> np.uint64(29)
    return np.asarray((words >> np.uint64(2)).astype(np.int64))


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio


def _positions_in(
    column: np.ndarray, name: str, choices: tuple[Any, ...], space: str
) -> np.ndarray:
    """Return `[n]`: the position of each value of a column among the choices."""
    position_of = {choice: position for position, choice in enumerate(choices)}
    values = np.asarray(column).tolist()
    try:
        positions = map(position_of.__getitem__, values)
        return np.fromiter(positions, dtype=np.int64, count=len(values))
    except (KeyError, TypeError):  # the latter for unhashable values
        known = set(map(repr, choices))
        unknown = sorted({shown(value) for value in values} - known)
        raise ValueError(
            f"`{name}` must be one of {choices}, got {', '.join(unknown)}. "
            f"Use the values that `{space}.suggest` asks for."
        ) from None

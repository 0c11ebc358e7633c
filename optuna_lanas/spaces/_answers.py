"""A user's function of an architecture: of params or of columns, its answers checked."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
import hashlib
from typing import Any
import warnings

import numpy as np

from optuna_lanas._checks import check_function
from optuna_lanas._checks import shown
from optuna_lanas._checks import wrong_value


class Answers:
    """A user's function of params or of columns, its answers checked."""

    def __init__(
        self, name: str, function: Callable[[Any], Any], check: Callable[[Any], Any]
    ) -> None:
        rule, remedy = "a function of an architecture's params", "Pass `lambda params: ...`."
        check_function(name, function, rule, remedy)
        self._name, self._function, self._check = name, function, check
        self._takes_columns = False

    def learn(self, columns: dict[str, np.ndarray]) -> None:
        """Find out what the function takes; columns only where the answers are the same."""
        at_once = each = None
        with suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # arrays where numbers are expected
            at_once = self._at_once(columns)
        try:
            each = self._each(columns)
        except ValueError:
            if at_once is None:
                raise
        self._takes_columns = at_once is not None and (each is None or each == at_once)

    def of(self, columns: dict[str, np.ndarray]) -> list[Any]:
        """Return `n` answers."""
        return (self._at_once if self._takes_columns else self._each)(columns)

    def _each(self, columns: dict[str, np.ndarray]) -> list[Any]:
        return [self._checked(self._asked(params), params) for params in params_of(columns)]

    def _at_once(self, columns: dict[str, np.ndarray]) -> list[Any]:
        n, answer = length(columns), self._asked(dict(columns))
        answers = answer.tolist() if isinstance(answer, np.ndarray) else answer
        is_list = isinstance(answers, list) and not any(isinstance(a, np.ndarray) for a in answers)
        if not is_list or len(answers) != n:
            rule = f"return an answer for each of {n} architectures"
            raise wrong_value(self._name, rule, answer, "Return an array.")
        if isinstance(answer, np.ndarray) and answer.ndim > 1:
            answers = [_as_tuple(each) for each in answers]
        return [self._checked(each, columns) for each in answers]

    def _asked(self, params: dict[str, Any]) -> Any:
        try:
            return self._function(params)
        except Exception as error:
            raise ValueError(
                f"`{self._name}` must answer for all params of the space, but it failed for "
                f"{shown(params)}: {shown(error)}. It is called with a dict of these names."
            ) from error

    def _checked(self, answer: Any, params: dict[str, Any]) -> Any:
        try:
            return self._check(answer)
        except _WrongAnswer as wrong:
            rule, remedy = wrong.args
            got = f"{shown(answer)} for {shown(params)}"
            raise ValueError(f"`{self._name}` must return {rule}, got {got}. {remedy}") from None


class _WrongAnswer(Exception):
    """An answer of a user's function breaks a rule; holds rule and remedy."""


def as_bool(answer: Any) -> bool:
    """Return an answer that is True or False."""
    if isinstance(answer, np.ndarray) and answer.shape == ():
        answer = answer[()]
    if not isinstance(answer, bool | np.bool_):
        raise _WrongAnswer("True or False", "Compare, or call bool().")
    return bool(answer)


def as_key(answer: Any) -> Hashable | None:
    """Return an answer that is a hashable; an array as a tuple."""
    key = _as_tuple(answer.tolist()) if isinstance(answer, np.ndarray) else answer
    try:
        hash(key)
        is_key = bool(key == key)  # unlike NaN
    except Exception:
        is_key = False
    if not is_key:
        raise _WrongAnswer("a hashable, or None for an invalid architecture", "Return a tuple.")
    found: Hashable | None = key
    return found


def _as_tuple(nested: Any) -> Any:
    return tuple(map(_as_tuple, nested)) if isinstance(nested, list) else nested


def hash_key(key: Hashable) -> int:
    """Return a hash of 62 bits, the same for equal keys and in every process."""
    text = _text(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 2


def _text(key: Hashable) -> str:
    """Return a text that is the same for equal keys, and else another one."""
    if isinstance(key, str):
        return f"{len(key)}:{key}"
    if isinstance(key, tuple):
        return f"({','.join(map(_text, key))})"
    if isinstance(key, frozenset):
        return f"{{{','.join(sorted(map(_text, key)))}}}"
    if isinstance(key, int | np.integer | np.bool_):
        return hex(int(key))
    if isinstance(key, float | np.floating):
        return hex(int(key)) if float(key).is_integer() else repr(float(key))
    return f"<{hash(key)}>"


def typed(column: Any) -> np.ndarray:
    """Return `[n]` values, read-only: ints, floats or bools where all are, else objects."""
    values = column.tolist() if isinstance(column, np.ndarray) else list(column)
    kinds = set(map(type, values))
    for kind in (bool, int, float):
        if kinds == {kind}:
            with suppress(OverflowError):
                return _frozen(np.array(values, dtype=kind))
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return _frozen(objects)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def params_of(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """The params of each architecture, as Python's own values."""
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, values, strict=True))


def length(columns: Mapping[str, np.ndarray]) -> int:
    """Return the number of architectures."""
    return len(next(iter(columns.values())))

"""Checks of what users pass: an error names the argument, the rule, the value and the remedy."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import fields
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna


MAX_SHOWN = 200


def wrong_type(name: str, rule: str, value: object, remedy: str) -> TypeError:
    """Return the error of a value of the wrong type."""
    if isinstance(value, type):
        got, remedy = f"the class {value.__name__}", f"Pass an object: {value.__name__}(...)."
    else:
        got = f"{shown(value)} of {type(value).__name__}"
    return TypeError(f"`{name}` must be {rule}, got {got}. {remedy}")


def wrong_value(name: str, rule: str, value: object, remedy: str) -> ValueError:
    """Return the error of a value that is not allowed."""
    return ValueError(f"`{name}` must be {rule}, got {shown(value)}. {remedy}")


def shown(value: object) -> str:
    """Return a value's repr, shortened; its type's name where it has none."""
    try:
        text = repr(value)
    except Exception:  # a user's own class may raise anything
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} ..."


def check_type(
    name: str, value: object, kinds: type | tuple[type, ...], rule: str, remedy: str
) -> None:
    """Raise a TypeError unless the value is an object of one of some classes."""
    if not isinstance(value, kinds):
        raise wrong_type(name, rule, value, remedy)


def check_function(name: str, value: object, rule: str, remedy: str) -> None:
    """Raise a TypeError unless the value is a function or another object that can be called."""
    if not callable(value):
        raise wrong_type(name, rule, value, remedy)


def check_methods(
    name: str, value: object, methods: Sequence[str], rule: str, remedy: str
) -> None:
    """Raise a TypeError unless the value is an object, no class, that has some methods."""
    has_all = all(callable(getattr(value, method, None)) for method in methods)
    if isinstance(value, type) or not has_all:
        raise wrong_type(name, rule, value, remedy)


def check_flag(name: str, value: object) -> None:
    """Raise a TypeError unless the value is a bool."""
    check_type(name, value, (bool, np.bool_), "a bool", "Pass True or False.")


def check_int(
    name: str, value: Any, least: int | None, remedy: str, most: int | None = None
) -> None:
    """Raise an error unless the value is an int within bounds.

    Args:
        name: The argument's name.
        value: Its value; a bool is no int here.
        least: The least value; None for no bound.
        remedy: What to pass instead.
        most: The greatest value; None for no bound.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise wrong_type(name, "an int", value, remedy)
    if least is not None and most is not None and not least <= value <= most:
        raise wrong_value(name, f"in {least} .. {most}", value, remedy)
    if least is not None and value < least:
        raise wrong_value(name, f"at least {least}", value, remedy)


def check_float(
    name: str, value: Any, rule: str, is_allowed: Callable[[float], bool], remedy: str
) -> None:
    """Raise a TypeError unless the value is a number, a ValueError unless it is allowed."""
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if isinstance(value, bool) or not is_number:
        raise wrong_type(name, "a float", value, remedy)
    if not is_allowed(value):  # NaN never is
        raise wrong_value(name, rule, value, remedy)


def check_text(name: str, value: object, remedy: str) -> None:
    """Raise a TypeError unless the value is a str."""
    check_type(name, value, str, "a str", remedy)


def check_choice(name: str, value: Any, choices: Collection[object]) -> None:
    """Raise a ValueError unless the value is among the choices: True is not 1, nor is 1.0."""
    if isinstance(value, np.integer):
        value = int(value)
    if not any(type(c) is type(value) and c == value for c in choices):
        allowed = ", ".join(map(repr, choices))
        raise ValueError(
            f"`{name}` must be one of ({allowed}), got {shown(value)}. Pass one of these."
        )


def check_names(name: str, value: Any, choices: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple; raise an error unless they are distinct choices, at least one."""
    rule = f"among {tuple(choices)}, at least one"
    remedy = "Leave it out for the default."
    if isinstance(value, str) or not isinstance(value, Collection):
        raise wrong_type(name, rule, value, remedy)
    names = tuple(value)
    if not names or any(each not in choices for each in names):
        raise wrong_value(name, rule, value, remedy)
    if len(set(names)) < len(names):
        raise wrong_value(name, "distinct", value, remedy)
    return names


def check_sequence(name: str, value: Any) -> Sequence[Any]:
    """Return a list or tuple as it is, or raise a TypeError."""
    check_type(name, value, (list, tuple), "a list or a tuple", "Pass a list.")
    found: Sequence[Any] = value
    return found


def check_path(name: str, value: object) -> Path:
    """Return a str or path as a path, or raise a TypeError."""
    check_type(name, value, (str, Path), "a path", "Pass a str or a pathlib.Path.")
    return Path(str(value))


def check_rng(name: str, value: object) -> None:
    """Raise a TypeError unless the value is one of NumPy's random generators."""
    remedy = "Pass np.random.default_rng(0)."
    check_type(name, value, np.random.Generator, "a numpy.random.Generator", remedy)


def check_study(value: object) -> None:
    """Raise a TypeError unless the argument ``study`` is one."""
    remedy = "Load a stored study with `optuna.load_study`."
    check_type("study", value, optuna.Study, "an optuna.Study", remedy)


def check_fields(settings: Any) -> None:
    """Raise a TypeError unless the bools, ints, floats and strs of a dataclass are of their types.

    A field counts as what its annotation says; fields of other types are not checked.
    """
    for field in fields(settings):
        name, value, remedy = field.name, getattr(settings, field.name), "Leave it out for {!r}."
        remedy = remedy.format(field.default)
        if field.type == "bool":
            check_type(name, value, (bool, np.bool_), "a bool", remedy)
        elif field.type == "int":
            check_int(name, value, None, remedy)
        elif field.type == "float":
            check_float(name, value, "a number", lambda number: not math.isnan(number), remedy)
        elif field.type == "str":
            check_text(name, value, remedy)


def trial_of(study: optuna.Study, number: Any, remedy: str) -> optuna.trial.FrozenTrial:
    """Return the trial of a number, the argument ``trial_number``.

    Raises:
        TypeError: If the number is no int.
        ValueError: If the study has no such trial.
    """
    check_int("trial_number", number, None, remedy)
    trials = study.get_trials(deepcopy=False)
    found = find_trial(trials, number)
    if found is None:
        rule = f"the number of one of the study's {len(trials)} trials, counted from 0"
        raise wrong_value("trial_number", rule, number, remedy)
    return found


def find_trial(
    trials: Sequence[optuna.trial.FrozenTrial], number: int
) -> optuna.trial.FrozenTrial | None:
    """Return the trial of a number, None if it is not among the trials of a study."""
    place = bisect_left(trials, number, key=lambda trial: trial.number)
    return trials[place] if place < len(trials) and trials[place].number == number else None


@contextmanager
def needs(package: str, extra: str, purpose: str) -> Iterator[None]:
    """Turn an ImportError of the context into one that says what to install.

    Args:
        package: Its name on PyPI.
        extra: The extra of this package that installs it.
        purpose: What needs it, the subject of a sentence.
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{purpose} need {package}, which is not installed ({error}). "
            f"Run `pip install 'optuna_lanas[{extra}]'`.",
            name=error.name,
        ) from error

"""Settings of the search by name, as a command line gives them: `max_depth=0`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import Any
from typing import get_type_hints

from optuna_lanas._core.settings import Settings


BOOLS = {"true": True, "false": False}
KINDS = {bool: "true or false", int: "an int", float: "a float"}


def override(settings: Settings, assignments: Iterable[str]) -> Settings:
    """Return settings with some of them replaced.

    Args:
        settings: The settings.
        assignments: Such as ``["max_depth=0", "n_rounds=1"]``.

    Raises:
        ValueError: If there is no setting of a name, or a value is not of its type.
    """
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ValueError(f"`--set` must be NAME=VALUE, got {assignment!r}.")
        value = _parsed(name, text)
        settings = replace(settings, **{name: value})
    return settings


@cache
def kinds() -> dict[str, type]:
    """Return the type of each setting by its name."""
    hints = get_type_hints(Settings)
    return {field.name: hints[field.name] for field in fields(Settings)}


def _parsed(name: str, text: str) -> Any:
    kind = kinds().get(name)
    if kind is None:
        close = get_close_matches(name, kinds(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"`--set` must name a setting, got {name!r}.{hint} The settings are: "
            f"{', '.join(kinds())}."
        )
    try:
        return BOOLS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ValueError(f"`--set {name}` must be {KINDS[kind]}, got {text!r}.") from None

"""Checks of arguments that all tables share."""

from __future__ import annotations

from collections.abc import Collection


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Raise a ValueError that names the argument unless its value is among the choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {tuple(choices)}, got {value!r}.")

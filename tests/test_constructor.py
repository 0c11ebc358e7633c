"""Bad arguments are told by name, rule, value and remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from optuna_lanas import LaNASSampler


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_startup_trials": -1}, r"`n_startup_trials` must be at least 0, got -1\. .+"),
        ({"max_depth": -2}, r"`max_depth` must be at least 0, got -2\. .+"),
        ({"min_samples_leaf": 0}, r"`min_samples_leaf` must be at least 1, got 0\. .+"),
        ({"exploration": -0.1}, r"`exploration` must be at least 0 and finite, got -0\.1\. .+"),
        ({"exploration": float("inf")}, r"`exploration` must be .+ finite, got inf\. .+"),
        ({"exploration": float("nan")}, r"`exploration` must be .+ finite, got nan\. .+"),
        ({"seed": -1}, r"`seed` must be at least 0, got -1\. .+"),
    ],
)
def test_a_value_outside_its_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LaNASSampler(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_startup_trials": 1.5}, r"`n_startup_trials` must be an int, got 1\.5 of float"),
        ({"max_depth": True}, r"`max_depth` must be an int, got True of bool"),
        ({"min_samples_leaf": "5"}, r"`min_samples_leaf` must be an int, got '5' of str"),
        ({"exploration": "big"}, r"`exploration` must be a float, got 'big' of str"),
        ({"exploration": None}, r"`exploration` must be a float, got None of NoneType"),
        ({"seed": 0.5}, r"`seed` must be an int, got 0\.5 of float"),
        ({"space": 3}, r"`space` must have the methods .+ but int has no `suggest`"),
    ],
)
def test_a_value_of_the_wrong_type(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        LaNASSampler(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 0}, r"`height` must be at least 1, got 0\. .+"),
        ({"n_select": 0}, r"`n_select` must be at least 1, got 0\. .+"),
        ({"ridge": 0.0}, r"`ridge` must be greater than 0 .+, got 0\.0\. .+"),
        ({"ridge": float("nan")}, r"`ridge` must be greater than 0 .+, got nan\. .+"),
    ],
)
def test_the_paper_checks_its_own(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LaNASSampler.paper(**arguments)


@pytest.mark.parametrize("make", [LaNASSampler, LaNASSampler.paper])
def test_arguments_are_given_by_name(make: Callable[..., LaNASSampler]) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        make(0)

"""Every setting has a range, and the check names the setting that is outside."""

from __future__ import annotations

from dataclasses import fields
from dataclasses import replace
import math
from typing import Any

import numpy as np
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.ranges import check_settings
from optuna_lanas._core.ranges import RANGES
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings


NUMBERS = [f for f in fields(Settings) if f.type in ("int", "float")]


def changed(name: str, value: Any) -> Settings:
    return replace(DEFAULT, **{name: value})


@pytest.mark.parametrize("settings", [DEFAULT, PUBLISHED])
def test_the_two_searches_are_within_their_ranges(settings: Settings) -> None:
    check_settings(settings)
    assert LaNASSampler.from_settings(settings).settings == settings


def test_ranges_are_of_settings() -> None:
    assert set(RANGES) <= {field.name for field in fields(Settings)}


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
@pytest.mark.parametrize("value", [None, "1", [1], True, 1j, np.array([1.0, 2.0]), math.nan])
def test_what_is_no_number_is_an_error_that_names_the_setting(field: Any, value: Any) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=rf"`settings\.{field.name}` must be .*, got"
    ):
        LaNASSampler.from_settings(changed(field.name, value))


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_a_number_outside_its_range_is_an_error_that_names_the_setting(field: Any) -> None:
    outside = [-1, -(10**400)] if field.type == "int" else [-6.0, -math.inf, math.inf]
    for value in outside:
        with pytest.raises(ValueError, match=rf"`settings\.{field.name}` must be .*, got"):
            LaNASSampler.from_settings(changed(field.name, value))


@pytest.mark.parametrize("name", [f.name for f in fields(Settings) if f.type == "bool"])
@pytest.mark.parametrize("value", [0, None, "yes"])
def test_a_switch_must_be_a_bool(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"`settings\.{name}` must be a bool, got"):
        LaNASSampler.from_settings(changed(name, value))


@pytest.mark.parametrize("settings", [None, {}, Settings])
def test_settings_must_be_settings(settings: Any) -> None:
    with pytest.raises(TypeError, match=r"`settings` must be .* got"):
        LaNASSampler.from_settings(settings)


def test_steps_must_be_in_order() -> None:
    with pytest.raises(ValueError, match=r"`settings\.min_step` must be at most `max_step`"):
        LaNASSampler.from_settings(replace(DEFAULT, min_step=0.4, max_step=0.3))


def test_numbers_of_numpy_are_numbers() -> None:
    numbers: dict[str, Any] = {"max_depth": np.int64(3), "ridge": np.float32(0.5)}
    settings = replace(DEFAULT, exploration=1, **numbers)
    assert LaNASSampler.from_settings(settings).settings.max_depth == 3

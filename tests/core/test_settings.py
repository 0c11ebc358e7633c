"""All numbers of the search: documented, frozen, and the paper's where it is the paper's."""

from __future__ import annotations

from dataclasses import fields
from dataclasses import FrozenInstanceError
from dataclasses import replace
import inspect
import re

import pytest

from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings


def test_every_number_is_documented() -> None:
    doc = (inspect.getdoc(Settings) or "").split("Attributes:")[1]
    documented = re.findall(r"^    (\w+): \S", doc, flags=re.MULTILINE)
    assert documented == [field.name for field in fields(Settings)]


def test_the_published_numbers_are_the_papers() -> None:
    """Wang et al., arXiv 1906.06832, section 3: trees of height 5, learned every 100 samples."""
    changed = {
        field.name: getattr(PUBLISHED, field.name)
        for field in fields(Settings)
        if getattr(PUBLISHED, field.name) != getattr(DEFAULT, field.name)
    }
    assert changed == {
        "n_startup_trials": 100,
        "exploration": 0.5,
        "max_depth": 4,
        "min_samples_leaf": 1,
        "ridge": 1e-6,
        "use_ranks": False,
        "n_select": 100,
        "n_first": 100,
        "is_uniform": True,
        "n_stalled": 0,
    }
    assert 2 ** (PUBLISHED.max_depth + 1) - 1 == 31


def test_settings_are_frozen_and_compared_by_value() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT.max_depth = 3  # type: ignore[misc]
    assert replace(DEFAULT, max_depth=3) != DEFAULT
    assert replace(DEFAULT, max_depth=DEFAULT.max_depth) == DEFAULT

"""Settings from the command line: typed by their fields, refused with a remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from examples.benchmarks.overrides import kinds
from examples.benchmarks.overrides import override
from optuna_lanas._core.settings import DEFAULT


def test_values_have_the_types_of_their_fields() -> None:
    texts = ["max_depth=0", "exploration=1", "use_ranks=False", "n_rounds=1"]
    changed = override(DEFAULT, texts)
    assert changed == replace(DEFAULT, max_depth=0, exploration=1.0, use_ranks=False, n_rounds=1)
    assert isinstance(changed.exploration, float)
    assert changed.use_ranks is False


def test_every_setting_can_be_set_to_what_it_is() -> None:
    values = dict.fromkeys(kinds(), "")
    for name in values:
        outer, _, inner = name.partition(".")
        value = getattr(DEFAULT, outer)
        values[name] = str(getattr(value, inner) if inner else value)
    assert override(DEFAULT, [f"{name}={value}" for name, value in values.items()]) == DEFAULT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_dept=0", r"name a setting, got 'max_dept'\. Did you mean 'max_depth'\?"),
        ("zzz=0", r"got 'zzz'\. The settings are: n_startup_trials, .*n_round, "),
        ("n_nears=0", r"Did you mean 'n_near'\?"),
        ("max_depth", "must be NAME=VALUE, got 'max_depth'"),
        ("max_depth=0.5", "`--set max_depth` must be an int, got '0.5'"),
        ("exploration=much", "`--set exploration` must be a float, got 'much'"),
        ("use_ranks=0", "`--set use_ranks` must be true or false, got '0'"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        override(DEFAULT, [text])

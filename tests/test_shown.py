"""What samplers and spaces show of themselves."""

from __future__ import annotations

from dataclasses import replace
from math import prod
import pickle
from typing import Any

import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace


SAMPLERS = [
    (LaNASSampler(), "LaNASSampler()"),
    (LaNASSampler(seed=3), "LaNASSampler(seed=3)"),
    (LaNASSampler(seed=0, max_depth=2), "LaNASSampler(seed=0, max_depth=2)"),
    (LaNASSampler(max_depth=5, exploration=0.1), "LaNASSampler()"),
    (
        LaNASSampler(show_leaf=True, warn_independent_sampling=False, avoid_duplicates=False),
        "LaNASSampler(avoid_duplicates=False, warn_independent_sampling=False, show_leaf=True)",
    ),
    (LaNASSampler.paper(), "LaNASSampler.paper()"),
    (LaNASSampler.paper(n_select=20, height=3), "LaNASSampler.paper(height=3, n_select=20)"),
    (LaNASSampler.paper(n_startup_trials=7), "LaNASSampler.paper(n_startup_trials=7)"),
    (LaNASSampler.paper(n_startup_trials=0), "LaNASSampler.paper(n_startup_trials=0)"),
    (
        LaNASSampler.from_settings(replace(LaNASSampler().settings, n_random=3), seed=2),
        "LaNASSampler.from_settings(replace(LaNASSampler().settings, n_random=3), seed=2)",
    ),
    (
        LaNASSampler.from_settings(replace(LaNASSampler.paper().settings, n_first=3)),
        "LaNASSampler.from_settings(replace(LaNASSampler.paper().settings, n_first=3))",
    ),
]
SPACES: list[Any] = [
    CellSpace.nasnet(),
    CellSpace.darts(),
    MobileSpace(),
    NASBench101Space(),
    NASBench201Space(),
    NASBenchGraphSpace(),
    NATSBenchSizeSpace(),
]


@pytest.mark.parametrize(("sampler", "text"), SAMPLERS)
def test_a_sampler_is_shown_as_the_call_that_makes_it(sampler: LaNASSampler, text: str) -> None:
    assert repr(sampler) == str(sampler) == text
    assert sampler._repr_html_() == f"<code>{text}</code>"
    again = eval(text, {"LaNASSampler": LaNASSampler, "replace": replace})
    assert again.settings == sampler.settings
    assert repr(again) == text


def test_other_arguments_and_subclasses_are_shown() -> None:
    class Own(LaNASSampler):
        pass

    other = optuna.samplers.RandomSampler()
    text = repr(Own(space=NASBench201Space(), independent_sampler=other))
    assert text.startswith("Own(space=<NASBench201Space: 6 parameters, 15,625 combinations>, ")
    assert f"independent_sampler={other!r}" in text


def test_a_seed_is_shown_as_long_as_it_is_in_use() -> None:
    sampler = LaNASSampler(seed=5)
    assert repr(pickle.loads(pickle.dumps(sampler))) == "LaNASSampler(seed=5)"
    sampler.reseed_rng()
    assert repr(sampler) == "LaNASSampler()"


def n_values(distribution: Any) -> int:
    if hasattr(distribution, "choices"):
        return len(distribution.choices)
    return int((distribution.high - distribution.low) // distribution.step + 1)


@pytest.mark.parametrize("space", SPACES)
def test_a_space_shows_its_name_and_its_size(space: Any) -> None:
    distributions = space.distributions
    n = prod(map(n_values, distributions.values()))
    size = f"{n:,}" if n < 10**9 else f"{n:.1e}"
    name = type(space).__name__
    expected = f"<{name}: {len(distributions)} parameters, {size} combinations>"
    assert repr(space) == str(space) == expected

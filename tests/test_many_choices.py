"""Parameters of very many choices, and of choices without a hash: what they cost."""

from __future__ import annotations

from functools import partial
import time
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.samplers import TPESampler
from optuna.trial import Trial
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._study import distributions
from tests.studies import default


pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
CHOICES: dict[str, list[Any]] = {
    "ints": list(range(20_000)),
    "texts": [f"choice {i}" for i in range(20_000)],
    "lists": [[i, [i]] for i in range(2_000)],
    "dicts": [{"a": i} for i in range(2_000)],
}


def objective(trial: Trial, choices: list[Any]) -> float:
    choice = trial.suggest_categorical("c", choices)
    text = choice["a"] if isinstance(choice, dict) else choice
    place = text[0] if isinstance(text, list) else int(str(text).removeprefix("choice "))
    return float((place / len(choices) - 0.3) ** 2) + trial.suggest_float("x", 0, 1)


def cpu_times(sampler: BaseSampler, choices: list[Any]) -> list[float]:
    """The CPU time of ten trials after 50 and after 200."""
    study = optuna.create_study(sampler=sampler)
    times = []
    for n_trials in (50, 140):
        study.optimize(partial(objective, choices=choices), n_trials=n_trials)
        before = time.process_time()
        study.optimize(partial(objective, choices=choices), n_trials=10)
        times.append(time.process_time() - before)
    return times


@pytest.mark.slow
@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_very_many_choices_cost_at_most_three_times_what_they_cost_tpe(choices: list[Any]) -> None:
    own = cpu_times(LaNASSampler(seed=0), choices)
    others = cpu_times(TPESampler(seed=0), choices)
    assert all(left < 3.0 * right for left, right in zip(own, others, strict=True)), (own, others)


def test_choices_are_compared_a_number_of_times_that_grows_as_their_number() -> None:
    class Counted(list[int]):
        n = 0

        def __eq__(self, other: object) -> bool:
            Counted.n += 1
            return super().__eq__(other)

        __hash__ = None

    counts = []
    for n_choices in (200, 400):
        own: Any = list(map(Counted, ([i] for i in range(n_choices))))
        choices = optuna.distributions.CategoricalDistribution(own)
        Counted.n = 0
        assert distributions.n_choices(choices) == n_choices
        counts.append(Counted.n)
    assert counts == [0, 0]


@pytest.mark.parametrize("kind", ["ints", "lists"])
def test_many_choices_are_active_or_not(kind: str) -> None:
    choices = CHOICES[kind][:300]

    def conditional(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x > 0.5:
            return x
        return x + choices.index(trial.suggest_categorical("c", choices)) / 300

    study = optuna.create_study(sampler=default())
    study.optimize(conditional, n_trials=20)
    assert {len(trial.params) for trial in study.trials} == {1, 2}

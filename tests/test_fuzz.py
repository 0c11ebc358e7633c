"""Whole studies of drawn names, choices, attributes, values and answers of a space.

The quick profile draws a few; `pytest -m slow tests/test_fuzz.py` draws many more.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import math
from typing import Any
import warnings

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas._study.published import KEY
from optuna_lanas.visualization._note import to_note
from tests.strategies import distributions
from tests.studies import BOTH


QUICK = settings(max_examples=6, suppress_health_check=list(HealthCheck))
LARGE = settings(max_examples=300, suppress_health_check=list(HealthCheck))
N_TRIALS = 8
TEXTS = st.text(st.characters(codec=None), max_size=8)  # lone surrogates and controls, too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**64])
    | st.floats()
    | TEXTS
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
CHOICES = st.lists(st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | TEXTS | JSON)
FOREIGN = st.sampled_from(['{"params":{"c":[[]]}}', '{"decision":{"path":[]}}', "[" * 9999])
VALUES = st.floats() | st.sampled_from([5e-324, -1.7e308, 1.7e308, 1e-300, 0.0, -0.0])
NAMES = TEXTS | st.integers(-5, 5) | st.none()
ANSWERS = st.one_of(
    JSON,
    st.lists(st.floats(), min_size=1, max_size=3),
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2),
    st.lists(st.lists(st.floats(), min_size=1, max_size=2), max_size=4),
    st.sampled_from([np.zeros(2), np.zeros((3, 2)), np.zeros((0, 2)), np.array([1j]), object()]),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), SCALARS, max_size=3),
)
METHODS = st.sampled_from(
    ["encode", "encode_many", "key", "key_many", "sample", "sample_many", "distributions"]
)


def is_kept(choices: list[Any]) -> bool:
    """Whether Optuna takes choices; it compares them, and some not with each other."""
    try:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(lambda t: len(str(t.suggest_categorical("c", choices))), n_trials=4)
    except Exception:
        return False
    return True


def check_texts(study: optuna.Study) -> None:
    view = partition(study)
    for text in (str(explain(study, len(study.trials) - 1)), str(view), to_note(study, view)):
        assert text.replace("\n", "").isprintable()


def any_study_is_searched(data: st.DataObject, make: Callable[..., LaNASSampler]) -> None:
    names: list[Any] = data.draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    asked = {name: data.draw(distributions()) for name in names}
    choices: Any = data.draw(CHOICES)
    has_choices = len(choices) > 0 and is_kept(choices)
    values = data.draw(st.lists(VALUES, min_size=1, max_size=N_TRIALS))
    attributes = data.draw(st.dictionaries(TEXTS, JSON, max_size=2))
    foreign = data.draw(
        JSON | st.sampled_from(['{"params":{"c":[[]]}}', '{"decision":{"path":[]}}'])
    )

    def objective(trial: Trial) -> float:
        for name, distribution in asked.items():
            trial._suggest(name, distribution)
        if has_choices:
            trial.suggest_categorical("chosen among", choices)
        for name, attribute in attributes.items():
            trial.set_user_attr(name, attribute)
        return values[trial.number % len(values)]

    study = optuna.create_study(sampler=make(), study_name=data.draw(TEXTS))
    study.optimize(objective, n_trials=4)
    waiting = study.ask()
    study._storage.set_trial_system_attr(waiting._trial_id, KEY, foreign)
    enqueued: dict[Any, Any] = {names[0]: data.draw(JSON)}
    study.enqueue_trial(enqueued)
    study.ask()
    study.optimize(objective, n_trials=N_TRIALS - 4)
    if any(trial.state == TrialState.COMPLETE for trial in study.trials):
        check_texts(study)


def any_answer_is_taken_or_named(method: str, answer: Any) -> None:
    class Space:
        def suggest(self, trial: optuna.trial.BaseTrial) -> int:
            return trial.suggest_int("a", 0, 9) + trial.suggest_int("b", 0, 3)

        def encode(self, params: Mapping[str, Any]) -> Any:
            return [float(params["a"]), float(params["b"])]

        def key(self, params: Mapping[str, Any]) -> Any:
            return params["a"], params["b"]

    own = answer if method == "distributions" else lambda self, *arguments: answer
    space = type("Fuzzed", (Space,), {method: own})()
    study = optuna.create_study(sampler=LaNASSampler(seed=0, space=space, n_startup_trials=2))
    message = ""
    try:
        study.optimize(lambda trial: float(space.suggest(trial)), n_trials=5)
    except ValueError as error:
        message = str(error)
    if message:
        assert f"`Fuzzed.{method}` must" in message or "must return a key" in message
        assert message.isprintable()
    elif explain(study, 4).n_observations:  # none where every architecture is invalid
        check_texts(study)


def values_of_any_size_are_searched(values: list[float]) -> None:
    for make in BOTH:
        study = optuna.create_study(sampler=make())
        study.optimize(
            lambda t: values[t.number] * (t.suggest_float("x", 0, 1) > 0.3), n_trials=len(values)
        )
        check_texts(study)
        assert all(math.isfinite(trial.params["x"]) for trial in study.trials)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
LAWS: dict[Callable[..., None], tuple[st.SearchStrategy[Any], ...]] = {
    any_study_is_searched: (st.data(), st.sampled_from(BOTH)),
    any_answer_is_taken_or_named: (METHODS, ANSWERS),
    values_of_any_size_are_searched: (st.lists(FINITE, min_size=6, max_size=12),),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("size", [QUICK, pytest.param(LARGE, marks=pytest.mark.slow)])
def test_laws(law: Callable[..., None], size: settings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)  # Optuna's, of unusual choices
        size(given(*LAWS[law])(law))()

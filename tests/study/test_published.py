"""What a trial publishes is read as it was written, and anything else is tolerated."""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import fields
from dataclasses import replace
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import enqueued_params
from optuna_lanas._study.published import KEY
from optuna_lanas._study.published import known_params
from optuna_lanas._study.published import MAX_READ
from optuna_lanas._study.published import published_decision
from optuna_lanas._study.published import published_params
from optuna_lanas._study.published import Step
from optuna_lanas.explanation import Explanation
from tests.builders import running_trial
from tests.builders import trial_of


STEP = Step(
    node=0,
    child=2,
    is_good=False,
    is_required=True,
    terms=(("x=1", 0.5), ("y=0.25", -0.25)),
    score=0.0625,
    offset=0.125,
    visits=17,
    value=0.375,
    ucb=0.75,
    sibling_ucb=float("inf"),
)
DECISION = Decision(
    found="model",
    n_observations=30,
    leaf=2,
    leaf_name="2 (bad)",
    node=2,
    path=(STEP, replace(STEP, node=2, child=4)),
    is_selected=True,
    score=1.5,
    rank=1,
    n_candidates=700,
    runner_up={"x": "0.5", "y": "None"},
    runner_up_score=1.25,
    n_better=3,
    parent=17,
    parent_params={"x": 0.75, "y": None},
    n_changed=1,
    distance=0.125,
)


def publishing(content: Any) -> FrozenTrial:
    return running_trial(0, system_attrs={KEY: content})


def explanation_of(decision: Decision) -> Explanation:
    return Explanation(
        **vars(decision), number=0, is_recorded=True, params={"x": 0.5}, values={"value": 1.0}
    )


def as_json(params: Any, decision: Any) -> str:
    return json.dumps({"params": params, "decision": decision})


@pytest.mark.parametrize("decision", [DECISION, Decision("start-up", 3)])
def test_a_decision_is_read_as_it_was_written(decision: Decision) -> None:
    trial = publishing(as_json({"x": 0.5, "y": None}, asdict(decision)))
    assert published_decision(trial) == decision
    assert published_params(trial) == {"x": 0.5, "y": None}


@pytest.mark.parametrize(
    "content",
    [
        '{"x": 0.5}',  # as other samplers may write it
        '{"params":{"x":1},"decision":{"found":"mod',
        '{"params":null,"decision":null}',
        '{"params":3,"decision":4}',
        '{"params":[1],"decision":[1]}',
        '{"params":"x","decision":"path"}',
        '{"decision":{"path":[]}}',
        '{"decision":{"path":[3],"found":"model","n_observations":1}}',
        '{"decision":{"path":[],"found":"model","n_observations":1,"unknown":2}}',
        '{"decision":{"path":[{"weights":[[1]],"terms":[]}],"found":"a","n_observations":1}}',
        "[" * 100_000,
        '{"params":' * 10_000,
        "[]",
        '"text"',
        "",
        3,
        None,
        {"params": {"x": 1}},
    ],
)
def test_what_is_no_publication_is_nothing(content: Any) -> None:
    trial = publishing(content)
    assert published_params(trial) == {}
    assert published_decision(trial) is None


@pytest.mark.parametrize("part", ["decision", "step"])
@pytest.mark.parametrize("wrong", [None, "text", [1], {"a": 1}, 1.5, "1e999"])
def test_fields_of_another_type_make_no_decision_and_never_fail(part: str, wrong: Any) -> None:
    known = {field.name for field in fields(Decision if part == "decision" else Step)}
    for field in sorted(known - {"path", "terms"}):
        content = asdict(DECISION)
        (content if part == "decision" else content["path"][0])[field] = wrong
        trial = publishing(as_json({}, content))
        decision = published_decision(trial)
        if decision is not None:
            explained = explanation_of(decision)
            assert explained.details() + explained.origin


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from([field.name for field in fields(Decision)])
STEP_FIELDS = st.sampled_from([field.name for field in fields(Step)])


@given(JSON, st.dictionaries(FIELDS, JSON), st.dictionaries(STEP_FIELDS, JSON))
def test_any_json_is_read_without_an_error(
    params: Any, decision: dict[str, Any], step: dict[str, Any]
) -> None:
    own = asdict(DECISION)
    own["path"] = [own["path"][0] | step]
    for content in (params, {"params": params, "decision": own | decision}, {"decision": own}):
        trial = publishing(json.dumps(content))
        assert isinstance(known_params(trial), dict)
        found = published_decision(trial)
        if found is not None:
            assert explanation_of(found).details()


@pytest.mark.parametrize("foreign", [None, 3, "x", [1, 2]])
def test_enqueued_params_that_are_none_are_nothing(foreign: Any) -> None:
    assert enqueued_params(running_trial(0, system_attrs={"fixed_params": foreign})) == {}


@given(st.integers(0, 2000))
def test_a_half_written_publication_is_nothing(n_written: int) -> None:
    content = as_json({"x": 0.5}, asdict(DECISION))
    trial = publishing(content[: n_written % len(content)])
    assert published_params(trial) == {}
    assert published_decision(trial) is None


@pytest.mark.parametrize("field", [field.name for field in fields(Step)])
def test_a_step_that_lacks_a_field_makes_no_decision(field: str) -> None:
    content = asdict(DECISION)
    del content["path"][0][field]
    assert published_decision(publishing(as_json({}, content))) is None


FOREIGN: list[Any] = [None, "abc", 1.5, True, [], {}, [[1]], 10**400, {"x": {"y": 1}}]


def fits(value: Any, kind: str) -> bool:
    """Whether a value may stand in a field of a type."""
    numbers = {"int": (int,), "float": (int, float)}
    is_number = isinstance(value, numbers.get(kind.removesuffix(" | None"), ()))
    return (
        (value is None and kind.endswith("None"))
        or (is_number and not isinstance(value, bool) and value != 10**400)
        or (kind == "str" and isinstance(value, str))
        or (kind == "bool" and isinstance(value, bool))
        or (kind.startswith("tuple") and value == [])
        or (kind.startswith("Mapping") and value == {})
    )


@pytest.mark.parametrize("field", [*fields(Decision), *fields(Step)], ids=lambda f: f.name)
def test_a_field_of_another_type_makes_no_decision(field: Any) -> None:
    for value in FOREIGN:
        content = asdict(DECISION)
        own = content if field.name in content else content["path"][0]
        own[field.name] = value
        found = published_decision(publishing(as_json({}, content)))
        if found is None:
            assert value is None or not fits(value, str(field.type))
        else:
            assert fits(value, str(field.type))
            assert explanation_of(found).details()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"params":' * 50_000,
        '{"decision":' + "[" * 900 + "]" * 900 + "}",
        '{"params":{"x":' + "9" * 10_000 + "}}",
        '{"params":"' + "x" * MAX_READ + '"}',
    ],
    ids=["lists", "objects", "decision", "digits", "long"],
)
def test_what_is_nested_deeply_or_long_is_nothing(text: str) -> None:
    trial = publishing(text)
    assert published_params(trial) == {}
    assert published_decision(trial) is None


@pytest.mark.parametrize("fixed", [None, 3, "text", [1], [[{}]]])
def test_foreign_enqueued_params_are_none(fixed: Any) -> None:
    assert enqueued_params(running_trial(0, system_attrs={"fixed_params": fixed})) == {}


def test_a_trial_without_a_publication() -> None:
    assert published_params(running_trial(0)) == {}
    assert published_decision(running_trial(0)) is None


def test_asked_params_come_before_enqueued_ones_and_these_before_published_ones() -> None:
    content = as_json({"a": 0.1, "b": 0.1, "c": 0.1}, None)
    trial = trial_of(
        0,
        {"a": 0.3},
        {"a": FloatDistribution(0.0, 1.0)},
        state=TrialState.RUNNING,
        system_attrs={KEY: content, "fixed_params": {"a": 0.2, "b": 0.2}},
    )
    assert enqueued_params(trial) == {"a": 0.2, "b": 0.2}
    assert known_params(trial) == {"a": 0.3, "b": 0.2, "c": 0.1}

"""The state of a study at a moment is written briefly, and made again from a later one."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas._study.published import MAX_RUNS
from optuna_lanas._study.published import Moment
from optuna_lanas._study.published import moment_of
from optuna_lanas._study.published import PARAMS_KEY
from optuna_lanas._study.published import Publication
from optuna_lanas._study.published import publication_of
from optuna_lanas._study.published import published_params


START = datetime(2026, 1, 1)
NAMES = "abc"
WHOLE = 1 + 2 * len(NAMES) + 1


def trial_at(number: int, progress: int, ended: int | None) -> FrozenTrial:
    """A trial that has made some progress; or has ended, some seconds after the start."""
    names = NAMES if ended is not None else NAMES[: max(progress - 1, 0) // 2]
    is_published = ended is not None or (progress and (progress - 1) % 2)
    trial = create_trial(
        state=TrialState.COMPLETE if ended is not None else TrialState.RUNNING,
        value=None if ended is None else 0.0,
        params=dict.fromkeys(names, 0.5),
        distributions={name: FloatDistribution(0, 1) for name in names},
        system_attrs={PARAMS_KEY: "{}"} if is_published else {},
    )
    trial.number = number
    trial.datetime_start = None if progress == 0 and ended is None else START
    trial.datetime_complete = None if ended is None else START + timedelta(seconds=ended)
    if progress == 0 and ended is None:
        trial.state = TrialState.WAITING
    return trial


# The progress of each unfinished trial, None for one that has ended.
states = st.lists(st.one_of(st.none(), st.integers(0, WHOLE)), min_size=1, max_size=60)


@given(states=states, n_later=st.integers(0, 3), n_given_up=st.integers(0, 20))
def test_the_past_is_made_again(states: list[int | None], n_later: int, n_given_up: int) -> None:
    least = min(n_given_up, len(states) - 1)  # those before it are not looked at closely
    states = [0 if p == 0 else p and WHOLE for p in states[:least]] + states[least:]
    before = [trial_at(n, p or 0, 0 if p is None else None) for n, p in enumerate(states)]
    unfinished = [trial for trial in before if not trial.state.is_finished()]
    moment = moment_of(before, unfinished, least)
    assert Moment.from_list(moment.to_list()) == moment
    now = [trial_at(n, 0, 0 if p is None else 1 + n) for n, p in enumerate(states)]
    for trial in now:
        if states[trial.number] == 0:  # began after the others
            trial.datetime_start = START + timedelta(seconds=1)
    now += [trial_at(len(states) + i, WHOLE, 99) for i in range(n_later)]
    past = moment.past(now)
    assert past is not None
    for then, again in zip(before, past, strict=True):
        assert again.state == then.state
        assert again.params == then.params
        assert again.distributions == then.distributions
        assert again.system_attrs == then.system_attrs


def test_another_study_is_not_the_past() -> None:
    before = [trial_at(0, 0, 0), trial_at(1, 1, None)]
    moment = moment_of(before, before[1:], 0)
    assert moment.past([]) is None
    assert moment.past([trial_at(0, 1, None), trial_at(1, 0, 2)]) is None
    assert moment.past([trial_at(0, 0, 0), trial_at(1, 0, 2)]) is not None


@pytest.mark.parametrize("n_trials", [1_000, 100_000])
def test_sixty_four_workers_need_less_than_a_kilobyte(n_trials: int) -> None:
    numbers = range(n_trials - 128, n_trials, 2)
    unfinished = [trial_at(n, 1 + n % 7, None) for n in numbers]
    moment = Moment(n_trials, n_trials, 0, 0, moment_of(unfinished, unfinished, 0).runs)
    assert len(moment.runs) == 64
    assert len(Publication({}, 2**63, moment).to_json()) < 700


def test_what_is_written_does_not_grow_with_the_trials() -> None:
    waiting = [trial_at(n, 0, None) for n in range(5_000)]
    assert moment_of(waiting, waiting, 0).runs == ((0, 5_000, 0),)
    abandoned = [trial_at(2 * n, 3, None) for n in range(1_000)]
    moment = moment_of(abandoned, abandoned, 0)
    assert len(moment.runs) == MAX_RUNS
    assert moment.n_running == 1_000 - MAX_RUNS


def test_a_publication_is_read_as_it_was_written() -> None:
    distributions = {"x": FloatDistribution(0, 2)}
    moment = Moment(3, 2, 1, 0, ((2, 1, 1),))
    published = Publication({"x": 0.5, "y": "a"}, 7, moment, distributions)
    trial = trial_at(2, 1, None)
    trial.system_attrs = {PARAMS_KEY: published.to_json()}
    assert publication_of(trial) == published
    assert published_params(trial) == {"x": 0.5, "y": "a"}


@pytest.mark.parametrize(
    ("value", "params"),
    [
        ('{"x": 0.5}', {"x": 0.5}),  # as it was written before moments were
        ('{"params": 3, "x": 4}', {"params": 3, "x": 4}),
        ('{"params":{"x":1},"seed":0,"moment":[1,', None),
        ('{"params":null,"seed":0,"moment":[1,1,0,0,1,1,1]}', None),
        ('{"params":{"x":1},"seed":0,"moment":[1,1,0,0,1]}', {"x": 1}),
        ("[]", None),
        (3, None),
    ],
)
def test_other_forms_are_tolerated(value: Any, params: dict[str, Any] | None) -> None:
    trial = trial_at(0, 1, None)
    trial.system_attrs = {PARAMS_KEY: value}
    assert published_params(trial) == params
    assert publication_of(trial).params == params

"""Random spaces and random events, and the laws that hold whatever happens.

- Every suggestion lies in the distribution that was asked for, and nothing raises or warns.
- The same history and seed give the same suggestion, from a sampler that has seen all of it and
  from one made just now.
- A configuration is not suggested twice as long as there are untried ones.
- The log says at most one thing a study.
- An explanation is the decision that the sampler made, whatever has happened since.
"""

from __future__ import annotations

from collections.abc import Callable
import copy
import logging
import math
from typing import Any
import warnings

from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from hypothesis.stateful import precondition
from hypothesis.stateful import rule
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import run_state_machine_as_test
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import create_trial
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from tests.proposals import check_laws
from tests.proposals import check_record
from tests.proposals import Request
from tests.proposals import Witness
from tests.strategies import contains
from tests.strategies import spaces


VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, 1.0, -1.0, math.inf, -math.inf, 1e308, -1e308, 5e-324]),
    st.floats(-100, 100),
)
Space = dict[str, BaseDistribution]
SEED = 7


class Study(RuleBasedStateMachine):
    """A study in which anything may happen next."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = _Messages()

    @initialize(
        space=spaces().filter(lambda space: all(map(_is_exact, space.values()))),
        n_objectives=st.sampled_from([1, 1, 1, 2]),
        is_paper=st.booleans(),
        n_startup=st.integers(0, 4),
        consider_failed=st.booleans(),
    )
    def begin(
        self,
        space: Space,
        n_objectives: int,
        is_paper: bool,
        n_startup: int,
        consider_failed: bool,
    ) -> None:
        self.space, self.seen = space, dict(space)
        self.n_objectives = n_objectives
        self.arguments: dict[str, Any] = {"seed": SEED, "n_startup_trials": n_startup}
        if is_paper:
            self.make: Callable[..., Any] = Witness.paper
            self.arguments["n_select"] = 3
        else:
            self.make = Witness
            self.arguments |= {"consider_failed_trials": consider_failed, "min_samples_leaf": 2}
        directions = [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE][:n_objectives]
        self.requests: dict[int, Request] = {}
        self.study = optuna.create_study(directions=directions)
        self.new_sampler()
        self.running: list[Trial] = []
        self.is_changed = False  # whether the space has been other than it is
        logging.getLogger("optuna_lanas").addHandler(self.messages)

    def teardown(self) -> None:
        logging.getLogger("optuna_lanas").removeHandler(self.messages)

    def sampler(self) -> Any:
        return self.make(**self.arguments)

    @rule()
    def ask(self) -> None:
        trial = self.study.ask()
        names = self._names()
        tried = self._tried()
        expected: dict[str, Any] | None = None
        for name in names:
            if expected is None and not self.space[name].single():
                expected = self._twin(trial, names)  # just before the sampler is asked too
            value = self._suggest(trial, name)
            assert name in self._enqueued(trial) or contains(self.space[name], value)
            if expected and name in expected and contains(self.space[name], expected[name]):
                assert repr(value) == repr(expected[name])
        if (
            trial.number > 0
            and not self.is_changed
            and expected
            and len(tried) < self._n_configurations()
        ):
            assert self._configuration(trial.params) not in tried
        self.running.append(trial)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), values=st.lists(VALUES, min_size=2, max_size=2))
    def tell(self, data: st.DataObject, values: list[float]) -> None:
        self.study.tell(self._take(data), values[: self.n_objectives])

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self.study.tell(self._take(data), state=TrialState.FAIL)

    @precondition(lambda self: self.running and self.n_objectives == 1)
    @rule(data=st.data(), step=st.integers(0, 3), value=st.one_of(VALUES, st.just(math.nan)))
    def prune(self, data: st.DataObject, step: int, value: float) -> None:
        trial = self._take(data)
        trial.report(value, step)
        self.study.tell(trial, state=TrialState.PRUNED)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), violation=VALUES, values=st.lists(VALUES, min_size=2, max_size=2))
    def tell_constrained(self, data: st.DataObject, violation: float, values: list[float]) -> None:
        trial = self._take(data)
        self.study._storage.set_trial_system_attr(trial._trial_id, "constraints", [violation])
        self.study.tell(trial, values[: self.n_objectives])

    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        names = data.draw(st.sets(st.sampled_from(sorted(self.space)), min_size=1))
        self.study.enqueue_trial({name: data.draw(_values(self.space[name])) for name in names})

    @rule(data=st.data(), values=st.lists(VALUES, min_size=2, max_size=2))
    def add_trial(self, data: st.DataObject, values: list[float]) -> None:
        distributions = {name: self.space[name] for name in self._names()}
        params = {name: data.draw(_values(d)) for name, d in distributions.items()}
        self.study.add_trial(
            create_trial(
                params=params, distributions=distributions, values=values[: self.n_objectives]
            )
        )

    @precondition(lambda self: self.study.trials)
    @rule(data=st.data())
    def explain(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.study.trials) - 1))
        explained = explain(self.study, number)
        assert explained.is_recorded == (number in self.requests)
        if explained.is_recorded:
            check_record(self.study, number, self.requests[number], SEED)
            check_laws(explained)
        assert str(explained).startswith(f"Trial {number} ")

    @rule()
    def new_sampler(self) -> None:
        sampler = self.sampler()
        sampler.requests = self.requests  # of all samplers of the study
        self.study.sampler = sampler
        self.messages.texts.clear()

    @rule(space=spaces().filter(lambda space: all(map(_is_exact, space.values()))))
    def change_space(self, space: Space) -> None:
        """Parameters appear and vanish, and ranges of numbers change; kinds and choices do not."""
        allowed = {n: d for n, d in space.items() if _is_compatible(self.seen.get(n), d)}
        self.space = allowed or self.space
        self.seen |= self.space
        self.is_changed = True

    def _names(self) -> list[str]:
        """The space's parameters; `b` is asked for in every other trial alone."""
        n_trials = len(self.study.trials)
        return [n for n in self.space if n != "b" or len(self.space) == 1 or n_trials % 2]

    def _suggest(self, trial: Trial, name: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", module="optuna\\.")  # of enqueued values
            return trial._suggest(name, self.space[name])

    def _twin(self, trial: Trial, names: list[str]) -> dict[str, Any]:
        """What a sampler made just now suggests; not for enqueued trials."""
        frozen = copy.deepcopy(self.study._storage.get_trial(trial._trial_id))
        if self._enqueued(trial):
            return {}
        sampler = self.sampler()
        space = sampler.infer_relative_search_space(self.study, frozen)
        proposed: dict[str, Any] = sampler.sample_relative(self.study, frozen, space)
        if proposed:
            assert set(proposed) == set(space)
            for name, value in proposed.items():
                assert contains(space[name], value)
        return {name: value for name, value in proposed.items() if name in names}

    def _enqueued(self, trial: Trial) -> dict[str, Any]:
        frozen = self.study._storage.get_trial(trial._trial_id)
        return dict(frozen.system_attrs.get("fixed_params", {}))

    def _take(self, data: st.DataObject) -> Trial:
        return self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))

    def _tried(self) -> set[str]:
        return {self._configuration(trial.params) for trial in self.study.trials}

    def _configuration(self, params: dict[str, Any]) -> str:
        return repr(sorted(params.items()))

    def _n_configurations(self) -> float:
        """How many there are; 0, for a law that does not bind, where a space is conditional."""
        if len(self.space) > 1 and "b" in self.space:
            return 0
        return math.prod(_n_values(distribution) for distribution in self.space.values())


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        assert len(self.texts) == 1, self.texts


def _values(distribution: BaseDistribution) -> st.SearchStrategy[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return st.sampled_from(distribution.choices)
    if isinstance(distribution, IntDistribution):
        n_steps = (distribution.high - distribution.low) // distribution.step
        return st.integers(0, n_steps).map(lambda k: distribution.low + k * distribution.step)
    assert isinstance(distribution, FloatDistribution)
    return st.sampled_from([distribution.low, distribution.high])


def _n_values(distribution: BaseDistribution) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return len({distribution.to_internal_repr(choice) for choice in distribution.choices})
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.single():
        return 1
    if distribution.step is None:
        n_floats = (distribution.high - distribution.low) / math.ulp(distribution.high)
        return math.inf if n_floats > 1e6 else 0  # draws meet so few floats unevenly
    if distribution.log or distribution.high - distribution.low > 1e9:
        return 0  # the draws of a logarithmic range meet some of its values hardly ever
    return round((distribution.high - distribution.low) / distribution.step) + 1


def _is_exact(distribution: BaseDistribution) -> bool:
    """Optuna keeps ints as floats, in which neighbours beyond 2 ** 53 are equal."""
    if not isinstance(distribution, IntDistribution):
        return True
    return max(abs(distribution.low), abs(distribution.high)) <= 2**53


def _is_compatible(old: BaseDistribution | None, new: BaseDistribution) -> bool:
    if old is None or isinstance(new, CategoricalDistribution):
        return old is None or old == new
    return type(old) is type(new) and getattr(old, "log", None) == getattr(new, "log", None)


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_random_events() -> None:
    quick = settings(max_examples=6, stateful_step_count=12, suppress_health_check=CHECKS)
    run_state_machine_as_test(Study, settings=quick)


@pytest.mark.slow
def test_many_random_events() -> None:
    many = settings(max_examples=5000, stateful_step_count=15, suppress_health_check=CHECKS)
    run_state_machine_as_test(Study, settings=many)

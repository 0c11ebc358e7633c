"""A study's trials as one table: the same however they were read, and for one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
import copy
from dataclasses import replace
import gc
from pathlib import Path
import pickle
import shutil
from threading import Event
from threading import Thread
from typing import Any
import weakref

from hypothesis import given
from hypothesis import settings as given_more
from hypothesis import strategies as st
import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import Settings
from optuna_lanas._study.published import KEY
from optuna_lanas._study.record import Record
from optuna_lanas._study.record import Records
from optuna_lanas._study.record import Table
from tests.builders import MIXED
from tests.builders import mixed_value
from tests.builders import random_trials
from tests.builders import record_of
from tests.builders import running_trial
from tests.builders import transform_of
from tests.builders import trial_of
from tests.builders import TwoLayers


MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
X_VERSIONS = [
    FloatDistribution(0.0, 1.0),
    FloatDistribution(0.0, 2.0),
    FloatDistribution(0.5, 1.5),
]
TWO: dict[str, BaseDistribution] = {"x": X_VERSIONS[0], "k": IntDistribution(0, 4)}
ENDED = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]


def finished(
    number: int, how: tuple[int, int, bool, int, int], directions: Sequence[StudyDirection]
) -> FrozenTrial:
    """A trial of a conditional space, whose range of x may change.

    Args:
        number: Its number.
        how: Version of x, value, whether k is active, place of its state, end in seconds.
        directions: Of the study.
    """
    version, value, has_k, state, end = how
    space: dict[str, BaseDistribution] = {
        **TWO,
        "c": CategoricalDistribution(["no", "yes"]),
        "x": X_VERSIONS[version],
    }
    params = {"c": "yes" if has_k else "no", "x": 0.5 + 0.1 * (value % 5)}
    if has_k:
        params["k"] = value % 5
    is_complete = state in (0, 3)
    fields: dict[str, Any] = {"system_attrs": {KEY: "{}"} if value % 3 else {}}
    if state == 1:
        fields["intermediate_values"] = {value: float(value)}
    if state == 3:
        fields["system_attrs"]["constraints"] = [1.0]
    return trial_of(
        number,
        params,
        space,
        [float(value - i) for i in range(len(directions))] if is_complete else None,
        state=ENDED[state % 3],
        start=float(end - value),
        end=float(end),
        **fields,
    )


def unfinished(trial: FrozenTrial, has_params: bool) -> FrozenTrial:
    """The same trial before it has ended."""
    if not has_params:
        waiting = running_trial(trial.number)
        waiting.datetime_start = None
        return waiting
    running = trial_of(trial.number, trial.params, trial.distributions, state=TrialState.RUNNING)
    running.datetime_start = trial.datetime_start
    return running


hows = st.tuples(
    st.integers(0, 2), st.integers(0, 9), st.booleans(), st.integers(0, 3), st.integers(0, 9)
)


How = tuple[int, int, bool, int, int]
orders = given(
    how=st.lists(st.tuples(hows, st.integers(0, 3)), min_size=1, max_size=16),
    n_objectives=st.integers(1, 2),
    with_failed=st.booleans(),
)


@orders
def test_trials_read_step_by_step_are_those_read_at_once(
    how: list[tuple[How, int]], n_objectives: int, with_failed: bool
) -> None:
    """Whatever the order in which they end, and in which this worker sees that."""
    check_steps(how, n_objectives, with_failed)


@pytest.mark.slow
@given_more(max_examples=300)
@orders
def test_trials_read_step_by_step_are_those_read_at_once_in_many_orders(
    how: list[tuple[How, int]], n_objectives: int, with_failed: bool
) -> None:
    check_steps(how, n_objectives, with_failed)


def check_steps(how: list[tuple[How, int]], n_objectives: int, with_failed: bool) -> None:
    """Check a record after each of four readings; a trial's int is when its end is seen."""
    directions = [MINIMIZE, MAXIMIZE][:n_objectives]
    settings = replace(DEFAULT, consider_failed_trials=with_failed)
    whole = [finished(number, each, directions) for number, (each, _) in enumerate(how)]
    record = Record(directions, settings, None)
    for step in range(4):
        n_begun = (step + 1) * len(whole) // 4
        trials = [
            trial if how[trial.number][1] <= step else unfinished(trial, trial.number % 2 == 0)
            for trial in whole[:n_begun]
        ]
        record.read(trials)
        at_once = record_of(trials, directions=directions, settings=settings)
        assert_same(record, at_once)


def assert_same(left: Record, right: Record) -> None:
    assert left.transform.names == right.transform.names
    assert left.transform.distributions == right.transform.distributions
    for name, field in vars(left.domain.axes).items():
        if name in ("n_choices", "low", "high", "step", "is_log"):
            np.testing.assert_array_equal(field, getattr(right.domain.axes, name))
    assert [t.number for t in left.observed_trials] == [t.number for t in right.observed_trials]
    first, second = left.history(-1), right.history(-1)
    for name in ("points", "features", "values", "pending_points", "pending_features"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    if first.objectives is not None:
        assert second.objectives is not None
        np.testing.assert_array_equal(first.objectives, second.objectives)
    assert first.keys.place.keys() == second.keys.place.keys()
    assert first.keys.n == second.keys.n
    assert first.pending_keys == second.pending_keys
    points = first.domain.sample(20, np.random.default_rng(0))
    np.testing.assert_array_equal(
        first.domain.mask_inactive(points), second.domain.mask_inactive(points)
    )


def test_a_record_follows_later_states_of_its_trials_only() -> None:
    trials = random_trials(MIXED, 10, mixed_value)
    record = record_of(trials[:5])
    assert record.can_follow([MINIMIZE], trials[:5])
    assert record.can_follow([MINIMIZE], trials)
    assert not record.can_follow([MAXIMIZE], trials)
    assert not record.can_follow([MINIMIZE, MINIMIZE], trials)
    assert not record.can_follow([MINIMIZE], trials[:4])
    copies = copy.deepcopy(trials)
    assert record.can_follow([MINIMIZE], copies)
    assert not record.can_follow([MINIMIZE], [*trials[:2], *trials[3:6]])  # one was deleted
    for changed in (0, 4):  # the first trial and the last one are looked at
        for name, value in (
            ("_trial_id", 99),
            ("number", 99),
            ("datetime_start", trials[0].datetime_complete),
            ("value", 1e6),
            ("state", TrialState.PRUNED),
        ):
            others = copy.deepcopy(trials)
            setattr(others[changed], name, value)
            is_same = getattr(trials[changed], name) == value
            assert record.can_follow([MINIMIZE], others) == is_same


def test_an_unfinished_trial_may_have_begun_or_ended_since() -> None:
    trials = random_trials(MIXED, 3, mixed_value)
    waiting, running = running_trial(2), running_trial(2)
    waiting.datetime_start = None
    steps = [[*trials[:2], waiting], [*trials[:2], running], trials]
    record = record_of(steps[0])
    for later in steps:
        assert record.can_follow([MINIMIZE], later)
        record.read(later)
    assert_same(record, record_of(trials))


def test_a_table_grows_and_its_views_cannot_be_written() -> None:
    table = Table(points=((2,), float), kind=((), int))
    assert table["points"].shape == (0, 2)
    views = []
    for n in range(1, 60, 7):
        before = len(table)
        table.append(points=np.full((n, 2), float(n)), kind=np.full(n, n))
        assert len(table) == before + n
        views.append((table["points"], table["points"].copy()))
    for view, copied in views:
        np.testing.assert_array_equal(view, copied)
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 0.0
    assert table["kind"].dtype == int
    assert table["kind"].tolist() == [n for n in range(1, 60, 7) for _ in range(n)]


def test_a_history_does_not_change_when_more_trials_are_read() -> None:
    trials = random_trials(MIXED, 40, mixed_value)
    record = record_of(trials[:20])
    history = record.history(-1)
    before = {k: v.copy() for k, v in vars(history).items() if isinstance(v, np.ndarray)}
    record.read(trials)
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(history, name), array)
        with pytest.raises(ValueError, match="read-only"):
            getattr(history, name)[...] = 0.0
    later = record.history(-1)
    keys = later.domain.keys(later.points)
    assert [key in history.keys for key in keys] == [True] * 20 + [False] * 20
    assert all(key in later.keys for key in keys)


def test_repeats_are_allowed_where_they_are_wanted() -> None:
    trials = [*random_trials(MIXED, 9, mixed_value), _asking(9, {"x": 0.5})]
    record = record_of(trials, settings=replace(DEFAULT, avoid_duplicates=False))
    history = record.history(-1)
    assert history.keys.n == 0
    assert not history.pending_keys


def _asking(number: int, params: dict[str, Any], **attrs: Any) -> FrozenTrial:
    return trial_of(number, params, MIXED, state=TrialState.RUNNING, system_attrs=attrs)


@pytest.mark.parametrize("n_constants", [1, 50])
def test_constants_change_no_point(n_constants: int) -> None:
    constants: dict[str, BaseDistribution] = {
        f"constant_{i}": IntDistribution(i, i) for i in range(n_constants)
    }
    alone = random_trials(MIXED, 20, mixed_value)
    wide = [
        trial_of(
            t.number,
            {**t.params, **{name: i for i, name in enumerate(constants)}},
            {**MIXED, **constants},
            t.values,
        )
        for t in alone
    ]
    assert_same(record_of(alone), record_of(wide))
    assert record_of(wide).knows("constant_0")


def test_unfinished_trials_are_pending_for_the_others() -> None:
    trials = random_trials(MIXED, 9, mixed_value)
    point = {"kernel": None, "rate": 1e-3, "units": 9, "width": 16, "x": 0.5}
    trials += [
        _asking(9, point),
        _asking(10, {}, **{KEY: '{"params": {"kernel": "rbf", "x": 1.0}}'}),
        _asking(11, {"x": 0.5}, fixed_params={"kernel": "rbf"}),
        running_trial(12),
    ]
    record = record_of(trials)
    assert len(record.history(-1).pending_points) == 3
    assert len(record.history(9).pending_points) == 2
    expected = transform_of(MIXED).to_points([point, {"kernel": "rbf", "x": 1.0}])
    np.testing.assert_array_equal(record.history(11).pending_points, expected)


def test_a_trial_does_not_choose_what_it_has_or_was_enqueued_with() -> None:
    record = record_of(random_trials(MIXED, 9, mixed_value))
    trial = _asking(9, {"x": 0.5}, fixed_params={"width": 16})
    fixed = record.feasible(trial, MIXED).fixed
    params = record.transform.to_params(fixed)
    assert params == {"x": 0.5, "width": 16}
    assert np.isnan(record.feasible(running_trial(9), MIXED).fixed).all()


def test_a_parameter_that_is_not_asked_for_has_its_value_of_the_last_trial() -> None:
    trials = random_trials(MIXED, 9, mixed_value)
    space = {name: d for name, d in MIXED.items() if name != "units"}
    record = record_of(trials)
    params = record.transform.to_params(record.feasible(running_trial(9), space).fixed)
    assert params == {"units": trials[-1].params["units"]}


def test_an_expected_parameter_is_a_dimension_before_any_trial_has_it() -> None:
    record = record_of(random_trials(TWO, 9, lambda p: float(p["x"])))
    record.expect(TWO)
    history = record.history(-1)
    record.expect({**TWO, "new": FloatDistribution(0.0, 1.0), "k": IntDistribution(0, 9)})
    assert record.transform.names == ["k", "new", "x"]
    assert record.domain.axes.high.tolist() == [10.0, 1.0, 1.0]
    assert np.isnan(record.history(-1).points[:, 1]).all()
    np.testing.assert_array_equal(record.history(-1).points[:, 2], history.points[:, 1])
    assert not record.knows("new")


def test_what_was_expected_is_forgotten_unless_a_trial_has_it() -> None:
    """Optuna may refuse it, or the trial may end before it asks."""
    trials = random_trials(TWO, 9, lambda p: float(p["x"]))
    record = record_of(trials)
    wide = {"k": IntDistribution(0, 99), "new": FloatDistribution(0.0, 1.0)}
    record.expect({**TWO, **wide})
    record.read(trials)
    assert_same(record, record_of(trials))
    record.expect({**TWO, **wide})
    record.expect(TWO)
    assert_same(record, record_of(trials))
    asked = {"k": 50, "new": 0.5, "x": 0.5}
    trials = [*trials, trial_of(9, asked, {**TWO, **wide}, 0.0)]
    record.expect({**TWO, **wide})
    table = record._observed.table
    record.expect({"k": wide["k"], "new": wide["new"]})
    assert record._observed.table is table
    record.read(trials)
    assert_same(record, record_of(trials))


def test_a_range_that_changes_every_trial_rarely_rebuilds_the_table() -> None:
    trials: list[FrozenTrial] = []
    record, tables = record_of([]), set[int]()
    kept = []
    for number in range(200):
        space = {"x": FloatDistribution(0.0, 1.0 + 0.01 * number), "k": TWO["k"]}
        record.expect(space)
        trials.append(trial_of(number, {"x": 0.5, "k": number % 5}, space, 0.0))
        record.read(list(trials))
        kept.append(record._observed.table)
        tables.add(id(kept[-1]))
        assert record.transform.distributions["x"] == space["x"]
    assert len(tables) <= 15


def test_the_start_up_lasts_until_enough_trials_have_a_value() -> None:
    trials = random_trials(TWO, 12, lambda p: float(p["x"]))
    failed = trial_of(12, {"x": 0.5, "k": 1}, TWO, state=TrialState.FAIL)
    without_failed = replace(DEFAULT, consider_failed_trials=False)
    n = DEFAULT.n_startup_trials
    assert record_of([*trials[: n - 1], failed], settings=without_failed).is_startup
    assert not record_of([*trials[: n - 1], failed]).is_startup
    assert not record_of(trials[:n]).is_startup
    assert record_of([], settings=replace(DEFAULT, n_startup_trials=0)).is_startup


@pytest.mark.parametrize("n_objectives", [1, 2])
def test_a_trial_that_failed_by_chance_has_the_value_of_the_nearest(n_objectives: int) -> None:
    def trial(number: int, x: float, is_failed: bool) -> FrozenTrial:
        state = TrialState.FAIL if is_failed else TrialState.COMPLETE
        values = None if is_failed else [x, -x][:n_objectives]
        return trial_of(number, {"x": x, "k": 0}, TWO, values, state=state)

    xs = [0.0, 0.02, 0.04, 0.05, 0.08, 0.1, *(0.9 + 0.01 * i for i in range(8)), 0.905]
    trials = [trial(i, x, i in (3, *range(8, 15))) for i, x in enumerate(xs)]
    directions = [MAXIMIZE, MINIMIZE][:n_objectives]
    history = record_of(trials, directions=directions).history(-1)
    assert history.errors is not None
    assert np.flatnonzero(history.errors).tolist() == [3]
    assert history.values[3] == history.values[2]
    assert (history.values[8:] < history.values[:8].min()).all()
    if history.objectives is not None:
        np.testing.assert_array_equal(history.objectives[3], history.objectives[2])


def test_invalid_architectures_are_no_observations_but_known() -> None:
    space = TwoLayers(5)
    own = {f"width_{i}": IntDistribution(1, 5) for i in (1, 2)}
    trials = [
        trial_of(0, {"width_1": 1, "width_2": 2}, own, 0.0),
        trial_of(1, {"width_1": 3, "width_2": 3}, own, 0.0),
        trial_of(2, {"width_1": 2, "width_2": 1}, own, 1.0),
    ]
    record = record_of(trials, space=space)
    assert record.n_observations == 2
    history = record.history(-1)
    assert frozenset((1, 2)) in history.keys
    assert history.keys.n == 2  # with None, of the invalid one


def studied(n_trials: int) -> optuna.Study:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=n_trials)
    return study


def used(records: Records, study: optuna.Study) -> Record:
    return records.use(study, lambda record: record)


def test_every_sampler_has_a_record_of_its_own() -> None:
    study, space = studied(12), TwoLayers()
    samplers = [
        LaNASSampler(),
        LaNASSampler(max_depth=2),
        LaNASSampler.paper(),
        LaNASSampler(space=space),
    ]
    seen: list[Record] = []
    for sampler in samplers:
        record = used(sampler._records, study)
        assert record.settings == sampler.settings
        assert record.space is sampler.space
        seen.append(record)
    assert len(set(map(id, seen))) == len(samplers)
    assert len(seen[3].transform.names) == 3


def test_a_record_is_used_again_for_its_study_alone() -> None:
    records = Records(DEFAULT, None)
    first, second = studied(3), studied(5)
    record = used(records, first)
    assert record.n_observations == 3
    other = used(records, second)
    assert other.n_observations == 5
    first.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=1)
    again = used(records, first)
    assert again is record is not other
    assert again.n_observations == 4


def test_a_record_that_has_read_a_trial_is_used_for_it_as_it_is() -> None:
    records, study = Records(DEFAULT, None), studied(3)
    record = used(records, study)
    first, later = study.trials[2], running_trial(3)
    later._trial_id = first._trial_id + 1
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=1)
    assert records.use(study, lambda record: record.n_observations, trial=first) == 3
    assert records.use(study, lambda record: record.n_observations, trial=later) == 4
    assert used(records, study) is record


def test_all_brackets_share_one_record() -> None:
    """HyperbandPruner passes on a study that shows the trials of one bracket alone."""
    records, study = Records(DEFAULT, None), studied(8)
    record, bracket = used(records, study), study.trials[::2]
    study.get_trials = lambda *_, **__: bracket  # type: ignore[method-assign]
    assert used(records, study) is record
    assert record.n_observations == 8


@pytest.mark.parametrize("direction", [MINIMIZE, MAXIMIZE])
def test_a_pruned_trial_has_the_value_that_its_reports_foretell(
    direction: StudyDirection,
) -> None:
    sign = 1.0 if direction == MAXIMIZE else -1.0

    def trial(number: int, final: float, n_steps: int, **how: Any) -> FrozenTrial:
        told = trial_of(number, {"x": number / 8, "k": number}, TWO, **how)
        told.intermediate_values = {s: sign * (final - 1 / s) for s in range(1, n_steps + 1)}
        return told

    pruned = {"state": TrialState.PRUNED}
    trials = [
        trial(0, 3.0, 9, values=sign * 3.0),
        trial(1, 5.0, 9, values=sign * 5.0),
        trial(2, 4.0, 3, **pruned),
        trial(3, 4.5, 1, **pruned),
        trial(4, 0.0, 0, **pruned),
    ]
    history = record_of(trials, directions=[direction]).history(-1)
    np.testing.assert_allclose(history.values[:4], [3.0, 5.0, 4.0, 4.5])
    assert history.values[4] < 3.0
    assert history.errors is not None
    assert (history.errors > 0.0).tolist() == [False, False, True, True, False]
    assert record_of(trials[:2], directions=[direction]).history(-1).errors is None


def fail_within(record: Record) -> None:
    record.expect({"half": FloatDistribution(0.0, 1.0)})
    raise RuntimeError("within")


@pytest.mark.parametrize("where", ["inside", "while reading"])
def test_an_error_leaves_the_record_unused_and_the_lock_free(where: str) -> None:
    class Fragile(TwoLayers):
        is_broken = False

        def key(self, params: Any) -> Any:
            if self.is_broken:
                raise RuntimeError("broken")
            return super().key(params)

    space = Fragile()
    records = Records(DEFAULT, space)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        return float(sum(space.suggest(trial)))

    study.optimize(objective, n_trials=10)
    before = used(records, study)
    assert before.n_observations > 0
    study.optimize(objective, n_trials=10)
    if where == "inside":
        with pytest.raises(RuntimeError, match="within"):
            records.use(study, fail_within)
    else:
        space.is_broken = True
        with pytest.raises(RuntimeError, match="broken"):
            used(records, study)
        space.is_broken = False
    entered = Event()

    def enter() -> None:
        record = used(records, study)
        assert record is not before
        assert_same(record, record_of(study.trials, space=space))
        entered.set()

    thread = Thread(target=enter, daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert entered.is_set()


def test_records_are_neither_copied_nor_pickled() -> None:
    study = studied(3)
    settings: Settings = replace(DEFAULT, max_depth=2)
    records = Records(settings, None)
    record = used(records, study)
    for copied in (pickle.loads(pickle.dumps(records)), copy.deepcopy(records)):
        other = used(copied, study)
        assert other is not record
        assert other.settings == settings
        assert_same(other, record)


def test_records_of_deleted_studies_go() -> None:
    """At the next new study; a study that is left stays as it is."""
    storage, records = optuna.storages.InMemoryStorage(), Records(DEFAULT, None)
    left = optuna.create_study(storage=storage)
    kept = used(records, left)
    gone = []
    for _ in range(10):
        study = optuna.create_study(storage=storage)
        study.add_trial(optuna.trial.create_trial(value=0.0))
        gone.append(weakref.ref(used(records, study)))
        optuna.delete_study(study_name=study.study_name, storage=storage)
    used(records, optuna.create_study(storage=storage))
    gc.collect()
    assert [reference() for reference in gone] == [None] * 10
    assert used(records, left) is kept


@pytest.mark.parametrize("direction", [MINIMIZE, MAXIMIZE], ids=["minimize", "maximize"])
def test_a_study_made_anew_under_its_old_id_is_another_one(
    direction: StudyDirection, empty_database: Path, fast_path: Path
) -> None:
    """Through a caching storage, which gives studies and trials the ids of deleted ones."""
    path = shutil.copy(empty_database, fast_path / "studies.db")
    database = optuna.storages.RDBStorage(f"sqlite:///{path}", skip_compatibility_check=True)
    study, records = (
        optuna.create_study(storage=database, study_name="first"),
        Records(DEFAULT, None),
    )
    storage = study._storage  # with its cache
    study.enqueue_trial({"old": 0.5})
    study.ask().suggest_float("old", 0.0, 1.0)  # never ends
    before = used(records, study)
    assert before.knows("old")
    for name in ("first", "second"):
        optuna.delete_study(study_name=study.study_name, storage=storage)
        new = optuna.create_study(storage=storage, study_name=name, direction=direction)
        assert new._study_id == study._study_id
        new.add_trial(optuna.trial.create_trial(value=0.0))
        after = used(records, new)
        assert after is not before
        assert not after.knows("old")
        study = new
    database.engine.dispose()

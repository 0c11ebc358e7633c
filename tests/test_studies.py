"""What users do with studies, on storages in memory and in SQLite."""

from __future__ import annotations

from collections.abc import Callable
import logging
import math
import time
from typing import Any
import warnings

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.samplers import RandomSampler
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.history import History
from optuna_lanas._study.record import Record


Make = Callable[..., LaNASSampler]
HAS_NATIVE_CONSTRAINTS = hasattr(Trial, "set_constraint")


def default(**arguments: Any) -> LaNASSampler:
    return LaNASSampler(seed=0, **{"n_startup_trials": 3, **arguments})


def paper(**arguments: Any) -> LaNASSampler:
    return LaNASSampler.paper(seed=0, n_startup_trials=3, n_select=4, **arguments)


@pytest.fixture(params=[default, paper])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


def study_of(sampler: LaNASSampler, storage: BaseStorage, **arguments: Any) -> optuna.Study:
    return optuna.create_study(sampler=sampler, storage=storage, **arguments)


def mixed(trial: Trial) -> float:
    x = trial.suggest_float("x", -1.0, 1.0)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 0, 12, step=3)
    width = trial.suggest_int("width", 4, 512, log=True)
    op = trial.suggest_categorical("op", ["conv", "pool", None])
    return x**2 + abs(math.log10(rate) + 3) + abs(n - 6) + abs(width - 64) / 64 + (op != "conv")


def configurations(study: optuna.Study) -> list[str]:
    return [repr(sorted(trial.params.items())) for trial in study.trials]


# Parameters and their spaces


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_all_kinds_of_parameters(make: Make, storage: BaseStorage, direction: str) -> None:
    study = study_of(make(), storage, direction=direction)
    study.optimize(mixed, n_trials=10)
    assert len(set(configurations(study))) == 10


def test_the_direction_is_followed() -> None:
    ends = []
    for direction in ("minimize", "maximize"):
        study = optuna.create_study(sampler=default(), direction=direction)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=25)
        ends.append(np.mean([trial.params["x"] for trial in study.trials[-10:]]))
    assert ends[0] < 0.2
    assert ends[1] > 0.8


def test_conditional_spaces(make: Make, storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        loss = 0.0
        for i in range(trial.suggest_int("n_layers", 1, 3)):
            loss += abs(trial.suggest_int(f"width_{i}", 8, 64) - 16 * (i + 1))
        if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "adam":
            return loss + trial.suggest_float("beta", 0.8, 0.999)
        return loss + trial.suggest_float("momentum", 0.0, 1.0)

    study = study_of(make(), storage)
    study.optimize(objective, n_trials=15)
    assert len({frozenset(trial.params) for trial in study.trials}) >= 4


def test_a_parameter_of_some_trials_is_learned_from_them() -> None:
    def objective(trial: Trial) -> float:
        if trial.suggest_categorical("which", ["a", "b"]) == "a":
            return 1.0 + abs(trial.suggest_float("x", 0, 1) - 0.3)
        return abs(trial.suggest_float("y", 0, 1) - 0.7)

    study = optuna.create_study(sampler=default())
    study.optimize(objective, n_trials=40)
    late = study.trials[-15:]
    assert np.mean([trial.params["which"] == "b" for trial in late]) > 0.7
    assert np.median([abs(t.params.get("y", np.inf) - 0.7) for t in late]) < 0.1


def test_ranges_that_change(make: Make, storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        n = trial.number
        x = trial.suggest_float("x", -n, 1.0 + n % 3)
        i = trial.suggest_int("i", n % 2, 10 + n % 2, step=2)
        return x + i + trial.suggest_float("f", 0.1 * (n % 3), 1.0, step=0.3)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that ranges are no multiples of the step
        study_of(make(), storage).optimize(objective, n_trials=10)


@pytest.mark.parametrize("width", [10.0, 1e-3])
def test_a_range_that_has_become_narrow_is_still_searched(width: float) -> None:
    study = optuna.create_study(sampler=default(n_startup_trials=10))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1e6), n_trials=1)
    study.optimize(lambda trial: abs(trial.suggest_float("x", 0, width) - width / 2), n_trials=20)
    drawn = [trial.params["x"] for trial in study.trials[1:]]
    assert len(set(drawn)) == 20
    assert study.best_value < 0.2 * width


def test_single_valued_parameters(make: Make, storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        one = trial.suggest_float("one", 1.0, 1.0) + trial.suggest_int("two", 2, 2)
        trial.suggest_categorical("only", ["this"])
        return one + trial.suggest_float("x", 0, 1)

    study_of(make(), storage).optimize(objective, n_trials=6)


def test_a_study_without_parameters(make: Make, storage: BaseStorage) -> None:
    study = study_of(make(), storage)
    study.optimize(lambda trial: 1.0, n_trials=3)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)


def test_choices_that_are_equal_or_not_a_number(make: Make, storage: BaseStorage) -> None:
    choices = [None, True, 1, 1.0, float("nan"), "1", 0]
    study = study_of(make(), storage)
    study.optimize(
        lambda trial: float(trial.suggest_categorical("c", choices) is None), n_trials=8
    )
    seen = {repr(trial.params["c"]) for trial in study.trials}
    assert seen == {"None", "True", "nan", "'1'", "0"}  # Optuna stores True for 1 and 1.0


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(1e-300, 1e300, log=True),
        FloatDistribution(-1.7e308, 1.7e308),
        FloatDistribution(0.0, 1e-307),
        FloatDistribution(-0.3, 9.3, step=0.3),
        IntDistribution(-(2**62), 2**62),
        IntDistribution(1, 2**62, log=True),
        IntDistribution(-(2**61), 2**61, step=2**40),
        CategoricalDistribution(list(range(1000))),
    ],
)
def test_extreme_distributions(make: Make, distribution: BaseDistribution) -> None:
    study = optuna.create_study(sampler=make())
    for i in range(8):
        trial = study.ask({"x": distribution})
        assert distribution._contains(distribution.to_internal_repr(trial.params["x"]))
        study.tell(trial, float(i))


def test_a_log_range_over_600_orders_is_searched() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(
        lambda trial: abs(math.log10(trial.suggest_float("x", 1e-300, 1e300, log=True)) - 7),
        n_trials=30,
    )
    assert study.best_value < 30.0


@pytest.mark.slow
def test_a_thousand_parameters() -> None:
    study = optuna.create_study(sampler=default(n_startup_trials=5))
    start = time.perf_counter()
    study.optimize(
        lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(1000)), n_trials=15
    )
    assert time.perf_counter() - start < 30.0


# Results


def test_several_objectives(make: Make, storage: BaseStorage) -> None:
    study = study_of(make(), storage, directions=["minimize", "maximize"])
    study.optimize(
        lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("n", 0, 9) - t.params["x"]),
        n_trials=10,
    )
    assert study.best_trials


def test_a_front_is_spread() -> None:
    study = optuna.create_study(sampler=default(), directions=["minimize", "minimize"])

    def objective(trial: Trial) -> tuple[float, float]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x + y, (1 - x) ** 2 + y

    study.optimize(objective, n_trials=50)
    front = np.array([trial.params["x"] for trial in study.best_trials])
    assert len(front) > 8
    assert np.ptp(front) > 0.5


@pytest.mark.skipif(not HAS_NATIVE_CONSTRAINTS, reason="`set_constraint` is new in Optuna 5")
def test_constraints_of_the_trial(storage: BaseStorage) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("least", 0.5 - x)
        return x

    study = study_of(default(), storage)
    study.optimize(objective, n_trials=40)
    assert np.mean([trial.params["x"] >= 0.5 for trial in study.trials[5:]]) > 0.6
    assert study.best_value < 0.6


def test_constraints_func(make: Make, storage: BaseStorage) -> None:
    sampler = default(constraints_func=lambda trial: (0.5 - trial.params["x"],))
    study = study_of(sampler, storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    for trial in study.trials:
        assert trial.system_attrs["constraints"] == [0.5 - trial.params["x"]]
    assert np.mean([trial.params["x"] >= 0.5 for trial in study.trials[5:]]) > 0.6


def test_a_constraint_that_is_not_a_number_is_told() -> None:
    study = optuna.create_study(sampler=default(constraints_func=lambda trial: (math.nan,)))
    with pytest.raises(ValueError, match="`constraints_func` must return numbers"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


@pytest.mark.parametrize(
    "pruner",
    [
        optuna.pruners.MedianPruner(n_startup_trials=2),
        optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9),
        optuna.pruners.SuccessiveHalvingPruner(),
    ],
    ids=lambda pruner: type(pruner).__name__,
)
def test_pruned_trials(
    make: Make,
    storage: BaseStorage,
    pruner: optuna.pruners.BasePruner,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 5:
            trial.suggest_float("late", 0, 1)
        for step in range(1, 4):
            trial.report(x / step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    name = "pruned"  # by which Hyperband draws the brackets
    study = study_of(make(), storage, pruner=pruner, study_name=name)
    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        study.optimize(objective, n_trials=20)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(caplog.records) <= 1


def test_pruned_trials_are_learned_from() -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x > 0.3:
            trial.report(x, 1)
            raise optuna.TrialPruned
        return x

    study = optuna.create_study(sampler=default())
    study.optimize(objective, n_trials=30)
    assert np.mean([trial.params["x"] < 0.3 for trial in study.trials[-15:]]) > 0.7


def test_failed_trials_are_left_if_they_count_as_the_worst() -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if x < 0.5:
            raise MemoryError
        return x

    shares = []
    for consider in (True, False):
        study = optuna.create_study(sampler=default(consider_failed_trials=consider))
        study.optimize(objective, n_trials=40, catch=MemoryError)
        late = study.trials[-25:]
        shares.append(np.mean([trial.state == TrialState.FAIL for trial in late]))
    assert shares[0] < 0.4
    assert shares[0] < shares[1]


@pytest.mark.parametrize("consider", [True, False])
def test_a_study_of_failures_alone(storage: BaseStorage, consider: bool) -> None:
    study = study_of(default(consider_failed_trials=consider), storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * math.nan, n_trials=8)
    assert len(set(configurations(study))) == 8


VALUES = [math.inf, -math.inf, 1e308, -1e308, 0.0, 1e-320, 1.0, 1.0, 1.0, math.nan]


def test_values_that_are_infinite_huge_or_equal(make: Make, storage: BaseStorage) -> None:
    study = study_of(make(), storage)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        study.optimize(
            lambda trial: (trial.suggest_float("x", 0, 1), VALUES[trial.number % 10])[1],
            n_trials=14,
        )


def test_infinite_objectives(make: Make) -> None:
    study = optuna.create_study(sampler=make(), directions=["minimize", "maximize"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        study.optimize(
            lambda t: (VALUES[t.number % 9], -VALUES[t.number % 4] * t.suggest_float("x", 0, 1)),
            n_trials=15,
        )


def test_one_finished_trial_is_enough(storage: BaseStorage) -> None:
    study = study_of(default(n_startup_trials=0), storage)
    study.optimize(mixed, n_trials=2)
    space = study.sampler.infer_relative_search_space(study, study.trials[1])
    assert set(space) == set(study.trials[0].params)


# Repeats


@pytest.mark.parametrize("consider", [True, False])
def test_a_finite_space_is_tried_once_each_and_then_repeated(make: Make, consider: bool) -> None:
    study = optuna.create_study(sampler=make())

    def objective(trial: Trial) -> float:
        a = trial.suggest_categorical("a", [None, "x", 3])
        b = trial.suggest_int("b", 0, 6, step=3)
        c = trial.suggest_float("c", 0.0, 0.9, step=0.3)
        trial.suggest_float("constant", 1.0, 1.0)
        if consider and trial.number % 4 == 1:
            raise RuntimeError  # a failed configuration is not tried again either
        return b + c + (a == 3)

    start = time.perf_counter()
    study.optimize(objective, n_trials=46, catch=RuntimeError)
    assert time.perf_counter() - start < 30.0
    assert len(set(configurations(study)[:36])) == 36
    assert len(set(configurations(study))) == 36


def test_a_finite_space_that_is_fixed_but_for_one_parameter_ends_in_time() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.PartialFixedSampler({f"p{i}": 0 for i in range(7)}, default())
    study = optuna.create_study(sampler=sampler)
    start = time.perf_counter()
    study.optimize(
        lambda t: sum(t.suggest_categorical(f"p{i}", range(7)) for i in range(8)), n_trials=10
    )
    assert time.perf_counter() - start < 10.0
    assert len(set(configurations(study))) == 7


def test_pending_trials_are_not_repeated(make: Make) -> None:
    study = optuna.create_study(sampler=make())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 19), n_trials=4)
    space: dict[str, BaseDistribution] = {"x": IntDistribution(0, 19)}
    batch = [study.ask(space) for _ in range(16)]
    assert len({trial.params["x"] for trial in study.trials}) == 20
    for trial in batch:
        study.tell(trial, trial.params["x"])


def test_repeats_are_allowed_for_noisy_objectives() -> None:
    study = optuna.create_study(sampler=default(avoid_duplicates=False))
    study.optimize(lambda trial: trial.suggest_int("x", 0, 49) % 7, n_trials=30)
    assert len(set(configurations(study))) < 30


# Trials from elsewhere


def test_enqueued_trials(make: Make, storage: BaseStorage) -> None:
    study = study_of(make(), storage)
    study.enqueue_trial({"x": 0.25, "n": 3})
    study.optimize(mixed, n_trials=4)
    study.enqueue_trial({"x": 0.5, "rate": 1e-3, "n": 6, "width": 64, "op": "conv"})
    study.enqueue_trial({"op": None})
    study.optimize(mixed, n_trials=4)
    assert study.trials[0].params["x"] == 0.25
    assert study.trials[4].params["width"] == 64
    assert study.trials[5].params["op"] is None
    assert len(study.trials) == 8


def test_a_waiting_trial_is_not_anticipated() -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=3)
    rest = sorted(set(range(10)) - {trial.params["x"] for trial in study.trials})
    for x in rest[1:]:
        study.add_trial(
            create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": x}})
        )
    frozen = create_trial(state=TrialState.RUNNING)
    frozen.number, frozen._trial_id = 99, study.trials[0]._trial_id
    running = optuna.create_study(sampler=study.sampler)
    running.add_trials(study.trials)
    waiting = [t for t in running.trials if t.state == TrialState.WAITING]
    assert len(waiting) == 6
    probe = study_probe(running)
    assert probe == {"x": rest[0]}


def study_probe(study: optuna.Study) -> dict[str, Any]:
    """What the sampler would propose for a trial that is not stored."""
    sampler = study.sampler
    frozen = study.get_trials(deepcopy=True)[-1]
    number = len(study.trials)
    probe = FrozenTrial(
        number=number, state=TrialState.RUNNING, value=None, datetime_start=None,
        datetime_complete=None, params={}, distributions={}, user_attrs={}, system_attrs={},
        intermediate_values={}, trial_id=frozen._trial_id,
    )  # fmt: skip
    return sampler.sample_relative(study, probe, sampler.infer_relative_search_space(study, probe))


@pytest.mark.parametrize(
    "mistake", [{"x": 7.0}, {"x": -1e30}, {"rate": 0.0}, {"n": 100}, {"n": "q"}]
)
def test_a_waiting_trial_with_a_mistake_disturbs_nobody(mistake: dict[str, Any]) -> None:
    study = optuna.create_study(sampler=default())
    study.optimize(mixed, n_trials=4)
    study.enqueue_trial(mistake)
    assert set(study_probe(study)) == set(study.trials[0].params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's, of the fixed parameter
        study.optimize(mixed, n_trials=2, catch=ValueError)  # Optuna's, of 'q' and of log(0)


def test_partial_fixed_sampler(make: Make, storage: BaseStorage) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.PartialFixedSampler({"x": 0.5, "op": None}, make())
    study = optuna.create_study(storage=storage, sampler=sampler)
    study.optimize(mixed, n_trials=8)
    assert all(t.params["x"] == 0.5 and t.params["op"] is None for t in study.trials)


def test_added_and_copied_trials(make: Make, storage: BaseStorage) -> None:
    other = optuna.create_study(sampler=RandomSampler(seed=0))
    other.optimize(mixed, n_trials=8)
    study = study_of(make(), storage)
    study.add_trials(other.trials)
    study.add_trial(
        create_trial(
            params={"x": 0.1, "foreign": 3},
            distributions={"x": FloatDistribution(-2, 2), "foreign": IntDistribution(0, 5)},
            value=-1.0,
        )
    )
    study.optimize(mixed, n_trials=3)
    assert len(set(configurations(study))) == 12


def test_a_study_begun_by_another_sampler(make: Make, storage: BaseStorage) -> None:
    optuna.create_study(storage=storage, study_name="s", sampler=TPESampler(seed=0)).optimize(
        mixed, n_trials=6
    )
    study = optuna.load_study(storage=storage, study_name="s", sampler=make())
    study.optimize(mixed, n_trials=4)
    assert len(set(configurations(study))) == 10


def test_one_sampler_on_two_studies(make: Make, storage: BaseStorage) -> None:
    shared = make()
    studies = [study_of(shared, storage, direction=d) for d in ("minimize", "maximize")]
    alone = optuna.create_study(sampler=make())
    for _ in range(8):
        studies[0].optimize(mixed, n_trials=1)
        studies[1].optimize(
            lambda t: t.suggest_int("x", 0, 99) / t.suggest_int("k", 1, 5), n_trials=1
        )
        alone.optimize(mixed, n_trials=1)
    assert configurations(studies[0]) == configurations(alone)


def test_a_study_deleted_and_begun_anew_under_its_number(storage: BaseStorage) -> None:
    sampler = default()
    study_of(sampler, storage, study_name="s").optimize(mixed, n_trials=4)
    optuna.delete_study(study_name="s", storage=storage)
    study = study_of(sampler, storage, study_name="s")
    other = optuna.create_study(sampler=RandomSampler(seed=1))
    other.optimize(lambda trial: trial.suggest_int("other", 0, 5), n_trials=5)
    study.add_trials(other.trials)
    space = sampler.infer_relative_search_space(study, study.trials[-1])
    assert set(space) == {"other"}


# Messages


def test_a_parameter_that_appears_late_is_warned_of_once(
    storage: BaseStorage, caplog: pytest.LogCaptureFixture
) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number >= 4:
            x += trial.suggest_float("late", 0, 1) + trial.suggest_float(f"n{trial.number}", 0, 1)
        return x

    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        study_of(default(), storage).optimize(objective, n_trials=7)
    assert len(caplog.records) == 1
    assert "'late'" in caplog.text
    assert "`warn_independent_sampling=False`" in caplog.text


def test_the_warning_can_be_silenced(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=default(warn_independent_sampling=False))
    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        study.optimize(lambda t: t.suggest_float(f"x{t.number}", 0, 1), n_trials=6)
    assert not caplog.records


def test_an_independent_sampler_draws_what_is_new() -> None:
    fixed = optuna.samplers.GridSampler({"x": [0.125]})
    study = optuna.create_study(sampler=default(independent_sampler=fixed))
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == 0.125


@pytest.mark.parametrize(
    ("first", "then", "n_values"),
    [((8, 64, 8), (16, 64, 8), 7), ((1, 9, 2), (2, 10, 2), 5), ((1, 10, 1), (2, 10, 2), 5)],
)
def test_no_configuration_is_repeated_after_a_grid_has_changed(
    first: tuple[int, int, int], then: tuple[int, int, int], n_values: int
) -> None:
    def objective(trial: optuna.Trial) -> float:
        low, high, step = first if trial.number < 12 else then
        x = trial.suggest_int("x", low, high, step=step)
        return x + trial.suggest_int("y", 0, 5)

    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(objective, n_trials=12 + 3 * n_values)
    later = [tuple(trial.params.values()) for trial in study.trials[12:]]
    assert len(set(later)) == len(later)
    earlier = {tuple(trial.params.values()) for trial in study.trials[:12]}
    assert not earlier & set(later)


def test_pending_trials_of_a_conditional_space_are_not_repeated() -> None:
    def ask(study: optuna.Study) -> optuna.Trial:
        trial = study.ask()
        names = {"a": "x", "b": "y"}
        trial.suggest_int(names[trial.suggest_categorical("kind", ["a", "b"])], 0, 4)
        return trial

    for seed in range(4):
        study = optuna.create_study(sampler=LaNASSampler(n_startup_trials=5, seed=seed))
        for _ in range(6):
            trial = ask(study)
            study.tell(trial, sum(v for v in trial.params.values() if isinstance(v, int)))
        batch = [tuple(ask(study).params.items()) for _ in range(4)]
        assert len(set(batch)) == len(batch)


def test_pruned_trials_are_ordered_by_their_violation() -> None:
    def objective(trial: optuna.Trial) -> float:
        size = sum(trial.suggest_int(f"x{i}", 0, 9) for i in range(6))
        trial.set_user_attr("size", size)
        if size > 10:
            raise optuna.TrialPruned
        return -size

    firsts = []
    for seed in range(3):
        sampler = LaNASSampler(seed=seed, constraints_func=lambda t: [t.user_attrs["size"] - 10])
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=40)
        firsts += [t.number for t in study.trials if t.state == TrialState.COMPLETE][:1]
    assert len(firsts) == 3
    assert max(firsts) < 30


def test_several_objectives_find_what_is_feasible_as_soon_as_one() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        xs = [trial.suggest_int(f"x{i}", 0, 9) for i in range(8)]
        trial.set_user_attr("violation", float(sum(xs) - 9))
        return float(sum(xs[:4])), float(sum(xs[4:]))

    for seed in range(2):
        sampler = LaNASSampler(seed=seed, constraints_func=lambda t: [t.user_attrs["violation"]])
        study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        study.optimize(objective, n_trials=35)
        assert min(t.user_attrs["violation"] for t in study.trials) <= 0


def test_a_plateau_of_the_best_value_is_left() -> None:
    def objective(trial: optuna.Trial) -> float:
        hits = sum(trial.suggest_categorical(name, range(4)) == 1 for name in "abcdef")
        return float(min(hits, 2)) if hits < 6 else 3.0

    n_trials = []
    for seed in range(3):
        study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=seed))
        study.enqueue_trial(dict.fromkeys("abcdef", 0))
        study.optimize(objective, n_trials=30)
        n_trials.append(sum(value == 2.0 for value in (t.value for t in study.trials)))
    assert min(n_trials) >= 20  # the model still tells two hits from one


def test_hyperband_shows_no_trial_its_own_as_pending_and_warns_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    history = Record.history

    def spy(record: Record, number: int) -> History:
        found = history(record, number)
        seen.append(len(found.pending))
        return found

    def objective(trial: optuna.Trial) -> float:
        value = trial.suggest_float("x", 0, 1) + trial.suggest_float(f"late{trial.number}", 0, 1)
        for step in range(9):
            trial.report(value, step)
            trial.should_prune()
        return value

    monkeypatch.setattr(Record, "history", spy)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    sampler = LaNASSampler(n_startup_trials=2, seed=0)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    with caplog.at_level(logging.WARNING, logger="optuna_lanas"):
        for i in range(10):
            study.enqueue_trial({"x": 0.1 * i})
            study.optimize(objective, n_trials=2)
    assert seen
    assert set(seen) == {0}
    assert sum("drawn at random" in record.message for record in caplog.records) == 1


def test_an_interrupted_reading_loses_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = LaNASSampler(n_startup_trials=3, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=10)
    take_in = Record._take_in

    def interrupted(*_: Any) -> None:
        monkeypatch.setattr(Record, "_take_in", take_in)
        raise KeyboardInterrupt

    monkeypatch.setattr(Record, "_take_in", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 2), n_trials=2)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 2), n_trials=3)
    with sampler.records.of(study, sampler.settings) as record:
        assert record.n_valued == sum(t.state == TrialState.COMPLETE for t in study.trials)

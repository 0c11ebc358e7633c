"""Workers whose clocks are wrong or in other time zones: same suggestions, at the usual cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
import heapq
import random
import time
from typing import Any

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import optuna
from optuna.trial import create_trial
from optuna.trial import Trial
from optuna.trial import TrialState
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.search_tree import last_milestone
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.record import Record


N_BEFORE, N_MEASURED = 120, 60
BEGIN = datetime(2026, 10, 25)
CLOCKS: dict[str, list[float]] = {  # what each worker's clock is ahead, in seconds
    "right": [0.0] * 8,
    "one an hour ahead": [3600.0, *[0.0] * 7],
    "one an hour behind": [-3600.0, *[0.0] * 7],
    "two zones": [0.0, 3600.0] * 4,
    "many zones": [3600.0 * hours for hours in (9, 0, -5, 1, 0, -8, 5.5, 12)],
    "seconds apart": [0.0, 7.0, -3.0, 20.0, 11.0, -14.0, 2.0, -6.0],
}


class Workers:
    """Workers that each run one trial after another, on a study of stored times.

    Args:
        study: The study, in memory.
        ahead: What each worker's clock is ahead.
        seed: Of the durations and values.
    """

    def __init__(self, study: optuna.Study, ahead: Sequence[float], seed: int = 0) -> None:
        self.study, self.ahead = study, ahead
        self.rng = random.Random(seed)
        self.events: list[tuple[float, int, Trial | None]] = [
            (self.rng.random(), worker, None) for worker in range(len(ahead))
        ]

    def run(self, n_trials: int) -> None:
        """Begin a number of trials, and end those that end in the meantime."""
        for _ in range(n_trials):
            now, worker, trial = heapq.heappop(self.events)
            if trial is not None:
                value = sum(trial.params.values()) + 0.1 * self.rng.random()
                frozen = self.study.tell(trial, value)
                self._stored(frozen.number).datetime_complete = self._shown(worker, now)
            end = now + self.rng.uniform(5.0, 15.0)
            heapq.heappush(self.events, (end, worker, self._begun(worker, now)))

    def _begun(self, worker: int, now: float) -> Trial:
        template = create_trial(state=TrialState.RUNNING)
        template.datetime_start = self._shown(worker, now)
        number = self.study._storage.create_new_trial(self.study._study_id, template)
        trial = Trial(self.study, number)
        for name in "xyz":
            trial.suggest_float(name, 0.0, 1.0)
        return trial

    def _stored(self, number: int) -> optuna.trial.FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def _shown(self, worker: int, now: float) -> datetime:
        return BEGIN + timedelta(seconds=now + self.ahead[worker])


def record_of(study: optuna.Study) -> Record:
    assert isinstance(study.sampler, LaNASSampler)
    return study.sampler._records.use(study, lambda record: record)


def n_fits(ahead: Sequence[float]) -> tuple[int, int]:
    """How many models and trees a study of such clocks fits, after its first trials."""
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    workers = Workers(study, ahead)
    workers.run(N_BEFORE)
    models: list[Any] = [None]
    trees: list[Any] = [None]
    for _ in range(N_MEASURED):
        workers.run(1)
        caches = record_of(study).caches
        assert caches is not None
        models += [caches.model._model] * (caches.model._model is not models[-1])
        trees += [caches.tree.tree] * (caches.tree.tree is not trees[-1])
    return len(models) - 1, len(trees) - 1


@pytest.mark.slow
@pytest.mark.parametrize("clocks", [name for name in CLOCKS if name != "right"])
def test_wrong_clocks_cost_few_more_fits(clocks: str) -> None:
    """A model is fitted from the first trials of the order, so that the order must rarely change.

    A late trial that refits everything would need as many fits as there are trials.
    """
    models, trees = n_fits(CLOCKS["right"])
    more_models, more_trees = n_fits(CLOCKS[clocks])
    assert more_models <= models + N_MEASURED // 2
    assert more_trees <= trees + N_MEASURED // 2


@pytest.mark.slow
def test_trials_that_are_added_late_refit_no_model() -> None:
    """Trials of another sampler's worker, which end before or after all others by their clock."""
    for ahead in (3600.0, -3600.0):
        study = optuna.create_study(sampler=LaNASSampler(seed=0))
        added = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(objective, n_trials=40)
        models: list[Any] = [None]
        for _ in range(20):
            added.optimize(objective, n_trials=1)
            trial = added.trials[-1]
            assert trial.datetime_start is not None
            trial.datetime_complete = trial.datetime_start + timedelta(seconds=ahead)
            trial.datetime_start = trial.datetime_complete - timedelta(seconds=0.9)
            study.add_trial(trial)
            study.optimize(objective, n_trials=1)
            caches = record_of(study).caches
            assert caches is not None
            models += [caches.model._model] * (caches.model._model is not models[-1])
        milestones = {last_milestone(n, DEFAULT.model_growth) for n in range(40, 81)}
        assert len(models) - 1 <= len(milestones) + 1


def objective(trial: Trial) -> float:
    return sum(trial.suggest_float(name, 0.0, 1.0) for name in "xyz")


@settings(max_examples=3)
@pytest.mark.slow
@given(
    ahead=st.lists(st.sampled_from([0.0, 0.5, -7.0, 90.0, 3600.0, -86400.0]), min_size=1),
    seed=st.integers(0, 99),
)
def test_whatever_the_clocks_a_kept_sampler_suggests_what_a_new_one_does(
    ahead: list[float], seed: int
) -> None:
    def params(is_kept: bool) -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=sampler())
        workers = Workers(study, ahead[:5], seed)
        for _ in range(25):
            if not is_kept:
                study.sampler = sampler()
            workers.run(1)
        return [trial.params for trial in study.trials]

    assert params(True) == params(False)


def sampler() -> LaNASSampler:
    return LaNASSampler(seed=0, n_startup_trials=3, min_samples_leaf=2)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="The time zone cannot be set.")
def test_a_suggestion_does_not_depend_on_the_workers_time_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some of the stored times do not exist in New York, where summer time begins."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=60)
    for trial in study.get_trials(deepcopy=False):
        trial.datetime_start = datetime(2026, 3, 8, 1, 30) + timedelta(minutes=trial.number)
        trial.datetime_complete = trial.datetime_start + timedelta(minutes=2)
    asking = study.get_trials()[-1].number + 1
    study.ask()
    found = []
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        of_zone, trial = LaNASSampler(seed=0), study.get_trials()[asking]
        space = of_zone.infer_relative_search_space(study, trial)
        found.append(of_zone.sample_relative(study, trial, space))
    monkeypatch.undo()
    time.tzset()
    assert set(found[0]) == set("xyz")
    assert found[0] == found[1] == found[2]

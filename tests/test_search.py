"""The search phase: where a proposal is looked for."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas import search
from optuna_lanas.explanation import explain
from tests.proposals import Recorder


def test_a_region_with_nothing_new_is_left_for_its_parents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "PATIENCE", 100)
    names, choices = "abcd", (0, 1, 2)
    n_points = len(choices) ** len(names)

    def objective(trial: optuna.Trial) -> float:
        values = [trial.suggest_categorical(name, choices) for name in names]
        return float(sum(values) + 3 * (values[0] == values[1]))

    study = optuna.create_study(sampler=LaNASSampler(n_startup_trials=10, seed=0))
    with Recorder().recording() as recorder:
        study.optimize(objective, n_trials=n_points)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == n_points
    # All but the last points, of which a climb meets none, are proposed by the model.
    assert recorder.n_searched >= 0.8 * (n_points - 10)
    later = [proposed for number, proposed in recorder.proposals.items() if number > n_points // 2]
    assert sum(proposed.node == 0 for proposed in later) > len(later) // 5


def test_probes_begin_once_nothing_better_was_found_for_half_of_the_history() -> None:
    values = np.zeros(100)
    values[0] = 1.0
    assert search.share_of_probes(values) == pytest.approx(0.49)
    assert search.share_of_probes(values[:20]) == 0.0  # not for long
    values[50] = 1.0  # as good as the best one before
    assert search.share_of_probes(values) == 0.0
    assert search.share_of_probes(np.arange(1000.0)) == 0.0


def test_a_search_that_is_stuck_probes_at_random_and_says_so() -> None:
    def objective(trial: optuna.Trial) -> float:
        x, y = (trial.suggest_float(name, 0.0, 1.0) for name in "xy")
        return x + y if trial.number else -1.0  # the first trial stays the best one

    study = optuna.create_study(sampler=LaNASSampler(n_startup_trials=10, seed=0))
    with Recorder().recording() as recorder:
        study.optimize(objective, n_trials=100)
    probes = [number for number, proposed in recorder.proposals.items() if proposed.is_probe]
    assert 20 <= len(probes) <= 50
    assert explain(study, probes[-1]).origin.startswith("drawn at random, since nothing better")

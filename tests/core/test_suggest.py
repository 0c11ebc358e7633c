"""The search phase: where a proposal is looked for."""

from __future__ import annotations

import optuna

from optuna_lanas import LaNASSampler
from tests.proposals import Recorder


def test_a_region_with_nothing_new_is_left_for_its_parents() -> None:
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

"""The package as the hub loads it."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest


optunahub = pytest.importorskip("optunahub", reason="needs optunahub")
REGISTRY = Path(__file__).parents[3]


def test_search() -> None:
    module = optunahub.load_local_module("samplers/lanas", registry_root=str(REGISTRY))
    study = optuna.create_study(sampler=module.LaNASSampler(seed=0, n_startup_trials=5))
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=20)
    assert study.best_value < 1e-3

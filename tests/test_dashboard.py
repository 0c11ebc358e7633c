"""Figures and note are stored for the study's page."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
import json
import logging
from pathlib import Path
import re
import sys
import time
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.dashboard import MAX_BYTES
from optuna_lanas.dashboard import publish
from optuna_lanas.dashboard import PublishCallback
from optuna_lanas.explanation import explain
from optuna_lanas.sampler import LEAF_KEY
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization._note import NOTE_HEADING
from tests.workers import storages


FIGURES = ["partition", "leaf-values", "parameters", "leaf-share", "trial-map"]


def objective(trial: optuna.Trial) -> float:
    operation = trial.suggest_categorical("operation", ["conv", "pool|max", "skip"])
    return trial.suggest_float("x", 0, 1) + (operation == "conv")


def searched(
    n_trials: int,
    storage: str | BaseStorage | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
) -> optuna.Study:
    sampler = sampler or optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=storage, sampler=sampler, direction="maximize")
    study.optimize(objective, n_trials=n_trials)
    return study


def stored_figures(study: optuna.Study) -> dict[str, str]:
    """Return the JSON of the figures as the dashboard reads it from the storage."""
    from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

    attributes = study._storage.get_study_system_attrs(study._study_id)
    return dict(get_plotly_graph_objects(attributes))


@contextmanager
def memory(folder: Path) -> Iterator[storages.Opener]:
    yield optuna.storages.InMemoryStorage


SHARED = [storages.sqlite, storages.journal, storages.postgresql, storages.grpc_proxy]


@pytest.fixture(params=[memory, *(pytest.param(each, marks=pytest.mark.slow) for each in SHARED)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    with request.param(tmp_path) as open_storage:
        yield open_storage()


def test_every_storage_keeps_figures_and_note(storage: BaseStorage) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = searched(25, storage, LaNASSampler(seed=0, n_startup_trials=5, show_leaf=True))
    check_leaves(study)
    ids = publish(study, target_name="score")
    assert ids == [f"lanas-{name}" for name in FIGURES]
    figures = stored_figures(study)
    assert set(figures) == set(ids)
    view = partition(study)
    tiles = json.loads(figures["lanas-partition"])["data"][0]
    assert tiles["values"] == view.search_tree.visits.astype(int).tolist()
    note = dashboard.get_note(study)
    assert note.startswith(NOTE_HEADING)
    assert f"The best trial is trial {study.best_trial.number}" in note
    assert f"| {view.name(int(view.leaves[0]))} |" in note
    assert "score, mean" in note


def check_leaves(study: optuna.Study) -> None:
    """Trials whose sampler chose a leaf, and no others, name this leaf."""
    explained = [explain(study, trial.number) for trial in study.trials]
    expected = [{LEAF_KEY: why.leaf_name} if why.found == "model" else {} for why in explained]
    assert [trial.user_attrs for trial in study.trials] == expected
    assert sum(map(bool, expected)) > len(expected) / 2


def test_no_leaf_is_shown_unless_asked_for() -> None:
    study = searched(15, sampler=LaNASSampler(seed=0))
    assert not any(trial.user_attrs for trial in study.trials)


@pytest.mark.slow
def test_figures_are_small() -> None:
    pytest.importorskip("optuna_dashboard")
    study = searched(3000)
    publish(study)
    for name, figure in stored_figures(study).items():
        assert 1_000 < len(figure.encode()) <= MAX_BYTES, name


@pytest.mark.slow
def test_wide_and_deep_figures_are_small() -> None:
    pytest.importorskip("optuna_dashboard")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    names = [f"a_rather_long_name_of_a_parameter_of_many_{i}" for i in range(30)]
    study.optimize(lambda t: sum(t.suggest_float(n, 0, 1) for n in names), n_trials=300)
    publish(study, sampler=LaNASSampler(max_depth=9, min_samples_leaf=1))
    assert len(stored_figures(study)) == len(FIGURES)
    for name, figure in stored_figures(study).items():
        assert len(figure.encode()) <= MAX_BYTES, name


def test_the_users_own_note_stays() -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = searched(12)
    dashboard.save_note(study, "My *own* note.\n\n")
    publish(study)
    study.optimize(objective, n_trials=5)
    publish(study)
    note = dashboard.get_note(study)
    assert note.startswith("My *own* note.\n\n")
    assert note.count(NOTE_HEADING) == 1
    assert "17 trials in" in note


def test_several_objectives() -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=LaNASSampler(seed=0))
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)), n_trials=15)
    assert publish(study)
    assert "The Pareto front has" in dashboard.get_note(study)


def test_the_architecture_is_published_where_a_space_draws_it() -> None:
    pytest.importorskip("optuna_dashboard")
    pytest.importorskip("networkx")
    space = NASBench201Space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: space.suggest(trial).count("none"), n_trials=5)
    assert "lanas-architecture" not in publish(study)
    assert "lanas-architecture" in publish(study, space=space)
    assert "lanas-architecture" in publish(study, sampler=LaNASSampler(space=space))


def test_nothing_is_published_before_there_is_a_value() -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = optuna.create_study()
    assert publish(study) == []
    assert dashboard.get_note(study) == ""


def test_a_study_without_parameters_is_not_published_and_continues() -> None:
    pytest.importorskip("optuna_dashboard")
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    study.optimize(lambda _: 1.0, n_trials=3, callbacks=[PublishCallback(interval=0)])
    assert len(study.trials) == 3
    assert publish(study) == []


def test_the_heading_stands_on_a_line_of_its_own() -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = searched(12)
    dashboard.save_note(study, "My note")
    for _ in range(2):
        publish(study)
        assert dashboard.get_note(study).startswith(f"My note\n\n{NOTE_HEADING}")


def test_callback_publishes_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    seconds = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    callback = PublishCallback(interval=10)
    notes: list[str] = []

    def read(study: optuna.Study, trial: FrozenTrial) -> None:
        notes.append(dashboard.get_note(study))

    def slow(trial: optuna.Trial) -> float:
        nonlocal seconds
        seconds += 4
        return objective(trial)

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(slow, n_trials=10, callbacks=[callback, read])
    counted = [re.search(r"(\d+) trials in", note) for note in notes]
    shown = [int(match[1]) if match else 0 for match in counted]
    assert shown == [0, 0, 3, 3, 3, 6, 6, 6, 9, 9]


def test_callback_in_threads() -> None:
    pytest.importorskip("optuna_dashboard")
    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    callback = PublishCallback(interval=0, target_name="score")
    study.optimize(objective, n_trials=20, n_jobs=4, callbacks=[callback])
    figures = stored_figures(study)
    assert "lanas-partition" in figures
    assert all(json.loads(figure)["data"] for figure in figures.values())


def test_negative_interval() -> None:
    pytest.importorskip("optuna_dashboard")
    with pytest.raises(ValueError, match="`interval` must be at least 0 seconds, got -1"):
        PublishCallback(interval=-1)


@pytest.mark.parametrize("use", [lambda: publish(searched(3)), PublishCallback])
def test_without_the_dashboard(use: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(ImportError, match=r"install 'optuna_lanas\[dashboard\]'"):
        use()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"smapler": None}, TypeError, "unexpected keyword argument 'smapler'"),
        ({"interval": "60"}, TypeError, "`interval` must be a float, got '60' of str"),
        ({"interval": float("nan")}, ValueError, "`interval` must be at least 0 seconds, got nan"),
        ({"target": "accuracy"}, TypeError, "`target` must be a function .*, got 'accuracy' of"),
        ({"target_name": 3}, TypeError, "`target_name` must be a str, got 3 of int"),
        ({"sampler": LaNASSampler}, TypeError, "`sampler` must be .*, got the class LaNASSampler"),
        ({"space": NASBench201Space}, TypeError, "`space` must be .*, got the class NASBench201"),
        ({"sampler": LaNASSampler(), "space": NASBench201Space()}, ValueError, "must be None"),
    ],
)
def test_the_callback_checks_its_arguments_before_the_search(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        PublishCallback(**arguments)


@pytest.mark.usefixtures("log")
def test_a_callback_that_fails_warns_once_and_does_not_end_the_search(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("optuna_dashboard")

    def target(trial: FrozenTrial) -> float:
        raise RuntimeError("no target")

    study = optuna.create_study(sampler=LaNASSampler(seed=0))
    with caplog.at_level(logging.WARNING, logger="optuna.lanas"):
        for _ in range(2):
            callback = PublishCallback(interval=0, target=target)
            study.optimize(objective, n_trials=6, n_jobs=2, callbacks=[callback])
    assert len(study.trials) == 12
    assert len(caplog.records) == 1
    assert "no target" in caplog.text
    assert study.study_name in caplog.text

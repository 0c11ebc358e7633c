"""Figures and note reach the study's page, in a real browser too."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import threading
from typing import Any
from urllib.request import urlopen
from wsgiref.simple_server import make_server
from wsgiref.simple_server import WSGIRequestHandler

import optuna
from optuna.storages import BaseStorage
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.dashboard import MAX_BYTES
from optuna_lanas.dashboard import NOTE_HEADING
from optuna_lanas.dashboard import publish
from optuna_lanas.dashboard import PublishCallback
from optuna_lanas.explanation import explain
from optuna_lanas.sampler import LEAF_KEY
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from tests.workers import storages


FIGURES = ["partition", "leaf-values", "latent-action", "leaf-share", "trial-map"]
TITLES = [
    "Regions of Latent Actions",
    "Values in Leaves",
    "Latent Action of Node 0",
    "Share of Leaves over Time",
    "Map of Trials",
    "Architecture of Trial",
]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


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
    assert f"The best is trial {study.best_trial.number}" in note
    assert f"| {view.name(int(view.leaves[0]))} |" in note
    assert "mean score" in note


def check_leaves(study: optuna.Study) -> None:
    """Trials that were searched for, and no others, name the leaf of their explanation."""
    explained = [explain(study, trial.number) for trial in study.trials]
    expected = [{LEAF_KEY: why.leaf_name} if why.is_searched else {} for why in explained]
    assert [trial.user_attrs for trial in study.trials] == expected
    assert sum(map(bool, expected)) > len(expected) / 2


def test_no_leaf_is_shown_unless_asked_for() -> None:
    study = searched(15, sampler=LaNASSampler(seed=0))
    assert not any(trial.user_attrs for trial in study.trials)


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
    assert "on the Pareto front" in dashboard.get_note(study)


def test_nothing_is_published_before_there_is_a_value() -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study = optuna.create_study()
    assert publish(study) == []
    assert dashboard.get_note(study) == ""


def test_a_study_without_parameters_is_not_published_and_goes_on() -> None:
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
    pytest.importorskip("optuna_dashboard")
    clock = [0.0]
    published: list[int] = []
    monkeypatch.setattr("optuna_lanas.dashboard.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "optuna_lanas.dashboard.publish",
        lambda study, **settings: published.append(len(study.trials)),
    )
    callback = PublishCallback(interval=10)

    def slow(trial: optuna.Trial) -> float:
        clock[0] += 4
        return objective(trial)

    optuna.create_study().optimize(slow, n_trials=10, callbacks=[callback])
    assert published == [3, 6, 9]


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
    with pytest.raises(ImportError, match=r"install 'optuna_lanas\[dashboard,visual"):
        use()


@pytest.fixture
def page() -> Iterator[Callable[[BaseStorage], str]]:
    """Serves a storage's dashboard and returns the address of its first study's page."""
    dashboard = pytest.importorskip("optuna_dashboard")
    servers = []

    def serve(storage: BaseStorage) -> str:
        server = make_server("127.0.0.1", 0, dashboard.wsgi(storage), handler_class=_Silent)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        study_id = storage.get_all_studies()[0]._study_id
        return f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study_id}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_the_browser_shows_the_figures(page: Callable[[BaseStorage], str], tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    space = NASBench201Space()
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.sqlite3'}")
    study = optuna.create_study(
        storage=storage,
        sampler=LaNASSampler(space=space, seed=0, show_leaf=True),
        direction="maximize",
    )
    study.optimize(lambda trial: space.suggest(trial).count("conv_3x3"), n_trials=30)
    publish(study, target_name="convolutions")
    address = page(storage)
    dom = _open(address, tmp_path, "--dump-dom")
    for name, title in zip([*FIGURES, "architecture"], TITLES, strict=True):
        assert f'id="user-defined-plot:lanas-{name}"' in dom
        assert title in dom
    assert dom.count("js-plotly-plot") >= len(TITLES)
    assert 'class="icicle' in dom or "iciclelayer" in dom
    assert "to the good side:" in dom
    assert NOTE_HEADING.removeprefix("## ") in _open(f"{address}/note", tmp_path, "--dump-dom")
    trial = _open(f"{address}/trials?numbers=29", tmp_path, "--dump-dom")
    assert LEAF_KEY in trial
    assert explain(study, 29).leaf_name in trial
    with urlopen(address.replace("dashboard/", "api/")) as answer:  # what the table is made of
        assert {"key": LEAF_KEY, "sortable": False} in json.load(answer)["union_user_attrs"]
    picture = tmp_path / "page.png"
    _open(address, tmp_path, f"--screenshot={picture}", "--window-size=1500,3000")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 100_000


def _open(address: str, folder: Path, *arguments: str) -> str:
    """Open a page in Debian's headless Chromium and return what it prints."""
    assert BROWSER is not None, "the test is skipped without"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000"]
    command = [BROWSER, *flags, *arguments, address]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    return done.stdout

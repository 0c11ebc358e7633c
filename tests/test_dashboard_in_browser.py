"""A real browser shows the figures and the note on the study's page."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import json
from pathlib import Path
import threading
from typing import Any
from urllib.request import urlopen
from wsgiref.simple_server import make_server
from wsgiref.simple_server import WSGIRequestHandler

import optuna
from optuna.storages import BaseStorage
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.dashboard import publish
from optuna_lanas.explanation import explain
from optuna_lanas.sampler import LEAF_KEY
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.visualization import partition
from optuna_lanas.visualization._note import NOTE_HEADING
from optuna_lanas.visualization._partition_text import summary
from tests.browser import BROWSER
from tests.browser import open_page


TITLES = {
    "partition": "regions: ",
    "leaf-values": "Best region, ",
    "parameters": "Best convolutions: ",
    "leaf-share": "of the last 20 trials lie in",
    "trial-map": "Best trial: ",
    "architecture": ", the best: ",
}


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
    dom = open_page(address, tmp_path, "--dump-dom")
    for name, title in TITLES.items():
        assert f'id="user-defined-plot:lanas-{name}"' in dom
        assert title in dom
    assert dom.count("js-plotly-plot") >= len(TITLES)
    assert 'class="icicle' in dom or "iciclelayer" in dom
    assert "Click to zoom" in dom
    note = open_page(f"{address}/note", tmp_path, "--dump-dom")
    assert NOTE_HEADING.removeprefix("## ") in note
    for words in (summary(partition(study, target_name="convolutions")), "Lately: ", "Next: "):
        assert words in note
    trial = open_page(f"{address}/trials?numbers=29", tmp_path, "--dump-dom")
    assert LEAF_KEY in trial
    assert explain(study, 29).leaf_name in trial
    with urlopen(address.replace("dashboard/", "api/")) as answer:  # what the table is made of
        assert {"key": LEAF_KEY, "sortable": False} in json.load(answer)["union_user_attrs"]
    picture = tmp_path / "page.png"
    open_page(address, tmp_path, f"--screenshot={picture}", "--window-size=1500,3000")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 100_000

"""Makes the pictures of the gallery with real searches, a real dashboard and a real browser.

    pip install 'optuna_lanas[dashboard,tables]'
    python -m docs.gallery.make

Needs Debian's chromium. Writes PNG files beside this file, and prints the texts of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import shutil
import subprocess
import tempfile
import threading
from typing import Any
from wsgiref.simple_server import make_server
from wsgiref.simple_server import WSGIRequestHandler

import optuna
import optuna_dashboard

from docs.gallery.studies import studies
from examples.benchmarks.figure_times import PLOTS
from examples.dashboard import search
from examples.dashboard import TARGET
from optuna_lanas.explanation import explain
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import plot_architecture


FOLDER = Path(__file__).parent


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        for searched, study in studies().items():
            for name, figure in figures(study):
                page = Path(folder) / "figure.html"
                page.write_text(html(figure), encoding="utf-8")
                photograph(page.as_uri(), FOLDER / f"{searched}-{name}.png", "1000,600")
    study = search(optuna.storages.InMemoryStorage(), n_trials=150)
    photograph(serve(study), FOLDER / "dashboard.png", "1500,2700")
    print(partition(study, target_name=TARGET))
    print(explain(study, study.best_trial.number).details())


def figures(study: optuna.Study) -> Iterator[tuple[str, Any]]:
    """Yield the name of each picture, and its figure."""
    view = partition(study)
    for plot in PLOTS:
        yield plot.__name__.removeprefix("plot_"), plot(view)
    if study.sampler.space is not None:
        yield "architecture", plot_architecture(study)


def html(figure: Any) -> str:
    """Return a page that a figure fills."""
    size = {"default_width": "1000px", "default_height": "600px"}
    text: str = figure.to_html(config={"displayModeBar": False}, **size)
    return text.replace("<body>", '<body style="margin: 0">')


def serve(study: optuna.Study) -> str:
    """Serve a study's dashboard from a thread and return the address of the study's page."""
    app = optuna_dashboard.wsgi(study._storage)
    server = make_server("127.0.0.1", 0, app, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study._study_id}"


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def photograph(address: str, picture: Path, size: str) -> None:
    """Write a picture of a page, in a window of ``size`` (width and height in pixels)."""
    browser = shutil.which("chromium")
    if browser is None:
        raise FileNotFoundError("The gallery needs chromium: apt-get install chromium.")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with tempfile.TemporaryDirectory() as profile:
        flags += [f"--user-data-dir={profile}", "--hide-scrollbars", "--virtual-time-budget=15000"]
        flags += [f"--window-size={size}", f"--screenshot={picture}", address]
        subprocess.run([browser, *flags], check=True, capture_output=True, timeout=180)


if __name__ == "__main__":
    main()

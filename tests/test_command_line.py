"""`python -m optuna_lanas`."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
from socket import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
import pytest

from optuna_lanas import __main__ as command_line
from optuna_lanas import __version__
from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition


Capture = pytest.CaptureFixture[str]


def test_version() -> None:
    command = [sys.executable, "-m", "optuna_lanas", "--version"]
    root = Path(command_line.__file__).parents[1]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    assert output == f"optuna_lanas {__version__}\n"


def test_the_environment_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--environment"])
    assert ended.value.code == 0
    report, *rest = capsys.readouterr().out.splitlines()
    assert not rest
    for fact in (__version__, f"optuna {optuna.__version__}", f"numpy {np.__version__}"):
        assert fact in report


def test_what_is_not_installed_is_named() -> None:
    report = command_line.environment(["numpy", "a-package-that-nobody-has"])
    assert f"numpy {np.__version__}, no a-package-that-nobody-has, " in report


def test_without_arguments_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    command_line.main([])
    help_text = capsys.readouterr().out
    assert "--environment" in help_text
    for command in ("partition", "explain", "figures", "publish", "watch"):
        assert command in help_text


# A study of a storage


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0, 1)
    return (x - 0.3) ** 2 + (trial.suggest_categorical("kind", ["a", "b"]) == "a")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of two studies, the second one empty."""
    found = tmp_path_factory.mktemp("storage") / "journal.log"
    storage = JournalStorage(JournalFileBackend(str(found)))
    study = optuna.create_study(
        storage=storage, study_name="full", sampler=LaNASSampler(seed=0), direction="minimize"
    )
    study.optimize(objective, n_trials=20)
    optuna.create_study(storage=storage, study_name="empty")
    return found


@pytest.fixture
def study(path: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name="full", storage=storage)


@pytest.fixture
def run(path: Path, capsys: Capture) -> Callable[..., str]:
    before = optuna.logging.get_verbosity()

    def run_it(*arguments: str, name: str = "full") -> str:
        command, *others = arguments
        command_line.main([command, "--storage", str(path), "--study-name", name, *others])
        optuna.logging.set_verbosity(before)
        return capsys.readouterr().out

    return run_it


def test_partition_and_explain_print_what_the_functions_return(
    run: Callable[..., str], study: optuna.Study
) -> None:
    assert run("partition") == f"{partition(study)}\n"
    assert run("explain") == f"{explain(study)}\n"
    assert run("explain", "--", "-1") == run("explain", "-1") == f"{explain(study, 19)}\n"
    assert run("explain", "7", "-2") == f"{explain(study, [7, 18])}\n"
    assert run("explain", "7", "--details") == f"{explain(study, 7).details()}\n"


def test_json_has_no_numbers_that_json_does_not_have(
    run: Callable[..., str], study: optuna.Study
) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    regions = json.loads(run("partition", "-f", "json"), parse_constant=refuse)["regions"]
    assert len(regions) == partition(study).tree.n_nodes
    for numbers in (["7"], ["7", "8"]):
        json.loads(run("explain", "-f", "json", *numbers), parse_constant=refuse)


def test_figures_are_pages(run: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    paths = run("figures", "--output", str(tmp_path / "new")).splitlines()
    assert len(paths) >= 4
    for path in paths:
        assert Path(path).read_text(encoding="utf-8").count("plotly.min.js") == 1


@pytest.mark.slow
def test_publish_puts_the_note_on_the_page(run: Callable[..., str], study: optuna.Study) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    assert run("publish").startswith("Published ")
    assert "What LaNAS has learned" in dashboard.get_note(study)
    assert run("publish", name="empty") == "Published nothing: no trial has a value.\n"


@pytest.mark.slow
def test_publish_serves_the_dashboard_and_publishes_again(
    run: Callable[..., str], study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    pages: list[str] = []
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def wait(seconds: float) -> None:
        assert seconds == 60
        if pages:
            raise KeyboardInterrupt
        with urlopen(f"http://127.0.0.1:{port}/api/studies") as answer:
            pages.append(answer.read().decode())
        dashboard.save_note(study, "")

    monkeypatch.setattr(time, "sleep", wait)
    text = run("publish", "--every", "60", "--port", str(port))
    assert f"The dashboard is at http://127.0.0.1:{port}/dashboard/studies/" in text
    assert "full" in pages[0]
    assert "What LaNAS has learned" in dashboard.get_note(study)


def test_watch_shows_the_search_again_and_again(
    run: Callable[..., str], study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    text = run("watch", "--every", "3")
    assert waits == [3, 3]
    assert text.count("Study 'full': 20 trials have ended, 20 have begun.") == 2
    assert text.count(str(partition(study))) == 2
    assert text.count(explain(study, -1).summary) == 2


def test_watch_outlasts_a_storage_that_fails_for_a_while(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    n_waits = 0

    def wait(seconds: float) -> None:
        nonlocal n_waits
        n_waits += 1
        if n_waits == 1:
            monkeypatch.setattr(JournalStorage, "get_all_trials", fail)
        elif n_waits == 2:
            monkeypatch.undo()
            monkeypatch.setattr(time, "sleep", wait)
        else:
            raise KeyboardInterrupt

    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("out of reach")

    monkeypatch.setattr(time, "sleep", wait)
    text = run("watch", "--every", "3")
    assert text.count("Study 'full': 20 trials") == 2
    assert text.count("It failed this time (RuntimeError('out of reach'))") == 1


def test_watch_waits_for_the_first_trial(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    text = run("watch", name="empty")
    assert text.startswith("Study 'empty': 0 trials have ended, 0 have begun.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["partition"], "`--storage` must be given"),
        (["partition", "--storage", "nowhere"], "`--storage` must be the URL of a database"),
        (["partition", "--storage", "PATH"], "must be a study of the storage, it is not"),
        (["explain", "sqlite:///study.db"], "Name the study, for example, by `--storage"),
        (["partition", "sqlite:///study.db"], "Name the study, for example, by `--storage"),
        (["partition", "--storage", "sqlite:///nowhere.db"], "there is no file"),
        (["partition", "--storage", __file__], "or the file of SQLite or a journal"),
        (["explain", "--storage", "PATH", "--study-name", "no"], "has 'full', 'empty'."),
        (
            ["partition", "--storage", "PATH", "--study-name", "empty"],
            "must have a finished trial",
        ),
        (["explain", "--storage", "PATH", "--study-name", "full", "20"], "got 20. "),
        (["watch", "--storage", "PATH", "--every", "0"], "must be greater than 0 seconds, got 0"),
        (
            ["partition", "--storage", "PATH", "--study-name", "full", "--space", "Nowhere"],
            "`--space` must name a space",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str],
    message: str,
    path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    with pytest.raises(SystemExit) as ended:
        command_line.main([str(path) if each == "PATH" else each for each in arguments])
    assert ended.value.code != 0
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_the_storage_may_be_a_variable_and_a_single_study_needs_no_name(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(storage=url).optimize(objective, n_trials=3)
    monkeypatch.setenv("OPTUNA_STORAGE", url)
    command_line.main(["partition"])
    shown = capsys.readouterr().out
    assert shown.startswith("One region as yet: 3 trials")
    command_line.main(["partition", "--storage", str(tmp_path / "study.db")])
    assert capsys.readouterr().out == shown


@pytest.mark.slow
def test_a_space_is_named(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optuna_lanas.spaces import NASBench201Space

    url, space = f"sqlite:///{tmp_path / 'study.db'}", NASBench201Space()
    study = optuna.create_study(storage=url, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: space.suggest(trial).count("none"), n_trials=12)
    for name in ("NASBench201Space", "optuna_lanas.spaces:NASBench201Space"):
        command_line.main(["partition", "--storage", url, "--space", name])
        assert capsys.readouterr().out == f"{partition(study, space=space)}\n"

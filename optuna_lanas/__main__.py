"""The command line: watch a study of any storage from another terminal, without code.

python -m optuna_lanas partition --storage sqlite:///study.db --study-name example
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
import json
import math
from operator import attrgetter
import os
from pathlib import Path
import platform
import sys
import threading
import time
from typing import Any
from typing import TYPE_CHECKING

from optuna_lanas import __version__


if TYPE_CHECKING:
    import optuna

PACKAGES = ("optuna", "numpy", "scipy", "scikit-learn", "plotly", "optuna-dashboard", "torch")
CLEAR = "\x1b[H\x1b[2J"  # of a terminal
NAMED = "Name the study, for example, by `--storage sqlite:///study.db --study-name example`."


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}. {NAMED}")
    if options.command is None:
        parser.print_help()
        return
    if hasattr(sys.stdout, "reconfigure"):  # names may not be written in the terminal's encoding
        sys.stdout.reconfigure(errors="replace")
    try:
        options.run(options)
    except (ImportError, KeyError, OSError, TypeError, ValueError) as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        parser.exit(1, f"{parser.prog} {options.command}: {text}\n")
    except KeyboardInterrupt:
        _write("")


def environment(packages: Sequence[str] = PACKAGES) -> str:
    """Return the versions of the packages that are used, and the system, in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join([*found, platform.platform()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m optuna_lanas",
        description="Show what a search has learned, and what a bug report should include.",
        epilog=f"{NAMED}\n`COMMAND --help` lists a command's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # does not fold the one line
    )
    name = f"optuna_lanas {__version__}"
    parser.add_argument("--version", action="version", version=name)
    parser.add_argument(
        "--environment",
        action="version",
        version=f"{name}: {environment()}",
        help="show the versions of the packages and the system in one line, and exit",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add(commands, "partition", _partition, "show the regions as text", ["format"])
    explain = _add(commands, "explain", _explain, "say why a trial was proposed", ["format"])
    explain.add_argument(
        "trials",
        nargs="*",
        type=_trial_number,
        metavar="TRIAL",
        help="numbers of trials; -1 is the last one. Without: the best or the last trial",
    )
    explain.add_argument("--details", action="store_true", help="show how it was found as well")
    figures = _add(commands, "figures", _figures, "write the figures as HTML pages", [])
    figures.add_argument("--output", default="figures", help="the folder (default: figures)")
    publish = _add(commands, "publish", _publish, "put figures and note on the study's page", [])
    publish.add_argument(
        "--every",
        type=_seconds,
        metavar="SECONDS",
        help="serve the dashboard and publish again at this interval, until interrupted",
    )
    publish.add_argument("--host", default="127.0.0.1", help="of the dashboard")
    publish.add_argument("--port", type=int, default=8080, help="of the dashboard (default: 8080)")
    watch = _add(commands, "watch", _watch, "show the search as text, again and again", [])
    watch.add_argument(
        "--every", type=_seconds, metavar="SECONDS", default=5.0, help="interval (default: 5)"
    )
    return parser


def _add(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], None],
    purpose: str,
    extras: Sequence[str],
) -> argparse.ArgumentParser:
    """Add a command with the options that name a study, as in Optuna's own command line."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose)
    parser.set_defaults(run=run)
    parser.add_argument(
        "--storage",
        default=os.environ.get("OPTUNA_STORAGE"),
        help="URL of a database, or the file of SQLite or a journal (default: $OPTUNA_STORAGE)",
    )
    parser.add_argument(
        "--storage-class",
        choices=["RDBStorage", "JournalFileBackend", "JournalRedisBackend"],
        help="what the storage is, where its URL does not tell",
    )
    parser.add_argument("--study-name", help="may be left out if the storage has a single study")
    parser.add_argument(
        "--space",
        metavar="NAME",
        help="the search's space, in optuna_lanas.spaces, or `module:name`",
    )
    if "format" in extras:
        parser.add_argument(
            "-f", "--format", choices=["text", "json"], default="text", help="(default: text)"
        )
    return parser


def _partition(options: argparse.Namespace) -> None:
    from optuna_lanas import partition

    view = partition(_study(options))
    _write(str(view) if options.format == "text" else _json(view.to_dict()))


def _explain(options: argparse.Namespace) -> None:
    from optuna_lanas import explain

    study = _study(options)
    if len(options.trials) > 1:
        table = explain(study, options.trials)
        shown = "\n\n".join(each.details() for each in table) if options.details else str(table)
        _write(shown if options.format == "text" else _json(table.to_dict()))
        return
    found = explain(study, *options.trials)
    shown = found.details() if options.details else str(found)
    _write(shown if options.format == "text" else _json(found.to_dict()))


def _figures(options: argparse.Namespace) -> None:
    from optuna_lanas import dashboard
    from optuna_lanas import partition

    space, study = _space(options.space), _study(options)
    view, folder = partition(study), Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in dashboard._figures(study, view, space):
        path = folder / f"{name}.html"
        figure.write_html(path, include_plotlyjs="directory")  # one copy for all
        _write(str(path))


def _publish(options: argparse.Namespace) -> None:
    from optuna_lanas.dashboard import publish

    study = _study(options)
    published = publish(study)
    what = f"{len(published)} figures and a note" if published else "nothing: no trial has a value"
    _write(f"Published {what}.")
    if options.every is None:
        return
    _serve(study, options.host, options.port)
    page = f"http://{options.host}:{options.port}/dashboard/studies/{study._study_id}"
    _write(f"The dashboard is at {page} and is updated every {options.every:g} s.")
    _repeat(options.every, lambda: publish(study))


def _serve(study: optuna.Study, host: str, port: int) -> None:
    """Serve the dashboard of a study's storage in a thread of its own."""
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import make_server
    from wsgiref.simple_server import WSGIRequestHandler
    from wsgiref.simple_server import WSGIServer

    from optuna_dashboard import wsgi

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *values: Any) -> None:
            """Log no request."""

    app = wsgi(study._storage)
    server = make_server(host, port, app, server_class=Server, handler_class=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _watch(options: argparse.Namespace) -> None:
    study, is_terminal = _study(options), sys.stdout.isatty()
    before, after = (CLEAR, "") if is_terminal else ("", "\n")

    def show() -> None:
        _write(f"{before}{_state(study)}{after}")

    show()
    _repeat(options.every, show)


def _repeat(seconds: float, work: Callable[[], object]) -> None:
    """Work again and again; a storage may be busy or out of reach for a while."""
    while True:
        time.sleep(seconds)
        try:
            work()
        except Exception as error:
            _write(f"It failed this time ({error!r}); the next try is in {seconds:g} s.")


def _state(study: optuna.Study) -> str:
    """Return the search in a few lines: its trials, its regions, its best and its last trial."""
    from optuna_lanas import explain
    from optuna_lanas import partition

    trials = study.get_trials(deepcopy=False)
    n_ended = sum(trial.state.is_finished() for trial in trials)
    lines = [f"Study {study.study_name!r}: {n_ended} trials have ended, {len(trials)} have begun."]
    if not trials:
        return lines[0]
    with suppress(ValueError):  # no trial has a value yet
        lines += ["", str(partition(study))]
    best, last = explain(study), explain(study, -1)
    lines += ["", *(["Best:"] if best.number != last.number else []), str(best)]
    if best.number != last.number:
        lines += ["", "Last:", str(last)]
    return "\n".join(lines)


def _study(options: argparse.Namespace) -> optuna.Study:
    """Return the study that the options name.

    Raises:
        ValueError: If they name none.
    """
    import optuna

    from optuna_lanas import LaNASSampler

    if options.storage is None:
        raise ValueError(
            "`--storage` must be given, but it is not, nor is $OPTUNA_STORAGE. Pass, for "
            "example, `--storage sqlite:///study.db`."
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage, name = _storage(options), options.study_name
    known = optuna.get_all_study_names(storage)
    if name is None and len(known) == 1:
        name = known[0]
    if name not in known:
        shown = ", ".join(map(repr, known[:10])) or "no study"
        got = "it is not given" if name is None else f"got {name!r}"
        remedy = "Pass one of these names." if known else "Run the search first."
        raise ValueError(
            f"`--study-name` must be a study of the storage, {got}. The storage has {shown}. "
            f"{remedy}"
        )
    sampler = LaNASSampler(space=_space(options.space))
    return optuna.load_study(study_name=name, storage=storage, sampler=sampler)


def _storage(options: argparse.Namespace) -> optuna.storages.BaseStorage:
    """Return the storage of a URL, guessed as by Optuna's own command line."""
    from optuna.storages import JournalStorage
    from optuna.storages import RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.storages.journal import JournalRedisBackend

    url, kind = options.storage, options.storage_class
    if kind is None and url.startswith("redis"):
        kind = "JournalRedisBackend"
    if kind is None and os.path.isfile(url):
        if _is_sqlite(url):
            url = f"sqlite:///{url}"
        else:
            kind = "JournalFileBackend"
    if kind == "JournalRedisBackend":
        return JournalStorage(JournalRedisBackend(url))
    try:
        if kind == "JournalFileBackend":
            return JournalStorage(JournalFileBackend(url))
        _check_sqlite_exists(url)
        return RDBStorage(url)
    except Exception as error:  # of the file's text, of SQLAlchemy or of a driver
        raise ValueError(
            f"`--storage` must be the URL of a database, or the file of SQLite or a journal, got "
            f"{options.storage!r} ({error}). Pass, for example, `--storage sqlite:///study.db`."
        ) from error


def _is_sqlite(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _check_sqlite_exists(url: str) -> None:
    """Raise an error if a database file is missing, which SQLite would make anew."""
    scheme, _, path = url.partition(":///")
    if scheme.split("+")[0] != "sqlite" or path.startswith(("file:", ":memory:")) or not path:
        return
    file = Path(path.partition("?")[0])
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {str(file.absolute())!r}")


def _space(name: str | None) -> Any:
    """Return the space of an option: a name in optuna_lanas.spaces, or in another module."""
    if name is None:
        return None
    module, _, path = name.rpartition(":")
    try:
        found = attrgetter(path)(import_module(module or "optuna_lanas.spaces"))
        return found() if callable(found) else found
    except (AttributeError, ImportError, TypeError) as error:
        raise ValueError(
            f"`--space` must name a space, such as `NASBench201Space`, `CellSpace.nasnet` or "
            f"`my_module:my_space`, got {name!r} ({error}). Leave it out for plain parameters."
        ) from error


def _trial_number(text: str) -> int:
    """Return a trial's number of an option, or raise an error that argparse shows."""
    try:
        return int(text)
    except ValueError:
        message = f"must be a trial's number, such as 12 or -1, got {text!r}. {NAMED}"
        raise argparse.ArgumentTypeError(message) from None


def _seconds(text: str) -> float:
    """Return a number of seconds of an option, or raise an error that argparse shows."""
    seconds = float(text)
    if not 0.0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"must be greater than 0 seconds, got {text}")
    return seconds


def _json(content: Any) -> str:
    return json.dumps(_finite(content), default=str, ensure_ascii=False)


def _finite(content: Any) -> Any:
    """Return content with null for numbers that JSON does not have."""
    if isinstance(content, dict):
        return {str(name): _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

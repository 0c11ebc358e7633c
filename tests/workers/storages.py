"""Storages that several processes share: how to open each, and how to start what it needs."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextlib import contextmanager
from functools import partial
import multiprocessing
from multiprocessing.context import SpawnProcess
import os
from pathlib import Path
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Protocol
from typing import TypeAlias
from typing import TypeVar

from optuna.storages import BaseStorage
from optuna.storages import get_storage
from optuna.storages import GrpcStorageProxy
from optuna.storages import JournalStorage
from optuna.storages import RDBStorage
from optuna.storages import run_grpc_proxy_server
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal import JournalFileSymlinkLock
import pytest


Opener: TypeAlias = Callable[[], BaseStorage]
"""Opens a storage anew; it can be sent to another process."""

T_co = TypeVar("T_co", covariant=True)


class Starter(Protocol[T_co]):
    """Starts what a storage needs, with its files in a folder."""

    def __call__(self, folder: Path) -> AbstractContextManager[T_co]: ...


LOCK_SECONDS = 5
"""After which the journal's lock is taken from a worker that was killed while it held it."""


@contextmanager
def journal(folder: Path) -> Iterator[Opener]:
    yield partial(_open_journal, str(folder / "journal.log"))


@contextmanager
def sqlite(folder: Path) -> Iterator[Opener]:
    with sqlite_url(folder) as url:
        yield partial(_open_database, url)


@contextmanager
def postgresql(folder: Path) -> Iterator[Opener]:
    with postgresql_url(folder) as url:
        yield partial(_open_database, url)


@contextmanager
def grpc_proxy(folder: Path) -> Iterator[Opener]:
    with proxy_port(folder) as port:
        yield partial(_open_proxy, port)


@contextmanager
def sqlite_url(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/studies.sqlite3"


@contextmanager
def postgresql_url(folder: Path) -> Iterator[str]:
    """A private cluster on a Unix socket; its user cannot enter `folder`, so it has its own."""
    pytest.importorskip("psycopg2", reason="needs psycopg2-binary")
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("needs PostgreSQL (Debian: apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="postgresql-"))
    run = partial(_run_postgresql, binaries, home)
    try:
        run("initdb", "--auth=trust", "--username=optuna", "--encoding=UTF8", "--no-sync")
        # Nothing is kept, so nothing waits for the disk.
        run("pg_ctl", "-w", "-o", f"-k {home} -c listen_addresses= -c fsync=off", "start")
        try:
            yield f"postgresql+psycopg2://optuna@/postgres?host={home}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


@contextmanager
def proxy_port(folder: Path) -> Iterator[int]:
    """A server process before an SQLite file, which it alone opens."""
    pytest.importorskip("grpc", reason="needs grpcio and protobuf")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = int(free.getsockname()[1])
    url = f"sqlite:///{folder}/behind_proxy.sqlite3"
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, port))
    server.start()
    try:
        _wait_for_server(server, port)
        yield port
    finally:
        server.terminate()
        server.join()


def _wait_for_server(server: SpawnProcess, port: int) -> None:
    """Wait until a server listens; gRPC's own waiting backs off for minutes on a slow machine."""
    while True:
        try:
            socket.create_connection(("localhost", port)).close()
        except ConnectionRefusedError:
            if not server.is_alive():
                raise
            time.sleep(0.05)
        else:
            return


def _run_postgresql(binaries: Path, home: Path, command: str, *arguments: str) -> None:
    """Run a program of PostgreSQL, which refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(home, user)
    call = [str(binaries / command), "-D", str(home / "data"), *arguments]
    with (home / "log").open("a") as log:
        subprocess.run(call, user=user, cwd=home, check=True, stdout=log, stderr=log)


def _open_journal(path: str) -> BaseStorage:
    lock = JournalFileSymlinkLock(path, grace_period=LOCK_SECONDS)
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _open_database(url: str) -> BaseStorage:
    if url.startswith("sqlite"):
        return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 120}})
    return RDBStorage(url)


def _open_proxy(port: int) -> GrpcStorageProxy:
    return GrpcStorageProxy(host="localhost", port=port)


def _serve(url: str, port: int) -> None:
    run_grpc_proxy_server(get_storage(url), host="localhost", port=port)


def _postgresql_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None

"""Storages that several processes share: how to open each, and how to start what it needs."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import multiprocessing
import os
from pathlib import Path
import pwd
import shutil
import socket
import subprocess
import tempfile
from typing import TypeAlias

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

LOCK_SECONDS = 5
"""After which the journal's lock is taken from a worker that was killed while it held it."""


@contextmanager
def journal(folder: Path) -> Iterator[Opener]:
    yield partial(_open_journal, str(folder / "journal.log"))


@contextmanager
def sqlite(folder: Path) -> Iterator[Opener]:
    yield partial(_open_database, f"sqlite:///{folder}/studies.sqlite3")


@contextmanager
def postgresql(folder: Path) -> Iterator[Opener]:
    """A private cluster on a Unix socket: its files are gone afterwards."""
    pytest.importorskip("psycopg2", reason="needs psycopg2-binary")
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("needs PostgreSQL (Debian: apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="postgresql-"))
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(home, user)

    def run(command: str, *arguments: str) -> None:
        call = [str(binaries / command), "-D", str(home / "data"), *arguments]
        log = home / "log"
        as_user = user if os.geteuid() == 0 else None
        with log.open("a") as output:
            subprocess.run(call, user=as_user, cwd=home, check=True, stdout=output, stderr=output)

    try:
        run("initdb", "--auth=trust", "--username=optuna", "--encoding=UTF8", "--no-sync")
        # Nothing is kept, so nothing waits for the disk.
        run("pg_ctl", "-w", "-o", f"-k {home} -c listen_addresses= -c fsync=off", "start")
        try:
            url = f"postgresql+psycopg2://optuna@/postgres?host={home}"
            yield partial(_open_database, url)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


@contextmanager
def grpc_proxy(folder: Path) -> Iterator[Opener]:
    """A server process before an SQLite file, which it alone opens."""
    pytest.importorskip("grpc", reason="needs grpcio and protobuf")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    url = f"sqlite:///{folder}/behind_proxy.sqlite3"
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, port))
    server.start()
    try:
        _open_proxy(port).wait_server_ready(timeout=60)
        yield partial(_open_proxy, port)
    finally:
        server.terminate()
        server.join()


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

"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import tempfile

from hypothesis import settings
import optuna
from optuna.storages import BaseStorage
from optuna.storages import InMemoryStorage
from optuna.storages import RDBStorage
import pytest


settings.register_profile("tests", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("tests")


@pytest.fixture(autouse=True, scope="session")
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest) -> Iterator[BaseStorage]:
    """A new storage; SQLite's file lies in memory where the system has a place for that."""
    if request.param == "memory":
        yield InMemoryStorage()
        return
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=fast) as folder:
        database = RDBStorage(f"sqlite:///{Path(folder) / 'studies.db'}")
        yield database
        database.engine.dispose()

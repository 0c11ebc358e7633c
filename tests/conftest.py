"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import tempfile

from hypothesis import settings
import optuna
from optuna.storages import BaseStorage
from optuna.storages import InMemoryStorage
from optuna.storages import RDBStorage
import pytest

from tests.studies import BOTH
from tests.studies import Make


settings.register_profile("tests", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("tests")


@pytest.fixture(autouse=True, scope="session")
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def log() -> Iterator[None]:
    """Let pytest's `caplog` see what Optuna's logger gets."""
    optuna.logging.enable_propagation()
    yield
    optuna.logging.disable_propagation()


@pytest.fixture
def fast_path() -> Iterator[Path]:
    """An empty folder, in memory where the system has a place for that."""
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=fast) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a storage without studies, which takes longer to make than to copy."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture(params=["memory", "sqlite"])
def storage(
    request: pytest.FixtureRequest, fast_path: Path, empty_database: Path
) -> Iterator[BaseStorage]:
    """A new storage."""
    if request.param == "memory":
        yield InMemoryStorage()
        return
    path = shutil.copy(empty_database, fast_path / "studies.db")
    database = RDBStorage(f"sqlite:///{path}", skip_compatibility_check=True)
    yield database
    database.engine.dispose()


@pytest.fixture(params=BOTH, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a default sampler, or one as published."""
    return request.param  # type: ignore[no-any-return]

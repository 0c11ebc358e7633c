"""The examples of `examples/distributed`, at a small size."""

from __future__ import annotations

from pathlib import Path
import re

import pytest

from examples.distributed import database
from examples.distributed import grpc_proxy
from examples.distributed import journal_file
from examples.distributed import threads
from tests.workers import storages


def found(output: str) -> tuple[int, int]:
    """Return the numbers of trials and of configurations that an example prints."""
    match = re.search(r"(\d+) trials of (\d+) configurations; best: 0\.\d+", output)
    assert match is not None, output
    return int(match[1]), int(match[2])


@pytest.mark.slow
def test_threads(capsys: pytest.CaptureFixture[str]) -> None:
    threads.main(["--trials", "11", "--threads", "2"])
    assert found(capsys.readouterr().out) == (11, 11)


@pytest.mark.slow
def test_journal_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "folder" / "digits.journal"
    for n_trials in (12, 24):
        journal_file.main(["--file", str(file), "--trials", "6", "--workers", "2"])
        assert found(capsys.readouterr().out) == (n_trials, n_trials)


@pytest.mark.slow
@pytest.mark.parametrize("start", [storages.sqlite_url, storages.postgresql_url])
def test_database(
    start: storages.Starter[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with start(tmp_path) as url:
        for n_trials in (7, 14):
            database.main([url, "--trials", "7"])
            assert found(capsys.readouterr().out) == (n_trials, n_trials)


@pytest.mark.slow
def test_grpc_proxy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with storages.proxy_port(tmp_path) as port:
        for n_trials in (7, 14):
            grpc_proxy.main(["work", "--port", str(port), "--trials", "7"])
            assert found(capsys.readouterr().out) == (n_trials, n_trials)


@pytest.mark.slow
def test_dask_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed", reason="needs the extra `dask`")
    pytest.importorskip("optuna_integration", reason="needs the extra `dask`")
    from examples.distributed import dask_cluster

    dask_cluster.main(["--trials", "6", "--workers", "2"])
    assert found(capsys.readouterr().out) == (12, 12)


@pytest.mark.slow
def test_ray_tune(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray.tune", reason="needs the extra `ray`")
    from examples.distributed import ray_tune

    ray_tune.main(["--trials", "6", "--concurrent", "2"])
    assert re.search(r"best: 0\.\d+ with {'n_layers'", capsys.readouterr().out) is not None

"""`python -m optuna_lanas`."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import numpy as np
import optuna
import pytest

from optuna_lanas import __main__ as command_line
from optuna_lanas import __version__


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
    assert "--environment" in capsys.readouterr().out

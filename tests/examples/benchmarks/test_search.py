"""The first example of the README, at a small size."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from examples import search


@pytest.mark.slow
def test_the_search_leaves_tables_figures_and_studies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "search.sqlite3").write_text("of an earlier search")
    search.main(["--trials", "15", "--seeds", "1", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "NAS-Bench-201" in printed
    assert "node 4 = " in printed
    assert (tmp_path / "search.png").read_bytes()[:4] == b"\x89PNG"
    assert "LaNAS" in (tmp_path / "search.html").read_text()
    storage = f"sqlite:///{tmp_path}/search.sqlite3"
    names = optuna.get_all_study_names(storage)
    assert names == [f"{name}-LaNAS" for name in search.PROBLEMS]
    trials = optuna.load_study(study_name=names[0], storage=storage).get_trials()
    assert len(trials) == 15
    assert all("node 1 = " in trial.user_attrs["architecture"] for trial in trials)

"""The search suggests what it suggested when the golden file was written."""

from __future__ import annotations

import json

import pytest

from tests.golden import cases


GOLDEN = json.loads(cases.PATH.read_text())


@pytest.mark.slow
@pytest.mark.skipif(
    GOLDEN["environment"] != cases.environment(),
    reason="suggestions are the same for the same versions of NumPy and SciPy, not across them",
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_suggestions_are_those_of_the_golden_file() -> None:
    for name, suggested in cases.suggestions():
        assert json.loads(json.dumps(suggested)) == GOLDEN["suggestions"][name], name

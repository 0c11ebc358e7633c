from __future__ import annotations

import optuna
import pytest

from optuna_lanas.visualization import partition
from optuna_lanas.visualization import StudyPartition
from tests.studies import quick
from tests.visualization.builders import searched


@pytest.fixture(scope="session")
def study() -> optuna.Study:
    """A study of 60 trials."""
    return searched(60, quick())


@pytest.fixture(scope="session")
def view(study: optuna.Study) -> StudyPartition:
    """Its partition, with another target name than the default."""
    return partition(study, target_name="score")

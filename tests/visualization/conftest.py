from __future__ import annotations

import optuna
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import StudyPartition
from tests.visualization.builders import searched


@pytest.fixture(scope="session")
def study() -> optuna.Study:
    """A study of 60 trials."""
    return searched(60, LaNASSampler(seed=0))


@pytest.fixture(scope="session")
def view(study: optuna.Study) -> StudyPartition:
    """Its partition, with another target name than the default."""
    return partition(study, target_name="score")

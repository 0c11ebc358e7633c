"""A trial's proposal, from what is known of its study.

The sampler proposes, and a replay proposes again, by the same function of a record, the trial,
its search space, settings and a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
import zlib

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from optuna_lanas._core.history import History
from optuna_lanas._core.settings import Config
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._core.suggest import sample_new
from optuna_lanas._core.suggest import suggest
from optuna_lanas._study.architecture import make_architectures
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.one_thread import one_thread
from optuna_lanas._study.record import Record


@dataclass(frozen=True)
class Settings:
    """What a proposal depends on besides the study and the seed; see `LaNASSampler`."""

    config: Config
    n_startup_trials: int
    space: Any | None
    avoid_duplicates: bool
    consider_failed_trials: bool

    def is_startup(self, n_samples: int) -> bool:
        """Whether a history is too short for a model to propose from it."""
        return n_samples < max(self.n_startup_trials, 1)


def new_record(directions: Sequence[StudyDirection], settings: Settings) -> Record:
    """Return a record that has read no trial yet."""
    space = settings.space
    distributions = {} if space is None else space_distributions(space)
    return Record(
        directions,
        distributions,
        None if space is None else make_architectures(space, list(distributions)),
        with_failed=settings.consider_failed_trials,
    )


def propose(
    record: Record,
    trial: FrozenTrial,
    search_space: Mapping[str, BaseDistribution],
    settings: Settings,
    seed: int,
) -> Proposal:
    """Propose a point for a trial.

    Args:
        record: What is known of the study.
        trial: The trial, unfinished.
        search_space: What it asks for; the record must expect it.
        settings: The sampler's.
        seed: The sampler's, which is mixed with the trial's number and the names.
    """
    history = known_history(record, trial, settings)
    limits = record.encoding.limits(search_space, record.fixed_point(trial, search_space))
    rng = make_rng(seed, trial.number, *search_space)
    if settings.is_startup(len(history)):
        return sample_new(history, record.domain(), limits, rng)
    with one_thread():
        return suggest(history, record.domain(), settings.config, limits, rng, record.memories)


def known_history(record: Record, trial: FrozenTrial, settings: Settings) -> History:
    """Return the history that a trial is proposed from; without keys where repeats are wanted."""
    history = record.history(trial.number)
    if settings.avoid_duplicates:
        return history
    return replace(history, keys=frozenset(), pending_keys=frozenset())


def make_rng(seed: int, number: int, *names: str) -> np.random.Generator:
    """Return the source of a trial's draws for some parameters."""
    purpose = zlib.crc32("\n".join(names).encode())
    return np.random.default_rng([seed, number, purpose])

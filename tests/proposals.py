"""What samplers really proposed, and whether explanations say the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from dataclasses import dataclass
import json
from pathlib import Path
import threading
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna
from optuna.trial import FrozenTrial
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._study.propose import propose
from optuna_lanas.explanation import explain


@dataclass(frozen=True)
class Proposed:
    """A proposal, as JSON can keep it; without a leaf if it was random."""

    leaf: int | None = None
    is_selected: bool = True
    is_elsewhere: bool = False
    node: int | None = None
    path: tuple[int, ...] = ()
    visits: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()
    n_candidates: int = 0
    score: float | None = None
    rank: int | None = None


class Recorder:
    """The last proposal for each trial's search space, by trial number; from any thread."""

    def __init__(self) -> None:
        self.proposals: dict[int, Proposed] = {}
        self._local = threading.local()

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Listen to all samplers."""
        sample_relative = LaNASSampler.sample_relative

        def relative(sampler: LaNASSampler, study: optuna.Study, *arguments: Any) -> Any:
            self._local.is_relative = True
            try:
                return sample_relative(sampler, study, *arguments)
            finally:
                self._local.is_relative = False

        def watched(record: Any, trial: FrozenTrial, *arguments: Any) -> Proposal:
            proposal = propose(record, trial, *arguments)
            if getattr(self._local, "is_relative", False):
                self.proposals[trial.number] = _proposed(proposal)
            return proposal

        with (
            patch("optuna_lanas.sampler.propose", watched),
            patch.object(LaNASSampler, "sample_relative", relative),
        ):
            yield self

    @property
    def n_searched(self) -> int:
        """How many were not random."""
        return sum(proposed.leaf is not None for proposed in self.proposals.values())

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({n: asdict(p) for n, p in self.proposals.items()}))

    def load(self, path: Path) -> None:
        for number, fields in json.loads(path.read_text()).items():
            lists = {name: tuple(v) for name, v in fields.items() if isinstance(v, list)}
            self.proposals[int(number)] = Proposed(**{**fields, **lists})

    def check(self, study: optuna.Study, **how: Any) -> None:
        """Compare the explanation of every trial with what its sampler did."""
        for number in range(len(study.trials)):
            check_trial(study, number, self.proposals.get(number), **how)


def _proposed(proposal: Proposal) -> Proposed:
    if proposal.partition is None:
        return Proposed()
    path = proposal.partition.tree.path(proposal.leaf)
    fields = Proposed(
        leaf=proposal.leaf,
        is_selected=proposal.search_tree.select() == proposal.leaf,
        is_elsewhere=proposal.is_elsewhere,
        node=proposal.node,
        path=tuple(path),
        visits=tuple(proposal.search_tree.visits[path].tolist()),
        bounds=tuple(proposal.search_tree.ucb[path].tolist()),
    )
    if proposal.candidates is None:
        return fields
    scores = proposal.candidates.scores
    score = float(scores[proposal.chosen])
    rank = 1 + int((scores > score).sum())
    return Proposed(
        **{**asdict(fields), "n_candidates": len(scores), "score": score, "rank": rank}
    )


def check_trial(study: optuna.Study, number: int, real: Proposed | None, **how: Any) -> None:
    explained = explain(study, number, **how)
    assert str(explained).startswith(f"Trial {number}: ")
    assert explained.is_exact == (real is not None)
    if real is None or real.leaf is None:
        assert not explained.is_searched
        assert explained.score is None
        return
    assert explained.is_searched
    assert explained.is_selected == real.is_selected
    assert explained.is_elsewhere == real.is_elsewhere
    assert (explained.leaf, explained.node) == (real.leaf, real.node)
    assert tuple(step.node for step in explained.path) == real.path[:-1]
    assert tuple(step.child for step in explained.path) == real.path[1:]
    assert tuple(step.visits for step in explained.path) == real.visits[1:]
    assert tuple(step.ucb for step in explained.path) == real.bounds[1:]
    assert explained.n_candidates == real.n_candidates
    assert (explained.score, explained.rank) == (real.score, real.rank)
    assert explained.score is None or np.isfinite(explained.score)
    for step in explained.path:
        assert step.score == pytest.approx(sum(added for _, added in step.terms))
        assert step.ucb == step.value + step.width
        assert step.ucb >= step.sibling_ucb or not real.is_selected
        if step.is_kept:
            assert step.is_good == (step.score >= step.offset)
    kept = [step.child for step in explained.path if step.is_kept]
    assert explained.node == (kept[-1] if kept else 0)

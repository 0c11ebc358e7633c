"""A study's trials as arrays, each trial read once.

A record only saves time: one made anew from the same trials says the same.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from optuna_lanas._core.activity import fit_activity
from optuna_lanas._core.domain import Architectures
from optuna_lanas._core.domain import Domain
from optuna_lanas._core.history import History
from optuna_lanas._core.pareto import add_dominance
from optuna_lanas._core.settings import last_milestone
from optuna_lanas._core.suggest import Memories
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import FAILED
from optuna_lanas._study.outcome import Outcome
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.outcome import scores
from optuna_lanas._study.published import Moment
from optuna_lanas._study.published import moment_of
from optuna_lanas._study.published import published_params
from optuna_lanas._study.rows import Rows
from optuna_lanas._study.stale import least_alive
from optuna_lanas._study.stale import N_OVERTAKING
from optuna_lanas._study.stale import times_of
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform


PRESENCE_GROWTH = 1.5


class Record:
    """What is known of one study.

    Args:
        directions: The study's.
        distributions: Parameters that are known before any trial asked for them.
        architectures: Makes what an architecture space adds, for an encoding.
        with_failed: Whether a failed trial is a sample, of the least value.
    """

    def __init__(
        self,
        directions: Sequence[StudyDirection],
        distributions: Mapping[str, BaseDistribution],
        architectures: Callable[[ParamTransform], Architectures] | None,
        *,
        with_failed: bool,
    ) -> None:
        self._directions = list(directions)
        self._architectures = architectures
        self._with_failed = with_failed
        self._versions = {name: [distribution] for name, distribution in distributions.items()}
        self._newest: dict[str, int] = {}
        self._trials: Sequence[FrozenTrial] = []
        self.has_warned = False
        self._n_read = 0
        self._open: set[int] = set()
        self._n_presence = -1
        self._n_patterns_seen = 0
        self._ended: list[FrozenTrial] = []
        self._forget()

    def can_follow(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether trials are a later state of what was read."""
        if len(trials) < self._n_read or (trials and trials[-1].number != len(trials) - 1):
            return False
        if not self._ended:
            return True
        last = self._ended[-1]
        same = trials[last.number]
        return same._trial_id == last._trial_id and _end(same) == _end(last)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has changed since the last call."""
        places = sorted(self._open) + list(range(self._n_read, len(trials)))
        self._trials, self._n_read = trials, len(trials)
        ended = sorted((trials[i] for i in places if trials[i].state.is_finished()), key=_end)
        self._open = {i for i in places if not trials[i].state.is_finished()}
        is_late = bool(ended and self._ended) and _end(ended[0]) < _end(self._ended[-1])
        news = [self._see_distributions(trials[i]) for i in places]
        if is_late or any(news):
            self._retake([*self._ended, *ended])
        else:
            self._take_in(ended)

    def expect(self, distributions: Mapping[str, BaseDistribution]) -> None:
        """Make sure that the domain has the parameters of a search space."""
        new = {
            name: distribution
            for name, distribution in distributions.items()
            if not any(_is_alike(d, distribution) for d in self._versions.get(name, ()))
        }
        for name, distribution in new.items():
            self._versions.setdefault(name, []).insert(0, distribution)
        if new:
            self._retake(self._ended)

    @property
    def n_valued(self) -> int:
        """The number of samples."""
        return len(self._kinds)

    @property
    def numbers(self) -> np.ndarray:
        """`[n]` ints, the trial of each sample, in the order in which they ended."""
        return self._numbers.array[:, 0]

    def moment(self) -> Moment:
        """Return the state of the trials, as they are read."""
        unfinished = [self._trials[i] for i in sorted(self._open)]
        return moment_of(self._trials, unfinished, self._least_alive())

    def domain(self) -> Domain:
        """Return the domain, with what is known of its parameters' presence."""
        n_fitted = max(
            self._n_patterns_seen, last_milestone(max(self.n_valued, 1), PRESENCE_GROWTH)
        )
        has_absences = any(b"\x01" in pattern for pattern in self._patterns)
        if has_absences and self._n_presence != n_fitted:
            presence = fit_activity(self._points.array[:n_fitted], self.encoding.domain)
            self._domain = replace(self.encoding.domain, presence=presence)
            self._n_presence = n_fitted
        return self._domain

    def history(self, number: int) -> History:
        """Return the history as the trial of a number sees it."""
        pending = self._pending_points(number)
        pending_encodings = self._encodings.array[:0]
        if len(pending):
            pending_encodings = self.encoding.domain.encode(pending)
        is_valid = ~np.isnan(pending_encodings).any(axis=1)
        several = len(self._directions) > 1
        complete_scores = -self._n_dominating() if several else self._values.array[:, 0]
        return History(
            points=self._points.array,
            encodings=self._encodings.array,
            values=scores(self._kinds.array[:, 0], complete_scores, self._values.array),
            objectives=self._objectives() if several else None,
            pending=pending_encodings[is_valid],
            pending_points=pending[is_valid],
            keys=self._keys,
            pending_keys=set(self.encoding.domain.keys(pending)),
        )

    def fixed_point(
        self, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> np.ndarray:
        """Return the coordinates `[n_params]` that a trial does not choose, NaN where it does.

        These are its suggested, enqueued or published params, and for a parameter that is not in
        the search space its value in the last trial.
        """
        last = self._ended[-1].params if self._ended else {}
        others = {name: value for name, value in last.items() if name not in search_space}
        known = known_params(trial)
        chosen = {n for n in search_space if n not in trial.params and n not in _enqueued(trial)}
        given = {name: value for name, value in known.items() if name not in chosen}
        if not others and not given:
            return np.full(self.encoding.domain.n_params, np.nan)
        return self.encoding.to_point({**others, **given})

    def _forget(self) -> None:
        """Start the arrays anew, for the parameters as they are known now."""
        self.encoding = make_transform(self._versions)
        if self._architectures is not None:
            self.encoding = self.encoding.with_architectures(self._architectures)
        self.memories = Memories()
        self._domain = self.encoding.domain
        self._n_presence = -1
        self._n_patterns_seen = 0
        self._patterns: set[bytes] = set()
        self._ended = []
        self._keys: set[Hashable | None] = set()
        n_params = self.encoding.domain.n_params
        dim = self.encoding.domain.encode(np.empty((0, n_params))).shape[1]
        self._points: Rows = Rows(n_params)
        self._encodings: Rows = Rows(dim)
        self._kinds = Rows(1, dtype=np.intp)
        self._numbers = Rows(1, dtype=np.intp)
        self._times = Rows(3)
        self._values = Rows(max(len(self._directions), 2))
        self._dominating = Rows(1)

    def _see_distributions(self, trial: FrozenTrial) -> bool:
        """Remember the distributions of a trial; tell whether they are news."""
        news = [self._see(name, d, trial.number) for name, d in trial.distributions.items()]
        return any(news)

    def _see(self, name: str, distribution: BaseDistribution, number: int) -> bool:
        """Remember a distribution; the one of the greatest trial number stands last."""
        versions = self._versions.setdefault(name, [])
        if versions and _is_alike(versions[-1], distribution):
            self._newest[name] = max(number, self._newest.get(name, -1))
            return False
        is_news = distribution not in versions
        if is_news:
            versions.insert(0, distribution)
        if number >= self._newest.get(name, -1):
            self._newest[name] = number
            if versions[-1] != distribution:
                versions.remove(distribution)
                versions.append(distribution)
                self.encoding.distributions[name] = distribution
        return is_news

    def _retake(self, ended: list[FrozenTrial]) -> None:
        self._forget()
        self._take_in(sorted(ended, key=_end))

    def _take_in(self, ended: Sequence[FrozenTrial]) -> None:
        self._ended += ended
        self._times.extend(times_of(ended))
        pairs = [(t, outcome_of(t, self._directions)) for t in ended if t.params]
        told = [(trial, outcome) for trial, outcome in pairs if outcome is not None]
        if not told:
            return
        points = self.encoding.to_points([trial.params for trial, _ in told])
        self._keys.update(self.encoding.domain.keys(points))
        encodings = self.encoding.domain.encode(points)
        is_valid = ~np.isnan(encodings).any(axis=1)
        samples = [
            i
            for i, (_, outcome) in enumerate(told)
            if is_valid[i] and (outcome.kind != FAILED or self._with_failed)
        ]
        self._see_patterns(points[samples])
        self._numbers.extend(np.array([[told[i][0].number] for i in samples]).reshape(-1, 1))
        self._points.extend(points[samples])
        self._encodings.extend(encodings[samples])
        self._add_outcomes([told[i][1] for i in samples])

    def _see_patterns(self, points: np.ndarray) -> None:
        """Remember which parameters were present together; before the points are added."""
        for i, absent in enumerate(np.isnan(points)):
            pattern = absent.tobytes()
            if pattern not in self._patterns:
                self._patterns.add(pattern)
                self._n_patterns_seen = self.n_valued + i + 1

    def _add_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        values = np.zeros((len(outcomes), self._values.array.shape[1]))
        for row, outcome in zip(values, outcomes, strict=True):
            row[: len(outcome.values)] = outcome.values
        kinds = np.array([outcome.kind for outcome in outcomes], dtype=np.intp)[:, None]
        self._kinds.extend(kinds)
        self._values.extend(values)
        if len(self._directions) > 1:
            self._count_dominance(len(outcomes))

    def _count_dominance(self, n_new: int) -> None:
        self._dominating.extend(np.zeros((n_new, 1)))
        complete = self._kinds.array[:, 0] == COMPLETE
        n_new_complete = int(complete[len(complete) - n_new :].sum())
        counts = self._dominating.array[complete, 0]
        objectives = self._values.array[complete, : len(self._directions)]
        add_dominance(counts, objectives, n_new_complete)
        self._dominating.array[complete, 0] = counts

    def _n_dominating(self) -> np.ndarray:
        return self._dominating.array[:, 0]

    def _objectives(self) -> np.ndarray:
        """`[n, m]`: the objectives; of samples without, what orders them, below the others'."""
        values = self._values.array[:, : len(self._directions)].copy()
        for column in values.T:
            column[:] = scores(self._kinds.array[:, 0], column, self._values.array)
        return values

    def _pending_points(self, number: int) -> np.ndarray:
        """`[n_pending, n_params]`: unfinished trials but this one, without those given up.

        A trial is published with all parameters that it might ask for; those that it will not are
        absent from its point.
        """
        others = [self._trials[i] for i in sorted(self._open) if self._trials[i].number != number]
        if not others:
            return self._points.array[:0]
        least = self._least_alive()
        params = [known_params(trial) for trial in others if trial.number >= least]
        points = self.encoding.to_points([p for p in params if p])
        whole = ~np.isnan(points).any(axis=1)
        if whole.any():
            points[whole] = self.domain().mask_inactive(points[whole])
        return points

    def _least_alive(self) -> int:
        """The number below which unfinished trials are given up; 0 where all are young."""
        if self._n_read - min(self._open, default=self._n_read) <= N_OVERTAKING:
            return 0
        return least_alive(self._times.array)


def _is_alike(left: BaseDistribution, right: BaseDistribution) -> bool:
    """Whether two distributions are equal, without Optuna's loop over choices where they are."""
    return (type(left) is type(right) and vars(left) == vars(right)) or left == right


def known_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return what is known of an unfinished trial's params: enqueued, published, suggested."""
    return {**(published_params(trial) or {}), **_enqueued(trial), **trial.params}


def _enqueued(trial: FrozenTrial) -> dict[str, Any]:
    enqueued: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return enqueued


def _end(trial: FrozenTrial) -> tuple[float, int]:
    ended = trial.datetime_complete
    return (0.0 if ended is None else ended.timestamp()), trial.number

"""What a trial's proposal was made from, and what it was, in one small attribute of the trial.

A proposal depends on the study as it was at that moment. Trials do not change once they have
ended, so it is enough to say which had not, and how far each of these was. Other workers read the
params, and a replay the moment and the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import copy
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from itertools import islice
import json
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.distributions import distribution_to_json
from optuna.distributions import json_to_distribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState


PARAMS_KEY = "lanas:relative_params"
MAX_RUNS = 100  # so that an attribute stays near a kilobyte, whatever happens to workers
WAITING = 0


@dataclass(frozen=True)
class Moment:
    """The state of a study's trials at a moment.

    A trial's *progress* is 0 while it waits, else 1 + 2 * (its number of params) + (1 if it has
    published). Runs are trials of consecutive numbers and equal progress, the newest run first;
    unfinished trials that no run lists are merely counted.

    Attributes:
        n_trials: The trials' numbers are less than this.
        n_seen: How many of them were seen; under Hyperband, those of a bracket.
        n_running: Running trials that are not listed.
        n_waiting: Waiting ones.
        runs: First number, length and progress.
    """

    n_trials: int
    n_seen: int
    n_running: int
    n_waiting: int
    runs: tuple[tuple[int, int, int], ...]

    def to_list(self) -> list[int]:
        """Return ints; numbers as distances from `n_trials`, which have fewer digits."""
        numbers = [self.n_trials, self.n_seen, self.n_running, self.n_waiting]
        for first, length, progress in self.runs:
            numbers += [self.n_trials - first, length, progress]
        return numbers

    @classmethod
    def from_list(cls, numbers: Sequence[int]) -> Moment:
        """Return the moment of such a list."""
        n_trials, n_seen, n_running, n_waiting, *rest = numbers
        runs = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        shown = tuple((n_trials - back, length, progress) for back, length, progress in runs)
        return cls(n_trials, n_seen, n_running, n_waiting, shown)

    def past(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial] | None:
        """Return the trials as they were, None if they cannot be the ones that were seen.

        Of the unfinished ones that are not listed, there are those that have ended last.
        """
        seen = [trial for trial in trials if trial.number < self.n_trials]
        progress = dict(self._listed())
        others = [trial for trial in seen if trial.number not in progress]
        others.sort(key=_when_ended, reverse=True)
        older = sorted(others[: self.n_running + self.n_waiting], key=_when_started)
        progress |= {trial.number: _progress(trial) for trial in older[: self.n_running]}
        progress |= {trial.number: WAITING for trial in older[self.n_running :]}
        is_known = all(t.number in progress or t.state.is_finished() for t in seen)
        if len(seen) != self.n_seen or len(older) != self.n_running + self.n_waiting:
            return None
        return [_as_of(t, progress.get(t.number)) for t in seen] if is_known else None

    def _listed(self) -> Iterator[tuple[int, int]]:
        for first, length, progress in self.runs:
            yield from ((number, progress) for number in range(first, first + length))


def moment_of(
    trials: Sequence[FrozenTrial], unfinished: Sequence[FrozenTrial], least: int
) -> Moment:
    """Return the moment at which a study has these trials.

    Args:
        trials: All of them.
        unfinished: Those that have not ended, in the order of their numbers.
        least: The least number of a trial that is listed.
    """
    runs: list[tuple[int, int, int]] = []
    rest = list(unfinished)
    while rest and rest[-1].number >= least:
        number, progress = rest[-1].number, _progress(rest[-1])
        if runs and (runs[-1][0], runs[-1][2]) == (number + 1, progress):
            runs[-1] = (number, runs[-1][1] + 1, progress)
        elif len(runs) == MAX_RUNS:
            break
        else:
            runs.append((number, 1, progress))
        rest.pop()
    n_running = sum(trial.state == TrialState.RUNNING for trial in rest)
    n_trials = trials[-1].number + 1 if trials else 0
    return Moment(n_trials, len(trials), n_running, len(rest) - n_running, tuple(runs))


@dataclass(frozen=True)
class Publication:
    """What a trial's worker has published.

    Attributes:
        params: Those proposed; None where they are no JSON.
        seed: That of the sampler; None where there is no whole publication.
        moment: When it proposed.
        changed: The distributions of its search space that were not the newest of the moment.
    """

    params: dict[str, Any] | None = None
    seed: int | None = None
    moment: Moment | None = None
    changed: Mapping[str, BaseDistribution] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the value of the attribute."""
        assert self.moment is not None, "a moment is what is published"
        content: dict[str, Any] = {"params": self.params, "seed": self.seed}
        if self.changed:
            content["changed"] = {n: distribution_to_json(d) for n, d in self.changed.items()}
        content["moment"] = self.moment.to_list()
        return json.dumps(content, separators=(",", ":"))


def publication_of(trial: FrozenTrial) -> Publication:
    """Return what a trial's worker has published; nothing but the params of an older form."""
    content = _content(trial)
    try:
        return Publication(
            content["params"],
            content["seed"],
            Moment.from_list(content["moment"]),
            {n: json_to_distribution(text) for n, text in content.get("changed", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return Publication(published_params(trial))


def published_params(trial: FrozenTrial) -> dict[str, Any] | None:
    """Return the params that a trial's worker has published, None where there are none."""
    content = _content(trial)
    params = content.get("params")
    if isinstance(params, dict):
        return params
    is_older_form = content and not isinstance(content.get("moment"), list)
    return content if is_older_form else None


def is_jsonable(params: Mapping[str, Any]) -> bool:
    """Whether params can be published."""
    return all(isinstance(v, bool | int | float | str | None) for v in params.values())


def _progress(trial: FrozenTrial) -> int:
    if trial.state == TrialState.WAITING:
        return WAITING
    return 1 + 2 * len(trial.params) + (PARAMS_KEY in trial.system_attrs)


def _as_of(trial: FrozenTrial, progress: int | None) -> FrozenTrial:
    """Return a trial as it was when it had made some progress, as it is where that is None."""
    if progress is None:
        return trial
    earlier = copy.copy(trial)
    earlier.values, earlier.datetime_complete = None, None
    earlier.state = TrialState.WAITING if progress == WAITING else TrialState.RUNNING
    n_params, has_published = divmod(max(progress - 1, 0), 2)
    names = list(islice(trial.params, n_params))
    earlier.params = {name: trial.params[name] for name in names}
    earlier.distributions = {name: trial.distributions[name] for name in names}
    if not has_published:
        attributes = trial.system_attrs.items()
        earlier.system_attrs = {key: value for key, value in attributes if key != PARAMS_KEY}
    return earlier


def _content(trial: FrozenTrial) -> dict[str, Any]:
    """The attribute's content, empty where it is no JSON object: half-written, or another's."""
    try:
        content = json.loads(trial.system_attrs.get(PARAMS_KEY, "{}"))
    except (TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _when_ended(trial: FrozenTrial) -> tuple[bool, datetime]:
    return trial.datetime_complete is None, trial.datetime_complete or datetime.min


def _when_started(trial: FrozenTrial) -> tuple[bool, datetime]:
    return trial.datetime_start is None, trial.datetime_start or datetime.min

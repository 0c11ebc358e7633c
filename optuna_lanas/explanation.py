"""Why a trial: what it was derived from, the region that was searched, and what came second."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from html import escape
import math
from typing import Any
from typing import overload

import numpy as np
import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._checks import check_study
from optuna_lanas._checks import find_trial
from optuna_lanas._checks import needs
from optuna_lanas._checks import wrong_type
from optuna_lanas._checks import wrong_value
from optuna_lanas._study import words
from optuna_lanas._study.outcome import COMPLETE
from optuna_lanas._study.outcome import INFEASIBLE
from optuna_lanas._study.outcome import Outcome
from optuna_lanas._study.outcome import outcome_of
from optuna_lanas._study.propose import describe_path
from optuna_lanas._study.propose import grow
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import enqueued_params
from optuna_lanas._study.published import known_params
from optuna_lanas._study.published import published_decision
from optuna_lanas._study.published import Step
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import one_line
from optuna_lanas.sampler import LaNASSampler


ORIGINS = words.ORIGINS
ENDS = {
    TrialState.PRUNED: "It was pruned.",
    TrialState.FAIL: "It failed.",
    TrialState.RUNNING: "It is still running.",
    TrialState.WAITING: "It is still waiting to be run.",
}
Asked = int | FrozenTrial | optuna.Trial

__all__ = ["Explanation", "Explanations", "Step", "explain"]


@dataclass(frozen=True, kw_only=True)
class Explanation(Decision):
    """Why a trial has its params: ``print`` shows it in sentences, `details` in numbers.

    Attributes:
        number: The trial's number.
        is_recorded: Whether this is the sampler's own decision, as recorded in the trial.
            Otherwise the leaf and the path are where the trial lies in the current tree.
        params: The trial's params.
        result: How the trial ended, a sentence.
        values: Its objective values by name, empty if it has none.
    """

    number: int
    is_recorded: bool
    params: Mapping[str, Any]
    result: str = ""
    values: Mapping[str, float]

    @property
    def origin(self) -> str:
        """How the params were found, in words."""
        return words.origin_of(self)

    @property
    def summary(self) -> str:
        """The first sentence: what the trial is derived from, and what is expected of it."""
        return words.why(self.number, self, self.params)

    def __str__(self) -> str:
        place = words.where(self, self.is_recorded)
        earlier = f"From earlier studies: {one_line(self.earlier)}." if self.earlier else ""
        lines = (self.summary, place, earlier, self.result)
        return "\n".join(line for line in lines if line)

    def __repr__(self) -> str:
        return f"<Explanation: {self.summary}>"

    def details(self) -> str:
        """Return the text with the path to the leaf, the acquisition and the runner-up.

        Example:
            .. testcode::

                import optuna
                from optuna_lanas import LaNASSampler, explain

                study = optuna.create_study(sampler=LaNASSampler(seed=0))
                study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
                print(explain(study).details())
        """
        return "\n".join([str(self), *words.details(self, self.params)])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the summary as a dict."""
        return {"number": self.number, "summary": self.summary, **asdict(self)}

    def _repr_html_(self) -> str:
        first, *others = (escape(line) for line in str(self).splitlines())
        lines = "".join(f"<div>{line}</div>" for line in others)
        path = escape("\n".join(words.details(self, self.params)))
        hidden = f"<details><summary>Details</summary><pre>{path}</pre></details>" if path else ""
        return f"<div><strong>{first}</strong></div>{lines}{hidden}"


class Explanations(Sequence[Explanation]):
    """Why several trials have their params: ``print`` shows them as a table.

    Args:
        explanations: One for each trial.
    """

    def __init__(self, explanations: Iterable[Explanation]) -> None:
        self._all = tuple(explanations)

    @overload
    def __getitem__(self, index: int) -> Explanation: ...

    @overload
    def __getitem__(self, index: slice) -> Explanations: ...

    def __getitem__(self, index: int | slice) -> Explanation | Explanations:
        return Explanations(self._all[index]) if isinstance(index, slice) else self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        numbers = ", ".join(str(each.number) for each in self._all[:10])
        return f"<Explanations of {len(self)} trials: {numbers}{', ...' * (len(self) > 10)}>"

    def __str__(self) -> str:
        cells = [list(row) for row in self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join(lines)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return each explanation as a dict."""
        return [each.to_dict() for each in self._all]

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``, one trial per row.

        Raises:
            ImportError: If pandas is missing.

        Example:
            .. testcode::

                import optuna
                from optuna_lanas import LaNASSampler, explain

                study = optuna.create_study(sampler=LaNASSampler(seed=0))
                study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
                frame = explain(study, range(10, 30)).to_pandas()
        """
        with needs("pandas", "benchmarks", "Tables"):
            import pandas as pd
        left_out = ("path", "params", "values", "parent_params", "runner_up")
        rows = [
            {
                **{name: value for name, value in each.to_dict().items() if name not in left_out},
                "changes": words.changes(each, each.params),
                **{f"params_{name}": value for name, value in each.params.items()},
                **{f"values_{name}": value for name, value in each.values.items()},
            }
            for each in self._all
        ]
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        lines = [_html_row(head, "th"), *(_html_row(row, "td") for row in rows)]
        return f"<table>{''.join(lines)}</table>"

    def _cells(self) -> Iterable[Sequence[str]]:
        yield "trial", "found", "refines", "changes", "expected", "leaf", "value"
        for each in self._all:
            values = ", ".join(f"{value:.5g}" for value in each.values.values())
            parent = "" if each.parent is None else str(each.parent)
            yield (
                str(each.number),
                one_line(each.found),
                parent,
                words.changes(each, each.params),
                words.expected(each),
                str(each.leaf) if each.leaf >= 0 else "",
                values,
            )


@overload
def explain(study: optuna.Study, trial: Asked | None = None) -> Explanation: ...


@overload
def explain(study: optuna.Study, trial: Iterable[Asked]) -> Explanations: ...


def explain(
    study: optuna.Study, trial: Asked | Iterable[Asked] | None = None
) -> Explanation | Explanations:
    """Return why a trial has its params, as its sampler recorded it when it proposed them.

    The record is an attribute of the trial, so an explanation is exact for every storage and
    pruner, and for loaded and copied studies. For a trial without a record, the explanation says
    in which leaf of the current tree the trial lies.

    Args:
        study: The study.
        trial: A trial or its number. Negative numbers count from the last trial, which is -1.
            None is the best trial, or the last one where no single trial is best. A sequence of
            trials or numbers gives a table.

    Raises:
        ValueError: If there is no trial of that number, or no trial at all.
        TypeError: If an argument is of the wrong type.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler, explain

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            print(explain(study))
            print(explain(study, 29).details())
            print(explain(study, range(20, 30)))
    """
    check_study(study)
    trials = study.get_trials(deepcopy=False)
    if isinstance(trial, Iterable) and not isinstance(trial, str | bytes | Mapping):
        found = [_found(trials, each) for each in trial]
        return Explanations(_explained(study, trials, found))
    chosen = _best_or_last(study, trials) if trial is None else _found(trials, trial)
    return _explained(study, trials, [chosen])[0]


def _found(trials: Sequence[FrozenTrial], asked: Any) -> FrozenTrial:
    """Return the trial that is asked for by itself or by its number."""
    rule = "a trial, its number, or a sequence of these"
    number = asked.number if isinstance(asked, FrozenTrial | optuna.Trial) else asked
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise wrong_type("trial", rule, asked, "Leave it out for the best trial.")
    wanted = int(number) + len(trials) if number < 0 else int(number)
    found = find_trial(trials, wanted)
    if found is None:
        few = f"of the study's {len(trials)} trials, counted from 0, or from -1 backwards"
        raise wrong_value("trial", few, asked, "`trial.number` is a trial's number.")
    return found


def _best_or_last(study: optuna.Study, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    if not trials:
        raise ValueError(
            "`study` must have a trial to explain, but it has none. Run `study.optimize` first."
        )
    outcomes = [outcome_of(trial, study.directions) for trial in trials]
    pairs = [
        (outcome.values[0], -trial.number, trial)
        for trial, outcome in zip(trials, outcomes, strict=True)
        if outcome is not None and outcome.kind == COMPLETE and not math.isnan(outcome.values[0])
    ]
    return max(pairs)[-1] if pairs and len(study.directions) == 1 else trials[-1]


def _explained(
    study: optuna.Study, trials: Sequence[FrozenTrial], chosen: Sequence[FrozenTrial]
) -> list[Explanation]:
    n = len(study.directions)
    names = study.metric_names or (["value"] if n == 1 else [f"value {i}" for i in range(n)])
    outcomes = [outcome_of(trial, study.directions) for trial in trials]
    known = {trial.number: published_decision(trial) for trial in chosen}
    lacking = [trial for trial in chosen if known[trial.number] is None]
    placed: dict[int, Decision] = {}
    if lacking:
        own = study.sampler if isinstance(study.sampler, LaNASSampler) else LaNASSampler()
        placed = own._views.use(study, lambda record: _places(record, lacking))
    return [
        Explanation(
            **vars(known[trial.number] or placed[trial.number]),
            number=trial.number,
            is_recorded=known[trial.number] is not None,
            params=dict(trial.params if trial.state.is_finished() else known_params(trial)),
            result=_result(trial, trials, outcomes, names),
            values=dict(zip(names, trial.values or (), strict=False)),
        )
        for trial in chosen
    ]


def _result(
    trial: FrozenTrial,
    trials: Sequence[FrozenTrial],
    outcomes: Sequence[Outcome | None],
    names: Sequence[str],
) -> str:
    """Return how a trial has ended, and how it compares with the trials before it."""
    place = bisect_left(trials, trial.number, key=lambda known: known.number)
    outcome = outcomes[place]
    if outcome is not None and outcome.kind == INFEASIBLE:
        return "It violates the constraints."
    if outcome is None or outcome.kind != COMPLETE:
        return ENDS.get(trial.state, "")
    shown = [f"{one_line(name)} {v:.5g}" for name, v in zip(names, trial.values, strict=False)]
    before = [o.values[0] for o in outcomes[:place] if o is not None and o.kind == COMPLETE]
    if len(names) > 1 or not before:
        return f"It ended with {', '.join(shown)}."
    n_better = sum(value > outcome.values[0] for value in before)
    share = words.best_share(n_better, len(before))
    return f"It ended with {shown[0]}, {'the' if share.endswith('far') else 'in the'} {share}."


def _places(record: Record, trials: Sequence[FrozenTrial]) -> dict[int, Decision]:
    """Return where trials lie in the tree that the study has now, by their numbers."""
    return {trial.number: _placed(record, trial) for trial in trials}


def _placed(record: Record, trial: FrozenTrial) -> Decision:
    """Return where a trial lies in the tree that the study has now."""
    n, found = record.n_observations, "enqueued" if enqueued_params(trial) else "other"
    if n == 0 or not trial.params:
        return Decision(found, n)
    features = record.domain.features(record.transform.to_point(trial.params)[None])
    if np.isnan(features).any():  # an invalid architecture
        return Decision(found, n)
    tree = grow(record, record.history(-1))
    leaf = int(tree.tree.route(features)[0])
    return Decision(
        found=found,
        n_observations=n,
        leaf=leaf,
        leaf_name=tree.tree.name(leaf),
        path=describe_path(record, tree, leaf, leaf, features[0], trial.params),
        is_selected=tree.select() == leaf,
    )


def _html_row(cells: Sequence[str], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in cells) + "</tr>"

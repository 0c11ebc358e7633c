"""Why a trial: the region in which it was searched, why that region, and what came second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._checks import check_study
from optuna_lanas._checks import trial_of
from optuna_lanas._study.propose import describe_path
from optuna_lanas._study.propose import grow
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import published_decision
from optuna_lanas._study.published import Step
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import one_line
from optuna_lanas.sampler import LaNASSampler


ORIGINS = {
    "start-up": "drawn uniformly at random, in the start-up",
    "random": "drawn uniformly at random, since no region held a new candidate",
    "model": "the new candidate of greatest expected improvement in its region",
    "uniform": "drawn uniformly at random from its region",
    "other": "not proposed by LaNAS: enqueued, added, of another sampler, or new parameters only",
}

__all__ = ["Explanation", "Step", "explain"]


@dataclass(frozen=True, kw_only=True)
class Explanation(Decision):
    """Why a trial has its params.

    Attributes:
        number: The trial's number.
        is_recorded: Whether this is the sampler's own decision, as recorded in the trial.
            Otherwise the leaf and the path are where the trial lies in the current tree.
    """

    number: int
    is_recorded: bool

    @property
    def origin(self) -> str:
        """How the params were found, in words."""
        unknown = f"found in a way that this version does not know: {one_line(str(self.found))}"
        return ORIGINS.get(self.found, unknown)

    def __str__(self) -> str:
        lines = [f"Trial {self.number}: {self.origin}."]
        lines += [self._place()] if self.leaf >= 0 else []
        lines += ["  " + _step_text(step, self.node >= 0) for step in self.path]
        if self.score is not None:
            lines.append(
                f"Acquisition {self.score:.3g}, rank {self.rank} of {self.n_candidates} "
                f"candidates."
            )
        if self.runner_up is not None:
            pairs = [f"{name}={value}" for name, value in self.runner_up.items()]
            params = ", ".join(one_line(pair) for pair in pairs)
            lines.append(f"Runner-up, acquisition {self.runner_up_score:.3g}: {params}.")
        return "\n".join(lines)

    def _place(self) -> str:
        tree = f"the tree of {self.n_observations} observations"
        if not self.is_recorded:
            return f"It lies in leaf {one_line(self.leaf_name)} of {tree} that the study has now."
        how = "selected by upper confidence bounds" if self.is_selected else "not of greatest UCB"
        text = f"Leaf {one_line(self.leaf_name)} of {tree} was {how}."
        if self.node != self.leaf:
            text += f" The region of node {self.node} above it was searched."
        return text


def explain(study: optuna.Study, trial_number: int) -> Explanation:
    """Return why a trial has its params, as its sampler recorded it when it proposed them.

    The record is an attribute of the trial, so an explanation is exact for every storage and
    pruner, and for loaded and copied studies. For a trial without a record, the explanation says
    in which leaf of the current tree the trial lies.

    Args:
        study: The study.
        trial_number: The number of one of its trials.

    Raises:
        ValueError: If there is no trial of that number.
        TypeError: If an argument is of the wrong type.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler, explain

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            print(explain(study, 29))
    """
    check_study(study)
    trial = trial_of(study, trial_number, "`trial.number` is a trial's number.")
    decision = published_decision(trial)
    if decision is not None:
        return Explanation(**vars(decision), number=trial.number, is_recorded=True)
    own = study.sampler if isinstance(study.sampler, LaNASSampler) else LaNASSampler()
    decision = own._views.use(study, lambda record: _placed(record, trial))
    return Explanation(**vars(decision), number=trial.number, is_recorded=False)


def _placed(record: Record, trial: FrozenTrial) -> Decision:
    """Return where a trial lies in the tree that the study has now."""
    n = record.n_observations
    if n == 0 or not trial.params:
        return Decision("other", n)
    features = record.domain.features(record.transform.to_point(trial.params)[None])
    if np.isnan(features).any():  # an invalid architecture
        return Decision("other", n)
    tree = grow(record, record.history(-1))
    leaf = int(tree.tree.route(features)[0])
    return Decision(
        found="other",
        n_observations=n,
        leaf=leaf,
        leaf_name=tree.tree.name(leaf),
        path=describe_path(record, tree, leaf, leaf, features[0], trial.params),
        is_selected=tree.select() == leaf,
    )


def _step_text(step: Step, is_searched: bool) -> str:
    side = "good" if step.is_good else "bad"
    free = "" if step.is_required or not is_searched else ", not required"
    terms = ", ".join(f"{one_line(label)} ({added:+.3g})" for label, added in step.terms)
    return (
        f"node {step.node} -> {side} child {step.child}{free}: {terms}; "
        f"sum {step.score:.3g} {'>=' if step.score >= step.offset else '<'} {step.offset:.3g}\n"
        f"    UCB {step.ucb:.3g} = value {step.value:.3g} + {step.ucb - step.value:.3g} "
        f"for {step.visits} visits; other child {step.sibling_ucb:.3g}"
    )

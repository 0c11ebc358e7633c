"""Why a trial: the region that it was searched in, how that was chosen, and what came second."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from optuna_lanas._core.search_tree import Partition
from optuna_lanas._core.search_tree import partition
from optuna_lanas._core.suggest import Proposal
from optuna_lanas._replay import choose_sampler
from optuna_lanas._replay import Replay
from optuna_lanas._replay import replay
from optuna_lanas._study.propose import Settings
from optuna_lanas._study.published import published_params
from optuna_lanas.sampler import LaNASSampler
from optuna_lanas.visualization._study_partition import choice_names
from optuna_lanas.visualization._study_partition import format_value


N_SHOWN = 3


@dataclass(frozen=True)
class Step:
    """One latent action on the path to a leaf: which side of it, and why that one.

    Attributes:
        node: The node that is left.
        child: The node that is entered.
        is_good: Whether it is the good child.
        is_kept: Whether the trial was kept to that side; otherwise a node further up was searched.
        weights: The latent action's weights by choice, the greatest in size first, without zeros.
        offset: The good side is where the weights of a trial's choices sum to at least this.
        terms: The trial's own choices and what each adds, the greatest in size first.
        score: The sum of the terms.
        visits: Trials in the child's region then, unfinished ones included.
        value: The mean value of the child's samples (their ranks by default).
        width: What the few visits add to the value.
        ucb: Upper confidence bound, the sum of value and width.
        sibling_ucb: That of the other child.
    """

    node: int
    child: int
    is_good: bool
    is_kept: bool
    weights: tuple[tuple[str, float], ...]
    offset: float
    terms: tuple[tuple[str, float], ...]
    score: float
    visits: int
    value: float
    width: float
    ucb: float
    sibling_ucb: float

    @property
    def condition(self) -> str:
        """The side's condition on a trial's params, its greatest weights alone."""
        shown = " ".join(f"{weight:+.3g}·[{name}]" for name, weight in self.weights[:N_SHOWN])
        rest = " + ..." if len(self.weights) > N_SHOWN else ""
        return f"{shown}{rest} {'>=' if self.is_good else '<'} {self.offset:.3g}"

    def __str__(self) -> str:
        side = "good" if self.is_good else "bad"
        relation = ">=" if self.score >= self.offset else "<"
        terms = ", ".join(f"{name} ({added:+.3g})" for name, added in self.terms[:N_SHOWN])
        return (
            f"node {self.node} -> {side} child {self.child}"
            f"{'' if self.is_kept else ', not required'}: {terms}; "
            f"sum {self.score:.3g} {relation} {self.offset:.3g}\n"
            f"    where {self.condition}\n"
            f"    UCB {self.ucb:.3g} = value {self.value:.3g} + {self.width:.3g} "
            f"for {self.visits} visits; other child {self.sibling_ucb:.3g}"
        )


@dataclass(frozen=True)
class Explanation:
    """Why a trial has its params.

    Attributes:
        number: The trial's.
        origin: How its params came about, in words.
        is_exact: Whether the sampler's proposal was computed anew and is the trial's own.
        is_searched: Whether it was searched for on the path to the leaf. Else the leaf is merely
            the one in which the trial lies: of a random trial, of another sampler's, or of one
            that could not be computed anew.
        n_samples: Finished trials with a value that were known then.
        leaf: The leaf; None before there was a tree.
        node: The node on the path to the leaf whose region was searched; None if none was.
        leaf_name: Its number and path in words.
        lies_in: The leaf in which the trial's params lie; another one if a node above the leaf
            was searched, or the objective asked for other parameters than foreseen.
        path: The latent actions from the root to the leaf.
        is_selected: Whether the leaf is the one that the upper confidence bounds lead to.
        is_elsewhere: Whether the leaf was drawn evenly, as the search had stagnated.
        score: The trial's score under the function drawn from the posterior; None where none was.
        rank: The score's rank among the candidates, 1 for the best; better ones had been tried.
        n_candidates: The number of candidates.
        runner_up: Params that would have been proposed instead; None where there is none.
        runner_up_score: Their score.
    """

    number: int
    origin: str
    is_exact: bool
    n_samples: int
    is_searched: bool = False
    leaf: int | None = None
    leaf_name: str = ""
    node: int | None = None
    lies_in: int | None = None
    path: tuple[Step, ...] = ()
    is_selected: bool = False
    is_elsewhere: bool = False
    score: float | None = None
    rank: int | None = None
    n_candidates: int = 0
    runner_up: dict[str, Any] | None = None
    runner_up_score: float | None = None

    def __str__(self) -> str:
        lines = [f"Trial {self.number}: {self.origin}."]
        lines += [self._place()] if self.leaf is not None else []
        lines += [f"  {step}" for step in self.path]
        if self.score is not None:
            lines.append(
                f"Thompson score {self.score:.3g}, rank {self.rank} of {self.n_candidates}."
            )
        if self.runner_up is not None:
            params = ", ".join(f"{n}={format_value(v)}" for n, v in self.runner_up.items())
            lines.append(f"Runner-up, score {self.runner_up_score:.3g}: {params}.")
        return "\n".join(lines)

    def _place(self) -> str:
        searched = "Searched on the path to" if self.is_searched else "It lies in"
        lead = "lead to" if self.is_selected else "do not lead to"
        text = (
            f"{searched} leaf {self.leaf_name} of the tree of {self.n_samples} samples, which "
            f"the upper confidence bounds {lead}."
        )
        if self.is_elsewhere:
            text += " It was drawn evenly, since nothing better had been found for long."
        if self.is_searched:
            text += f" Node {self.node}'s region was searched; it lies in leaf {self.lies_in}."
        return text


def explain(
    study: optuna.Study,
    trial_number: int,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
) -> Explanation:
    """Return why a trial has its params, computed anew from the study's history.

    The study is taken back to when the trial asked for its params, and the sampler proposes again;
    the trial's system attribute ``lanas:relative_params`` says which trials were unfinished then,
    and holds the seed. If that gives the params that were proposed, the explanation is exact. It
    needs the sampler's settings: those of ``study.sampler``, or of ``sampler`` for a study that
    was loaded. Without them, and for trials of other samplers, the leaf and the path are those in
    which the trial lies.

    Args:
        study: The study.
        trial_number: The number of one of its trials.
        sampler: One with the settings of the one that proposed the trial, whatever its seed; None
            for the study's own, or the default settings where that is another.
        space: An architecture space, where there is no LaNASSampler that knows it.

    Raises:
        ValueError: If there is no trial of that number.
        TypeError: If an argument is of the wrong type.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.explanation import explain

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            print(explain(study, 29))
    """
    trial = _trial(study, trial_number)
    settings = choose_sampler(study, sampler, space).settings
    past = replay(study, trial, settings)
    if past.is_exact and past.proposal is not None and past.proposal.partition is not None:
        return _exact(trial, past, past.proposal, past.proposal.partition, settings)
    origin = _origin(study, trial, past, settings)
    n_samples = len(past.history)
    if n_samples == 0 or not trial.params:
        return Explanation(trial_number, origin, past.is_exact, n_samples)
    grown = partition(past.history, settings.config, past.record.memories.partition)
    encoding = _encoding(past, trial)
    if encoding is None:
        return Explanation(trial_number, origin, past.is_exact, n_samples)
    leaf = int(grown.tree.route(encoding[None])[0])
    return Explanation(
        number=trial_number,
        origin=origin,
        is_exact=past.is_exact,
        n_samples=n_samples,
        leaf=leaf,
        leaf_name=grown.tree.name(leaf),
        lies_in=leaf,
        path=_path(grown, leaf, leaf, encoding, past, trial, settings),
        is_selected=grown.select() == leaf,
    )


def _exact(
    trial: FrozenTrial,
    past: Replay,
    proposal: Proposal,
    grown: Partition,
    settings: Settings,
) -> Explanation:
    domain = past.record.domain()
    encoding = domain.encode(domain.mask_inactive(proposal.point[None]))[0]
    actual = _encoding(past, trial)
    node = proposal.node
    best = _second_best(past, proposal)
    candidates = proposal.candidates
    is_selected = grown.select() == proposal.leaf
    score = None if candidates is None else float(candidates.scores[proposal.chosen])
    return Explanation(
        number=trial.number,
        origin=_how_found(proposal, is_selected, settings),
        is_exact=True,
        is_searched=True,
        n_samples=len(past.history),
        leaf=proposal.leaf,
        leaf_name=grown.tree.name(proposal.leaf),
        node=node,
        lies_in=None if actual is None else int(grown.tree.route(actual[None])[0]),
        path=_path(grown, proposal.leaf, node, encoding, past, trial, settings),
        is_selected=is_selected,
        is_elsewhere=proposal.is_elsewhere,
        score=score,
        rank=None if candidates is None else 1 + int((candidates.scores > score).sum()),
        n_candidates=0 if candidates is None else len(candidates),
        runner_up=None if best is None else _params(past, proposal, best),
        runner_up_score=None
        if best is None or candidates is None
        else float(candidates.scores[best]),
    )


def _how_found(proposal: Proposal, is_selected: bool, settings: Settings) -> str:
    if proposal.candidates is not None:
        best = "best untried" if settings.avoid_duplicates else "best"
        return f"the {best} candidate of its region under a function drawn from the posterior"
    if is_selected:
        return "drawn evenly from its region"
    return "drawn evenly from its region, since none untried was met in those of greater bounds"


def _second_best(past: Replay, proposal: Proposal) -> int | None:
    """Return the best candidate that is untried and not the one chosen."""
    if proposal.candidates is None:
        return None
    domain, candidates = past.record.domain(), proposal.candidates
    chosen = domain.keys(domain.mask_inactive(proposal.point[None]))[0]
    for index in np.argsort(-candidates.scores, kind="stable"):
        point = domain.mask_inactive(candidates.points[index][None])
        if domain.keys(point)[0] != chosen and past.history.is_new(domain, point)[0]:
            return int(index)
    return None


def _params(past: Replay, proposal: Proposal, index: int) -> dict[str, Any]:
    assert proposal.candidates is not None, "an index is one of a candidate"
    point = past.record.domain().mask_inactive(proposal.candidates.points[index][None])[0]
    return past.record.encoding.to_params(point)


def _path(
    grown: Partition,
    leaf: int,
    searched: int,
    encoding: np.ndarray,
    past: Replay,
    trial: FrozenTrial,
    settings: Settings,
) -> tuple[Step, ...]:
    names = choice_names(past.record.encoding, len(encoding), settings.space)
    nodes, kept = grown.tree.path(leaf), grown.tree.path(searched)
    labels = _labels(names, past, trial)
    return tuple(
        _step(grown, node, child, child in kept, encoding, names, labels)
        for node, child in pairwise(nodes)
    )


def _step(
    grown: Partition,
    node: int,
    child: int,
    is_kept: bool,
    encoding: np.ndarray,
    names: tuple[str, ...],
    labels: list[str],
) -> Step:
    normal = grown.tree.normals[node]
    good, bad = (int(c) for c in grown.tree.children[node])
    terms: dict[str, float] = {}
    for column in np.flatnonzero(encoding * normal):
        added = float(encoding[column] * normal[column])
        terms[labels[column]] = terms.get(labels[column], 0.0) + added
    ucb, value = float(grown.ucb[child]), float(grown.value[child])
    return Step(
        node=node,
        child=child,
        is_good=child == good,
        is_kept=is_kept,
        weights=_ordered({names[i]: float(normal[i]) for i in np.flatnonzero(normal)}),
        offset=float(grown.tree.offsets[node]),
        terms=_ordered(terms),
        score=float((encoding * normal).sum()),
        visits=int(grown.visits[child]),
        value=value,
        width=ucb - value,
        ucb=ucb,
        sibling_ucb=float(grown.ucb[bad if child == good else good]),
    )


def _ordered(terms: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(terms.items(), key=lambda term: -abs(term[1])))


def _labels(names: tuple[str, ...], past: Replay, trial: FrozenTrial) -> list[str]:
    """Return `dim` labels: the trial's own value where a column is one of a param."""
    domain, encoding = past.record.encoding.domain, past.record.encoding
    own = set() if domain.architectures is None else set(domain.architectures.params.tolist())
    plain = [p for p in domain.column_param if int(p) not in own]
    values = {**(published_params(trial) or {}), **trial.params}
    labels = list(names)
    for column, param in enumerate(plain, start=len(names) - len(plain)):
        name = encoding.names[param]
        if name in values:
            labels[column] = f"{name}={format_value(values[name])}"
    return labels


def _encoding(past: Replay, trial: FrozenTrial) -> np.ndarray | None:
    """Return the encoding of what a trial asked for, None if it is an invalid architecture."""
    point = past.record.encoding.to_point(trial.params)
    encoding: np.ndarray = past.record.encoding.domain.encode(point[None])[0]
    return None if np.isnan(encoding).any() else encoding


def _origin(
    study: optuna.Study,
    trial: FrozenTrial,
    past: Replay,
    settings: Settings,
) -> str:
    if past.is_exact and settings.is_startup(len(past.history)):
        return "drawn at random, in the start-up"
    if past.is_exact:
        return "drawn at random, since no untried candidate was met in the region"
    if published_params(trial) is not None:
        return (
            "proposed by LaNAS, but not computed anew: for that, pass as `sampler` one of the "
            "same settings, for a study with the same pruner"
        )
    if past.proposal is None and isinstance(study.sampler, LaNASSampler):
        return "enqueued, added, or asking for new parameters only: no proposal of LaNAS"
    return "no proposal that LaNAS is known to have made"


def _trial(study: optuna.Study, number: int) -> FrozenTrial:
    trials = study.get_trials(deepcopy=False)
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"`trial_number` must be an int, got {number!r}. See `trial.number`.")
    if not 0 <= number < len(trials):
        raise ValueError(
            f"`trial_number` must be that of one of the study's {len(trials)} trials, counted "
            f"from 0, got {number}."
        )
    return trials[number]

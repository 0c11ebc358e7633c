"""A trial's decision in sentences: the first one says why, the details say how."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from math import ceil
from typing import Any

from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import Step
from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line


N_CHANGES = 3  # that a sentence names
N_REASONS = 2
MAX_NAME = 40  # characters of a parameter's name or value in a sentence
MAX_REFINED = 0.5  # the mean change of a param up to which a trial refines its parent
HALF = 0.5
DIGITS = (3, 4, 5, 6)

UNNAMED = "encoding["  # a feature of a space that names none

ORIGINS = {
    "earlier": "among the best of an earlier study, tried first",
    "start-up": "drawn uniformly at random, in the start-up",
    "random": "drawn uniformly at random, since no region held a new candidate",
    "model": "the new candidate of greatest expected improvement in its region",
    "uniform": "drawn uniformly at random from its region",
    "enqueued": "enqueued with its parameters, not proposed by LaNAS",
    "other": (
        "not proposed by LaNAS: added, of another sampler, or the first to ask for its parameters"
    ),
}


def origin_of(decision: Decision) -> str:
    """Return how a trial's params were found, in words."""
    if decision.found == "start-up" and decision.first > 0:
        return "drawn uniformly at random, as the search had stalled and was restarted"
    unknown = f"found in a way that this version does not know: {one_line(decision.found)}"
    return ORIGINS.get(decision.found, unknown)


def why(number: int, decision: Decision, params: Mapping[str, Any]) -> str:
    """Return the first sentence: what a trial is derived from, and what is expected of it."""
    if decision.found == "model" and decision.parent is not None:
        change = _change(decision, params)
        return f"Trial {number} {change}{_expectation(decision, '; ')}."
    was = "is" if decision.found == "model" else "was"
    return f"Trial {number} {was} {origin_of(decision)}{_expectation(decision, '; ')}."


def where(decision: Decision, is_recorded: bool) -> str:
    """Return a sentence on the region in which a trial was searched or lies, empty for none."""
    n = decision.n_observations - decision.first
    tree = f"the tree of {n} observations"
    if decision.leaf < 0:
        return ""
    if not is_recorded:
        return f"It lies in leaf {one_line(decision.leaf_name)} of {tree} that the study has now."
    how = "It was drawn from" if decision.found == "uniform" else "It was searched in"
    if decision.first > 0:
        last = "trial" if n == 1 else f"{n} trials"
        how = f"The search had stalled and was restarted, with the last {last} alone. {how}"
    if decision.leaf == 0:
        return f"{how} the whole space, which has no regions yet."
    if decision.node == 0:
        so = "so that a wrong split excludes nothing"
        return (
            f"{how} the whole space, {so}; the tree selects leaf {one_line(decision.leaf_name)}."
        )
    steps = [step for step in decision.path if step.is_required]
    if not steps:  # left out of the record, which is bounded
        leaf = one_line(decision.leaf_name)
        return f"{how} region {decision.node}, on the path to leaf {leaf} of {tree}."
    side = f"{_side(steps)} of {n} trials"
    return f"{how} region {decision.node}, {side}{_reasons(steps)}."


def expected(decision: Decision) -> str:
    """Return the share of the best in which a trial was expected, empty where it is unknown."""
    if decision.n_better is None:
        return ""
    return best_share(decision.n_better, decision.n_observations)


def best_share(n_better: int, n_others: int) -> str:
    """Return the place of a value among others, as the share of the best that it lies in."""
    if n_better == 0 or n_better == n_others:
        return "worst so far" if n_better else "best so far"
    is_good = n_better <= HALF * n_others
    n_beyond = n_better if is_good else n_others - n_better
    percent = ceil(100 * (n_beyond + 1) / (n_others + 1))
    return f"{'best' if is_good else 'worst'} {percent} %"


def changes(decision: Decision, params: Mapping[str, Any]) -> str:
    """Return the greatest differences from the parent, empty where they are unknown."""
    shown = _differing(decision, params)
    theirs = decision.parent_params or {}
    old = [
        _difference(name, theirs[name], params[name])
        for name in shown
        if not _is_new(theirs, name)
    ]
    new = [
        f"{_short(name)}={_short(format_value(params[name]))}"
        for name in shown
        if _is_new(theirs, name)
    ]
    n_more = _n_changed(decision, params) - len(shown)
    more = f", {n_more} more" if shown and n_more > 0 else ""
    with_new = f"{' ' if old else ''}with {', '.join(new)}" if new else ""
    return f"{', '.join(old)}{with_new}{more}"


def details(decision: Decision, params: Mapping[str, Any]) -> list[str]:
    """Return the lines on the path, on the acquisition, and on the runner-up."""
    lines = []
    if decision.leaf >= 0:
        how = "selected by upper confidence bounds" if decision.is_selected else "not selected"
        lines.append(f"Path to leaf {one_line(decision.leaf_name)}, {how}:")
    lines += [_step_text(step, decision.node >= 0) for step in decision.path]
    if decision.score is not None:
        lines.append(_score_text(decision))
    if decision.runner_up is not None:
        pairs = [
            _difference(name, params[name], value)
            for name, value in decision.runner_up.items()
            if name in params
        ]
        differs = f"with {', '.join(pairs)}" if pairs else "with the same active parameters"
        kind = "posterior sample path" if decision.is_sample_path else "acquisition"
        lines.append(f"Runner-up, {kind} {decision.runner_up_score:.3g}: {differs}.")
    return lines


def _change(decision: Decision, params: Mapping[str, Any]) -> str:
    parent = decision.parent
    if decision.parent_params is not None and not decision.parent_params:
        return f"repeats trial {parent}"
    verb = f"refines trial {parent}" if decision.n_changed else f"fine-tunes trial {parent}"
    if (decision.distance or 0.0) > MAX_REFINED:
        verb = f"explores: it differs much from trial {parent}, the nearest of the good ones"
    shown = changes(decision, params)
    if not shown:
        return f"{verb} in {_counted(decision.n_changed, 'parameter')}"
    return f"{verb}: {shown}{_rest(decision, params)}"


def _differing(decision: Decision, params: Mapping[str, Any]) -> list[str]:
    """Return the names of what has changed, at most `N_CHANGES`; if nothing has, of one param.

    Those that the parent does not have come last: they follow from the others.
    """
    theirs = decision.parent_params or {}
    names = [name for name in theirs if name in params]
    names = names[: max(_n_changed(decision, params), 1)]
    return sorted(names, key=lambda name: _is_new(theirs, name))[:N_CHANGES]


def _is_new(theirs: Mapping[str, Any], name: str) -> bool:
    return theirs[name] is None


def _n_changed(decision: Decision, params: Mapping[str, Any]) -> int:
    """Return how many params have changed, without those that only the parent has."""
    first = list(decision.parent_params or {})[: decision.n_changed]
    return decision.n_changed - sum(name not in params for name in first)


def _rest(decision: Decision, params: Mapping[str, Any]) -> str:
    theirs = decision.parent_params or {}
    n_rest = len(params) - max(_n_changed(decision, params), 1)
    if n_rest <= 0 or decision.n_changed > len(theirs):
        return ""
    is_kept = len(theirs) <= max(decision.n_changed, 1)
    return ", the rest kept" if is_kept else ", the rest nearly kept"


def _expectation(decision: Decision, before: str) -> str:
    if decision.n_better is None:
        return ""
    share = best_share(decision.n_better, decision.n_observations)
    rest = ", where little is known" if share.startswith("worst") else ""
    return f"{before}expected {'to be the' if share.endswith('far') else 'in the'} {share}{rest}"


def _difference(name: str, old: Any, new: Any) -> str:
    texts = format_value(old), format_value(new)
    if isinstance(old, float) and isinstance(new, float):
        pairs = [(f"{old:.{digits}g}", f"{new:.{digits}g}") for digits in DIGITS]
        texts = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
    if texts[0] == texts[1]:
        return f"{_short(name)} near {_short(texts[1])}"
    return f"{_short(name)} {_short(texts[0])} -> {_short(texts[1])}"


def _side(steps: Sequence[Step]) -> str:
    n, n_bad = len(steps), sum(not step.is_good for step in steps)
    if n_bad:
        of = "the first split" if n == 1 else f"{n_bad} of {n} splits"
        return f"on the bad side, which has the greater upper confidence bound, of {of}"
    of = {1: "the first split", 2: "both splits"}.get(n, f"all {n} splits")
    return f"on the good side of {of}"


def _reasons(steps: Sequence[Step]) -> str:
    """Return the trial's own choices that count most for the good sides."""
    total: dict[str, float] = {}
    for step in steps:
        for label, added in step.terms if step.is_good else ():
            total[label] = total.get(label, 0.0) + added
    helpful = [label for label in total if total[label] > 0.0 and not label.startswith(UNNAMED)]
    helpful.sort(key=lambda label: ("=" not in label, -total[label]))  # features are less known
    named = " and ".join(map(_short, helpful[:N_REASONS]))
    count = "counts" if len(helpful) == 1 else "count"
    return f"; {named} {count} most for that" if named else ""


def _score_text(decision: Decision) -> str:
    n_tried = (decision.rank or 1) - 1
    tried = ""
    if n_tried:
        were = "better one was" if n_tried == 1 else "better ones were"
        tried = f"; {n_tried} {were} not new"
    kind = "Posterior sample path" if decision.is_sample_path else "Acquisition"
    return (
        f"{kind} {decision.score:.3g}, the best new one of {decision.n_candidates} "
        f"candidates{tried}."
    )


def _step_text(step: Step, is_searched: bool) -> str:
    side = "good" if step.is_good else "bad"
    free = "" if step.is_required or not is_searched else ", below the searched region"
    terms = ", ".join(f"{one_line(label)} ({added:+.3g})" for label, added in step.terms)
    return (
        f"  node {step.node} -> {side} child {step.child}{free}: {terms}; "
        f"sum {step.score:.3g} {'>=' if step.score >= step.offset else '<'} {step.offset:.3g}\n"
        f"    UCB {step.ucb:.3g} = value {step.value:.3g} + {step.ucb - step.value:.3g} "
        f"for {step.visits} visits; other child {step.sibling_ucb:.3g}"
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _short(text: str) -> str:
    line = one_line(str(text))
    return line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 3]}..."

"""The summary of a search in Markdown, for the study's note in Optuna Dashboard."""

from __future__ import annotations

import optuna

from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line
from optuna_lanas.explanation import explain
from optuna_lanas.visualization._partition_text import outlook
from optuna_lanas.visualization._partition_text import region_words
from optuna_lanas.visualization._partition_text import summary
from optuna_lanas.visualization._partition_text import target_name
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition


NOTE_HEADING = "## What LaNAS has learned"
N_LEAVES = 5
N_FRONT = 10  # trials of a Pareto front that are named
RECENT_SHARE = 0.2  # of all trials
MIN_RECENT = 10


def to_note(study: optuna.Study, view: StudyPartition) -> str:
    """Return the summary: the best region, the best trial, what changed lately, what comes next.

    A table of the first leaves in descending order of the UCB follows.
    """
    trials, regions = counted(len(view.numbers), "trial"), counted(len(view.leaves), "region")
    mean_target = f"{_escaped(target_name(view))}, mean"
    lines = [
        NOTE_HEADING,
        "",
        f"**{_escaped(summary(view))}**",
        "",
        f"- {_best(study)}",
        f"- {_lately(view)}",
        f"- {_escaped(outlook(view))}",
        "",
        f"{trials} in {regions}; the first ones by upper confidence bound (UCB):",
        "",
        f"| leaf | what it is | {mean_target} | trials | {view.value_name} | UCB |",
        "|---|---|---|---|---|---|",
        *(_leaf(view, leaf) for leaf in view.leaves.tolist()[:N_LEAVES]),
    ]
    return "\n".join(lines) + "\n"


def _leaf(view: StudyPartition, leaf: int) -> str:
    statistics = view.search_tree
    words = _escaped(region_words(view, leaf))
    return (
        f"| {view.name(leaf)} | {words} | {view.mean_target(leaf):.4g}"
        f" | {int(statistics.visits[leaf])} | {statistics.value[leaf]:.3f}"
        f" | {statistics.ucb[leaf]:.3f} |"
    )


def _lately(view: StudyPartition) -> str:
    """Return what the last trials have changed: the best value, and where they lie."""
    n, leaf, best = len(view.numbers), view.search_tree.leaf, view.best
    n_recent = min(max(MIN_RECENT, int(RECENT_SHARE * n)), n)
    new = [str(number) for number in view.numbers[best[best >= n - n_recent]].tolist()]
    news = "no trial is complete and feasible yet"
    if len(new) > 1:
        news = f"trials {', '.join(new[:N_FRONT])} have joined the Pareto front"
    elif new:
        what = "has joined the Pareto front" if len(best) > 1 else "is the best"
        news = f"trial {new[0]} {what}"
    elif len(best):
        last = int(best.max())
        news = f"no better trial since trial {view.numbers[last]}, {n - 1 - last} trials ago"
    where = ""
    if len(view.tree.leaves) > 1:
        n_inside = int((leaf[n - n_recent :] == view.best_leaf).sum())
        region = f"the best region, leaf {view.best_leaf}"
        where = f"; {n_inside} of the last {n_recent} lie in {region}"
    return f"Lately: {news}{where}."


def _best(study: optuna.Study) -> str:
    try:
        return _best_trial(study)
    except (RecursionError, TypeError):  # Optuna copies the trial and reads its attributes
        return "The best trial cannot be read: its attributes are foreign or nested too deeply."


def _best_trial(study: optuna.Study) -> str:
    if len(study.directions) > 1:
        front = study.best_trials
        numbers = ", ".join(str(trial.number) for trial in front[:N_FRONT])
        more = ", ..." if len(front) > N_FRONT else ""
        return f"The Pareto front has {counted(len(front), 'trial')}: {numbers}{more}."
    try:
        best = study.best_trial
    except ValueError:  # Optuna's way to say that there is none
        return "No trial is complete and feasible yet."
    values = {str(name): format_value(value) for name, value in best.params.items()}
    params = ", ".join(f"{_escaped(name)}={_escaped(value)}" for name, value in values.items())
    why = _escaped(explain(study, best.number).summary)
    name = _escaped((study.metric_names or ["value"])[0])
    return f"The best trial is trial {best.number}, {name} {best.value:.6g}: `{params}`. {why}"


def _escaped(text: str) -> str:
    """Return text that ends neither a cell of a Markdown table nor inline code."""
    return one_line(text).replace("|", "\\|").replace("`", "'")

"""The summary of a search in Markdown, for the study's note in Optuna Dashboard."""

from __future__ import annotations

import optuna

from optuna_lanas._study.transform import format_value
from optuna_lanas._study.transform import one_line
from optuna_lanas.visualization._study_partition import counted
from optuna_lanas.visualization._study_partition import StudyPartition


NOTE_HEADING = "## What LaNAS has learned"
N_LEAVES = 5


def to_note(study: optuna.Study, view: StudyPartition) -> str:
    """Return the summary: the best trial, and the first leaves in descending order of the UCB."""
    trials, regions = counted(len(view.numbers), "trial"), counted(len(view.leaves), "region")
    mean_target = f"mean {_escaped(view.target_name)}"
    lines = [
        NOTE_HEADING,
        "",
        f"{trials} in {regions}. {_best(study)}",
        "",
        f"| leaf, by UCB | UCB | visits | {view.value_name} | {mean_target} |",
        "|---|---|---|---|---|",
        *(_leaf(view, leaf) for leaf in view.leaves.tolist()[:N_LEAVES]),
    ]
    choices = view.top_choices(0)
    if choices:
        named = ", ".join(f"`{_escaped(name)}` ({weight:+.3g})" for name, weight in choices)
        lines += ["", f"The root's good side favours {named}."]
    return "\n".join(lines) + "\n"


def _leaf(view: StudyPartition, leaf: int) -> str:
    statistics = view.search_tree
    return (
        f"| {view.name(leaf)} | {statistics.ucb[leaf]:.3f} | {int(statistics.visits[leaf])}"
        f" | {statistics.value[leaf]:.3f} | {view.mean_target(leaf):.4g} |"
    )


def _best(study: optuna.Study) -> str:
    try:
        return _best_trial(study)
    except RecursionError:  # Optuna copies the trial with its attributes
        return "The best trial cannot be read: its attributes are nested too deeply."


def _best_trial(study: optuna.Study) -> str:
    if len(study.directions) > 1:
        front = counted(len(study.best_trials), "trial")
        return f"The Pareto front has {front}."
    try:
        best = study.best_trial
    except ValueError:  # Optuna's way to say that there is none
        return "No trial is complete and feasible yet."
    values = {str(name): format_value(value) for name, value in best.params.items()}
    params = ", ".join(f"{_escaped(name)}={_escaped(value)}" for name, value in values.items())
    return f"The best trial is trial {best.number}, value {best.value:.6g}: `{params}`."


def _escaped(text: str) -> str:
    """Return text that ends neither a cell of a Markdown table nor inline code."""
    return one_line(text).replace("|", "\\|").replace("`", "'")

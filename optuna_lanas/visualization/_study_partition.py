"""The partition of a study's trials into regions, in the user's own names.

``print(partition(study))`` shows it as text; `optuna_lanas.visualization` draws it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._core.search_tree import Partition
from optuna_lanas._core.search_tree import partition as partition_history
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas._core.tree import Tree
from optuna_lanas._replay import choose_sampler
from optuna_lanas._study.propose import Settings
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import ParamTransform
from optuna_lanas.sampler import LaNASSampler


N_TOP_CHOICES = 3


@dataclass(frozen=True, eq=False)
class StudyPartition:
    """A study's trials in the regions of the tree of latent actions.

    Attributes:
        partition: Tree, leaf of each sample and statistics of its `N` nodes.
        choices: `dim` names, what each number of an encoding stands for.
        numbers: `[n]` ints, the trial of each sample, in the order in which they ended.
        encodings: `[n, dim]`.
        targets: `[n]`, what is shown of each trial; NaN where it has no finite value.
        target_name: Its name.
        value_name: What a node's value is the mean of.
        is_maximised: Whether a greater target is better; None for one of the user's.
        n_pending: How many unfinished trials are counted among the visits.
    """

    partition: Partition
    choices: tuple[str, ...]
    numbers: np.ndarray
    encodings: np.ndarray
    targets: np.ndarray
    target_name: str
    value_name: str
    is_maximised: bool | None
    n_pending: int

    @property
    def tree(self) -> Tree:
        """The tree."""
        return self.partition.tree

    @property
    def leaves(self) -> np.ndarray:
        """`[n_leaves]` ints, the leaf of the greatest upper confidence bound first."""
        leaves = self.tree.leaves
        return leaves[np.argsort(-self.search_tree.ucb[leaves], kind="stable")]

    def inside(self, node: int) -> np.ndarray:
        """Return `[n]` bools: which samples lie in a node's region."""
        below = np.zeros(self.tree.n_nodes, dtype=bool)
        below[node] = True
        for child in range(node + 1, self.tree.n_nodes):
            below[child] = below[self.tree.parent[child]]
        is_inside: np.ndarray = below[self.search_tree.leaf]
        return is_inside

    def top_choices(self, node: int, n: int = N_TOP_CHOICES) -> list[tuple[str, float]]:
        """Return the choices that send a trial to a node's good side, and their weights.

        Args:
            node: An inner node; a leaf has none.
            n: At most how many.
        """
        normal = self.tree.normals[node]
        order = np.argsort(-normal, kind="stable")[:n]
        return [(self.choices[i], float(normal[i])) for i in order if normal[i] > 0]

    def name(self, node: int) -> str:
        """Return a node's name: its number, and the sides on which its path runs."""
        return self.tree.name(node)

    def mean_target(self, node: int) -> float:
        """Return the mean target of a node's samples, NaN if there is none."""
        targets = self.targets[self.inside(node)]
        return float(np.nanmean(targets)) if np.isfinite(targets).any() else float("nan")

    def __str__(self) -> str:
        n_leaves = len(self.tree.leaves)
        pending = f" and {self.n_pending} unfinished ones" if self.n_pending else ""
        head = f"{len(self.numbers)} trials{pending} in {n_leaves} region{'s' * (n_leaves > 1)}"
        return "\n".join([head, *self._lines(0, "", "")])

    def _lines(self, node: int, indent: str, below: str) -> list[str]:
        """A node's line and those of its children; ``below`` indents what hangs under it."""
        lines = [indent + self._line(node)]
        if self.tree.children[node, 0] != NO_NODE:
            good, bad = (int(child) for child in self.tree.children[node])
            lines += self._lines(good, below + "├─ good: ", below + "│  ")
            lines += self._lines(bad, below + "└─ bad:  ", below + "   ")
        return lines

    def _line(self, node: int) -> str:
        statistics = self.partition
        parts = [
            f"{int(statistics.visits[node])} trials",
            f"{self.value_name} {statistics.value[node]:.3g}",
            f"{self.target_name} {self.mean_target(node):.4g}",
        ]
        if node > 0:
            parts.append(f"UCB {statistics.ucb[node]:.3g}")
        is_leaf = self.tree.children[node, 0] == NO_NODE
        next_one = " <- next" if is_leaf and node == statistics.select() else ""
        choices = ", ".join(name for name, _ in self.top_choices(node))
        good = f"; good: {choices}" if choices else ""
        return f"{'leaf' if is_leaf else 'node'} {node}: {', '.join(parts)}{good}{next_one}"


def partition(
    study: optuna.Study,
    *,
    sampler: LaNASSampler | None = None,
    space: Any | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    target_name: str = "Objective Value",
) -> StudyPartition:
    """Return the partition of a study's trials into good and bad regions, whatever proposed them.

    Args:
        study: A study with at least one finished trial.
        sampler: Whose settings grow the tree; None for the study's own sampler if that is a
            LaNASSampler, else for the default settings.
        space: An architecture space for the default settings.
        target: From a complete trial to the value that is shown; None for the objective value, or
            for the rank in a study of several objectives. The tree is grown from the objectives
            in any case.
        target_name: The target's name.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If no trial has ended with a value, or ``sampler`` and ``space`` are given.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.visualization import partition

            study = optuna.create_study(sampler=LaNASSampler(seed=0))
            study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
            print(partition(study))
    """
    chosen = choose_sampler(study, sampler, space)
    with chosen.records.of(study, chosen.settings) as record:
        trials = study.get_trials(deepcopy=False)
        if record.n_valued == 0:
            raise ValueError(
                f"`study` must have a finished trial with parameters and a value, got "
                f"{len(trials)} trials without. Run `study.optimize` first."
            )
        samples = [trials[number] for number in record.numbers]
        return _view(study, record, samples, chosen.settings, target, target_name)


def has_samples(
    study: optuna.Study, sampler: LaNASSampler | None = None, space: Any | None = None
) -> bool:
    """Return whether a study has what a partition is made of; arguments as for `partition`."""
    chosen = choose_sampler(study, sampler, space)
    with chosen.records.of(study, chosen.settings) as record:
        return record.n_valued > 0


def _view(
    study: optuna.Study,
    record: Record,
    samples: list[FrozenTrial],
    settings: Settings,
    target: Callable[[FrozenTrial], float] | None,
    target_name: str,
) -> StudyPartition:
    history = record.history(-1)
    grown = partition_history(history, settings.config, record.memories.partition)
    if target is None and len(study.directions) > 1:
        targets, target_name = grown.values.copy(), "Rank"
    else:
        targets = np.array([_finite_target(trial, target) for trial in samples])
    return StudyPartition(
        partition=grown,
        choices=choice_names(record.encoding, history.encodings.shape[1], settings.space),
        numbers=record.numbers.copy(),
        encodings=history.encodings.copy(),
        targets=targets,
        target_name=target_name,
        value_name="mean rank" if settings.config.use_ranks else "mean value",
        is_maximised=_is_maximised(study, target),
        n_pending=len(history.pending),
    )


def choice_names(encoding: ParamTransform, dim: int, space: Any | None) -> tuple[str, ...]:
    """Return `dim` names, what each number of an encoding stands for.

    ``kernel=3`` for a choice and for a value on a short grid, ``rate≈0.01`` for a knot of a longer
    or continuous range; for an architecture's own encoding the space's ``encoding_names``.
    """
    domain = encoding.domain
    own = set() if domain.architectures is None else set(domain.architectures.params.tolist())
    names = []
    for column, name in enumerate(encoding.names):
        if column not in own:
            n_columns = int((domain.column_param == column).sum())
            names += _param_choices(encoding.narrowed([name]), n_columns)
    n_own = dim - len(names)
    declared = tuple(getattr(space, "encoding_names", ()))
    if len(declared) != n_own:
        declared = tuple(f"encoding[{i}]" for i in range(n_own))
    return (*declared, *names)


def format_value(value: Any) -> str:
    """Return a param's value as it is shown."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _param_choices(single: ParamTransform, n_columns: int) -> list[str]:
    domain = single.domain
    is_exact = bool(
        domain.is_categorical[0] or (domain.n_values[0] == n_columns and not domain.is_log[0])
    )
    last = 1 if domain.is_categorical[0] else max(n_columns - 1, 1)
    values = [single.to_params(np.array([k / last]))[single.names[0]] for k in range(n_columns)]
    return [f"{single.names[0]}{'=' if is_exact else '≈'}{format_value(v)}" for v in values]


def _finite_target(trial: FrozenTrial, target: Callable[[FrozenTrial], float] | None) -> float:
    if target is None:
        value = None if trial.values is None else trial.values[0]
    else:
        value = target(trial) if trial.state == TrialState.COMPLETE else None
    return float(value) if value is not None and np.isfinite(value) else float("nan")


def _is_maximised(
    study: optuna.Study, target: Callable[[FrozenTrial], float] | None
) -> bool | None:
    if target is not None:
        return None
    if len(study.directions) > 1:
        return True
    return study.directions[0] == optuna.study.StudyDirection.MAXIMIZE

"""A study's trials in regions, in the user's own names; ``print`` shows it as text.

Notation
    N    nodes of the tree, node 0 the root
    n    observations: finished trials with a value, in the order in which they ended
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from optuna_lanas._checks import check_int
from optuna_lanas._checks import needs
from optuna_lanas._core.axes import exponent_of
from optuna_lanas._core.search_tree import SearchTree
from optuna_lanas._core.tree import NO_NODE
from optuna_lanas._core.tree import Tree
from optuna_lanas._study.transform import ParamTransform


N_TOP_CHOICES = 3


@dataclass(frozen=True, eq=False)
class StudyPartition:
    """A study's trials in the regions of the tree of latent actions.

    Attributes:
        search_tree: The tree, the leaf of each observation, and the statistics of `N` nodes.
        choices: `dim` names: what each feature stands for.
        numbers: `[n]` ints, the trial number of each observation.
        features: `[n, dim]`.
        targets: `[n]`, the number that is shown for each trial; NaN where it is not finite.
        target_name: The name of the target.
        value_name: What a node's value is: ``"mean rank"`` or ``"mean value"``.
        is_maximised: Whether a greater target is better; None for the user's own target.
        n_pending: The number of pending trials, which count as visits.
        trials: `n` trials, one per observation.
        best: The places of the best trial, or of the Pareto front, among the observations.
        transform: The transform of params to points.
        points: `[n, n_params]`, NaN for an inactive parameter.
    """

    search_tree: SearchTree
    choices: tuple[str, ...]
    numbers: np.ndarray
    features: np.ndarray
    targets: np.ndarray
    target_name: str
    value_name: str
    is_maximised: bool | None
    n_pending: int
    trials: tuple[FrozenTrial, ...]
    best: np.ndarray
    transform: ParamTransform
    points: np.ndarray

    @property
    def tree(self) -> Tree:
        """The tree."""
        return self.search_tree.tree

    @property
    def best_leaf(self) -> int:
        """The leaf whose observations have the greatest mean value."""
        leaves = self.tree.leaves
        return int(leaves[np.argmax(np.nan_to_num(self.search_tree.value[leaves], nan=-np.inf))])

    @property
    def leaves(self) -> np.ndarray:
        """`[n_leaves]` ints, in descending order of the upper confidence bound."""
        leaves = self.tree.leaves
        return leaves[np.argsort(-self.search_tree.ucb[leaves], kind="stable")]

    def is_leaf(self, node: int) -> bool:
        """Return whether a node is a leaf."""
        self.check_node(node)
        return bool(self.tree.children[node, 0] == NO_NODE)

    def name(self, node: int) -> str:
        """Return a node's name: its number, and the side that its path takes at each node."""
        self.check_node(node)
        return self.tree.name(node)

    def inside(self, node: int) -> np.ndarray:
        """Return `[n]` bools: which observations lie in a node's region."""
        self.check_node(node)
        below = [node]
        for each in below:  # grows meanwhile
            if self.tree.children[each, 0] != NO_NODE:
                below += self.tree.children[each].tolist()
        is_below = np.zeros(self.tree.n_nodes, dtype=bool)
        is_below[below] = True
        is_inside: np.ndarray = is_below[self.search_tree.leaf]
        return is_inside

    def top_choices(self, node: int, n: int = N_TOP_CHOICES) -> list[tuple[str, float]]:
        """Return the choices that a node's good side favours, and their weights.

        Args:
            node: The number of a node. A leaf favours no choice.
            n: At most so many choices, in descending order of the weight.
        """
        self.check_node(node)
        check_int("n", n, 0, "It is the greatest number of choices.")
        weights = self.tree.weights[node]
        order = np.argsort(-weights, kind="stable")[:n]
        return [(self.choices[i], float(weights[i])) for i in order if weights[i] > 0]

    def mean_target(self, node: int) -> float:
        """Return the mean target of a node's observations, NaN if none has a finite target."""
        targets = self.targets[self.inside(node)]
        targets = targets[np.isfinite(targets)]
        if len(targets) == 0:
            return float("nan")
        exponent = exponent_of(targets)
        scaled = np.ldexp(targets, -exponent)  # the sum of huge values would overflow
        mean = np.clip(scaled.mean(), scaled.min(), scaled.max())
        return float(np.ldexp(mean, exponent))

    def check_node(self, node: int) -> None:
        """Raise an error unless a node is one of the tree."""
        remedy = "`print(partition(study))` shows the nodes."
        check_int("node", node, 0, remedy, most=self.tree.n_nodes - 1)

    def __str__(self) -> str:
        from optuna_lanas.visualization import _partition_text as text

        return text.to_text(self)

    def __repr__(self) -> str:
        from optuna_lanas.visualization import _partition_text as text

        return f"<StudyPartition: {text.summary(self)}>"

    def _repr_html_(self) -> str:
        from optuna_lanas.visualization import _partition_text as text

        return text.to_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary, and each region with its words and its statistics."""
        from optuna_lanas.visualization import _partition_text as text

        return {
            "summary": text.summary(self),
            "outlook": text.outlook(self),
            "target_name": self.target_name,
            "n_trials": len(self.numbers),
            "n_pending": self.n_pending,
            "regions": list(text.regions(self)),
        }

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``, one region per row.

        Raises:
            ImportError: If pandas is missing.

        Example:
            .. testcode::

                import optuna
                from optuna_lanas import LaNASSampler, partition

                study = optuna.create_study(sampler=LaNASSampler(seed=0))
                study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=30)
                leaves = partition(study).to_pandas().query("is_leaf")
        """
        with needs("pandas", "benchmarks", "Tables"):
            import pandas as pd
        return pd.DataFrame(self.to_dict()["regions"]).set_index("node")


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

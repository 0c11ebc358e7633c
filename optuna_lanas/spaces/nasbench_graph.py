"""The architectures of NAS-Bench-Graph (Qin et al., 2022): 26,206 graph neural networks.

Four computing nodes each have a single input, the raw input or another node. A *link* names the
inputs. All nodes that no other node uses make the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_names
from optuna_lanas._checks import check_type
from optuna_lanas._checks import needs
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace
from optuna_lanas.spaces._nasbench_graph_words import canonical_words
from optuna_lanas.spaces._nasbench_graph_words import is_valid
from optuna_lanas.spaces._nasbench_graph_words import join_words
from optuna_lanas.spaces._nasbench_graph_words import LINKS
from optuna_lanas.spaces._nasbench_graph_words import N_NODES
from optuna_lanas.spaces._nasbench_graph_words import N_WORDS
from optuna_lanas.spaces._nasbench_graph_words import OPERATIONS
from optuna_lanas.spaces._nasbench_graph_words import SKIP
from optuna_lanas.spaces._nasbench_graph_words import split_words


if TYPE_CHECKING:
    import plotly.graph_objects as go


__all__ = [
    "LINKS",
    "N_NODES",
    "OPERATIONS",
    "SKIP",
    "NASBenchGraphArchitecture",
    "NASBenchGraphSpace",
]

_STRUCTURES = tuple("".join(map(str, link)) for link in LINKS)
_OP_NAMES = tuple(f"op_{node}" for node in range(1, N_NODES + 1))


@dataclass(frozen=True)
class NASBenchGraphArchitecture:
    """An architecture, as ``nas_bench_graph.Arch(list(link), list(ops))`` takes it.

    Attributes:
        link: The input of each of the four computing nodes, 0 for the raw input.
        ops: The operations of the four nodes.

    Example:
        .. testcode::

            from optuna_lanas.spaces import NASBenchGraphArchitecture

            chain = NASBenchGraphArchitecture((0, 1, 2, 3), ("gcn", "gat", "fc", "skip"))
            print(chain.ops[0])
    """

    link: tuple[int, ...]
    ops: tuple[str, ...]


class NASBenchGraphSpace(FiniteSpace):
    """The architectures of NAS-Bench-Graph.

    Parameters: ``structure``, the link as a string such as "0112", among nine; ``op_1`` ..
    ``op_4`` among the operations. Only the architecture of four skips is invalid.

    The key is the integer that ``nas_bench_graph.Arch.valid_hash`` returns. It ignores where skips
    that change nothing stand, and how equivalent nodes are numbered.

    Encoding, 54 numbers, equal for isomorphic architectures: the structure and the four operations
    of the canonical form, one-hot, and how many nodes have each of the nine operations.

    Args:
        operations: Operations to choose from; the data set "proteins" has fewer than the others.

    Raises:
        TypeError: If the operations are no tuple.
        ValueError: If an operation is unknown or repeated, or if all of them are skips.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import NASBenchGraphSpace

            space = NASBenchGraphSpace()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.suggest(trial).ops.count("gcn"), n_trials=20)
    """

    encoding_names = (
        *(f"structure={structure}" for structure in _STRUCTURES),
        *(f"{name}={operation}" for name in _OP_NAMES for operation in OPERATIONS),
        *(f"count:{operation}" for operation in OPERATIONS),
    )

    def __init__(self, operations: tuple[str, ...] = OPERATIONS) -> None:
        self.operations = check_names("operations", operations, OPERATIONS)
        if set(self.operations) == {SKIP}:
            remedy = "Leave it out to choose from all operations."
            raise wrong_value("operations", "not only skip", operations, remedy)

    @property
    def n_architectures(self) -> int:
        """Number of valid architectures up to isomorphism: 26,206 with all operations."""
        return len(self._valid_words())

    @property
    def _choices(self) -> Choices:
        return {"structure": _STRUCTURES, **dict.fromkeys(_OP_NAMES, self.operations)}

    def suggest(self, trial: optuna.trial.BaseTrial) -> NASBenchGraphArchitecture:
        """Return the architecture of a trial, as suggested.

        Raises:
            optuna.TrialPruned: If all operations are skips.
        """
        check_trial(trial)
        params: dict[str, Any] = {
            name: trial.suggest_categorical(name, c) for name, c in self._choices.items()
        }
        structure, *ops = params.values()
        if set(ops) == {SKIP}:
            raise optuna.TrialPruned(
                "The architecture is invalid: at least one of its operations must not be a skip."
            )
        return NASBenchGraphArchitecture(tuple(map(int, structure)), tuple(ops))

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 54]` encodings; NaN for an invalid architecture."""
        return np.asarray(_encodings()[self._words(columns)])

    def key(self, params: Mapping[str, Any]) -> int | None:
        """Return ``nas_bench_graph.Arch.valid_hash``, None for an invalid architecture."""
        key = int(self.key_many(columns_of(params))[0])
        return key if key >= 0 else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers: :meth:`key`, or -1 for an invalid architecture."""
        canonical = canonical_words()[self._words(columns)]
        links, operations = split_words(canonical)
        hashes = links * 10**N_NODES + operations @ (10 ** np.arange(N_NODES)[::-1])
        return np.where(is_valid(canonical), hashes, -1)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        check_draws(n, rng)
        words = self._valid_words()
        links, operations = split_words(words[rng.integers(len(words), size=n)])
        names = np.array(OPERATIONS, dtype=object)[operations]
        columns = {"structure": np.array(_STRUCTURES, dtype=object)[links]}
        return columns | {name: names[:, node] for node, name in enumerate(_OP_NAMES)}

    def draw(self, architecture: NASBenchGraphArchitecture) -> go.Figure:
        """Return a figure of an architecture; needs plotly and networkx."""
        check_architecture(architecture)
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_graph

        edges = [(parent, node) for node, parent in enumerate(architecture.link, start=1)]
        leaves = set(range(1, N_NODES + 1)) - set(architecture.link)
        edges += [(leaf, N_NODES + 1) for leaf in sorted(leaves)]
        return draw_graph(("input", *architecture.ops, "output"), edges)

    def _words(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the words `[n]` of architectures as suggested."""
        positions = self._positions(columns)
        return join_words(positions[:, 0], self._operation_indices[positions[:, 1:]])

    def _valid_words(self) -> np.ndarray:
        """Return the canonical words of all architectures that have this space's operations."""
        words = np.arange(N_WORDS)
        operations = split_words(words)[1]
        is_expressible = np.isin(operations, self._operation_indices).all(axis=1)
        canonical = np.unique(canonical_words()[is_expressible])
        return np.asarray(canonical[is_valid(canonical)])

    @property
    def _operation_indices(self) -> np.ndarray:
        return np.array([OPERATIONS.index(operation) for operation in self.operations])


def check_architecture(architecture: Any) -> None:
    """Raise an error unless an architecture is of NAS-Bench-Graph."""
    kind, remedy = NASBenchGraphArchitecture, "Pass what `NASBenchGraphSpace.suggest` returns."
    check_type("architecture", architecture, kind, "a NASBenchGraphArchitecture", remedy)
    if tuple(architecture.link) not in LINKS:
        raise wrong_value("architecture.link", f"one of {LINKS}", architecture.link, remedy)
    if len(architecture.ops) != N_NODES or not set(architecture.ops) <= set(OPERATIONS):
        rule = f"{N_NODES} of {OPERATIONS}"
        raise wrong_value("architecture.ops", rule, architecture.ops, remedy)


@cache
def _encodings() -> np.ndarray:
    """Return `[59049, 54]`: the encoding of every word, NaN for an invalid one."""
    words = canonical_words()
    links, operations = split_words(words)
    one_hot = operations[:, :, None] == np.arange(len(OPERATIONS))
    parts = (
        links[:, None] == np.arange(len(LINKS)),
        one_hot.reshape(len(words), -1),
        one_hot.sum(axis=1),
    )
    encodings = np.concatenate(parts, axis=1).astype(float)
    encodings[~is_valid(words)] = np.nan
    return encodings

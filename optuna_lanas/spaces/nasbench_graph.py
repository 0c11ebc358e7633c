"""The architectures of NAS-Bench-Graph (Qin et al., 2022): 26,206 graph neural networks.

Four computing nodes, each with one input: node 0 is the raw input, and a *link* names the input of
each computing node. All nodes without successors make the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from itertools import product
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna


if TYPE_CHECKING:
    import plotly.graph_objects as go


N_NODES = 4
SKIP = "skip"
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", SKIP)
LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)

_STRUCTURES = tuple("".join(map(str, link)) for link in LINKS)
_OP_NAMES = tuple(f"op_{node}" for node in range(1, N_NODES + 1))
_SKIP_INDEX = OPERATIONS.index(SKIP)
_N_OPERATIONS = len(OPERATIONS)
_POWERS = _N_OPERATIONS ** np.arange(N_NODES)[::-1]


@dataclass(frozen=True)
class NASBenchGraphArchitecture:
    """An architecture as the package's ``Arch(list(link), list(ops))`` takes it.

    Attributes:
        link: The input of each of the four computing nodes, 0 for the raw input.
        ops: The four operations.
    """

    link: tuple[int, ...]
    ops: tuple[str, ...]


class NASBenchGraphSpace:
    """The architectures of NAS-Bench-Graph.

    Parameters: ``structure``, the link as a string such as "0112", among nine; ``op_1`` ..
    ``op_4`` among the operations. Only the architecture of four skips is invalid.

    The key is the integer that ``nas_bench_graph.Arch.valid_hash`` returns. Skips that change
    nothing move to the front, and nodes that play the same part are put in order.

    Encoding, 45 zeros and ones, equal for isomorphic architectures: the structure and the four
    operations of the canonical form, one-hot.

    Args:
        operations: Operations to choose from; the data set "proteins" has fewer than the others.

    Raises:
        ValueError: If an operation is unknown or there is none but skip.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import NASBenchGraphSpace

            space = NASBenchGraphSpace()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.suggest(trial).ops.count("gcn"), n_trials=20)
    """

    def __init__(self, operations: tuple[str, ...] = OPERATIONS) -> None:
        unknown = sorted(set(operations) - set(OPERATIONS))
        if unknown or not set(operations) - {SKIP}:
            raise ValueError(
                f"`operations` must be some of {OPERATIONS}, not only skip, got {operations}."
            )
        self.operations = tuple(operations)

    encoding_names = (
        *(f"structure={structure}" for structure in _STRUCTURES),
        *(f"{name}={operation}" for name in _OP_NAMES for operation in OPERATIONS),
    )

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """The five parameters."""
        operation = optuna.distributions.CategoricalDistribution(self.operations)
        structure = optuna.distributions.CategoricalDistribution(_STRUCTURES)
        return {"structure": structure, **dict.fromkeys(_OP_NAMES, operation)}

    @property
    def n_architectures(self) -> int:
        """Number of valid architectures up to isomorphism: 26,206 with all operations."""
        return len(self._canonical_words())

    def suggest(self, trial: optuna.trial.BaseTrial) -> NASBenchGraphArchitecture:
        """Return the architecture of a trial, as suggested.

        Raises:
            optuna.TrialPruned: If all operations are skips.
        """
        structure = trial.suggest_categorical("structure", _STRUCTURES)
        ops = tuple(trial.suggest_categorical(name, self.operations) for name in _OP_NAMES)
        if set(ops) == {SKIP}:
            raise optuna.TrialPruned(
                "The architecture is invalid: at least one of its operations must not be a skip."
            )
        return NASBenchGraphArchitecture(tuple(map(int, structure)), ops)

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[45]` encoding; NaN for an invalid architecture."""
        return np.asarray(self.encode_many(_columns(params))[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 45]` encodings; a row of NaN for an invalid architecture."""
        return np.asarray(_encodings()[_words(columns)])

    def key(self, params: Mapping[str, Any]) -> int | None:
        """Return the package's ``valid_hash``, None for an invalid architecture."""
        key = int(self.key_many(_columns(params))[0])
        return key if key >= 0 else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers: the package's ``valid_hash``, -1 for an invalid architecture."""
        canonical = _canonical()[_words(columns)]
        structure, operations = _split(canonical)
        hashes = structure * 10**N_NODES + operations @ (10 ** np.arange(N_NODES)[::-1])
        return np.where(_is_valid(canonical), hashes, -1)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return params of an architecture drawn evenly over architectures."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        words = self._canonical_words()
        structure, operations = _split(words[rng.integers(len(words), size=n)])
        names = np.array(OPERATIONS, dtype=object)[operations]
        columns = {"structure": np.array(_STRUCTURES, dtype=object)[structure]}
        return columns | {name: names[:, node] for node, name in enumerate(_OP_NAMES)}

    def draw(self, architecture: NASBenchGraphArchitecture) -> go.Figure:
        """Return a figure of an architecture; needs plotly and networkx."""
        from optuna_lanas.spaces._drawing import draw_graph

        edges = [(parent, node) for node, parent in enumerate(architecture.link, start=1)]
        leaves = set(range(1, N_NODES + 1)) - set(architecture.link)
        edges += [(leaf, N_NODES + 1) for leaf in sorted(leaves)]
        return draw_graph(("input", *architecture.ops, "output"), edges)

    def _canonical_words(self) -> np.ndarray:
        """Canonical words of the architectures that this space's operations can express."""
        words = np.arange(len(LINKS) * _N_OPERATIONS**N_NODES)
        allowed = np.isin(_split(words)[1], [OPERATIONS.index(op) for op in self.operations])
        canonical = np.unique(_canonical()[words[allowed.all(axis=1)]])
        return np.asarray(canonical[_is_valid(canonical)])


def _columns(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array([value], dtype=object) for name, value in params.items()}


def _words(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Structure and operations as one integer, `[n]`; the operations are its lowest digits."""
    words = _indices(columns, "structure", _STRUCTURES)
    for name in _OP_NAMES:
        words = words * _N_OPERATIONS + _indices(columns, name, OPERATIONS)
    return words


def _indices(columns: Mapping[str, np.ndarray], name: str, choices: tuple[str, ...]) -> np.ndarray:
    if name not in columns:
        raise ValueError(
            f"params must hold all five parameters of NASBenchGraphSpace; `{name}` is missing. "
            f"Let `NASBenchGraphSpace.suggest` ask for them."
        )
    column = np.asarray(columns[name])
    matches = np.stack([column == choice for choice in choices])
    if not matches.any(axis=0).all():
        unknown = sorted({str(value) for value in column} - set(choices))
        raise ValueError(f"`{name}` must be one of {choices}, got {unknown}.")
    return np.asarray(matches.argmax(axis=0))


def _split(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Structure `[n]` and operations `[n, 4]` of words."""
    operations = words[..., None] // _POWERS % _N_OPERATIONS
    return words // _N_OPERATIONS**N_NODES, operations


def _is_valid(words: np.ndarray) -> np.ndarray:
    return np.asarray((_split(words)[1] != _SKIP_INDEX).any(axis=1))


@cache
def _canonical() -> np.ndarray:
    """`[59049]`: the word of the canonical form of every word."""
    structure, operations = _split(np.arange(len(LINKS) * _N_OPERATIONS**N_NODES))
    canonical = np.empty(len(structure), dtype=np.int64)
    padded = np.concatenate([operations, np.full((len(operations), 1), _SKIP_INDEX)], axis=1)
    for link, is_skip in product(LINKS, product((False, True), repeat=N_NODES)):
        rows = structure == LINKS.index(link)
        rows &= ((operations == _SKIP_INDEX) == is_skip).all(axis=1)
        new_link, sources = _without_idle_skips(link, is_skip)
        forms = [
            LINKS.index(form) * _N_OPERATIONS**N_NODES + padded[rows][:, order] @ _POWERS
            for form, order in _relabellings(new_link, sources)
        ]
        canonical[rows] = np.min(forms, axis=0)
    return canonical


def _without_idle_skips(
    link: tuple[int, ...], is_skip: tuple[bool, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Contract the skips that change nothing and put as many in front of the whole.

    A skip is idle if a node follows it, if it is its input's only successor, or if it hands on the
    raw input.

    Returns:
        The new link, and for each of its nodes the old node (4 for a skip in front).
    """
    parents = dict(enumerate(link, start=1))
    is_moving = True
    while is_moving:
        is_moving = False
        for node, parent in list(parents.items()):
            siblings = [n for n, p in parents.items() if p == parent and n != node]
            has_child = node in parents.values()
            if is_skip[node - 1] and (has_child or not siblings or parent == 0):
                del parents[node]
                parents = {n: parent if p == node else p for n, p in parents.items()}
                is_moving = True
                break
    n_front = N_NODES - len(parents)
    number = {0: n_front, **{node: n_front + i for i, node in enumerate(parents, start=1)}}
    new_link = (*range(n_front), *(number[parent] for parent in parents.values()))
    return new_link, (*[N_NODES] * n_front, *(node - 1 for node in parents))


def _relabellings(
    link: tuple[int, ...], sources: tuple[int, ...]
) -> list[tuple[tuple[int, ...], list[int]]]:
    """Every numbering of the nodes that gives one of ``LINKS``, with the nodes in that order."""
    found: list[tuple[tuple[int, ...], list[int]]] = []
    for order in permutations(range(N_NODES)):
        number = {0: 0, **{node + 1: place + 1 for place, node in enumerate(order)}}
        relabelled = tuple(number[link[node]] for node in order)
        if relabelled in LINKS:
            found.append((relabelled, [sources[node] for node in order]))
    return found


@cache
def _encodings() -> np.ndarray:
    """`[59049, 45]`: the encoding of every word, NaN for invalid ones."""
    words = _canonical()
    structure, operations = _split(words)
    one_hot_structure = structure[:, None] == np.arange(len(LINKS))
    one_hot_operations = operations[:, :, None] == np.arange(_N_OPERATIONS)
    parts = (one_hot_structure, one_hot_operations.reshape(len(words), -1))
    encodings = np.concatenate(parts, axis=1).astype(float)
    encodings[~_is_valid(words)] = np.nan
    return encodings

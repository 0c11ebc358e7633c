"""The cells of NAS-Bench-201 (Dong and Yang, 2020): 15,625 choices of six operations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from itertools import product
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))

_OP_NAMES = tuple(f"op_{i}_{j}" for i, j in EDGES)
_N_PARAMS_AROUND_CELLS = 73_306
_PATHS = ((0, 3), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3))
_NONE, _SKIP = 0, 1
_POWERS = len(OPERATIONS) ** np.arange(len(EDGES))[::-1]
_SEQUENCES = tuple(s for length in range(4) for s in product(OPERATIONS[2:], repeat=length))


class NASBench201Space:
    """The cells of NAS-Bench-201, whose topology NATS-Bench's search space has as well.

    Parameters: ``op_i_j``, the operation on the edge from node i to node j, among ``OPERATIONS``.
    The architecture is the official string
    ``|op_0_1~0|+|op_0_2~0|op_1_2~1|+|op_0_3~0|op_1_3~1|op_2_3~2|``.

    Every choice is valid, and no two have the same key: the tables hold each string's own
    training. Strings that compute the same function differ there by a standard deviation of 0.15
    points (median, CIFAR-10 validation accuracy; the mean of a string's seeds has a standard error
    of 0.13), so the best string is the best of its isomorphs only by its own entry.

    Encoding, 70 zeros and ones: six times a one-hot operation, and for each of the 40 sequences of
    up to three convolutions and poolings whether a path from input to output applies it (skips
    passed over).

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import NASBench201Space

            space = NASBench201Space()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.suggest(trial).count("skip"), n_trials=20)
    """

    n_architectures = len(OPERATIONS) ** len(EDGES)
    encoding_names = (
        *(f"{name}={operation}" for name in _OP_NAMES for operation in OPERATIONS),
        *("path:" + ",".join(sequence) for sequence in _SEQUENCES),
    )

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """The six parameters."""
        return dict.fromkeys(_OP_NAMES, optuna.distributions.CategoricalDistribution(OPERATIONS))

    def suggest(self, trial: optuna.trial.BaseTrial) -> str:
        """Return the architecture string of a trial."""
        ops = [trial.suggest_categorical(name, OPERATIONS) for name in _OP_NAMES]
        return _architecture_string(ops)

    def params(self, architecture: str) -> dict[str, str]:
        """Return the params of an architecture string, for ``study.enqueue_trial``.

        Raises:
            ValueError: If the string is no architecture of this space.
        """
        fields = architecture.replace("+", "").strip("|").split("||")
        ops = [part.split("~")[0] for field in fields for part in field.split("|")]
        is_known = len(ops) == len(EDGES) and set(ops) <= set(OPERATIONS)
        if not is_known or _architecture_string(ops) != architecture:
            raise ValueError(
                f"`architecture` must be of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with "
                f"operations among {OPERATIONS}, got {architecture!r}."
            )
        return dict(zip(_OP_NAMES, ops, strict=True))

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[70]` encoding."""
        columns = {name: np.array([value], dtype=object) for name, value in params.items()}
        return np.asarray(self.encode_many(columns)[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 70]` encodings."""
        return np.asarray(_encodings()[self.key_many(columns)], dtype=float)

    def key(self, params: Mapping[str, Any]) -> str:
        """Return the architecture string."""
        operations = [str(params[name]) for name in _OP_NAMES]
        unknown = sorted({*operations} - {*OPERATIONS})
        if unknown:
            raise ValueError(f"Operations must be among {OPERATIONS}, got {unknown}.")
        return _architecture_string(operations)

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, one for each architecture string."""
        return np.asarray(_operation_indices(columns) @ _POWERS)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return params drawn evenly."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        names = np.array(OPERATIONS, dtype=object)[rng.integers(5, size=(len(EDGES), n))]
        return dict(zip(_OP_NAMES, names, strict=True))

    def n_params(self, architecture: str) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        ops = list(self.params(architecture).values())
        in_cells = sum(
            ops.count(name) * (area * c * c + 2 * c)
            for name, area in (("nor_conv_1x1", 1), ("nor_conv_3x3", 9))
            for c in (16, 32, 64)
        )
        return _N_PARAMS_AROUND_CELLS + 5 * in_cells

    def draw(self, architecture: str) -> go.Figure:
        """Return a figure of a cell; needs plotly and networkx."""
        from optuna_lanas.spaces._drawing import draw_graph

        ops = self.params(architecture).values()
        used = [(edge, op) for edge, op in zip(EDGES, ops, strict=True) if op != "none"]
        vertices = ("input", "node 1", "node 2", "output")
        return draw_graph(vertices, [edge for edge, _ in used], [op for _, op in used])

    def build(self, architecture: str) -> torch.nn.Module:
        """Return the network that NAS-Bench-201 trained on CIFAR-10; needs torch."""
        from optuna_lanas.spaces._nasbench201_network import NASBench201Network

        return NASBench201Network(EDGES, list(self.params(architecture).values()))


def _architecture_string(ops: list[str]) -> str:
    a, b, c, d, e, f = ops
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def _operation_indices(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """`[n, 6]` indices into ``OPERATIONS``."""
    missing = [name for name in _OP_NAMES if name not in columns]
    if missing:
        raise ValueError(
            f"params must hold all six parameters of NASBench201Space; {missing} are missing. "
            f"Let `NASBench201Space.suggest` ask for them."
        )
    values = np.stack([np.asarray(columns[name]) for name in _OP_NAMES], axis=1)
    matches = np.stack([values == operation for operation in OPERATIONS])
    if not matches.any(axis=0).all():
        unknown = sorted({str(value) for value in values.ravel()} - set(OPERATIONS))
        raise ValueError(f"Operations must be among {OPERATIONS}, got {unknown}.")
    return np.asarray(matches.argmax(axis=0))


@cache
def _encodings() -> np.ndarray:
    """`[15625, 70]`: the encoding of every architecture, in the order of ``key_many``."""
    operations = np.arange(len(OPERATIONS) ** len(EDGES))[:, None] // _POWERS % len(OPERATIONS)
    n = len(operations)
    one_hot = (operations[:, :, None] == np.arange(len(OPERATIONS))).reshape(n, -1)
    paths = np.zeros((n, len(_SEQUENCES)), dtype=bool)
    for path in _PATHS:
        on_path = operations[:, [EDGES.index(edge) for edge in pairwise(path)]]
        column, length = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
        for operation in on_path.T:
            counts = operation > _SKIP
            column = np.where(counts, 3 * column + operation - 2, column)
            length += counts
        first = np.array([0, 1, 4, 13])  # of the sequences of each length
        connected = np.flatnonzero((on_path != _NONE).all(axis=1))
        paths[connected, (first[length] + column)[connected]] = True
    return np.concatenate([one_hot, paths], axis=1)

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

from optuna_lanas._checks import check_text
from optuna_lanas._checks import needs
from optuna_lanas._checks import shown
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace


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


class NASBench201Space(FiniteSpace):
    """The cells of NAS-Bench-201, which NATS-Bench calls its topology search space.

    Parameters: ``op_i_j``, the operation on the edge from node i to node j, among ``OPERATIONS``.
    The architecture is the official string
    ``|op_0_1~0|+|op_0_2~0|op_1_2~1|+|op_0_3~0|op_1_3~1|op_2_3~2|``.

    Every architecture is valid, and every string is its own key, because the tables hold separate
    trainings of each string. Strings that compute the same function have different entries. Their
    standard deviation is 0.15 points (median over functions, CIFAR-10 validation accuracy); the
    mean over a string's seeds has a standard error of 0.13 points.

    Encoding, 75 numbers. The first 30 are the six operations, one-hot. The next say of the 40
    sequences of up to three convolutions and poolings whether a path from input to output applies
    them; skips on the path are ignored. The last five count the edges that have each operation.

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
        *(f"count:{operation}" for operation in OPERATIONS),
    )

    @property
    def _choices(self) -> Choices:
        return dict.fromkeys(_OP_NAMES, OPERATIONS)

    def suggest(self, trial: optuna.trial.BaseTrial) -> str:
        """Return the architecture string of a trial."""
        check_trial(trial)
        ops = [trial.suggest_categorical(name, OPERATIONS) for name in _OP_NAMES]
        return _architecture_string(ops)

    def params(self, architecture: str) -> dict[str, str]:
        """Return the params of an architecture string, for ``study.enqueue_trial``.

        Raises:
            TypeError: If it is no string.
            ValueError: If the string is not an architecture of this space.
        """
        check_text("architecture", architecture, "Pass what `NASBench201Space.suggest` returns.")
        fields = architecture.replace("+", "").strip("|").split("||")
        ops = [part.split("~")[0] for field in fields for part in field.split("|")]
        is_known = len(ops) == len(EDGES) and set(ops) <= set(OPERATIONS)
        if not is_known or _architecture_string(ops) != architecture:
            raise ValueError(
                f"`architecture` must be of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with "
                f"operations among {OPERATIONS}, got {shown(architecture)}. Pass what "
                f"`NASBench201Space.suggest` returns."
            )
        return dict(zip(_OP_NAMES, ops, strict=True))

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 75]` encodings."""
        return np.asarray(_encodings()[self.key_many(columns)], dtype=float)

    def key(self, params: Mapping[str, Any]) -> str:
        """Return the architecture string."""
        positions = self._positions(columns_of(params))[0]
        return _architecture_string([OPERATIONS[position] for position in positions])

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, a different one for each architecture string."""
        return np.asarray(self._positions(columns) @ _POWERS)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        check_draws(n, rng)
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
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_graph

        ops = self.params(architecture).values()
        used = [(edge, op) for edge, op in zip(EDGES, ops, strict=True) if op != "none"]
        vertices = ("input", "node 1", "node 2", "output")
        return draw_graph(vertices, [edge for edge, _ in used], [op for _, op in used])

    def build(self, architecture: str) -> torch.nn.Module:
        """Return the network that NAS-Bench-201 trained on CIFAR-10; needs torch."""
        ops = list(self.params(architecture).values())
        with needs("torch and torchvision", "torch", "Networks"):
            from optuna_lanas.spaces._nasbench201_network import NASBench201Network

        return NASBench201Network(EDGES, ops)


def _architecture_string(ops: list[str]) -> str:
    a, b, c, d, e, f = ops
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


@cache
def _encodings() -> np.ndarray:
    """Return `[15625, 75]`: the encoding of every architecture, in the order of ``key_many``."""
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
        first = np.array([0, 1, 4, 13])  # position of the first sequence of each length
        connected = np.flatnonzero((on_path != _NONE).all(axis=1))
        paths[connected, (first[length] + column)[connected]] = True
    counts = one_hot.reshape(n, len(EDGES), len(OPERATIONS)).sum(axis=1)
    return np.concatenate([one_hot, paths, counts], axis=1)

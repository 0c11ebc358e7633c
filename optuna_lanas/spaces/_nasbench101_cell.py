"""A cell of NAS-Bench-101 and its official isomorphism hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

import numpy as np


INPUT = "input"
OUTPUT = "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

_LABELS = {INPUT: -1, OUTPUT: -2, **{operation: i for i, operation in enumerate(OPERATIONS)}}


@dataclass(frozen=True, eq=False)
class NASBench101Cell:
    """A pruned cell, as google-research's ``ModelSpec(matrix, ops)`` takes it.

    Attributes:
        matrix: `[n_vertices, n_vertices]`, 0/1, upper-triangular: edges from row to column.
        ops: `n_vertices` names: "input", operations, "output".

    Example:
        .. testcode::

            import numpy as np
            from optuna_lanas.spaces import NASBench101Cell

            matrix = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
            cell = NASBench101Cell(matrix, ["input", "maxpool3x3", "output"])
            print(cell.module_hash)
    """

    matrix: np.ndarray
    ops: list[str]

    @property
    def module_hash(self) -> str:
        """The official isomorphism hash: 32 hexadecimal digits."""
        return module_hash(self.matrix, self.ops)


def module_hash(matrix: np.ndarray, ops: Sequence[str]) -> str:
    """Return NAS-Bench-101's isomorphism-invariant hash of a pruned cell.

    In each round every vertex hashes its own label with the labels of its neighbours; there are as
    many rounds as vertices. The algorithm is google-research/nasbench's
    ``graph_util.hash_module``.

    Args:
        matrix: `[n, n]`, 0/1, upper-triangular.
        ops: `n` names: "input", operations, "output".

    Returns:
        32 hexadecimal digits.

    Raises:
        ValueError: If an operation is unknown.

    Example:
        .. testcode::

            import numpy as np
            from optuna_lanas.spaces.nasbench101 import module_hash

            print(module_hash(np.array([[0, 1], [0, 0]]), ["input", "output"]))
    """
    labels = [_LABELS.get(op) for op in ops]
    if None in labels:
        raise ValueError(f"`ops` must be among {sorted(_LABELS)}, got {list(ops)}.")
    successors = [np.flatnonzero(row).tolist() for row in matrix]
    predecessors = [np.flatnonzero(column).tolist() for column in np.transpose(matrix)]
    degrees_and_labels = zip(map(len, successors), map(len, predecessors), labels, strict=True)
    hashes = [_md5(str(vertex)) for vertex in degrees_and_labels]
    for _ in ops:
        hashes = [
            _md5(
                "".join(sorted(hashes[w] for w in predecessors[v]))
                + "|"
                + "".join(sorted(hashes[w] for w in successors[v]))
                + "|"
                + hashes[v]
            )
            for v in range(len(ops))
        ]
    return _md5(str(sorted(hashes)))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()

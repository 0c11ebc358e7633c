"""A cell of NAS-Bench-101 and its official isomorphism hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import numpy as np

from optuna_lanas._checks import check_sequence
from optuna_lanas._checks import check_type
from optuna_lanas._checks import wrong_value


INPUT = "input"
OUTPUT = "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

MAX_VERTICES = 7
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


def check_cell(cell: Any) -> None:
    """Raise an error unless a cell is one of NAS-Bench-101, pruned."""
    remedy = "Pass what `NASBench101Space.suggest` returns."
    check_type("cell", cell, NASBench101Cell, "a NASBench101Cell", remedy)
    ops, matrix = list(cell.ops), np.asarray(cell.matrix)
    is_known = set(ops[1:-1]) <= set(OPERATIONS) and len(ops) <= MAX_VERTICES
    if ops[:1] != [INPUT] or ops[1:][-1:] != [OUTPUT] or not is_known:
        rule = f"{INPUT!r}, at most {MAX_VERTICES - 2} of {OPERATIONS}, {OUTPUT!r}"
        raise wrong_value("cell.ops", rule, cell.ops, remedy)
    if matrix.shape != (len(ops), len(ops)) or np.tril(matrix).any():
        rule = f"upper-triangular, of shape {(len(ops), len(ops))}"
        raise wrong_value("cell.matrix", rule, cell.matrix, remedy)


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
        TypeError: If the operations are no list.
        ValueError: If an operation is unknown, or the matrix of another shape.

    Example:
        .. testcode::

            import numpy as np
            from optuna_lanas.spaces.nasbench101 import module_hash

            print(module_hash(np.array([[0, 1], [0, 0]]), ["input", "output"]))
    """
    ops = list(check_sequence("ops", ops))
    labels = [_LABELS.get(op) if isinstance(op, str) else None for op in ops]
    if None in labels:
        remedy = "Pass what `NASBench101Space.suggest` returns."
        raise wrong_value("ops", f"among {sorted(_LABELS)}", ops, remedy)
    if np.shape(matrix) != (len(ops), len(ops)):
        rule = f"of shape {(len(ops), len(ops))}"
        raise wrong_value("matrix", rule, matrix, "It has a row and a column for each name.")
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

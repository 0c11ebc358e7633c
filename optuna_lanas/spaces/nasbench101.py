"""The cells of NAS-Bench-101 (Ying et al., 2019): 423,624 graphs of up to seven vertices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import needs
from optuna_lanas.spaces import _cell_graphs
from optuna_lanas.spaces import _nasbench101_cost
from optuna_lanas.spaces._cell_graphs import MAX_EDGES
from optuna_lanas.spaces._edge_masks import EDGES
from optuna_lanas.spaces._edge_masks import encode_operations
from optuna_lanas.spaces._edge_masks import N_INTERIOR
from optuna_lanas.spaces._edge_masks import N_VERTICES
from optuna_lanas.spaces._edge_masks import NO_OPERATION
from optuna_lanas.spaces._edge_masks import prune
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace
from optuna_lanas.spaces._nasbench101_cell import check_cell
from optuna_lanas.spaces._nasbench101_cell import INPUT
from optuna_lanas.spaces._nasbench101_cell import module_hash
from optuna_lanas.spaces._nasbench101_cell import NASBench101Cell
from optuna_lanas.spaces._nasbench101_cell import OPERATIONS
from optuna_lanas.spaces._nasbench101_cell import OUTPUT
from optuna_lanas.spaces._nasbench101_encoding import encode_cells
from optuna_lanas.spaces._nasbench101_encoding import PAIRS


if TYPE_CHECKING:
    import plotly.graph_objects as go
    import torch


__all__ = ["INPUT", "OPERATIONS", "OUTPUT", "NASBench101Cell", "NASBench101Space", "module_hash"]

_EDGE_NAMES = tuple(f"edge_{i}_{j}" for i, j in EDGES)
_KINDS = (*OPERATIONS, INPUT, OUTPUT)
_OP_NAMES = tuple(f"op_{vertex}" for vertex in range(1, N_INTERIOR + 1))


class NASBench101Space(FiniteSpace):
    """The cells of NAS-Bench-101.

    Parameters: ``edge_i_j`` in {0, 1} for ``0 <= i < j < 7`` and ``op_1`` .. ``op_5`` among
    ``OPERATIONS``. Vertex 0 is the input, vertex 6 the output. Edges and vertices on no path
    between them are pruned. A cell is valid if a path leads from input to output and at most nine
    edges remain.

    Encoding, 38 numbers, equal for isomorphic cells. A kind of vertex is the input, one of the
    three operations, or the output. For each of the 16 pairs of kinds the encoding counts the
    edges, and then the pairs of vertices that a path joins. The last six numbers are the number of
    vertices that the output concatenates, one-hot. Non-isomorphic cells may share an encoding, but
    never a key.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import NASBench101Space

            space = NASBench101Space()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.suggest(trial).matrix.sum(), n_trials=20)
    """

    n_architectures = 423_624
    encoding_names = (
        *(f"edges:{_KINDS[source]},{_KINDS[target]}" for source, target in PAIRS),
        *(f"paths:{_KINDS[source]},{_KINDS[target]}" for source, target in PAIRS),
        *(f"concatenated={number}" for number in range(N_INTERIOR + 1)),
    )

    @property
    def _choices(self) -> Choices:
        return {**dict.fromkeys(_EDGE_NAMES, (0, 1)), **dict.fromkeys(_OP_NAMES, OPERATIONS)}

    def suggest(self, trial: optuna.trial.BaseTrial) -> NASBench101Cell:
        """Return the pruned cell of a trial.

        Raises:
            optuna.TrialPruned: If the cell is invalid.
        """
        check_trial(trial)
        cell = self.cell(
            {name: trial.suggest_categorical(name, c) for name, c in self._choices.items()}
        )
        if cell is None:
            raise optuna.TrialPruned(
                f"The cell is invalid: a path must lead from its input to its output, and at most "
                f"{MAX_EDGES} edges may remain after pruning. `NASBench101Space.key` returns None "
                f"for such params."
            )
        return cell

    def cell(self, params: Mapping[str, Any]) -> NASBench101Cell | None:
        """Return the pruned cell of params, None for an invalid cell."""
        mask, code = self._words(columns_of(params))
        pruned, kept = prune(mask)
        if not pruned[0] or bin(pruned[0]).count("1") > MAX_EDGES:
            return None
        vertices = [vertex for vertex in range(N_VERTICES) if kept[0] >> vertex & 1]
        matrix = np.zeros((N_VERTICES, N_VERTICES), dtype=np.int8)
        matrix[tuple(zip(*EDGES, strict=True))] = pruned[0] >> np.arange(len(EDGES)) & 1
        interior = [OPERATIONS[code[0] >> 2 * (vertex - 1) & 3] for vertex in vertices[1:-1]]
        return NASBench101Cell(matrix[np.ix_(vertices, vertices)], [INPUT, *interior, OUTPUT])

    def params(self, cell: NASBench101Cell) -> dict[str, Any]:
        """Return params of a cell, for ``study.enqueue_trial``."""
        check_cell(cell)
        n = len(cell.ops)
        place = [*range(n - 1), N_VERTICES - 1]
        edges = {(place[i], place[j]) for i, j in zip(*np.nonzero(cell.matrix), strict=True)}
        interior = [*cell.ops[1:-1], *[OPERATIONS[0]] * (N_VERTICES - n)]
        params: dict[str, Any] = {
            name: int(edge in edges) for name, edge in zip(_EDGE_NAMES, EDGES, strict=True)
        }
        return params | dict(zip(_OP_NAMES, interior, strict=True))

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 38]` encodings; NaN for an invalid cell."""
        graph, code = _cell_graphs.canonical_cells(*self._words(columns))
        encoding = encode_cells(graph, code)
        encoding[graph < 0] = np.nan
        return encoding

    def key(self, params: Mapping[str, Any]) -> str | None:
        """Return the official isomorphism hash in hexadecimal, None for an invalid cell."""
        graph, code = _cell_graphs.canonical_cells(*self._words(columns_of(params)))
        return _hash_of_class(int(graph[0]), int(code[0])) if graph[0] >= 0 else None

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, equal for isomorphic cells, -1 for invalid ones."""
        graph, code = _cell_graphs.canonical_cells(*self._words(columns))
        return np.where(graph >= 0, graph.astype(np.int64) << 10 | code, -1)

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        check_draws(n, rng)
        graph, code = _cell_graphs.sample_cells(n, rng)
        masks = _cell_graphs.cell_graphs().graph_masks[graph]
        columns = {name: (masks >> bit & 1).astype(int) for bit, name in enumerate(_EDGE_NAMES)}
        names = np.array([*OPERATIONS, OPERATIONS[0]], dtype=object)
        return columns | {op: names[code >> 2 * v & 3] for v, op in enumerate(_OP_NAMES)}

    def n_params(self, cell: NASBench101Cell) -> int:
        """Return the number of trainable parameters of the network that :meth:`build` makes."""
        check_cell(cell)
        return _nasbench101_cost.n_params(cell.matrix, cell.ops)

    def draw(self, cell: NASBench101Cell) -> go.Figure:
        """Return a figure of a cell; needs plotly and networkx."""
        check_cell(cell)
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_graph

        edges = [(int(i), int(j)) for i, j in zip(*np.nonzero(cell.matrix), strict=True)]
        return draw_graph(cell.ops, edges)

    def build(self, cell: NASBench101Cell) -> torch.nn.Module:
        """Return the network that NAS-Bench-101 trained on CIFAR-10; needs torch."""
        check_cell(cell)
        with needs("torch and torchvision", "torch", "Networks"):
            from optuna_lanas.spaces._nasbench101_network import NASBench101Network

        return NASBench101Network(cell.matrix, cell.ops)

    def _words(self, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the edge masks `[n]` and the operation codes `[n]` of cells as suggested."""
        edges, operations = np.split(self._positions(columns), [len(EDGES)], axis=1)
        masks = (edges << np.arange(len(EDGES))).sum(axis=1)
        return masks.astype(np.uint32), encode_operations(operations)


@lru_cache(maxsize=1 << 16)
def _hash_of_class(graph: int, code: int) -> str:
    mask = int(_cell_graphs.cell_graphs().graph_masks[graph])
    operations = [code >> 2 * v & 3 for v in range(N_INTERIOR)]
    interior = [OPERATIONS[op] for op in operations if op != NO_OPERATION]
    vertices = [*range(len(interior) + 1), N_VERTICES - 1]
    matrix = np.zeros((N_VERTICES, N_VERTICES), dtype=np.int8)
    for bit, edge in enumerate(EDGES):
        matrix[edge] = mask >> bit & 1
    return module_hash(matrix[np.ix_(vertices, vertices)], [INPUT, *interior, OUTPUT])

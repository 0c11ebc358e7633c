"""Figures of architectures show every vertex, edge and operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Cell
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphArchitecture
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace


pytest.importorskip("plotly")
pytest.importorskip("networkx")


def _n_arrows(figure: Any) -> int:
    return sum(bool(annotation.showarrow) for annotation in figure.layout.annotations)


def test_a_nasbench101_figure_shows_vertices_and_edges() -> None:
    matrix = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    figure = NASBench101Space().draw(NASBench101Cell(matrix, ["input", "maxpool3x3", "output"]))
    assert list(figure.data[0].text) == ["input", "maxpool3x3", "output"]
    assert _n_arrows(figure) == 3


def test_a_nasbench201_figure_leaves_out_none() -> None:
    text = "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
    figure = NASBench201Space().draw(text)
    assert _n_arrows(figure) == 2
    assert {a.text for a in figure.layout.annotations} == {"", "avg_pool_3x3", "nor_conv_3x3"}


def test_a_nasbench_graph_figure_joins_unused_nodes_to_the_output() -> None:
    architecture = NASBenchGraphArchitecture((0, 0, 1, 2), ("gcn", "gat", "fc", "skip"))
    figure = NASBenchGraphSpace().draw(architecture)
    assert list(figure.data[0].text) == ["input", "gcn", "gat", "fc", "skip", "output"]
    assert _n_arrows(figure) == 6


def test_a_figure_of_cells_shows_both_cells() -> None:
    space = CellSpace.darts()
    architecture = space.architecture(space.sample(np.random.default_rng(0)))
    assert architecture is not None
    figure = space.draw(architecture)
    assert [len(trace.text) for trace in figure.data] == [6, 6]
    assert _n_arrows(figure) == 16


def test_a_chain_shows_a_bar_for_each_layer() -> None:
    assert list(NATSBenchSizeSpace().draw("8:16:24:32:64").data[0].y) == [8, 16, 24, 32, 64]
    space = MobileSpace()
    architecture = space.architecture(space.sample(np.random.default_rng(1)))
    bars = space.draw(architecture).data[0]
    assert list(bars.y) == [e for stage in architecture.stages for _, e in stage]


def test_no_two_vertices_share_a_place() -> None:
    architecture = NASBenchGraphArchitecture((0, 0, 0, 0), ("gcn", "gat", "fc", "gin"))
    trace = NASBenchGraphSpace().draw(architecture).data[0]
    assert len({(x, y) for x, y in zip(trace.x, trace.y, strict=True)}) == 6

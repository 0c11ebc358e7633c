"""Figures of architectures show every vertex, edge and operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optuna_lanas.spaces import Block
from optuna_lanas.spaces import CellArchitecture
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


def _edges(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.mode == "lines+markers"]


def _vertices(figure: Any) -> dict[str, list[tuple[float, float]]]:
    """The places of vertices by label."""
    found: dict[str, list[tuple[float, float]]] = {}
    for trace in figure.data:
        if trace.mode in ("markers", "markers+text"):
            for text, *place in zip(trace.text, trace.x, trace.y, strict=True):
                found.setdefault(text, []).append((float(place[0]), float(place[1])))
    return found


def test_a_nasbench101_figure_shows_vertices_and_edges() -> None:
    matrix = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    figure = NASBench101Space().draw(NASBench101Cell(matrix, ["input", "maxpool3x3", "output"]))
    assert set(_vertices(figure)) == {"input", "maxpool3x3", "output"}
    assert len(_edges(figure)) == 3
    assert [t.name for t in figure.data if t.showlegend] == ["maxpool3x3"]


def test_no_vertex_hides_an_edge() -> None:
    """The edge from input to output passes the vertex in between."""
    matrix = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    figure = NASBench101Space().draw(NASBench101Cell(matrix, ["input", "maxpool3x3", "output"]))
    places = {label: own[0] for label, own in _vertices(figure).items()}
    long = next(edge for edge in _edges(figure) if len(edge.x) == 3)
    assert (long.x[0], long.y[0]) == places["input"]
    assert (long.x[2], long.y[2]) == places["output"]
    assert long.x[1] == places["maxpool3x3"][0]
    assert long.y[1] != places["maxpool3x3"][1]


def test_a_nasbench201_figure_leaves_out_none() -> None:
    text = "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
    figure = NASBench201Space().draw(text)
    assert sorted(edge.name for edge in _edges(figure)) == ["avg_pool_3x3", "nor_conv_3x3"]
    assert len({edge.line.color for edge in _edges(figure)}) == 2
    assert all(edge.showlegend for edge in _edges(figure))


def test_every_operation_is_once_in_the_legend() -> None:
    conv = "nor_conv_3x3"
    text = f"|{conv}~0|+|{conv}~0|{conv}~1|+|{conv}~0|{conv}~1|{conv}~2|"
    figure = NASBench201Space().draw(text)
    assert [edge.showlegend for edge in _edges(figure)] == [True, *[False] * 5]
    assert figure.layout.meta == {"summary": f"6 × {conv}"}


def test_a_nasbench_graph_figure_joins_unused_nodes_to_the_output() -> None:
    architecture = NASBenchGraphArchitecture((0, 0, 1, 2), ("gcn", "gat", "fc", "skip"))
    figure = NASBenchGraphSpace().draw(architecture)
    assert set(_vertices(figure)) == {"input", "gcn", "gat", "fc", "skip", "output"}
    assert len(_edges(figure)) == 6


def test_a_figure_of_cells_shows_both_cells() -> None:
    space = CellSpace.darts()
    architecture = space.architecture(space.sample(np.random.default_rng(0)))
    assert architecture is not None
    figure = space.draw(architecture)
    assert [len(own) for own in _vertices(figure).values()] == [2] * 6
    assert [edge.xaxis for edge in _edges(figure)] == ["x"] * 8 + ["x2"] * 8
    names = [edge.name for edge in _edges(figure)]
    assert [edge.showlegend for edge in _edges(figure)] == [
        name not in names[:place] for place, name in enumerate(names)
    ]


def test_parallel_edges_are_drawn_apart() -> None:
    space = CellSpace(1)
    block = Block(input_a=0, op_a="skip_connect", input_b=0, op_b="sep_conv_3x3")
    figure = space.draw(CellArchitecture(normal=(block,), reduction=(block,)))
    first, second = (edge for edge in _edges(figure) if edge.xaxis == "x")
    assert (first.x[0], first.y[0]) == (second.x[0], second.y[0])
    assert first.y[1] != second.y[1]


def test_stages_show_a_bar_for_each_block() -> None:
    sizes = NATSBenchSizeSpace().draw("8:16:24:32:64").data
    assert [list(trace.y) for trace in sizes] == [[8, 16, 24, 32, 64]]
    space = MobileSpace()
    architecture = space.architecture(space.sample(np.random.default_rng(1)))
    figure = space.draw(architecture)
    blocks = [block for stage in architecture.stages for block in stage]
    bars = sorted(
        (x, text, trace.name)
        for trace in figure.data
        for x, text in zip(trace.x, trace.text, strict=True)
    )
    assert [(text, name) for _, text, name in bars] == [(f"×{e}", f"{k}×{k}") for k, e in blocks]
    assert [text.split("<br>")[0] for text in figure.layout.xaxis.ticktext] == [
        f"stage {number}" for number in range(1, 6)
    ]


def test_no_two_vertices_share_a_place() -> None:
    architecture = NASBenchGraphArchitecture((0, 0, 0, 0), ("gcn", "gat", "fc", "gin"))
    places = _vertices(NASBenchGraphSpace().draw(architecture)).values()
    assert len({place for own in places for place in own}) == 6

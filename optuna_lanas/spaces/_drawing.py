"""Figures of architectures: networkx places the vertices, plotly draws them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

import networkx as nx
import plotly.graph_objects as go
from plotly.subplots import make_subplots


if TYPE_CHECKING:
    from optuna_lanas.spaces._cell_architecture import CellArchitecture


_COLORS = (
    "#636efa",
    "#ef553b",
    "#00cc96",
    "#ab63fa",
    "#ffa15a",
    "#19d3f3",
    "#ff6692",
    "#b6e880",
)
_GREY = "#7f7f7f"
_LABEL_AT = 0.4  # Part of an edge; its middle may lie in a column of vertices.


def draw_graph(
    vertices: Sequence[str], edges: Sequence[tuple[int, int]], edge_labels: Sequence[str] = ()
) -> go.Figure:
    """Return a figure of a directed acyclic graph; edges point from left to right.

    Args:
        vertices: A label for each vertex; equal labels get equal colours.
        edges: Pairs of positions in `vertices`.
        edge_labels: A label for each edge, or nothing.
    """
    figure = go.Figure()
    _add_graph(figure, vertices, edges, edge_labels, None)
    return _finish(figure)


def draw_cells(architecture: CellArchitecture) -> go.Figure:
    """Return a figure of a normal cell above a reduction cell."""
    figure = make_subplots(cols=1, rows=2, subplot_titles=("normal", "reduction"))
    for row, blocks in enumerate((architecture.normal, architecture.reduction), start=1):
        vertices = ["before last cell", "last cell"]
        edges: list[tuple[int, int]] = []
        labels: list[str] = []
        for number, block in enumerate(blocks, start=1):
            vertices.append(f"block {number}")
            edges += [(block.input_a, number + 1), (block.input_b, number + 1)]
            labels += [block.op_a, block.op_b]
        _add_graph(figure, vertices, edges, labels, row)
    return _finish(figure)


def draw_chain(labels: Sequence[str], heights: Sequence[float], y_title: str) -> go.Figure:
    """Return a bar chart of the layers from input to output; equal labels get equal colours.

    Args:
        labels: A label for each layer.
        heights: The height of each layer's bar.
        y_title: What the heights are.
    """
    colors = _colors_of(labels)
    bars = go.Bar(
        x=list(range(1, len(labels) + 1)),
        y=list(heights),
        text=list(labels),
        marker_color=[colors[label] for label in labels],
    )
    figure = go.Figure(bars)
    figure.update_layout(xaxis_title="layer", yaxis_title=y_title, template="plotly_white")
    return figure


def _add_graph(
    figure: go.Figure,
    vertices: Sequence[str],
    edges: Sequence[tuple[int, int]],
    edge_labels: Sequence[str],
    row: int | None,
) -> None:
    places = _places(len(vertices), edges)
    colors = _colors_of(vertices)
    axis = "" if row in (None, 1) else str(row)
    subplot = {} if row is None else {"row": row, "col": 1}
    merged: dict[tuple[int, int], list[str]] = {}
    for position, edge in enumerate(edges):
        merged.setdefault(edge, []).extend(edge_labels[position : position + 1])
    for (start, end), names in merged.items():
        (x0, y0), (x1, y1) = places[start], places[end]
        figure.add_annotation(
            x=x1, y=y1, ax=x0, ay=y0, text="", showarrow=True, arrowhead=2, standoff=14,
            startstandoff=14, arrowcolor=_GREY, xref=f"x{axis}", yref=f"y{axis}",
            axref=f"x{axis}", ayref=f"y{axis}",
        )  # fmt: skip
        if names:
            figure.add_annotation(
                x=x0 + _LABEL_AT * (x1 - x0), y=y0 + _LABEL_AT * (y1 - y0),
                text="<br>".join(names), showarrow=False,
                font={"size": 10}, bgcolor="rgba(255, 255, 255, 0.8)",
                xref=f"x{axis}", yref=f"y{axis}",
            )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[places[v][0] for v in range(len(vertices))],
            y=[places[v][1] for v in range(len(vertices))],
            text=list(vertices),
            mode="markers+text",
            textposition="bottom center",
            marker={"size": 22, "color": [colors[label] for label in vertices]},
            hoverinfo="text",
        ),
        **subplot,
    )


def _places(
    n_vertices: int, edges: Sequence[tuple[int, int]]
) -> Mapping[int, tuple[float, float]]:
    """Return the place of each vertex; its column is its longest path from a source."""
    graph = nx.DiGraph(list(edges))
    graph.add_nodes_from(range(n_vertices))
    for layer, nodes in enumerate(nx.topological_generations(graph)):
        for node in nodes:
            graph.nodes[node]["layer"] = layer
    places = nx.multipartite_layout(graph, subset_key="layer")
    # Every second column is shifted a little; otherwise a vertex would hide the edges behind it.
    return {
        node: (float(x), float(y) + 0.08 * (graph.nodes[node]["layer"] % 2))
        for node, (x, y) in places.items()
    }


def _colors_of(labels: Sequence[str]) -> dict[str, str]:
    distinct = dict.fromkeys(labels)
    return {label: _COLORS[n % len(_COLORS)] for n, label in enumerate(distinct)}


def _finish(figure: go.Figure) -> go.Figure:
    figure.update_layout(template="plotly_white", showlegend=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure

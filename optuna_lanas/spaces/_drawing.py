"""Figures of architectures: networkx places the vertices in layers, plotly draws them.

An edge over several layers gets a bend in each layer between, so that no vertex hides it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import plotly.graph_objects as go

from optuna_lanas.visualization._plotly import escaped
from optuna_lanas.visualization._plotly import GREY
from optuna_lanas.visualization._plotly import new_figure
from optuna_lanas.visualization._plotly import PALETTE
from optuna_lanas.visualization._plotly import set_title
from optuna_lanas.visualization._thinning import FULL


if TYPE_CHECKING:
    from optuna_lanas.spaces._cell_architecture import CellArchitecture


ENDS = ("input", "output", "before last cell", "last cell")
DASHES = {"skip": "dot", "pool": "dash"}  # by a word in the operation
N_SWEEPS = 8  # over the layers, of the order of their vertices
STAGE_GAP = 0.7  # between two stages, in widths of a block


def draw_graph(
    vertices: Sequence[str], edges: Sequence[tuple[int, int]], edge_labels: Sequence[str] = ()
) -> go.Figure:
    """Return a figure of a directed acyclic graph; edges point from left to right.

    Args:
        vertices: A label for each vertex, an operation where edges have none.
        edges: Pairs of positions in `vertices`.
        edge_labels: The operation of each edge, or nothing.
    """
    figure = new_figure()
    operations = edge_labels or [label for label in vertices if label not in ENDS]
    _add_graph(figure, vertices, edges, edge_labels, _colors_of(operations), 1)
    figure.update_layout(
        margin={"l": 24, "r": 16, "b": 24}, legend={"title": {"text": "operation"}}
    )
    return _with_summary(figure, _counted(operations))


def draw_cells(architecture: CellArchitecture) -> go.Figure:
    """Return a figure of a normal cell above a reduction cell."""
    figure, cells = new_figure(), (architecture.normal, architecture.reduction)
    operations = [op for blocks in cells for block in blocks for op in (block.op_a, block.op_b)]
    colors = _colors_of(operations)
    for row, (name, blocks) in enumerate(zip(("normal", "reduction"), cells, strict=True), 1):
        vertices = ["before last cell", "last cell"]
        edges: list[tuple[int, int]] = []
        labels: list[str] = []
        for number, block in enumerate(blocks, start=1):
            vertices.append(f"block {number}")
            edges += [(block.input_a, number + 1), (block.input_b, number + 1)]
            labels += [block.op_a, block.op_b]
        _add_graph(figure, vertices, edges, labels, colors, row)
        figure.add_annotation(
            text=f"<b>{name} cell</b>", x=0, xref="paper", xanchor="left", showarrow=False,
            y=1.0 if row == 1 else 0.46, yref="paper", yanchor="top", font={"size": 13},
        )  # fmt: skip
    figure.update_layout(
        yaxis={"domain": [0.52, 0.94]}, yaxis2={"domain": [0.0, 0.40]},
        margin={"l": 24, "r": 16, "b": 24}, legend={"title": {"text": "operation"}},
    )  # fmt: skip
    return _with_summary(figure, _counted(operations))


def draw_stages(
    heads: Sequence[str],
    heights: Sequence[Sequence[int]],
    kinds: Sequence[Sequence[str]],
    texts: Sequence[Sequence[str]],
    y_title: str,
    kind_title: str,
    summary: str,
) -> go.Figure:
    """Return a bar for each block, from input to output, in groups.

    Args:
        heads: What each stage is called.
        heights: The height of each block's bar, by stages.
        kinds: What a bar's colour stands for, by stages.
        texts: What stands on each bar, by stages.
        y_title: What the heights are.
        kind_title: What the colours are; empty for no legend.
        summary: What the architecture is, in a few words.
    """
    figure, places, at = new_figure(), [], 0.0
    for stage in heights:
        places.append([at + i for i in range(len(stage))])
        at += len(stage) + STAGE_GAP
    flat = [
        (x, height, kind, text)
        for group in zip(places, heights, kinds, texts, strict=True)
        for x, height, kind, text in zip(*group, strict=True)
    ]
    for kind, color in _colors_of([kind for _, _, kind, _ in flat]).items():
        own = [(x, height, text) for x, height, name, text in flat if name == kind]
        x, y, text = zip(*own, strict=True)
        figure.add_trace(
            go.Bar(
                x=x, y=y, text=text, name=kind, marker_color=color, width=0.86,
                textposition="outside", cliponaxis=False, textfont={"size": 12}, textangle=0,
                showlegend=bool(kind_title), hovertemplate="%{y}<extra>" + kind + "</extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        xaxis={
            "tickvals": [float(np.mean(stage)) for stage in places], "ticktext": list(heads),
            "tickangle": 0, "showgrid": False, "range": [-0.7, at - STAGE_GAP - 0.3],
        },
        yaxis={"title": {"text": y_title}, "range": [0, 1.1 * max(map(max, heights))]},
        margin={"l": 24, "r": 16, "b": 48}, legend={"title": {"text": kind_title}},
    )  # fmt: skip
    return _with_summary(figure, summary)


def _with_summary(figure: go.Figure, summary: str) -> go.Figure:
    """Return a figure with a summary as its title, which others may use in theirs."""
    set_title(figure, FULL, summary)
    return figure.update_layout(meta={"summary": summary})


def _counted(operations: Sequence[str]) -> str:
    counts = Counter(operations).most_common()
    return ", ".join(f"{n} × {name}" for name, n in counts) or "no operation"


def _add_graph(
    figure: go.Figure,
    vertices: Sequence[str],
    edges: Sequence[tuple[int, int]],
    edge_labels: Sequence[str],
    colors: Mapping[str, str],
    row: int,
) -> None:
    axes = {"xaxis": "x" if row == 1 else f"x{row}", "yaxis": "y" if row == 1 else f"y{row}"}
    places, bends = _places(len(vertices), edges)
    shown = {trace.name for trace in figure.data}
    for number, edge in enumerate(edges):
        label = edge_labels[number] if edge_labels else ""
        path = np.array([places[v] for v in (edge[0], *bends[number], edge[1])])
        _add_edge(figure, path, label, colors, axes, is_new=label not in shown)
        shown.add(label)
    groups = {"": [v for v, label in enumerate(vertices) if edge_labels or label in ENDS]}
    for v, label in enumerate(vertices):
        if v not in groups[""]:
            groups.setdefault(label, []).append(v)
    for label, own in groups.items():
        names = [vertices[v] for v in own]
        sides = [_label_side(v, places, edges, bends) for v in own]
        figure.add_trace(
            go.Scatter(
                x=[places[v][0] for v in own], y=[places[v][1] for v in own],
                text=[escaped(name) for name in names], hoverinfo="text",
                mode="markers" if label else "markers+text", textposition=sides,
                textfont={"size": 12}, name=label, showlegend=bool(label), cliponaxis=False,
                marker={
                    "size": 26 if label else 20, "color": colors.get(label, GREY), "opacity": 1,
                    "line": {"width": 1.5, "color": GREY},
                    "symbol": "circle" if label else "square",
                },
                **axes,
            )
        )  # fmt: skip
    (left, right), (low, high) = ((min(c), max(c)) for c in zip(*places.values(), strict=True))
    width, height = right - left or 1.0, high - low or 1.0
    hidden = {"visible": False}
    names = [label for v, label in enumerate(vertices) if places[v][0] == left]
    before = 0.1 + 0.0105 * max(map(len, names))  # room for their labels
    figure.update_layout(
        {
            f"{axes['xaxis'][0]}axis{axes['xaxis'][1:]}": hidden
            | {"range": [left - before * width, right + 0.1 * width], "anchor": axes["yaxis"]},
            f"{axes['yaxis'][0]}axis{axes['yaxis'][1:]}": hidden
            | {"range": [low - 0.2 * height, high + 0.2 * height], "anchor": axes["xaxis"]},
        }
    )


def _label_side(
    v: int,
    places: Mapping[int, tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    bends: Sequence[Sequence[int]],
) -> str:
    """Return where a vertex's label stands: outside the graph, or where fewer edges are."""
    x, y = places[v]
    if x == min(place[0] for place in places.values()):
        return "middle left"
    if x == max(place[0] for place in places.values()):
        return "middle right"
    paths = [(start, *own, end) for (start, end), own in zip(edges, bends, strict=True)]
    near = [path[1] for path in paths if path[0] == v] + [p[-2] for p in paths if p[-1] == v]
    n_above = sum(places[u][1] > y for u in near)
    n_below = sum(places[u][1] < y for u in near)
    return "bottom center" if n_below <= n_above else "top center"


def _add_edge(
    figure: go.Figure,
    path: np.ndarray,
    label: str,
    colors: Mapping[str, str],
    axes: Mapping[str, str],
    *,
    is_new: bool,
) -> None:
    """Add an edge as a smooth line with an arrow at its end."""
    color = colors.get(label, GREY)
    dash = next((d for word, d in DASHES.items() if word in label), "solid")
    n_between = len(path) - 1
    figure.add_trace(
        go.Scatter(
            x=path[:, 0], y=path[:, 1], mode="lines+markers", name=label, legendgroup=label,
            line={"width": 3 if label else 1.8, "color": color, "shape": "spline", "dash": dash},
            marker={
                "symbol": "arrow", "angleref": "previous", "color": color, "opacity": 1,
                "size": [0] * n_between + [14], "standoff": [0] * n_between + [12],
            },
            text=escaped(label), hoverinfo="text" if label else "skip",
            showlegend=bool(label) and is_new, **axes,
        )
    )  # fmt: skip


def _places(
    n_vertices: int, edges: Sequence[tuple[int, int]]
) -> tuple[dict[int, tuple[float, float]], list[list[int]]]:
    """Return the places of vertices and bends, and the bends of each edge.

    A vertex's layer is its longest path from a source. Parallel edges bend between two layers.
    """
    graph = nx.DiGraph(list(edges))
    graph.add_nodes_from(range(n_vertices))
    layer = {
        v: 2 * depth for depth, own in enumerate(nx.topological_generations(graph)) for v in own
    }
    n_parallel, bends, links = Counter(edges), [], nx.Graph()
    links.add_nodes_from(range(n_vertices))
    for start, end in edges:
        step = 1 if n_parallel[start, end] > 1 else 2
        between = list(range(layer[start] + step, layer[end], step))
        own = [len(layer) + i for i in range(len(between))]
        layer.update(zip(own, between, strict=True))
        bends.append(own)
        nx.add_path(links, [start, *own, end])
    nx.set_node_attributes(links, layer, "layer")
    found = nx.multipartite_layout(links, subset_key="layer")
    order = _uncrossed(links, layer)
    places: dict[int, tuple[float, float]] = {}
    for own in order:
        heights = sorted(float(found[v][1]) for v in own)
        places |= {v: (float(found[v][0]), y) for v, y in zip(own, heights, strict=True)}
    return places, bends


def _uncrossed(links: nx.Graph, layer: Mapping[int, int]) -> list[list[int]]:
    """Return the nodes of each layer in an order with few crossings, by barycentres."""
    order = [[v for v in layer if layer[v] == each] for each in sorted(set(layer.values()))]
    for sweep in range(N_SWEEPS):
        is_down = sweep % 2 == 0
        steps = range(1, len(order)) if is_down else range(len(order) - 2, -1, -1)
        for i in steps:
            fixed = order[i - 1 if is_down else i + 1]
            rank = {v: (place + 0.5) / len(fixed) for place, v in enumerate(fixed)}
            known = {v: [rank[u] for u in links[v] if u in rank] for v in order[i]}
            middle = {v: float(np.mean(own)) if own else 0.5 for v, own in known.items()}
            order[i] = sorted(order[i], key=middle.__getitem__)
    return order


def _colors_of(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each label; skip connections are grey."""
    distinct = sorted(set(labels))
    plain = [label for label in distinct if "skip" not in label]
    colors: dict[str, Any] = {label: PALETTE[n % len(PALETTE)] for n, label in enumerate(plain)}
    return colors | dict.fromkeys(set(distinct) - set(plain), GREY)

"""Small figures show less of the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optuna_lanas import LaNASSampler
from optuna_lanas.visualization import partition
from optuna_lanas.visualization import StudyPartition
from optuna_lanas.visualization._leaf_share import draw_leaf_share
from optuna_lanas.visualization._leaf_values import draw_leaf_values
from optuna_lanas.visualization._parameters import draw_parameters
from optuna_lanas.visualization._partition import draw_partition
from optuna_lanas.visualization._thinning import Detail
from optuna_lanas.visualization._thinning import draw_within
from optuna_lanas.visualization._thinning import reduced
from optuna_lanas.visualization._thinning import SHARES
from optuna_lanas.visualization._thinning import spaced
from optuna_lanas.visualization._trial_map import draw_trial_map
from tests.visualization.builders import searched


pytestmark = pytest.mark.slow


pytest.importorskip("plotly")

DRAWN: list[Callable[..., Any]] = [
    draw_partition,
    draw_leaf_values,
    draw_leaf_share,
    draw_parameters,
    draw_trial_map,
]


@pytest.fixture(scope="module")
def deep() -> StudyPartition:
    return partition(searched(120), sampler=LaNASSampler(max_depth=9, min_samples_leaf=1))


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
@pytest.mark.parametrize("limit", [2, 7, 10, None])
def test_spaced(n: int, limit: int | None) -> None:
    chosen = spaced(n, limit)
    assert len(chosen) == min(n, limit or n)
    assert (chosen[0], chosen[-1]) == (0, n - 1)
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or 1 <= gaps.min() <= gaps.max() <= gaps.min() + 1


@pytest.mark.parametrize("draw", DRAWN)
def test_less_detail_is_smaller(draw: Callable[..., Any], deep: StudyPartition) -> None:
    sizes = [len(draw(deep, reduced(share)).to_json()) for share in (1.0, 0.35, 0.05)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < len(draw(deep).to_json())


def test_the_most_detailed_figure_that_fits_is_drawn() -> None:
    figures = pytest.importorskip("plotly.graph_objects")

    def draw(detail: Detail) -> Any:
        return figures.Figure({"layout": {"title": {"text": "é" * (detail.n_points or 0)}}})

    sizes = [len(draw(reduced(share)).to_json().encode()) for share in SHARES]
    for limit, expected in [(10**6, 0), (sizes[2], 2), (sizes[2] - 1, 3), (1, len(SHARES) - 1)]:
        drawn = draw_within(draw, limit)
        assert len(drawn.to_json().encode()) == sizes[expected]


@pytest.mark.parametrize("share", SHARES)
def test_a_reduced_tree_has_both_children_of_a_node_or_none(
    share: float, deep: StudyPartition
) -> None:
    tiles = draw_partition(deep, reduced(share)).data[0]
    assert len(tiles.ids) == min(reduced(share).n_nodes or 0, deep.tree.n_nodes)
    for parent in set(tiles.parents) - {""}:
        here = [v for v, p in zip(tiles.values, tiles.parents, strict=True) if p == parent]
        assert sum(here) == tiles.values[tiles.ids.index(parent)]

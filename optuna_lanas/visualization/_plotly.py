"""What the figures share: plotly, imported late, and colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from optuna_lanas._checks import needs
from optuna_lanas.visualization._study_partition import StudyPartition


GREY = "#9a9a9a"
GOOD = "#3b6fb6"
BAD = "#d1495b"
SCALE = "Viridis"


def graph_objects() -> Any:
    """Return plotly's graph objects.

    Raises:
        ImportError: If plotly is missing.
    """
    with needs("plotly", "visualization", "Figures"):
        import plotly.graph_objects as go
    return go


def leaf_colors(view: StudyPartition, n_leaves: int | None = None) -> dict[int, str]:
    """Return the colour of each leaf, in descending order of the mean value.

    Args:
        view: The partition.
        n_leaves: At most so many leaves; None for all. A colour does not depend on it.
    """
    from plotly.colors import sample_colorscale

    leaves = sorted(view.tree.leaves.tolist(), key=lambda leaf: -view.search_tree.value[leaf])
    colors = sample_colorscale(SCALE, np.linspace(1.0, 0.0, max(len(leaves), 2)).tolist())
    return dict(zip(leaves[:n_leaves], colors, strict=False))


def scale_of(view: StudyPartition) -> str:
    """Return the colour scale on which better targets are brighter."""
    return f"{SCALE}_r" if view.is_maximised is False else SCALE

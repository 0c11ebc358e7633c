"""How much a figure shows: everything, or less, so that the dashboard can store it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optuna_lanas._core.axes import exponent_of


if TYPE_CHECKING:
    import plotly.graph_objects as go

SHARES = (1.0, 0.6, 0.35, 0.2, 0.1, 0.05)


@dataclass(frozen=True)
class Detail:
    """The most that a figure shows; None for no limit.

    Attributes:
        n_nodes: Nodes of the tree, an odd number: the root, and pairs of children.
        n_leaves: Leaves with a box of their own.
        n_values: Points of a box.
        n_times: Times on a time axis.
        n_points: Points of a scatter plot.
        n_panels: Panels of parameters.
        n_columns: Columns of those panels.
        n_letters: Letters on a line of the title.
    """

    n_nodes: int | None = 2047
    n_leaves: int = 12
    n_values: int = 300
    n_times: int = 200
    n_points: int | None = None
    n_panels: int = 9
    n_columns: int = 3
    n_letters: int = 100


FULL = Detail()


def reduced(share: float) -> Detail:
    """Return the detail of a small figure.

    Args:
        share: In (0, 1]; 1 for the greatest figure that may fit.
    """
    return Detail(
        n_nodes=2 * int(64 * share) + 1,
        n_leaves=8,
        n_values=int(100 * share),
        n_times=int(100 * share),
        n_points=int(1500 * share),
        n_panels=6,
        n_letters=66,
    )


def draw_within(draw: Callable[[Detail], go.Figure], max_bytes: int) -> go.Figure:
    """Return the most detailed figure whose JSON fits, or else the least detailed.

    Args:
        draw: A function from the detail to a figure.
        max_bytes: The limit, in bytes of UTF-8.
    """
    for share in SHARES:
        figure = draw(reduced(share))
        if len(figure.to_json().encode()) <= max_bytes:
            break
    return figure


def spaced(n: int, limit: int | None) -> np.ndarray:
    """Return at most ``limit`` of the ints `0, .., n - 1`, equally spaced, both ends included."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, limit).astype(np.intp))


def safe_quantile(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return quantiles of finite values `[n]`, whose differences may exceed every float."""
    exponent = exponent_of(values) + 1
    found = np.ldexp(np.quantile(np.ldexp(values, -exponent), shares), exponent)
    return np.asarray(found)


def shortened(values: np.ndarray) -> np.ndarray:
    """Return values `[n]` in single precision, unless its range does not hold them."""
    size = np.abs(values[np.isfinite(values) & (values != 0.0)])
    fits = size.max(initial=1.0) < 1e30 and size.min(initial=1.0) > 1e-30
    return values.astype(np.float32) if fits else values

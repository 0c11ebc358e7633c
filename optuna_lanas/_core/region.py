"""A region of the encoded domain: what the latent actions on a path cut out of it.

Notation
    x    encoding of a point, `[dim]`
    w    a latent action's weights, `[dim]`; the good side is where ``x w >= offset``
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Region:
    """The polytope that the latent actions on a path cut out of the encoded domain.

    Attributes:
        normals: `[n_cuts, dim]`, one row for each latent action on the path.
        offsets: `[n_cuts]`; ``x @ normal >= offset`` is the good side.
        is_good: `[n_cuts]` bools, which side the region is on.
    """

    normals: np.ndarray
    offsets: np.ndarray
    is_good: np.ndarray

    @property
    def n_cuts(self) -> int:
        """The number of latent actions on the path."""
        return len(self.offsets)

    def contains(self, encodings: np.ndarray) -> np.ndarray:
        """Return `[n]` bools for `[n, dim]` encodings; an encoding of NaN lies in no region."""
        inside = (
            ~np.isnan(encodings[:, 0]) if encodings.shape[1] else np.ones(len(encodings), bool)
        )
        for normal, offset, is_good in zip(self.normals, self.offsets, self.is_good, strict=True):
            inside &= on_good_side(encodings, normal, offset) == is_good
        return inside


def on_good_side(
    encodings: np.ndarray, normal: np.ndarray, offset: float | np.ndarray
) -> np.ndarray:
    """Return `[n]` bools: the one predicate that splits samples and bounds regions.

    Each row is summed by itself, so that a sample's side does not depend on its companions.

    Args:
        encodings: `[n, dim]`.
        normal: `[dim]`, or `[n, dim]` with one row for each encoding.
        offset: One number, or `[n]`.
    """
    good: np.ndarray = (encodings * normal).sum(axis=1) >= offset
    return good

"""The plane of a map of trials: the latent actions of the root and of its good child.

Notation
    w0, w1    the weights of both latent actions; ``w1 = a u + b v`` for orthogonal unit vectors
    u, v      the directions of the axes, ``u = w0 / |w0|``
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_lanas.visualization._study_partition import StudyPartition


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane of features, and the cuts in it.

    Attributes:
        places: `[n, 2]`, where each trial lies.
        first_cut: The horizontal place of the root's cut; None without one.
        second_cut: ``(a, b, c)``, the good child's good side is where ``a x + b y >= c``.
    """

    places: np.ndarray
    first_cut: float | None
    second_cut: tuple[float, float, float] | None


def plane_of(view: StudyPartition) -> Plane:
    """Return the plane of the latent actions of the root and of its good child."""
    tree, features = view.tree, view.features
    centred = features - features.mean(axis=0)
    if view.is_leaf(0) or not tree.weights[0].any():
        return Plane(centred @ _principal(centred, 2), None, None)
    norm = float(np.linalg.norm(tree.weights[0]))
    first = tree.weights[0] / norm
    first_cut = float(tree.offsets[0]) / norm
    child = int(tree.children[0, 0])
    weights = tree.weights[child]
    along = float(weights @ first)
    second = weights - along * first
    across = float(np.linalg.norm(second))
    if view.is_leaf(child) or across <= 1e-9 * max(abs(along), 1e-300):
        rest = centred - np.outer(centred @ first, first)
        places = np.column_stack([features @ first, rest @ _principal(rest, 1)])
        return Plane(places, first_cut, None)
    second = second / across
    places = np.column_stack([features @ first, features @ second])
    return Plane(places, first_cut, (along, across, float(tree.offsets[child])))


def _principal(centred: np.ndarray, n: int) -> np.ndarray:
    """Return `[dim, n]` principal directions, the greatest entry of each positive.

    Args:
        centred: `[n_points, dim]`, with a mean of 0.
        n: The number of directions; directions beyond `dim` are 0.
    """
    dim = centred.shape[1]
    if dim == 0:  # all parameters are constant
        return np.zeros((0, n))
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :n]
    if dim < n:
        vectors = np.pad(vectors, ((0, 0), (0, n - dim)))
    greatest = vectors[np.abs(vectors).argmax(axis=0), np.arange(n)]
    directions: np.ndarray = vectors * np.where(greatest < 0, -1.0, 1.0)
    return directions

"""Six functions on [0, 1]^d, shifted at random, and the same six on mixed parameters.

Notation
    u    position in [0, 1]^d
    s    shift, the position of the optimum
    z    the function's argument, scale (u - s); every function has its minimum 0 at z = 0

The score is log(1 + f).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt


Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Function:
    """A function of z.

    Attributes:
        value: Takes z `[n, dim]`, returns f(z) `[n]`.
        scale: The width of the domain of z.
    """

    value: Callable[[Array], Array]
    scale: float


@dataclass(frozen=True)
class Instance:
    """A function with its shift and rotation.

    Attributes:
        function: Which of the six.
        shift: Position of the optimum, `[dim]`.
        rotation: An orthogonal matrix `[dim, dim]`.
    """

    function: Function
    shift: Array
    rotation: Array

    def score(self, u: Array) -> Array:
        """Return log(1 + f) `[n]` of positions `[n, dim]`."""
        z = self.function.scale * (u - self.shift) @ self.rotation.T
        return np.asarray(np.log1p(self.function.value(z)), dtype=np.float64)


def instance(name: str, shift: Array, rng: np.random.Generator) -> Instance:
    """Return a function at a shift; only the ellipsoid is rotated."""
    dim = len(shift)
    rotation = np.eye(dim)
    if name == "ellipsoid":
        rotation = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    return Instance(FUNCTIONS[name], shift, rotation)


def _sphere(z: Array) -> Array:
    return np.asarray((z**2).sum(axis=1))


def _ellipsoid(z: Array) -> Array:
    weights = 100.0 ** (np.arange(z.shape[1]) / (z.shape[1] - 1))
    return np.asarray((weights * z**2).sum(axis=1))


def _rastrigin(z: Array) -> Array:
    return np.asarray((z**2 - 10 * np.cos(2 * np.pi * z) + 10).sum(axis=1))


def _rosenbrock(z: Array) -> Array:
    x = z + 1.0
    steps = 100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2
    return np.asarray(steps.sum(axis=1))


def _ackley(z: Array) -> Array:
    distance = np.exp(-0.2 * np.sqrt((z**2).mean(axis=1)))
    ripple = np.exp(np.cos(2 * np.pi * z).mean(axis=1))
    return np.asarray(np.maximum(20 + np.e - 20 * distance - ripple, 0.0))


def _sum_product(z: Array) -> Array:
    return np.asarray(np.abs(z).sum(axis=1) + np.abs(z).prod(axis=1))


FUNCTIONS = {
    "sphere": Function(_sphere, 10.0),
    "ellipsoid": Function(_ellipsoid, 10.0),
    "rastrigin": Function(_rastrigin, 10.24),
    "rosenbrock": Function(_rosenbrock, 4.096),
    "ackley": Function(_ackley, 65.536),
    "sumproduct": Function(_sum_product, 20.0),
}

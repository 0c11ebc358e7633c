"""What an architecture space must offer, and what it may offer."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping
from typing import Any
from typing import Protocol
from typing import runtime_checkable
from typing import TypeVar

import numpy as np
import optuna


Architecture = TypeVar("Architecture", covariant=True)


@runtime_checkable
class ArchitectureSpace(Protocol[Architecture]):
    """A search space that knows its architectures: their encoding, validity and isomorphs.

    The three methods below are enough. The sampler also uses the following where a space has them:

    - ``sample(rng) -> dict[str, Any]``: params of an architecture drawn evenly over architectures,
      where drawing every parameter evenly would favour those with many encodings;
      ``sample_many(n, rng) -> dict[str, np.ndarray]``: the same as columns of length `n`.
    - ``encode_many(columns) -> np.ndarray``: `[n, dim]` encodings of `n` architectures given as
      columns; a row of NaN for an invalid one.
    - ``key_many(columns) -> np.ndarray``: `[n]` integers, equal for isomorphic architectures and
      negative for invalid ones.
    - ``distributions -> dict[str, BaseDistribution]``: what :meth:`suggest` asks for.
    - ``encoding_names -> tuple[str, ...]``: `dim` names, what each number of an encoding means.
    - ``n_architectures -> int``: the number of architectures up to isomorphism.

    People use ``draw(architecture)`` (a plotly figure) and, in spaces that train,
    ``build(architecture)`` (a torch module).

    Example:
        A space of two-layer networks, in which the order of the layers does not matter::

            class TwoLayers:
                def suggest(self, trial):
                    return [trial.suggest_int(f"width_{i}", 1, 64) for i in (1, 2)]

                def encode(self, params):
                    return np.sort([params["width_1"], params["width_2"]]).astype(float)

                def key(self, params):
                    return frozenset((params["width_1"], params["width_2"]))
    """

    def suggest(self, trial: optuna.trial.BaseTrial) -> Architecture:
        """Ask the trial for the parameters, always the same ones, and return the architecture.

        Raises:
            optuna.TrialPruned: If the parameters make no valid architecture.
        """
        ...

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[dim]` encoding that models see; NaN for an invalid architecture."""
        ...

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        """Return a key that isomorphic architectures share, None for an invalid architecture."""
        ...

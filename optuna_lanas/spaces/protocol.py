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

    :class:`Space` makes one from parameters and two functions. Other spaces are classes.

    :meth:`suggest`, :meth:`encode` and :meth:`key` are enough. The sampler also uses the following
    members where a space has them. *Columns* map the name of each parameter to an array of `n`
    values.

    - ``distributions -> dict[str, BaseDistribution]``: the parameters that :meth:`suggest` asks
      for. Default: a throw-away trial finds them.
    - ``encode_many(columns) -> np.ndarray``: `[n, dim]` encodings; NaN for an invalid
      architecture. Default: :meth:`encode` runs once per valid architecture.
    - ``key_many(columns) -> np.ndarray``: `[n]` integers, equal for isomorphic architectures and
      negative for invalid ones. Default: :meth:`key` runs once per architecture.
    - ``sample(rng) -> dict[str, Any]``: the params of an architecture that is drawn uniformly at
      random over architectures. Default: each parameter is drawn uniformly at random. This
      favours architectures with many params, and invalid ones must be drawn again.
    - ``sample_many(n, rng) -> dict[str, np.ndarray]``: `n` draws of ``sample`` as columns.
      Default: ``sample`` runs `n` times.
    - ``encoding_names -> tuple[str, ...]``: `dim` names, the meaning of each number of an
      encoding. Default: the numbers are called "encoding[0]", "encoding[1]", and so on. Numbers
      that tell of one parameter alone are called ``op`` or ``op=conv``, ``op≈3`` or ``op>=3``,
      where ``op`` is the parameter: the search then learns a length scale for each parameter.

    Every answer is checked, and a wrong one is an error that names the method. Numbers of an
    encoding are best of the order of 1; those beyond ``2 ** 30`` count by their logarithm.

    Figures and training use the following members:

    - ``draw(architecture)``: a plotly figure. Default: no figure of an architecture.
    - ``build(architecture)`` and ``n_params(architecture)``: a torch module, and the number of
      its trainable parameters. Default: ``optuna_lanas.training`` cannot train architectures.

    Example:
        Networks of two layers whose order does not matter:

        .. testcode::

            import numpy as np
            import optuna
            from optuna_lanas import LaNASSampler


            class TwoLayers:
                def suggest(self, trial):
                    return [trial.suggest_int(f"width_{i}", 1, 64) for i in (1, 2)]

                def encode(self, params):
                    return np.sort([params["width_1"], params["width_2"]]) / 64

                def key(self, params):
                    return tuple(sorted([params["width_1"], params["width_2"]]))


            space = TwoLayers()
            study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
            study.optimize(lambda trial: sum(space.suggest(trial)), n_trials=5)
    """

    def suggest(self, trial: optuna.trial.BaseTrial) -> Architecture:
        """Ask the trial for the parameters, always the same ones, and return the architecture.

        Raises:
            optuna.TrialPruned: If the architecture is invalid.
        """
        ...

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[dim]` encoding that models see; NaN for an invalid architecture."""
        ...

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        """Return a key that isomorphic architectures share, None for an invalid architecture."""
        ...

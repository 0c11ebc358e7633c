"""The size space of NATS-Bench (Dong et al., 2021): 32,768 choices of five channel numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna

from optuna_lanas._checks import check_text
from optuna_lanas._checks import needs
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces._finite_space import check_draws
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import Choices
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import FiniteSpace


if TYPE_CHECKING:
    import plotly.graph_objects as go


CHANNELS = tuple(range(8, 65, 8))
N_LAYERS = 5

_NAMES = tuple(f"channels_{layer}" for layer in range(1, N_LAYERS + 1))


class NATSBenchSizeSpace(FiniteSpace):
    """The size space of NATS-Bench.

    Parameters: ``channels_1`` .. ``channels_5``, integers 8, 16, .., 64. The architecture is the
    official string, such as "8:16:24:32:64". Every string is valid, and is its own key.

    Encoding, 35 zeros and ones: for each layer whether it has at least 16, 24, .., 64 channels.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas.spaces import NATSBenchSizeSpace

            space = NATSBenchSizeSpace()
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(lambda trial: space.suggest(trial).count("64"), n_trials=20)
    """

    n_architectures = len(CHANNELS) ** N_LAYERS
    encoding_names = tuple(f"{name}>={least}" for name in _NAMES for least in CHANNELS[1:])

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """Five integers: 8, 16, .., 64."""
        return dict.fromkeys(_NAMES, optuna.distributions.IntDistribution(8, 64, step=8))

    @property
    def _choices(self) -> Choices:
        return dict.fromkeys(_NAMES, CHANNELS)

    def suggest(self, trial: optuna.trial.BaseTrial) -> str:
        """Return the architecture string of a trial."""
        check_trial(trial)
        return ":".join(str(trial.suggest_int(name, 8, 64, step=8)) for name in _NAMES)

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 35]` encodings."""
        is_at_least = self._positions(columns)[:, :, None] >= np.arange(1, len(CHANNELS))
        return is_at_least.reshape(len(is_at_least), len(self.encoding_names)).astype(float)

    def key(self, params: Mapping[str, Any]) -> str:
        """Return the architecture string."""
        positions = self._positions(columns_of(params))[0]
        return ":".join(str(CHANNELS[position]) for position in positions)

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, a different one for each architecture string."""
        return np.asarray(self._positions(columns) @ (8 ** np.arange(N_LAYERS)[::-1]))

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        check_draws(n, rng)
        return {name: 8 * rng.integers(1, len(CHANNELS) + 1, size=n) for name in _NAMES}

    def draw(self, architecture: str) -> go.Figure:
        """Return a bar chart of the channels; needs plotly and networkx."""
        remedy = "Pass what `NATSBenchSizeSpace.suggest` returns."
        check_text("architecture", architecture, remedy)
        known = set(map(str, CHANNELS))
        if architecture.count(":") != N_LAYERS - 1 or not set(architecture.split(":")) <= known:
            rule = f"{N_LAYERS} numbers of {CHANNELS} with colons between them"
            raise wrong_value("architecture", rule, architecture, remedy)
        with needs("plotly and networkx", "visualization", "Figures of architectures"):
            from optuna_lanas.spaces._drawing import draw_stages

        channels = architecture.split(":")
        heads = [f"layer {number}" for number in range(1, N_LAYERS + 1)]
        each = [[text] for text in channels]
        heights = [[int(text)] for text in channels]
        return draw_stages(heads, heights, [[""]] * N_LAYERS, each, "channels", "", architecture)

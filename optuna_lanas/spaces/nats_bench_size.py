"""The size space of NATS-Bench (Dong et al., 2021): 32,768 choices of five channel numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna


if TYPE_CHECKING:
    import plotly.graph_objects as go


CHANNELS = tuple(range(8, 65, 8))
N_LAYERS = 5

_NAMES = tuple(f"channels_{layer}" for layer in range(1, N_LAYERS + 1))


class NATSBenchSizeSpace:
    """The size space of NATS-Bench.

    Parameters: ``channels_1`` .. ``channels_5``, integers 8, 16, .., 64. The architecture is the
    official string such as "8:16:24:32:64"; every choice is valid and is its own key.

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
        """The five parameters."""
        return dict.fromkeys(_NAMES, optuna.distributions.IntDistribution(8, 64, step=8))

    def suggest(self, trial: optuna.trial.BaseTrial) -> str:
        """Return the architecture string of a trial."""
        return ":".join(str(trial.suggest_int(name, 8, 64, step=8)) for name in _NAMES)

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[35]` encoding."""
        return np.asarray(self.encode_many({n: np.array([v]) for n, v in params.items()})[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, 35]` encodings."""
        steps = _channels(columns)[:, :, None] >= np.array(CHANNELS[1:])
        return steps.reshape(len(steps), len(self.encoding_names)).astype(float)

    def key(self, params: Mapping[str, Any]) -> str:
        """Return the architecture string."""
        return ":".join(str(params[name]) for name in _NAMES)

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, one for each architecture string."""
        return np.asarray((_channels(columns) // 8 - 1) @ (8 ** np.arange(N_LAYERS)[::-1]))

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return params drawn evenly."""
        return {name: column.tolist()[0] for name, column in self.sample_many(1, rng).items()}

    def sample_many(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return `n` independent draws of :meth:`sample` as columns."""
        return {name: 8 * rng.integers(1, len(CHANNELS) + 1, size=n) for name in _NAMES}

    def draw(self, architecture: str) -> go.Figure:
        """Return bars of the channels; needs plotly and networkx."""
        from optuna_lanas.spaces._drawing import draw_chain

        channels = architecture.split(":")
        return draw_chain(channels, [int(c) for c in channels], "channels")


def _channels(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """`[n, 5]` channels."""
    missing = [name for name in _NAMES if name not in columns]
    if missing:
        raise ValueError(
            f"params must hold all five parameters of NATSBenchSizeSpace; {missing} are missing. "
            f"Let `NATSBenchSizeSpace.suggest` ask for them."
        )
    channels = np.stack([np.asarray(columns[name]).astype(int) for name in _NAMES], axis=1)
    if not np.isin(channels, CHANNELS).all():
        raise ValueError(f"Channels must be among {CHANNELS}, got {np.unique(channels)}.")
    return channels

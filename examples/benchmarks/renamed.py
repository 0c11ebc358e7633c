"""An architecture space under the parameter names that an existing objective uses."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace


@dataclass(frozen=True)
class RenamedSpace:
    """A space whose parameters have other names; `names` maps the space's names to them."""

    space: NASBench201Space | NASBenchGraphSpace
    names: dict[str, str]

    @property
    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        return {self.names[name]: d for name, d in self.space.distributions.items()}

    @property
    def encoding_names(self) -> tuple[str, ...]:
        parts = (name.split("=") for name in self.space.encoding_names)
        return tuple("=".join([self.names.get(name, name), *rest]) for name, *rest in parts)

    def suggest(self, trial: optuna.trial.BaseTrial) -> Mapping[str, Any]:
        for name, distribution in self.distributions.items():
            assert isinstance(distribution, optuna.distributions.CategoricalDistribution)
            trial.suggest_categorical(name, distribution.choices)
        return trial.params

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        return self.space.encode(self._back(params))

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.space.encode_many(self._back(columns))

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        return self.space.key(self._back(params))

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.space.key_many(self._back(columns))

    def _back(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {old: params[new] for old, new in self.names.items()}

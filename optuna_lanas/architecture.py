"""What a user's architecture space adds to the domain, its answers checked."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
import contextlib
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from optuna_lanas.domain import Architectures
from optuna_lanas.encoding import ParamEncoding


def checked_space(space: Any) -> Any:
    """Return the space, or raise a TypeError that names the method it lacks."""
    for method in ("suggest", "encode", "key"):
        if not callable(getattr(space, method, None)):
            raise TypeError(
                f"`space` must have the methods suggest(trial), encode(params) and key(params), "
                f"but {_name(space)} has no `{method}`. "
                f"See `optuna_lanas.spaces.ArchitectureSpace`."
            )
    return space


def space_distributions(space: Any) -> dict[str, BaseDistribution]:
    """Return the distributions that a space asks for, found by one throw-away trial if need be."""
    declared = getattr(space, "distributions", None)
    if declared is not None:
        return dict(declared)
    storage = optuna.storages.InMemoryStorage()
    storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "space")
    sampler = optuna.samplers.RandomSampler(seed=0)
    trial = optuna.Study("space", storage, sampler=sampler).ask()
    with contextlib.suppress(optuna.TrialPruned):
        space.suggest(trial)
    return dict(trial.distributions)


def make_architectures(space: Any, names: list[str]) -> Callable[[ParamEncoding], Architectures]:
    """Return what makes a space's part of a domain.

    Args:
        space: See `optuna_lanas.spaces.ArchitectureSpace`.
        names: The parameters that the space asks for.
    """

    def make(encoding: ParamEncoding) -> Architectures:
        own = encoding.narrowed(names)
        columns = np.array([encoding.names.index(name) for name in own.names], dtype=np.intp)
        adapter = _SpaceAdapter(space, own)
        can_sample = hasattr(space, "sample_many") or hasattr(space, "sample")
        return Architectures(
            params=columns,
            encode=adapter.encode,
            keys=adapter.keys,
            sample=adapter.sample if can_sample else None,
        )

    return make


class _SpaceAdapter:
    """A space's methods on points."""

    def __init__(self, space: Any, encoding: ParamEncoding) -> None:
        self._space = space
        self._encoding = encoding

    def encode(self, points: np.ndarray) -> np.ndarray:
        present = ~np.isnan(points).any(axis=1)
        if hasattr(self._space, "encode_many"):
            codes = self._space.encode_many(self._encoding.columns(points[present]))
        else:
            codes = self._encode_each(points[present])
        encodings = np.full((len(points), codes.shape[1]), np.nan)
        encodings[present] = codes
        return encodings

    def keys(self, points: np.ndarray) -> list[Hashable | None]:
        present = ~np.isnan(points).any(axis=1)
        found: list[Hashable | None] = [None] * len(points)
        keys = self._present_keys(points[present]) if present.any() else []
        for i, key in zip(np.flatnonzero(present), keys, strict=True):
            found[i] = key
        return found

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if hasattr(self._space, "sample_many"):
            return self._encoding.from_columns(self._space.sample_many(n, rng))
        return np.array([self._encoding.to_point(self._space.sample(rng)) for _ in range(n)])

    def _encode_each(self, points: np.ndarray) -> np.ndarray:
        if len(points) == 0:
            return np.empty((0, self._dim()))
        params = [self._encoding.to_params(point) for point in points]
        valid = [self._call("key", p) is not None for p in params]
        codes = [np.asarray(self._call("encode", p), dtype=float) for p in params]
        for code, p in zip(codes, params, strict=True):
            if code.ndim != 1 or len(code) != len(codes[0]):
                raise ValueError(
                    f"`{_name(self._space)}.encode` must return a vector of one length for all "
                    f"params, got shape {code.shape} for {p} and {codes[0].shape} before. "
                    f"Pad the shorter encodings."
                )
        return np.where(np.array(valid)[:, None], np.array(codes), np.nan)

    def _present_keys(self, points: np.ndarray) -> list[Hashable | None]:
        if hasattr(self._space, "key_many"):
            keys = np.asarray(self._space.key_many(self._encoding.columns(points)))
            return [None if key < 0 else int(key) for key in keys]
        return [self._call("key", self._encoding.to_params(point)) for point in points]

    def _dim(self) -> int:
        sample = self.sample if hasattr(self._space, "sample") else self._encoding.domain.sample
        params = self._encoding.to_params(sample(1, np.random.default_rng(0))[0])
        return len(np.asarray(self._call("encode", params)))

    def _call(self, method: str, params: Mapping[str, Any]) -> Any:
        try:
            return getattr(self._space, method)(params)
        except Exception as error:
            raise ValueError(
                f"`{_name(self._space)}.{method}` failed for params {dict(params)}: {error!r}. "
                f"It must answer for all params that `suggest` can ask for; "
                f"`key` returns None for an invalid architecture."
            ) from error


def _name(space: Any) -> str:
    return type(space).__name__

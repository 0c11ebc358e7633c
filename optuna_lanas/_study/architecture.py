"""What a user's architecture space adds to the domain, its answers checked."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from optuna_lanas._core.domain import Architectures
from optuna_lanas._study.transform import ParamTransform


N_TRIES = 10_000


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
    try:
        space.suggest(trial)
    except optuna.TrialPruned:
        pass
    except Exception as error:
        raise ValueError(
            f"`{_name(space)}.suggest` failed for params {trial.params}: {error!r}. It must ask "
            f"for all its parameters, and raise `optuna.TrialPruned` for an invalid architecture."
        ) from error
    if not trial.distributions:
        raise ValueError(
            f"`{_name(space)}.suggest` must ask the trial for the parameters of an architecture, "
            f"but it asked for none. Call `trial.suggest_categorical` or the like in it."
        )
    return dict(trial.distributions)


def make_architectures(space: Any, names: list[str]) -> Callable[[ParamTransform], Architectures]:
    """Return what makes a space's part of a domain.

    Args:
        space: See `optuna_lanas.spaces.ArchitectureSpace`.
        names: The parameters that the space asks for.
    """

    def make(encoding: ParamTransform) -> Architectures:
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

    def __init__(self, space: Any, encoding: ParamTransform) -> None:
        self._space = space
        self._encoding = encoding

    def encode(self, points: np.ndarray) -> np.ndarray:
        present = ~np.isnan(points).any(axis=1)
        if hasattr(self._space, "encode_many"):
            codes = self._many("encode", points[present], 2).astype(float)
        else:
            codes = self._encode_each(points[present])
        encodings = np.full((len(points), codes.shape[1]), np.nan)
        encodings[present] = np.where(np.isnan(codes).any(axis=1, keepdims=True), np.nan, codes)
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
            columns = self._call("sample_many", n, rng)
            self._check_sample(columns, "sample_many")
            points = self._encoding.from_columns(
                {name: np.asarray(columns[name]) for name in self._encoding.names}
            )
            if len(points) != n:
                raise self._error("sample_many", f"return columns of length {n}", len(points))
            self._check_points(points, "sample_many", columns)
            return points
        samples = [self._call("sample", rng) for _ in range(n)]
        for params in samples:
            self._check_sample(params, "sample")
        points = self._encoding.to_points(samples)
        self._check_points(points, "sample", samples)
        return points

    def _encode_each(self, points: np.ndarray) -> np.ndarray:
        codes = np.full((len(points), self._dim), np.nan)
        for code, params in zip(codes, map(self._encoding.to_params, points), strict=True):
            if self._key(params) is not None:
                code[:] = self._encoded(params, self._dim)
        return codes

    def _encoded(self, params: Mapping[str, Any], dim: int | None) -> np.ndarray:
        answer = self._call("encode", params)
        try:
            code = np.asarray(answer, dtype=float)
        except (TypeError, ValueError):
            code = np.empty(())
        if code.ndim != 1 or len(code) != (dim or len(code)) or not np.isfinite(code).all():
            length = "" if dim is None else f" of length {dim}, as before,"
            rule = f"return a vector{length} of finite numbers for {dict(params)}"
            raise self._error("encode", rule, answer, "Pad shorter encodings. ")
        return code

    def _present_keys(self, points: np.ndarray) -> list[Hashable | None]:
        if hasattr(self._space, "key_many"):
            return [None if key < 0 else int(key) for key in self._many("key", points, 1)]
        return [self._key(params) for params in map(self._encoding.to_params, points)]

    def _key(self, params: Mapping[str, Any]) -> Hashable | None:
        key: Hashable | None = self._call("key", params)
        try:
            hash(key)
        except TypeError:
            rule = f"return a hashable for {dict(params)}, or None"
            raise self._error("key", rule, key, "Return a tuple. ") from None
        return key

    @cached_property
    def _dim(self) -> int:
        """The length of an encoding, which a space does not tell before it encodes one."""
        rng = np.random.default_rng(0)
        sample = self.sample if hasattr(self._space, "sample") else self._encoding.domain.sample
        for _ in range(N_TRIES):
            params = self._encoding.to_params(sample(1, rng)[0])
            if self._key(params) is not None:
                return len(self._encoded(params, None))
        raise ValueError(
            f"`{_name(self._space)}.key` must tell valid architectures from invalid ones, but it "
            f"returned None (invalid) for all of {N_TRIES} random params, the last one {params}. "
            f"Give the space a method `sample(rng)` that returns valid params."
        )

    def _many(self, method: str, points: np.ndarray, n_axes: int) -> np.ndarray:
        answer = np.asarray(self._call(f"{method}_many", self._encoding.columns(points)))
        if answer.ndim != n_axes or len(answer) != len(points):
            shape = f"({len(points)}, dim)" if n_axes == 2 else f"({len(points)},)"
            raise self._error(f"{method}_many", f"return shape {shape}", answer.shape)
        return answer

    def _check_sample(self, params: Any, method: str) -> None:
        names = self._encoding.names
        if not isinstance(params, Mapping) or not set(names) <= set(params):
            raise self._error(method, f"return params of the names {names}", params)

    def _check_points(self, points: np.ndarray, method: str, params: Any) -> None:
        column = np.flatnonzero(np.isnan(points).any(axis=0))
        if len(column):
            name = self._encoding.names[column[0]]
            rule = f"return {name!r} within {self._encoding.distributions[name]}"
            raise self._error(method, rule, params)

    def _error(self, method: str, rule: str, answer: Any, remedy: str = "") -> ValueError:
        return ValueError(
            f"`{_name(self._space)}.{method}` must {rule}, got {_shortened(answer)}. "
            f"{remedy}See `optuna_lanas.spaces.ArchitectureSpace`."
        )

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._space, method)(*arguments)
        except Exception as error:
            raise ValueError(
                f"`{_name(self._space)}.{method}` failed for {_shortened(arguments[0])}: "
                f"{error!r}. It must answer for all params that `suggest` can ask for; "
                f"`key` returns None for an invalid architecture."
            ) from error


def _shortened(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 500 else f"{text[:500]} ..."


def _name(space: Any) -> str:
    return type(space).__name__

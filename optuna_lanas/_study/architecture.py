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
MAX_KEYS = 10_000  # remembered, so that a space is asked once for a candidate
MAX_CODES = 2_000  # likewise; an encoding may be long


def checked_space(space: Any) -> Any:
    """Return the space, or raise a TypeError that names the method it lacks."""
    if isinstance(space, type):
        name = space.__name__
        raise TypeError(f"`space` must be an object, got the class {name}. Pass {name}(...).")
    for method in ("suggest", "encode", "key"):
        if not callable(getattr(space, method, None)):
            raise TypeError(
                f"`space` must have the methods suggest(trial), encode(params) and key(params), "
                f"but {_name(space)} has no `{method}`. "
                f"See `optuna_lanas.spaces.ArchitectureSpace`."
            )
    return space


def space_distributions(space: Any) -> dict[str, BaseDistribution]:
    """Return the distributions that a space asks for, found by a throw-away trial if need be."""
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

    def make(transform: ParamTransform) -> Architectures:
        own = transform.narrowed(names)
        columns = np.array([transform.names.index(name) for name in own.names], dtype=np.intp)
        adapter = _SpaceAdapter(space, own)
        return Architectures(
            params=columns,
            encode=adapter.encode,
            keys=adapter.keys,
            sample=adapter.sample if adapter.can_sample else None,
        )

    return make


class _Remembered:
    """A function of points that remembers its recent answers."""

    def __init__(self, ask: Callable[[np.ndarray], Any], n_answers: int) -> None:
        self._ask, self._n_answers = ask, n_answers
        self._answers: dict[bytes, Any] = {}

    def __call__(self, point: np.ndarray) -> Any:
        """Return the answer for a point `[n_own]`."""
        digest = point.tobytes()
        if digest not in self._answers:
            if len(self._answers) >= self._n_answers:
                self._answers.clear()
            self._answers[digest] = self._ask(point)
        return self._answers[digest]


class _SpaceAdapter:
    """A space's methods on points; the optional ones are looked up once."""

    def __init__(self, space: Any, transform: ParamTransform) -> None:
        self._space = space
        self._transform = transform
        self._encode_many = self._optional("encode_many")
        self._key_many = self._optional("key_many")
        self._sample_many = self._optional("sample_many")
        self._sample_one = self._optional("sample")
        self._key = _Remembered(lambda p: self._asked_key(transform.to_params(p)), MAX_KEYS)
        self._code = _Remembered(
            lambda p: self._encoded(transform.to_params(p), self._dim), MAX_CODES
        )

    @property
    def can_sample(self) -> bool:
        """Whether the space draws architectures itself."""
        return self._sample_many is not None or self._sample_one is not None

    def encode(self, points: np.ndarray) -> np.ndarray:
        """Return `[n, dim]` features of `[n, n_own]` points, NaN for invalid architectures."""
        is_whole = ~np.isnan(points).any(axis=1)
        if self._encode_many is not None:
            codes = self._many("encode_many", points[is_whole], 2).astype(float)
        else:
            codes = self._encode_each(points[is_whole])
        features = np.full((len(points), codes.shape[1]), np.nan)
        features[is_whole] = np.where(np.isnan(codes).any(axis=1, keepdims=True), np.nan, codes)
        return features

    def keys(self, points: np.ndarray) -> list[Hashable | None]:
        """Return `n` keys, None for invalid architectures."""
        is_whole = ~np.isnan(points).any(axis=1)
        found: list[Hashable | None] = [None] * len(points)
        keys = self._keys_of_whole(points[is_whole]) if is_whole.any() else []
        for i, key in zip(np.flatnonzero(is_whole), keys, strict=True):
            found[i] = key
        return found

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return `[n, n_own]` points that the space draws."""
        if self._sample_many is not None:
            columns = self._call("sample_many", n, rng)
            self._check_names(columns, "sample_many")
            points = self._transform.from_columns(
                {name: np.asarray(columns[name]) for name in self._transform.names}
            )
            if len(points) != n:
                raise self._error("sample_many", f"return columns of length {n}", len(points))
            self._check_points(points, "sample_many", columns)
            return points
        many = [self._call("sample", rng) for _ in range(n)]
        for params in many:
            self._check_names(params, "sample")
        points = self._transform.to_points(many)
        self._check_points(points, "sample", many)
        return points

    def _encode_each(self, points: np.ndarray) -> np.ndarray:
        codes = np.full((len(points), self._dim), np.nan)
        keys = self._keys_of_whole(points)
        for code, point, key in zip(codes, points, keys, strict=True):
            if key is not None:
                code[:] = self._code(point)
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

    def _keys_of_whole(self, points: np.ndarray) -> list[Hashable | None]:
        if self._key_many is not None:
            return [None if key < 0 else int(key) for key in self._many("key_many", points, 1)]
        return [self._key(point) for point in points]

    def _asked_key(self, params: Mapping[str, Any]) -> Hashable | None:
        key: Hashable | None = self._call("key", params)
        try:
            hash(key)
        except TypeError:
            rule = f"return a hashable for {dict(params)}, or None"
            raise self._error("key", rule, key, "Return a tuple. ") from None
        return key

    @cached_property
    def _dim(self) -> int:
        """The length of an encoding, unknown until the space encodes something."""
        rng = np.random.default_rng(0)
        sample = self.sample if self.can_sample else self._transform.domain.sample
        for _ in range(N_TRIES):
            point = sample(1, rng)[0]
            params = self._transform.to_params(point)
            if self._key(point) is not None:
                return len(self._encoded(params, None))
        raise ValueError(
            f"`{_name(self._space)}.key` must tell valid architectures from invalid ones, but it "
            f"returned None (invalid) for all of {N_TRIES} random params, the last one {params}. "
            f"Give the space a method `sample(rng)` that returns valid params."
        )

    def _many(self, method: str, points: np.ndarray, n_axes: int) -> np.ndarray:
        answer = np.asarray(self._call(method, self._transform.columns(points)))
        if answer.ndim != n_axes or len(answer) != len(points):
            shape = f"({len(points)}, dim)" if n_axes == 2 else f"({len(points)},)"
            raise self._error(method, f"return shape {shape}", answer.shape)
        return answer

    def _check_names(self, params: Any, method: str) -> None:
        names = self._transform.names
        if not isinstance(params, Mapping) or not set(names) <= set(params):
            raise self._error(method, f"return params of the names {names}", params)

    def _check_points(self, points: np.ndarray, method: str, params: Any) -> None:
        column = np.flatnonzero(np.isnan(points).any(axis=0))
        if len(column):
            name = self._transform.names[column[0]]
            rule = f"return {name!r} within {self._transform.distributions[name]}"
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

    def _optional(self, method: str) -> Callable[..., Any] | None:
        found: Callable[..., Any] | None = getattr(self._space, method, None)
        return found


def _shortened(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 500 else f"{text[:500]} ..."


def _name(space: Any) -> str:
    return type(space).__name__

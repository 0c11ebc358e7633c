"""What a user's architecture space adds to the domain, its answers checked."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
import math
from numbers import Real
import re
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from optuna_lanas._core.axes import cached_property
from optuna_lanas._core.domain import Architectures
from optuna_lanas._study.transform import one_line
from optuna_lanas._study.transform import ParamTransform


N_TRIES = 10_000
MAX_KEYS = 10_000  # remembered, so that a space is asked once for a candidate
MAX_CODES = 2_000  # likewise; an encoding may be long
FAR = 2.0**30  # a number of an encoding beyond it counts by its logarithm
GRID_TOLERANCE, MIN_TOLERANCE = 1e-6, 1e-9  # of a step, and of the whole range
NAME_END = re.compile(">?=|≈")  # of the parameter in the name of a number of an encoding
SEE = "See `optuna_lanas.spaces.ArchitectureSpace`."


def checked_space(space: Any) -> Any:
    """Return the space, or raise a TypeError that names the method it lacks."""
    if isinstance(space, type):
        name = space.__name__
        raise TypeError(f"`space` must be an object, got the class {name}. Pass {name}(...).")
    for method in ("suggest", "encode", "key"):
        if not callable(getattr(space, method, None)):
            raise TypeError(
                f"`space` must have the methods suggest(trial), encode(params) and key(params), "
                f"but {_name(space)} has no `{method}`. {SEE}"
            )
    return space


def space_distributions(space: Any) -> dict[str, BaseDistribution]:
    """Return the distributions that a space asks for, found by a throw-away trial if need be.

    Raises:
        ValueError: If the space declares no parameter or something else, or cannot be asked.
    """
    declared = getattr(space, "distributions", None)
    if declared is not None:
        return _declared(space, declared)
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
            f"`{_name(space)}.suggest` failed for params {_shortened(trial.params)}: "
            f"{_shortened(error)}. It must ask for all its parameters, and raise "
            f"`optuna.TrialPruned` for an invalid architecture."
        ) from error
    if not trial.distributions:
        raise ValueError(
            f"`{_name(space)}.suggest` must ask the trial for the parameters of an architecture, "
            f"but it asked for none. Call `trial.suggest_categorical` or the like in it."
        )
    return dict(trial.distributions)


def _declared(space: Any, declared: Any) -> dict[str, BaseDistribution]:
    is_right = isinstance(declared, Mapping) and len(declared) > 0
    if is_right and all(isinstance(d, BaseDistribution) for d in declared.values()):
        return dict(declared)
    remedy = "Make it a property. " if callable(declared) else ""
    raise ValueError(
        f"`{_name(space)}.distributions` must be a dict from the name of each parameter to its "
        f"optuna.distributions.BaseDistribution, of at least one parameter, got "
        f"{_shortened(declared)}. {remedy}{SEE}"
    )


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
            described=_described(space, {name: transform.names.index(name) for name in own.names}),
        )

    return make


def _described(space: Any, columns: Mapping[str, int]) -> np.ndarray | None:
    """`[dim]` ints: the column of the parameter that a name such as ``op=conv`` begins with."""
    names = getattr(space, "encoding_names", None)
    if not isinstance(names, list | tuple):
        return None
    first = [NAME_END.split(str(name), maxsplit=1)[0] for name in names]
    return np.array([columns.get(name, -1) for name in first], dtype=np.intp)


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
        self._n_codes: int | None = None  # the length of an encoding, once `encode_many` answers
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
        encode = self._encode_each if self._encode_many is None else self._encode_at_once
        codes = encode(points[is_whole]) if is_whole.any() else np.empty((0, self._dim))
        features = np.full((len(points), codes.shape[1]), np.nan)
        features[is_whole] = np.where(np.isnan(codes).any(axis=1, keepdims=True), np.nan, codes)
        return _compressed(features)

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
            answer = self._call("sample_many", n, rng)
            self._check_names(answer, "sample_many")
            columns = {name: _as_list(answer[name]) or [] for name in self._transform.names}
            lengths = {len(column) for column in columns.values()}
            if lengths != {n}:
                got = lengths.pop() if len(lengths) == 1 and 0 not in lengths else answer
                raise self._error("sample_many", f"return columns of length {n}", got)
            points = self._transform.from_columns(columns)
            self._check_points(points, "sample_many", answer)
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

    def _encode_at_once(self, points: np.ndarray) -> np.ndarray:
        answer = self._call("encode_many", self._transform.columns(points))
        codes = _as_numbers(answer, 2)
        dim = self._n_codes
        is_right = codes is not None and len(codes) == len(points) and codes.shape[1] > 0
        if codes is None or not is_right or codes.shape[1] != (dim or codes.shape[1]):
            rule = f"return shape ({len(points)}, {'dim' if dim is None else dim}) of numbers, "
            rule += "where dim is at least 1 and always the same"
            raise self._error("encode_many", rule, _shape_of(answer), "Pad shorter encodings. ")
        if np.isinf(codes).any():
            rule = "return finite numbers, or NaN for an invalid architecture"
            raise self._error("encode_many", rule, answer)
        self._n_codes = codes.shape[1]
        return codes

    def _encoded(self, params: Mapping[str, Any], dim: int | None) -> np.ndarray:
        answer = self._call("encode", params)
        code = _as_numbers(answer, 1)
        is_right = code is not None and len(code) > 0 and bool(np.isfinite(code).all())
        if code is None or not is_right or len(code) != (dim or len(code)):
            length = "" if dim is None else f" of length {dim}, as before,"
            rule = f"return a vector{length} of finite numbers for {_shortened(dict(params))}"
            raise self._error("encode", rule, answer, "Pad shorter encodings. ")
        return code

    def _keys_of_whole(self, points: np.ndarray) -> list[Hashable | None]:
        if self._key_many is None:
            return [self._key(point) for point in points]
        answer = self._call("key_many", self._transform.columns(points))
        numbers = _as_list(answer)
        keys = [_as_int(number) for number in numbers or []]
        if len(keys) != len(points) or None in keys:
            rule = f"return shape ({len(points)},) of integers"
            is_long = len(keys) == len(points)
            raise self._error("key_many", rule, answer if is_long else _shape_of(answer))
        return [None if key is None or key < 0 else key for key in keys]

    def _asked_key(self, params: Mapping[str, Any]) -> Hashable | None:
        key: Hashable | None = self._call("key", params)
        try:
            hash(key)
            is_equal = bool(key == key)  # unlike NaN
        except Exception:
            is_equal = False
        if not is_equal:
            rule = f"return a hashable for {_shortened(dict(params))}, or None"
            raise self._error("key", rule, key, "Return a tuple without NaN. ")
        return key

    @cached_property
    def _dim(self) -> int:
        """The length of an encoding, unknown until the space encodes something."""
        rng = np.random.default_rng(0)
        sample = self.sample if self.can_sample else self._transform.domain.sample
        if self._encode_many is not None:
            return self._n_codes or self._encode_at_once(sample(1, rng)).shape[1]
        for _ in range(N_TRIES):
            point = sample(1, rng)[0]
            params = self._transform.to_params(point)
            if self._key(point) is not None:
                return len(self._encoded(params, None))
        raise ValueError(
            f"`{_name(self._space)}.key` must tell valid architectures from invalid ones, but it "
            f"returned None (invalid) for all of {N_TRIES} random params, the last one "
            f"{_shortened(params)}. Give the space a method `sample(rng)` that returns valid "
            f"params."
        )

    def _check_names(self, params: Any, method: str) -> None:
        names = self._transform.names
        if not isinstance(params, Mapping) or set(names) != set(params):
            remedy = "Return exactly what `suggest` asks for. "
            rule = f"return params of the names {_shortened(names)}"
            raise self._error(method, rule, params, remedy)

    def _check_points(self, points: np.ndarray, method: str, params: Any) -> None:
        axes = self._transform.domain.axes
        tolerance = np.maximum(GRID_TOLERANCE * axes.spacing, MIN_TOLERANCE)
        is_inside = np.abs(axes.snap(points) - points) <= tolerance  # NaN is not
        column = np.flatnonzero(~is_inside.all(axis=0))
        if len(column):
            name = self._transform.names[column[0]]
            rule = f"return {name!r} within {self._transform.distributions[name]}"
            raise self._error(method, rule, params)

    def _error(self, method: str, rule: str, answer: Any, remedy: str = "") -> ValueError:
        return ValueError(
            f"`{_name(self._space)}.{method}` must {rule}, got {_shortened(answer)}. {remedy}{SEE}"
        )

    def _call(self, method: str, *arguments: Any) -> Any:
        """Return a user's answer. What the method raises passes on, with a note of what it is.

        It may be the error of a time limit, which the user's own code catches by its type. That
        a trial is pruned is an answer of `suggest` alone.
        """
        try:
            return getattr(self._space, method)(*arguments)
        except optuna.TrialPruned as error:
            raise ValueError(self._failure(method, arguments[0], error)) from error
        except Exception as error:
            if hasattr(error, "add_note"):  # since Python 3.11
                error.add_note(self._failure(method, arguments[0], error))
            raise

    def _failure(self, method: str, argument: Any, error: Exception) -> str:
        return (
            f"`{_name(self._space)}.{method}` failed for {_shortened(argument)}: "
            f"{_shortened(error)}. It must answer for all params that `suggest` can ask for; "
            f"`key` returns None for an invalid architecture."
        )

    def _optional(self, method: str) -> Callable[..., Any] | None:
        found: Callable[..., Any] | None = getattr(self._space, method, None)
        return found


def _as_numbers(answer: Any, n_axes: int) -> np.ndarray | None:
    """Return a user's answer as floats, None where it is none or has other than `n_axes` axes."""
    try:
        found = np.asarray(answer)
        if found.dtype == object and not all(isinstance(v, Real) for v in found.flat):
            return None
        if found.ndim != n_axes or found.dtype.kind not in "biufO":
            return None
        with np.errstate(over="ignore"):  # a long double may be greater than every float
            return np.asarray(found, dtype=float)
    except Exception:  # ragged, an int beyond every float, or whatever a foreign array raises
        return None


def _shape_of(answer: Any) -> Any:
    """Return the shape of a user's array or list of numbers, or else the answer itself."""
    for n_axes in range(5):
        found = _as_numbers(answer, n_axes)
        if found is not None:
            return found.shape if n_axes else answer
    return answer


def _as_list(answer: Any) -> list[Any] | None:
    """Return a user's column as a list whose entries are as they were, None if it is no column."""
    if isinstance(answer, list | tuple):
        return list(answer)
    try:
        found = answer.tolist() if len(answer.shape) == 1 else None
    except Exception:  # not an array
        return None
    return found if isinstance(found, list) else None


def _as_int(number: Any) -> int | None:
    """Return a whole number as an int, None where it is none."""
    if isinstance(number, bool | np.bool_) or not isinstance(number, Real):
        return None
    try:
        whole: int = math.floor(number)  # type: ignore[assignment]
    except (OverflowError, ValueError):  # infinite, or NaN
        return None
    return whole if whole == number else None


def _compressed(features: np.ndarray) -> np.ndarray:
    """Return `[n, dim]` features, those beyond `FAR` by their logarithm and in the same order.

    Their squares would exceed every float.
    """
    size = np.abs(features)
    is_far = size > FAR
    if not is_far.any():
        return features
    compressed = features.copy()
    far = FAR * (1.0 + np.log(size[is_far]) - math.log(FAR))
    compressed[is_far] = np.copysign(far, features[is_far])
    return compressed


def _shortened(answer: Any) -> str:
    """Return what an answer looks like, on one line; it may be anything."""
    try:
        text = repr(answer)
    except Exception as error:  # an int of thousands of digits has no decimal text
        text = f"a {type(answer).__name__} whose repr raises {type(error).__name__}"
    text = one_line(text)
    return text if len(text) <= 500 else f"{text[:500]} ..."


def _name(space: Any) -> str:
    return type(space).__name__

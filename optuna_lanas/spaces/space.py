"""A space from its parts: parameters, which architectures are valid, and which are isomorphic.

Notation: *columns* hold the params of `n` architectures. They map the name of each parameter to
an array of its `n` values.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
from itertools import compress
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from optuna_lanas._checks import check_type
from optuna_lanas._checks import shown
from optuna_lanas._checks import wrong_value
from optuna_lanas.spaces import _parts
from optuna_lanas.spaces._answers import Answers
from optuna_lanas.spaces._answers import as_bool
from optuna_lanas.spaces._answers import as_key
from optuna_lanas.spaces._answers import hash_key
from optuna_lanas.spaces._answers import length
from optuna_lanas.spaces._answers import params_of
from optuna_lanas.spaces._answers import typed
from optuna_lanas.spaces._finite_space import check_params
from optuna_lanas.spaces._finite_space import check_trial
from optuna_lanas.spaces._finite_space import columns_of
from optuna_lanas.spaces._finite_space import hash_integers


N_TRIED = 23  # params that a function is tried with; a number that no other axis has
N_DRAWS = 10_000  # random params of which one must be valid


class Space:
    """An architecture space from its parts.

    The architecture is the dict of its params. Its encoding has a column of 0 and 1 for each
    choice, named ``op=conv``. A number has a column for its place in its range, named ``width``,
    and five that tell to which values it is close, named ``width≈70``. Where several parameters
    have the same choices, one more column for each choice counts them, named ``count:conv``.

    Both functions take the params of an architecture as a dict and return an answer. They may
    also take a dict of arrays, with the params of `n` architectures, and return `n` answers. This
    is faster. A call with random params finds out which of the two a function takes.

    Args:
        params: By name: a list of choices, a range of ints or floats as a tuple ``(low, high)``
            whose ends belong to it, or one of ``optuna.distributions``.
        is_valid: Whether an architecture is valid. ``suggest`` prunes the trial of an invalid
            one; the sampler never proposes one. Default: every architecture is valid.
        key: What isomorphic architectures share: a hashable such as a tuple, or None for an
            invalid architecture. It is asked of valid architectures only. Default: the params.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a parameter is of another form, if a function fails or returns something
            else, or if no random architecture is valid.

    Example:
        Networks of at most 300 units whose two layers can be exchanged:

        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler
            from optuna_lanas.spaces import Space

            space = Space(
                {"first": (8, 256), "second": (8, 256), "op": ["relu", "tanh"]},
                is_valid=lambda p: p["first"] + p["second"] <= 300,
                key=lambda p: (*sorted([p["first"], p["second"]]), p["op"]),
            )
            study = optuna.create_study(sampler=LaNASSampler(space=space, seed=0))
            study.optimize(lambda trial: space.suggest(trial)["first"], n_trials=10)
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        is_valid: Callable[[Mapping[str, Any]], Any] | None = None,
        key: Callable[[Mapping[str, Any]], Any] | None = None,
    ) -> None:
        remedy = 'Pass, for example, {"op": ["conv", "pool"], "width": (8, 256)}.'
        check_type("params", params, Mapping, "a dict from names to their values", remedy)
        if not params:
            raise wrong_value("params", "at least one parameter", dict(params), remedy)
        for name in params:
            check_type("params", name, str, "a dict whose names are strs", remedy)
        self._distributions = {
            name: _parts.make_distribution(name, part) for name, part in params.items()
        }
        self._shared = _parts.shared_choices(list(self._distributions.values()))
        self._is_valid = None if is_valid is None else Answers("is_valid", is_valid, as_bool)
        self._key = None if key is None else Answers("key", key, as_key)
        self._try_functions()

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The distribution of each parameter."""
        return dict(self._distributions)

    @property
    def encoding_names(self) -> tuple[str, ...]:
        """The `dim` names of an encoding's numbers."""
        parts = [_parts.encoding_names(name, d) for name, d in self._distributions.items()]
        counts = [f"count:{choice}" for shared in self._shared for choice in shared.choices]
        return (*(name for part in parts for name in part), *counts)

    def suggest(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """Ask the trial for all parameters and return them.

        Raises:
            optuna.TrialPruned: If the architecture is invalid.
        """
        check_trial(trial)
        params = {
            name: _parts.suggested(trial, name, d) for name, d in self._distributions.items()
        }
        if self.key(params) is None:
            raise optuna.TrialPruned(f"The architecture is invalid: {shown(params)}.")
        return params

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the `[dim]` encoding; NaN for an invalid architecture."""
        return np.asarray(self.encode_many(columns_of(params))[0])

    def encode_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n, dim]` encodings; NaN for invalid architectures."""
        numbers = self._numbers(columns)
        parts = [
            _parts.encoded(n, d)
            for n, d in zip(numbers.T, self._distributions.values(), strict=True)
        ]
        parts += [shared.counts(numbers) for shared in self._shared]
        codes = np.concatenate(parts, axis=1)
        own = self._own(columns)
        if self._key is None:
            codes[~self._valid(own)] = np.nan
        else:
            codes[[key is None for key in self._keys(own)]] = np.nan
        return codes

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        """Return what isomorphic architectures share, None for an invalid architecture."""
        columns = columns_of(params)
        self._numbers(columns)
        return self._keys(self._own(columns))[0]

    def key_many(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return `[n]` integers, equal for isomorphic architectures, negative for invalid ones."""
        numbers, own = self._numbers(columns), self._own(columns)
        if self._key is None:
            return np.where(self._valid(own), hash_integers((numbers + 0.0).view(np.uint64)), -1)
        keys = self._keys(own)
        return np.array([-1 if key is None else hash_key(key) for key in keys], dtype=np.int64)

    def _numbers(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """`[n, n_params]`: the places of choices, and numbers as they are.

        Raises:
            ValueError: If a parameter is missing, or a value is none of the parameter.
        """
        check_params(columns)
        missing = [name for name in self._distributions if name not in columns]
        if missing:
            raise ValueError(
                f"`params` must hold all {len(self._distributions)} parameters of "
                f"{type(self).__name__}, but {missing} are missing. Let `suggest` ask for them."
            )
        found = [
            _parts.numbers_of(columns[name], name, d) for name, d in self._distributions.items()
        ]
        lengths = {len(numbers) for numbers in found}
        if len(lengths) > 1:
            remedy = "Pass a value of each parameter for each architecture."
            raise wrong_value("columns", "arrays of equal length", sorted(lengths), remedy)
        return np.stack(found, axis=1)

    def _own(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The columns of the space's parameters, as arrays of ints, floats, bools or objects."""
        return {name: typed(columns[name]) for name in self._distributions}

    def _valid(self, own: dict[str, np.ndarray]) -> np.ndarray:
        """`[n]` bools."""
        if self._is_valid is None:
            return np.ones(length(own), dtype=bool)
        return np.array(self._is_valid.of(own), dtype=bool)

    def _keys(self, own: dict[str, np.ndarray]) -> list[Hashable | None]:
        """`n` keys, None for invalid architectures."""
        valid = np.flatnonzero(self._valid(own))
        part = {name: column[valid] for name, column in own.items()}
        keys: list[Hashable | None] = [None] * length(own)
        asked = (
            [tuple(p.values()) for p in params_of(part)]
            if self._key is None
            else self._key.of(part)
        )
        for place, key in zip(valid.tolist(), asked, strict=True):
            keys[place] = key
        return keys

    def _try_functions(self) -> None:
        """Find out, with random params, what the functions take; raise what they do wrong."""
        if self._is_valid is not None:
            rng = np.random.default_rng(0)
            self._is_valid.learn(self._stacked([self._draw(rng) for _ in range(N_TRIED)]))
        valid = self._drawn_if("is_valid", self._valid)
        if self._key is not None:
            self._key.learn(self._stacked(valid))
            self._drawn_if("key", lambda own: [key is not None for key in self._keys(own)])

    def _drawn_if(
        self, name: str, are_valid: Callable[[dict[str, np.ndarray]], Iterable[bool]]
    ) -> list[dict[str, Any]]:
        """Random params that are valid, at least one.

        Raises:
            ValueError: If all of `N_DRAWS` are invalid; the function `name` is to blame.
        """
        rng = np.random.default_rng(0)
        found: list[dict[str, Any]] = []
        for _ in range(N_DRAWS // N_TRIED):
            drawn = [self._draw(rng) for _ in range(N_TRIED)]
            found += compress(drawn, are_valid(self._stacked(drawn)))
            if len(found) >= N_TRIED:
                break
        if not found:
            rule = "accept some of the architectures"
            got = f"none of {N_DRAWS} random ones, such as {shown(drawn[-1])}"
            remedy = "Choose parameters of which more are valid."
            raise ValueError(f"`{name}` must {rule}, got {got}. {remedy}")
        return found[:N_TRIED]

    def _draw(self, rng: np.random.Generator) -> dict[str, Any]:
        return {name: _parts.draw(d, rng) for name, d in self._distributions.items()}

    def _stacked(self, many: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        return {name: typed([params[name] for params in many]) for name in self._distributions}

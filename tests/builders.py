"""What several tests build: domains, histories, feasible sets, trials, records, a space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import create_trial
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._core.domain import Domain
from optuna_lanas._core.domain import KnownKeys
from optuna_lanas._core.feasible import FeasibleSet
from optuna_lanas._core.history import History
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import Settings
from optuna_lanas._core.tree import Region
from optuna_lanas._study.architecture import make_architectures
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.distributions import make_axes
from optuna_lanas._study.record import Record
from optuna_lanas._study.transform import make_transform
from optuna_lanas._study.transform import ParamTransform


Space = Mapping[str, BaseDistribution]

LEAST_P = 1e-4  # a test of a distribution fails below it
START = datetime(2026, 1, 1)
CHEAP = replace(
    DEFAULT,
    n_observations=40,
    n_random=20,
    n_near=20,
    n_rounds=1,
    n_round=20,
    max_fit_iterations=5,
)
MIXED: Space = {
    "kernel": CategoricalDistribution(["rbf", "poly", None]),
    "rate": FloatDistribution(1e-5, 1e-1, log=True),
    "units": IntDistribution(1, 500, log=True),
    "width": IntDistribution(8, 64, step=8),
    "x": FloatDistribution(-2.0, 2.0),
}


def transform_of(space: Space) -> ParamTransform:
    """The transform of a space, parameters of one value included."""
    return make_transform({name: [d] for name, d in space.items()}, kept=list(space))


def domain_of(*distributions: BaseDistribution) -> Domain:
    """The domain of distributions, in their order."""
    return transform_of({f"p{i:03}": d for i, d in enumerate(distributions)}).domain


def architecture_transform(space: Any, others: Space | None = None) -> ParamTransform:
    """The transform of an architecture space's parameters and of others."""
    own = space_distributions(space)
    plain = transform_of({**own, **(others or {})})
    return plain.with_architectures(make_architectures(space, list(own)))


def feasible_of(
    domain: Domain,
    *,
    asked: Sequence[BaseDistribution] | None = None,
    fixed: Sequence[float] | None = None,
    settings: Settings = DEFAULT,
) -> FeasibleSet:
    """The feasible set of a trial: the whole domain unless it asks for less or fixes some."""
    axes = domain.axes if asked is None else make_axes([[d] for d in asked])
    free = np.full(domain.n_params, np.nan)
    return FeasibleSet(domain, axes, free if fixed is None else np.array(fixed), settings)


def known_keys(keys: Sequence[Hashable | None]) -> KnownKeys:
    """Keys as a history holds them."""
    return KnownKeys({key: i for i, key in enumerate(dict.fromkeys(keys))}, len(set(keys)))


def history_of(
    domain: Domain,
    points: np.ndarray,
    values: np.ndarray,
    *,
    objectives: np.ndarray | None = None,
    pending: np.ndarray | None = None,
) -> History:
    """The history of points of a domain, none of which may be proposed again."""
    waiting = points[:0] if pending is None else pending
    return History(
        domain=domain,
        points=points,
        features=domain.features(points),
        values=np.asarray(values, dtype=float),
        objectives=objectives,
        pending_points=waiting,
        pending_features=domain.features(waiting),
        keys=known_keys(domain.keys(points)),
        pending_keys=frozenset(domain.keys(waiting)),
    )


def empty_history(domain: Domain) -> History:
    """A history that knows nothing."""
    return history_of(domain, np.empty((0, domain.n_params)), np.empty(0))


def random_history(
    domain: Domain, n: int, seed: int = 0, value: Callable[[np.ndarray], np.ndarray] | None = None
) -> History:
    """The history of random points; their value is the sum of their coordinates by default."""
    points = domain.sample(n, np.random.default_rng(seed))
    values = points.sum(axis=1) if value is None else value(points)
    return history_of(domain, domain.mask_inactive(points), values)


def history_of_features(
    features: np.ndarray, values: np.ndarray, pending: np.ndarray | None = None
) -> History:
    """The history of given features, for what looks at nothing else."""
    domain = domain_of(*[FloatDistribution(0.0, 1.0)] * features.shape[1])
    waiting = features[:0] if pending is None else pending
    no_keys = known_keys([])
    return History(
        domain, features, features, values, None, waiting, waiting, no_keys, frozenset()
    )


def everywhere(dim: int) -> Region:
    """The region without any latent action."""
    return Region(np.empty((0, dim)), np.empty(0), np.empty(0, dtype=bool))


def half_spaces(domain: Domain, n_cuts: int, seed: int = 5) -> Region:
    """A region bounded by random cuts through the domain's middle."""
    rng = np.random.default_rng(seed)
    features = domain.features(domain.sample(500, rng))
    weights = rng.standard_normal((n_cuts, features.shape[1]))
    return Region(weights, features.mean(axis=0) @ weights.T, np.arange(n_cuts) % 2 == 0)


def trial_of(
    number: int,
    params: Mapping[str, Any],
    space: Space,
    values: float | Sequence[float] | None = None,
    *,
    state: TrialState = TrialState.COMPLETE,
    start: float = 0.0,
    end: float | None = None,
    **fields: Any,
) -> FrozenTrial:
    """A trial with an id, of a state; times are seconds, the end the number by default."""
    results = [values] if isinstance(values, int | float) else values
    trial = create_trial(
        state=state,
        values=results,
        params=dict(params),
        distributions={name: space[name] for name in params},
        **fields,
    )
    trial.number = trial._trial_id = number
    trial.datetime_start = START + timedelta(seconds=start)
    ended = START + timedelta(seconds=number if end is None else end)
    trial.datetime_complete = ended if state.is_finished() else None
    return trial


def running_trial(number: int, **fields: Any) -> FrozenTrial:
    """A trial that has asked for nothing yet."""
    return trial_of(number, {}, {}, state=TrialState.RUNNING, **fields)


def random_trials(
    space: Space, n: int, value: Callable[[dict[str, Any]], float], seed: int = 0
) -> list[FrozenTrial]:
    """Finished trials with params drawn uniformly at random."""
    transform = transform_of(space)
    points = transform.domain.sample(n, np.random.default_rng(seed))
    many = [transform.to_params(point) for point in points]
    return [trial_of(i, params, space, value(params)) for i, params in enumerate(many)]


def mixed_value(params: Mapping[str, Any]) -> float:
    """A value for params of `MIXED`, least in the middle."""
    scale = {"rbf": 1.0, "poly": 2.0, None: 3.0}[params["kernel"]]
    rate, width = abs(np.log10(params["rate"]) + 3.0), abs(params["width"] - 40) / 64
    return float(scale * (params["x"] - 0.3) ** 2 + rate + width + params["units"] / 1000)


def record_of(
    trials: Sequence[FrozenTrial],
    *,
    directions: Sequence[StudyDirection] = (StudyDirection.MINIMIZE,),
    settings: Settings = DEFAULT,
    space: Any | None = None,
) -> Record:
    """A fresh record that has read trials at once."""
    record = Record(directions, settings, space)
    record.read(trials)
    return record


class TwoLayers:
    """Two layers whose order does not matter, of at most `width` units; it counts its calls."""

    def __init__(self, width: int = 40) -> None:
        self.width = width
        self.n_keys: Counter[tuple[int, int]] = Counter()
        self.n_codes: Counter[tuple[int, int]] = Counter()

    def suggest(self, trial: optuna.trial.BaseTrial) -> frozenset[int]:
        """Ask for both widths."""
        return frozenset(trial.suggest_int(f"width_{i}", 1, self.width) for i in (1, 2))

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return both widths in order."""
        self.n_codes[params["width_1"], params["width_2"]] += 1
        return np.sort([params["width_1"], params["width_2"]]).astype(float)

    def key(self, params: Mapping[str, Any]) -> Hashable | None:
        """Return both widths as a set; equal ones are invalid."""
        self.n_keys[params["width_1"], params["width_2"]] += 1
        if params["width_1"] == params["width_2"]:
            return None
        return frozenset((params["width_1"], params["width_2"]))

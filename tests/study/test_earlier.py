"""Earlier trials as points of a new study's domain."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import create_trial
import pytest

from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._study.earlier import _Shared
from optuna_lanas._study.earlier import EarlierStudies
from optuna_lanas._study.earlier import read_earlier
from optuna_lanas.spaces import NASBench201Space
from tests.builders import transform_of


NEW = transform_of(
    {
        "n": IntDistribution(1, 9),
        "op": CategoricalDistribution(["a", "b"]),
        "rate": FloatDistribution(1e-4, 1e-2, log=True),
    }
)


def shared(*params: Mapping[str, object]) -> _Shared | None:
    return _Shared.of(NEW, params)


def test_numbers_lie_on_the_new_scale() -> None:
    found = shared({"rate": 1e-5}, {"rate": 1e-3}, {"rate": 1e-2})
    assert found is not None
    assert NEW.names[found.columns[0]] == "rate"
    assert found.axes.low == pytest.approx([1e-5])
    assert found.points[:, 0] == pytest.approx([0.0, 2 / 3, 1.0])
    view = found.view(NEW, None, 9, has_inactive=False)
    middle = view.points(np.full((1, 3), 0.5))
    assert middle[0, 0] == pytest.approx(2 / 3)


def test_numbers_far_outside_and_of_other_kinds_are_unknown() -> None:
    odd = [True, "3", None, 1e9, -50, float("nan"), 10**400]
    found = shared(*({"n": value} for value in [3, 9, *odd]))
    assert found is not None
    assert np.isnan(found.points[2:, 0]).all()
    assert found.points[:2, 0] == pytest.approx([0.25, 1.0])


def test_choices_are_known_by_their_value() -> None:
    found = shared({"op": "b"}, {"op": "z"}, {"op": "a"}, {})
    assert found is not None
    assert found.points[:3, 0].tolist() == [1, 2, 0]
    assert np.isnan(found.points[3, 0])
    assert found.axes.n_choices.tolist() == [3]


@pytest.mark.parametrize(
    "params",
    [
        [{"op": "y"}, {"op": "z"}],
        [{"n": 3}, {"n": 3}],
        [{"other": 3}, {"other": 4}],
        [{"rate": -1.0}, {"rate": 0.0}],
    ],
)
def test_what_tells_nothing_is_not_shared(params: Sequence[Mapping[str, object]]) -> None:
    assert shared(*params) is None


def test_studies_of_the_same_parameters_share_a_view() -> None:
    distributions: dict[str, BaseDistribution] = {"n": IntDistribution(1, 9)}
    trials = [
        create_trial(params={"n": n}, distributions=distributions, value=float(n))
        for n in range(1, 8)
    ]
    sources = read_earlier([trials, trials[:5]])
    earlier = EarlierStudies(sources, DEFAULT, None)
    found = earlier.foretell(NEW, StudyDirection.MAXIMIZE, has_inactive=False)
    assert found is not None
    assert found.names == ("earlier[0]", "earlier[1]")
    assert found.studies[0].view is found.studies[1].view
    assert found.plan[0, NEW.names.index("n")] == pytest.approx(6 / 8)


def test_a_space_needs_all_of_its_parameters() -> None:
    space = NASBench201Space()
    transform = transform_of(space.distributions)
    rng = np.random.default_rng(0)
    whole = [space.sample(rng) for _ in range(9)]
    lacking = [{name: p[name] for name in list(p)[1:]} for p in whole]
    for params, has_space in ((whole, True), (lacking, False)):
        found = _Shared.of(transform, params)
        assert found is not None
        view = found.view(transform, space, 9, has_inactive=False)
        assert (view.domain.architectures is not None) == has_space

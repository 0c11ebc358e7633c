"""The problems: known optima, medians, keys and descriptions."""

from __future__ import annotations

import os

import numpy as np
import optuna
import pytest

from examples.benchmarks import catalogue
from examples.benchmarks import functions
from examples.benchmarks import graphs
from examples.benchmarks import tables
from examples.benchmarks.unit import from_unit
from examples.benchmarks.unit import random_value


pytestmark = pytest.mark.slow


# These need a table or another package, and have tests of their own.
APART = {
    *("nasbench101", *catalogue.FAMILIES["nasbench101-official"]),
    *catalogue.FAMILIES["analognas"],
}
ALL = [name for family in catalogue.FAMILIES.values() for name in family if name not in APART]
PROTEINS = "nasbenchgraph-proteins"
FIRSTS = {family[0] for family in catalogue.FAMILIES.values()}


@pytest.mark.parametrize(
    "name", [n if n in FIRSTS else pytest.param(n, marks=pytest.mark.slow) for n in ALL]
)
def test_random_points_lie_between_optimum_and_beyond_median(name: str) -> None:
    problem = catalogue.load(name, seed=1)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction=problem.direction, sampler=sampler)
    study.optimize(problem.objective, n_trials=100)
    regrets = [problem.normalised_regret(t.values[0]) for t in study.get_trials()]
    assert min(regrets) >= 0
    assert 0.5 < np.median(regrets) < 2 or np.mean(np.array(regrets) < 1) > 0.3
    assert problem.normalised_regret(problem.optimum) == 0
    assert problem.normalised_regret(problem.median) == 1


@pytest.mark.parametrize(
    ("name", "optimum", "median"),
    [
        ("nasbench201-cifar10", 91.607, 87.312),
        ("nasbench201-cifar100", 73.493, 65.167),
        ("nasbench201-imagenet", 46.733, 36.550),
    ],
)
def test_nasbench201_is_the_mean_over_seeds(name: str, optimum: float, median: float) -> None:
    problem = catalogue.load(name, seed=0)
    assert problem.optimum == pytest.approx(optimum, abs=1e-3)
    assert problem.median == pytest.approx(median, abs=1e-3)


def test_the_instance_of_a_function_depends_on_its_seed_alone() -> None:
    params = {f"x{i}": 0.3 for i in range(5)}
    values = [catalogue.load("5d-ackley", seed).evaluate(params) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_a_function_has_its_minimum_zero_at_its_shift(name: str) -> None:
    rng = np.random.default_rng(0)
    shift = rng.random(6)
    scored = functions.instance(name, shift, rng)
    assert scored.score(shift[None]) == pytest.approx(0, abs=1e-9)
    assert (scored.score(rng.random((1000, 6))) > 0).all()


def test_the_optimum_of_a_mixed_problem_can_be_reached() -> None:
    problem = catalogue.load("mixed-sphere", seed=3)
    best = {name: from_unit(d, 0.5) for name, d in problem.distributions().items()}
    for name, distribution in problem.distributions().items():  # the sphere is separable
        values = {from_unit(distribution, u) for u in np.linspace(0, 1, 1001)}
        scores = {value: problem.evaluate({**best, name: value}) for value in values}
        best[name] = min(scores, key=scores.__getitem__)
    assert problem.evaluate(best) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nasbench201-cifar10", "nasbenchgraph-cora", PROTEINS])
def test_architectures_with_the_same_key_have_the_same_value(name: str) -> None:
    problem, rng = catalogue.load(name, seed=0), np.random.default_rng(0)
    distributions = problem.distributions()
    assert problem.space.distributions == distributions
    values: dict[object, float] = {}
    for _ in range(3000):
        params = {name: random_value(d, rng) for name, d in distributions.items()}
        key = problem.space.key(params)
        if key is not None:
            assert values.setdefault(key, problem.evaluate(params)) == problem.evaluate(params)
    columns = {name: np.array([params[name]], dtype=object) for name in distributions}
    assert (problem.space.encode(params) == problem.space.encode_many(columns)[0]).all()
    assert len(values) < 2990


def test_isomorphic_graph_networks_share_a_row() -> None:
    params = {"link": "0001", "op0": "gcn", "op1": "gat", "op2": "gin", "op3": "fc"}
    swapped = {**params, "op1": "gin", "op2": "gat"}
    assert graphs.row_of(params) == graphs.row_of(swapped)
    words = "node 1 = gcn(input); node 2 = gat(input); node 3 = gin(input); node 4 = fc(node 1)"
    assert graphs.in_words(params) == words


def test_a_cell_in_words_names_the_terms_of_each_node() -> None:
    ops = ("none", "skip_connect", "none", "nor_conv_3x3", "none", "avg_pool_3x3")
    words = tables.in_words({f"Op{i}": op for i, op in enumerate(ops)})
    assert words.split("; ") == [
        "node 1 = 0",
        "node 2 = skip_connect(input)",
        "node 3 = nor_conv_3x3(input) + avg_pool_3x3(node 2)",
    ]


def test_the_graph_network_without_a_row_counts_as_the_worst() -> None:
    problem = catalogue.load("nasbenchgraph-cora", seed=0)
    skips = {"link": "0000", **{f"op{i}": "skip" for i in range(4)}}
    others = [problem.evaluate({**skips, "op0": op, "op1": "fc"}) for op in ("gcn", "gat", "fc")]
    assert problem.evaluate(skips) < min(others)


def test_an_unknown_problem_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nasbench201-cifar10.*got 'cifar11'"):
        catalogue.load("cifar11", seed=0)


@pytest.mark.skipif("NASBENCH101_TABLE" not in os.environ, reason="NASBENCH101_TABLE is not set")
def test_nasbench101_has_its_known_optimum() -> None:
    problem = catalogue.load("nasbench101", seed=0)
    assert problem.optimum == pytest.approx(0.943175752957662)
    params = problem.space.sample(np.random.default_rng(0))
    assert problem.evaluate(params) == problem.objective(optuna.trial.FixedTrial(params))


def test_nasbench101_without_a_table_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NASBENCH101_TABLE", raising=False)
    with pytest.raises(ValueError, match="`NASBENCH101_TABLE` must be the path"):
        catalogue.load("nasbench101", seed=0)

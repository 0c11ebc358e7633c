"""Every argument of every public function: a wrong value is told at the call, by name and remedy.

A new public function or argument must get an entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from functools import cache
from functools import partial
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial
import pytest

import optuna_lanas
from optuna_lanas import dashboard
from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas import spaces
from optuna_lanas import tables
from optuna_lanas import visualization
from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.spaces import NATSBenchSizeSpace
from optuna_lanas.spaces import Space
from optuna_lanas.tables import NASBench101Table
from optuna_lanas.visualization import plot_architecture
from optuna_lanas.visualization import plot_leaf_share
from optuna_lanas.visualization import plot_leaf_values
from optuna_lanas.visualization import plot_parameters
from optuna_lanas.visualization import plot_partition
from optuna_lanas.visualization import plot_trial_map
from tests.arguments import Case
from tests.arguments import check_completeness
from tests.arguments import check_wrong_value
from tests.arguments import CHOICE
from tests.arguments import FLAG
from tests.arguments import FLOAT
from tests.arguments import FUNCTION
from tests.arguments import INT
from tests.arguments import INT_OR_NONE
from tests.arguments import NAN
from tests.arguments import PARAMS
from tests.arguments import RNG
from tests.arguments import SAMPLER
from tests.arguments import SPACE
from tests.arguments import STUDY
from tests.arguments import TEXT
from tests.arguments import TRIAL
from tests.arguments import VIEW
from tests.arguments import wrong_values


EARLIER: list[Any] = [  # a list of what is no finished study of one objective
    *("study", 3, optuna.Study, [3], ["study"], [[]], [[3]], [optuna.Study]),
    optuna.create_study(),
    [optuna.create_study()],
    [optuna.create_study(directions=["minimize", "maximize"])],
]
# Plain data: what uses them checks them.
PLAIN = {
    *("Block", "CellArchitecture", "MobileArchitecture", "NASBench101Cell"),
    *("NASBenchGraphArchitecture", "Measurement", "StudyPartition", "TFRecordError"),
}
NO_FUNCTIONS = {"ArchitectureSpace", "__version__"}


@cache
def study() -> optuna.Study:
    found = optuna.create_study(sampler=LaNASSampler(seed=0))
    found.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("n", 0, 9), n_trials=30)
    return found


@cache
def cells() -> optuna.Study:
    space = NASBench201Space()
    found = optuna.create_study(sampler=LaNASSampler(seed=0, space=space))
    found.optimize(lambda t: space.suggest(t).count("none"), n_trials=3)
    return found


def of(make: Callable[[], optuna.Study], name: str = "study") -> Callable[[], dict[str, Any]]:
    return lambda: {name: make()}


ANY_VIEW = of(study, "study_or_partition")


def sampler_cases() -> Iterator[Case]:
    yield Case(
        LaNASSampler,
        {
            "seed": [*INT_OR_NONE, -1],
            "n_startup_trials": [*INT, -1],
            "space": SPACE,
            "exploration": FLOAT,
            "max_depth": [*INT, -1],
            "min_samples_leaf": [*INT, 0],
            "avoid_duplicates": FLAG,
            "consider_failed_trials": FLAG,
            "independent_sampler": [RandomSampler, "random", 3],
            "warn_independent_sampling": FLAG,
            "constraints_func": FUNCTION,
            "show_leaf": FLAG,
            "earlier": EARLIER,
        },
    )
    yield Case(
        LaNASSampler.paper,
        {
            "seed": [*INT_OR_NONE, -1],
            "height": [*INT, 0],
            "n_select": [*INT, 0],
            "exploration": FLOAT,
            "n_startup_trials": [*INT_OR_NONE, -1],
            "ridge": [*FLOAT, 0.0],
            "use_ranks": FLAG,
            "space": SPACE,
            "earlier": EARLIER,
        },
    )
    yield Case(
        LaNASSampler.from_settings,
        {
            "settings": [None, {}, LaNASSampler(), type(LaNASSampler().settings)],
            "seed": [*INT_OR_NONE, -1],
            "space": SPACE,
            "earlier": EARLIER,
        },
        lambda: {"settings": LaNASSampler().settings},
    )


def study_cases() -> Iterator[Case]:
    wrong_trials = [*INT_OR_NONE, -31, 30, [30], {0: 1}]
    yield Case(explain, {"study": STUDY, "trial": [w for w in wrong_trials if w != [2]]}, lambda: {
        "study": study(), "trial": 0
    })  # fmt: skip
    shown: dict[str, list[Any]] = {
        "sampler": SAMPLER,
        "space": SPACE,
        "target": FUNCTION,
        "target_name": TEXT,
    }
    yield Case(partition, {"study": STUDY, **shown}, of(study))
    yield Case(dashboard.publish, {"study": STUDY, **shown}, of(study))
    yield Case(dashboard.PublishCallback, {"interval": [*FLOAT[:6], [1], float], **shown})


def figure_cases() -> Iterator[Case]:
    view = {"study_or_partition": VIEW}
    yield Case(plot_partition, {**view, "kind": ["pie", 3, None, ["icicle"]]}, ANY_VIEW)
    yield Case(plot_leaf_values, view, ANY_VIEW)
    yield Case(plot_trial_map, view, ANY_VIEW)
    yield Case(plot_leaf_share, {**view, "window": [*INT_OR_NONE, 0]}, ANY_VIEW)
    panels = {"node": [*INT, -1, 10_000], "n_parameters": [*INT, 0]}
    yield Case(plot_parameters, {**view, **panels}, ANY_VIEW)
    numbers = [*INT_OR_NONE, -1, 3]
    wrong = {"study": STUDY, "trial_number": numbers, "space": SPACE}
    yield Case(plot_architecture, wrong, of(cells))


def constructor_cases() -> Iterator[Case]:
    names = ["skip_connect", 3, None, ("conv",), (), ("skip_connect",) * 2, [["a"]]]
    network: list[Any] = ["network", 3, CellNetworkConfig, {"channels": 16}]
    yield Case(
        CellSpace,
        {
            "n_blocks": [*INT, 0, 10],
            "operations": names,
            "has_distinct_inputs": FLAG,
            "concatenates_all": FLAG,
            "network": [*network, None],
        },
    )
    yield Case(CellSpace.nasnet, {"n_blocks": [*INT, 0], "network": network})
    yield Case(CellSpace.darts, {"network": network})
    numbers = ("n_classes", "in_channels", "n_cells")
    yield Case(
        CellNetworkConfig,
        {
            **{number: [*INT, 0] for number in numbers},
            "channels": [*INT, 0, 3],
            "n_stem_strides": [*INT, -1],
        },
    )
    yield Case(MobileSpace, {"n_classes": [*INT, 0]})
    operations = ["gcn", 3, None, ("conv",), (), ("skip",), ("gcn", "gcn")]
    yield Case(NASBenchGraphSpace, {"operations": operations})
    yield Case(NASBench101Space, {})
    yield Case(NASBench201Space, {})
    yield Case(NATSBenchSizeSpace, {})
    parts: list[Any] = [3, None, "x", {}, {3: [1]}, {"x": 3}, {"x": []}, {"x": (2, 1)}, ["x"]]
    functions: dict[str, list[Any]] = {
        name: [*FUNCTION, lambda: 1] for name in ("is_valid", "key")
    }
    yield Case(Space, {"params": parts, **functions}, lambda: {"params": {"x": (1, 9)}})


SPACES: list[Any] = [
    CellSpace.nasnet(n_blocks=2),
    MobileSpace(),
    NASBench101Space(),
    NASBench201Space(),
    NASBenchGraphSpace(),
    NATSBenchSizeSpace(),
    Space({"op": ["conv", "pool"], "width": (8, 256)}),
]
OF_ARCHITECTURES = ("params", "n_params", "flops", "draw", "build")


def space_cases() -> Iterator[Case]:
    for space in SPACES:
        is_drawn = hasattr(space, "sample")
        params = space.sample(np.random.default_rng(0)) if is_drawn else {"op": "conv", "width": 8}
        architecture = space.suggest(FixedTrial(params))
        for name, method in inspect.getmembers(space, inspect.ismethod):
            names = list(inspect.signature(method).parameters)
            if name.startswith("_") or isinstance(method.__self__, type):
                continue
            if name in OF_ARCHITECTURES:
                others: list[Any] = [3, None, "", type(architecture), ["a"]]
                wrong: dict[str, list[Any]] = {names[0]: others}
                if "image_size" in names:
                    wrong["image_size"] = [*INT, 0]
                good: dict[str, Any] = {names[0]: architecture}
            elif name == "suggest":
                wrong, good = {"trial": TRIAL}, {}
            elif name in ("sample", "sample_many"):
                wrong, good = {"rng": RNG}, {"rng": np.random.default_rng(0)}
                if "n" in names:
                    wrong["n"], good["n"] = [*INT, -1], 2
            elif name == "build_supernet":
                wrong, good = {}, {}
            else:
                wrong, good = {names[0]: PARAMS}, {}
            yield Case(method, wrong, partial(dict, good), {"columns": "params"})


def table_cases() -> Iterator[Case]:
    path = Path(__file__)
    yield Case(
        NASBench101Table.read,
        {"path": [3, None, b"file"], "expected_sha256": [3, "abc"], "uses_cache": FLAG},
        lambda: {"path": path},
    )
    yield Case(NASBench101Table.from_nasbench, {"nasbench": [3, None, "path", Path]})
    yield Case(tables.NASBench201Table, {"data_set": CHOICE})
    yield Case(tables.NASBenchGraphTable, {"data_set": CHOICE})
    yield Case(
        tables.NATSBenchTable,
        {"api": [3, None, "path"], "data_set": CHOICE, "epochs": [True, 12.0, "12", None, 13]},
        lambda: {"api": Api(), "data_set": "cifar10"},
    )


class Api:
    search_space_name = "tss"

    def query_index_by_arch(self, arch: str) -> int:
        return -1

    def get_more_info(self) -> None: ...

    def get_cost_info(self) -> None: ...


CASES = [
    *sampler_cases(),
    *study_cases(),
    *figure_cases(),
    *constructor_cases(),
    *space_cases(),
    *table_cases(),
]


@pytest.mark.parametrize(("case", "name", "value"), wrong_values(CASES))
def test_a_wrong_value_is_told_with_its_rule_and_remedy(case: Case, name: str, value: Any) -> None:
    check_wrong_value(case, name, value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_argument_has_wrong_values(case: Case) -> None:
    check_completeness(case)


def test_every_public_function_has_a_case() -> None:
    public = {
        name for module in (optuna_lanas, spaces, tables, visualization) for name in module.__all__
    }
    assert public - PLAIN - NO_FUNCTIONS == {
        case.call.__name__ for case in CASES if not hasattr(case.call, "__self__")
    } - {"publish", "PublishCallback"} | {"NASBench101Table"}


@pytest.mark.parametrize(
    "answer", [1.0, None, "1", ["1"], [None], {"a": 1.0}, {1.0}, [[1.0]], 1j, [1j], np.array(1.0)]
)
def test_constraints_that_are_no_sequence_of_numbers(answer: Any) -> None:
    sampler = LaNASSampler(seed=0, constraints_func=lambda trial: answer)
    study = optuna.create_study(sampler=sampler)
    with pytest.raises(TypeError, match=r"`constraints_func` must return a sequence of numbers, "):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)


def test_constraints_that_are_nan() -> None:
    sampler = LaNASSampler(seed=0, constraints_func=lambda trial: [NAN])
    study = optuna.create_study(sampler=sampler)
    with pytest.raises(ValueError, match=r"`constraints_func` must return numbers that are not"):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)


@pytest.mark.parametrize("answer", [[1], (0.5,), np.array([1.0]), [np.float32(1)], iter([1.0])])
def test_any_sequence_of_numbers_is_a_constraint(answer: Any) -> None:
    sampler = LaNASSampler(seed=0, constraints_func=lambda trial: answer)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert len(study.trials[0].system_attrs["constraints"]) == 1

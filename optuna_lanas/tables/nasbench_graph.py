"""NAS-Bench-Graph's measurements through its own package."""

from __future__ import annotations

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import needs
from optuna_lanas.spaces.nasbench_graph import check_architecture
from optuna_lanas.spaces.nasbench_graph import N_NODES
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphArchitecture
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphSpace
from optuna_lanas.tables.measurement import Measurement


DATA_SETS = (
    "arxiv",
    "citeseer",
    "computers",
    "cora",
    "cs",
    "photo",
    "physics",
    "proteins",
    "pubmed",
)


class NASBenchGraphTable:
    """NAS-Bench-Graph's validation and test scores, latencies and parameters.

    The measurements come from nas-bench-graph (``pip install 'optuna_lanas[tables]'``).

    Args:
        data_set: A name in ``DATA_SETS``; "proteins" has fewer operations.

    Raises:
        ValueError: If there is no such data set.
        ImportError: If nas-bench-graph is not installed.

    Example:
        .. testcode::

            from optuna_lanas.spaces import NASBenchGraphArchitecture
            from optuna_lanas.tables import NASBenchGraphTable

            table = NASBenchGraphTable("cora")
            print(table.query(NASBenchGraphArchitecture((0, 1, 2, 3), ("gcn", "gcn", "fc", "fc"))))
    """

    def __init__(self, data_set: str) -> None:
        check_choice("data_set", data_set, DATA_SETS)
        with needs("nas-bench-graph", "tables", "The measurements"):
            from nas_bench_graph import light_read

        self.data_set = data_set
        self._entries: dict[int, dict[str, float]] = light_read(data_set)
        self._space = NASBenchGraphSpace()

    def __len__(self) -> int:
        return len(self._entries)

    def query(self, architecture: NASBenchGraphArchitecture) -> Measurement:
        """Return the measurement of an architecture, or of an isomorphic one.

        Raises:
            KeyError: If the table has no such architecture.
            TypeError: If it is no NASBenchGraphArchitecture.
            ValueError: If it has unknown operations, or another structure.
        """
        check_architecture(architecture)
        params = {f"op_{node + 1}": architecture.ops[node] for node in range(N_NODES)}
        key = self._space.key({"structure": "".join(map(str, architecture.link)), **params})
        if key is None or key not in self._entries:
            raise KeyError(f"The table of {self.data_set} has no {architecture}.")
        entry = self._entries[key]
        return Measurement(
            validation_accuracy=float(entry["valid_perf"]),
            test_accuracy=float(entry["perf"]),
            n_params=round(float(entry["para"]) * 1e6),
            latency=float(entry["latency"]),
        )

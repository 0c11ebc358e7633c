"""Tables of trained architectures, for searches that train nothing."""

from optuna_lanas.tables.measurement import Measurement
from optuna_lanas.tables.nasbench101 import NASBench101Table
from optuna_lanas.tables.nasbench201 import NASBench201Table
from optuna_lanas.tables.nasbench_graph import NASBenchGraphTable
from optuna_lanas.tables.nats_bench import NATSBenchTable
from optuna_lanas.tables.tfrecord import TFRecordError


__all__ = [
    "Measurement",
    "NASBench101Table",
    "NASBench201Table",
    "NASBenchGraphTable",
    "NATSBenchTable",
    "TFRecordError",
]

"""Architecture spaces: what their parameters mean, which are valid and which are the same."""

from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.spaces.nasbench101 import NASBench101Space
from optuna_lanas.spaces.nasbench201 import NASBench201Space
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphArchitecture
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphSpace
from optuna_lanas.spaces.protocol import ArchitectureSpace


__all__ = [
    "ArchitectureSpace",
    "NASBench101Cell",
    "NASBench101Space",
    "NASBench201Space",
    "NASBenchGraphArchitecture",
    "NASBenchGraphSpace",
]

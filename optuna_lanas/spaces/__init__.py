"""Architecture spaces: their parameters, encodings, valid architectures and isomorphs."""

from optuna_lanas.spaces.cell import Block
from optuna_lanas.spaces.cell import CellArchitecture
from optuna_lanas.spaces.cell import CellNetworkConfig
from optuna_lanas.spaces.cell import CellSpace
from optuna_lanas.spaces.mobile import MobileArchitecture
from optuna_lanas.spaces.mobile import MobileSpace
from optuna_lanas.spaces.nasbench101 import NASBench101Cell
from optuna_lanas.spaces.nasbench101 import NASBench101Space
from optuna_lanas.spaces.nasbench201 import NASBench201Space
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphArchitecture
from optuna_lanas.spaces.nasbench_graph import NASBenchGraphSpace
from optuna_lanas.spaces.nats_bench_size import NATSBenchSizeSpace
from optuna_lanas.spaces.protocol import ArchitectureSpace
from optuna_lanas.spaces.space import Space


__all__ = [
    "ArchitectureSpace",
    "Block",
    "CellArchitecture",
    "CellNetworkConfig",
    "CellSpace",
    "MobileArchitecture",
    "MobileSpace",
    "NASBench101Cell",
    "NASBench101Space",
    "NASBench201Space",
    "NASBenchGraphArchitecture",
    "NASBenchGraphSpace",
    "NATSBenchSizeSpace",
    "Space",
]

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition


__all__ = ["LaNASSampler", "explain", "partition"]

from optuna_lanas import LaNASSampler


__all__ = ["LaNASSampler"]

"""Latent action neural architecture search (LaNAS) for Optuna."""

from optuna_lanas.sampler import LaNASSampler


__version__ = "0.1.0"

__all__ = ["LaNASSampler", "__version__"]

"""Training of architectures on images with torch; install ``optuna_lanas[torch]``."""

from optuna_lanas.training import _needs_torch  # noqa: F401
from optuna_lanas.training.config import TrainingConfig
from optuna_lanas.training.data import ImageData
from optuna_lanas.training.data import load_images
from optuna_lanas.training.folder import FolderData
from optuna_lanas.training.loop import train
from optuna_lanas.training.loop import TrainingResult
from optuna_lanas.training.loop import TrainingTimeoutError
from optuna_lanas.training.objective import TrainingObjective
from optuna_lanas.training.supernet import random_architecture
from optuna_lanas.training.supernet import SupernetObjective
from optuna_lanas.training.supernet import train_supernet
from optuna_lanas.training.workers import open_storage
from optuna_lanas.training.workers import optimize_on_devices


__all__ = [
    "FolderData",
    "ImageData",
    "SupernetObjective",
    "TrainingConfig",
    "TrainingObjective",
    "TrainingResult",
    "TrainingTimeoutError",
    "load_images",
    "open_storage",
    "optimize_on_devices",
    "random_architecture",
    "train",
    "train_supernet",
]

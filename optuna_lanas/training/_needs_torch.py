"""Says what to install where torch or torchvision is missing, before anything imports them."""

from optuna_lanas._checks import needs


with needs("torch and torchvision", "torch", "Training runs"):
    import torch  # noqa: F401
    import torchvision  # noqa: F401

"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass
import math

from optuna_lanas._checks import check_fields
from optuna_lanas._checks import check_float
from optuna_lanas._checks import check_int


_DEFAULT = "Leave it out for the default."


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training run: SGD with momentum and a cosine schedule.

    Attributes:
        n_epochs: Number of passes over the training images.
        batch_size: Images per step.
        learning_rate: Peak learning rate, reached after `n_warmup_epochs`.
        n_warmup_epochs: Epochs of linear warm-up.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty.
        label_smoothing: Share of the target spread over all classes.
        max_gradient_norm: Gradients above this norm are scaled down to it.
        crops: Whether images are cropped and mirrored at random (digits are never mirrored).
        auto_augment: Whether images pass through torchvision's AutoAugment.
        cutout: Side of the square cut out of each image, as a share of the image's side; 0 for
            none.
        cutmix: Probability that a batch is mixed by CutMix.
        ema_decay: Decay of an exponential moving average of the weights, which is then evaluated
            in their place; 0 for none.
        max_seconds: A longer run fails with :class:`TrainingTimeoutError`.
        device: A device of torch such as "cuda:1"; "auto" is a GPU where there is one.
        n_loader_workers: Number of processes that prepare augmented images; 0 for none.
        seed: Seed of weights, order and augmentation.

    Raises:
        TypeError: If a setting is of the wrong type.
        ValueError: If a setting is out of its range.

    Example:
        ::

            TrainingConfig(n_epochs=100, learning_rate=0.1, cutout=0.5, device="cuda:0")
    """

    n_epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 0.05
    n_warmup_epochs: int = 1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    max_gradient_norm: float = 5.0
    crops: bool = True
    auto_augment: bool = False
    cutout: float = 0.0
    cutmix: float = 0.0
    ema_decay: float = 0.0
    max_seconds: float = float("inf")
    device: str = "auto"
    n_loader_workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        check_int("n_epochs", self.n_epochs, 1, "30 is the default.")
        check_int("batch_size", self.batch_size, 1, "128 is the default.")
        check_int("n_loader_workers", self.n_loader_workers, 0, "0 loads without processes.")
        for name in ("learning_rate", "max_gradient_norm", "max_seconds"):
            check_float(name, getattr(self, name), "positive", _is_positive, _DEFAULT)
        for name in ("learning_rate", "weight_decay"):
            rule = "at least 0 and finite"
            check_float(name, getattr(self, name), rule, lambda v: 0 <= v < math.inf, _DEFAULT)
        for name in ("momentum", "label_smoothing", "cutout", "cutmix", "ema_decay"):
            check_float(name, getattr(self, name), "in 0 .. 1", lambda v: 0 <= v <= 1, _DEFAULT)
        if self.cutout == 1:
            raise ValueError(
                "`cutout` must be less than 1, got 1. Name a smaller share of the image's side: "
                "1 would leave no image."
            )
        if not 0 <= self.n_warmup_epochs <= self.n_epochs:
            raise ValueError(
                f"`n_warmup_epochs` must be in 0 .. {self.n_epochs} (`n_epochs`), got "
                f"{self.n_warmup_epochs}. Warm up for fewer epochs, or train longer."
            )

    @property
    def augments(self) -> bool:
        """Whether each image is augmented on its own, before it is in a batch."""
        return self.crops or self.auto_augment or self.cutout > 0


def _is_positive(number: float) -> bool:
    return number > 0

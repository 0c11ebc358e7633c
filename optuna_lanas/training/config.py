"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained: SGD with momentum and a cosine schedule.

    Attributes:
        n_epochs: Passes over the training images.
        batch_size: Images a step.
        learning_rate: Peak learning rate, reached after `n_warmup_epochs`.
        n_warmup_epochs: Epochs of linear warm-up.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty.
        label_smoothing: Share of the target spread over all classes.
        max_gradient_norm: Gradients are scaled down to this norm.
        crops: Whether images are shifted and, but for digits, mirrored at random.
        auto_augment: Whether torchvision's AutoAugment changes them as well.
        cutout: Side of a square cut out of each image, as a share of the image's side; 0 for none.
        cutmix: Probability that a batch is mixed by CutMix.
        ema_decay: Decay of the exponential moving average of the weights that is evaluated; 0
            evaluates the weights themselves.
        max_seconds: The run fails when it takes longer.
        device: "auto" takes a GPU where there is one; else a torch device such as "cuda:1".
        n_loader_workers: Processes that prepare augmented images.
        seed: Seed of weights, order and augmentation.
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
        for name in ("n_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        for name in ("learning_rate", "max_gradient_norm", "max_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be positive, got {getattr(self, name)}.")
        for name in ("momentum", "label_smoothing", "cutout", "cutmix", "ema_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be in 0 .. 1, got {getattr(self, name)}.")
        if self.cutout == 1:
            raise ValueError("`cutout` must be less than 1, which would leave nothing, got 1.")
        if not 0 <= self.n_warmup_epochs < self.n_epochs + 1:
            raise ValueError(
                f"`n_warmup_epochs` must be in 0 .. n_epochs, got {self.n_warmup_epochs}."
            )

    @property
    def augments(self) -> bool:
        """Whether images are changed one by one."""
        return self.crops or self.auto_augment or self.cutout > 0

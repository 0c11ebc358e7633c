"""What a table tells about an architecture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One training run of an architecture, or the mean of several; None where it is not recorded.

    Attributes:
        validation_accuracy: Accuracy on held-out images, for the search, in 0 .. 1.
        test_accuracy: Accuracy on the test set, for the report, in 0 .. 1.
        train_accuracy: Accuracy on the training set, in 0 .. 1.
        training_time: Seconds that the training took; their sum is a search's simulated time.
        n_params: Trainable parameters of the network.
        latency: Seconds of one forward pass.
    """

    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    train_accuracy: float | None = None
    training_time: float | None = None
    n_params: int | None = None
    latency: float | None = None

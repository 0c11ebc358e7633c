"""The measurement of an architecture, the answer of every table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """The measurement of an architecture: a training run, or the mean of several.

    A quantity that the table does not hold is None.

    Attributes:
        validation_accuracy: Accuracy on the validation set, for the search, in 0 .. 1.
        test_accuracy: Accuracy on the test set, for the report, in 0 .. 1.
        train_accuracy: Accuracy on the training set, in 0 .. 1.
        training_time: Seconds of training. Their sum over a search is its simulated time.
        n_params: Trainable parameters of the network.
        latency: Seconds of a forward pass.

    Example:
        .. testcode::

            from optuna_lanas.tables import Measurement

            print(Measurement(validation_accuracy=0.94, n_params=8_118_346))
    """

    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    train_accuracy: float | None = None
    training_time: float | None = None
    n_params: int | None = None
    latency: float | None = None

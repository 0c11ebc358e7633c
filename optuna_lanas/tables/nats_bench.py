"""NATS-Bench's measurements through its own API object."""

from __future__ import annotations

from typing import Any

from optuna_lanas._checks import check_choice
from optuna_lanas._checks import check_methods
from optuna_lanas._checks import check_text
from optuna_lanas.tables.measurement import Measurement


DATA_SETS = ("cifar10", "cifar100", "ImageNet16-120")
METHODS = ("query_index_by_arch", "get_more_info", "get_cost_info")
EPOCHS = {"tss": (12, 200), "sss": (1, 12, 90)}


class NATSBenchTable:
    """NATS-Bench's accuracies and training times, topology ("tss") or size space ("sss").

    Args:
        api: What ``nats_bench.create(path, "tss" or "sss", fast_mode=True)`` returns.
        data_set: "cifar10", "cifar100" or "ImageNet16-120".
        epochs: Epochs of training: 12 or 200 in the topology space, 1, 12 or 90 in the size space.

    Raises:
        TypeError: If ``api`` is another object.
        ValueError: If there is no such data set, search space or number of epochs.

    Example:
        ::

            api = nats_bench.create("NATS-sss-v1_0-50262-simple", "sss", fast_mode=True)
            space, table = NATSBenchSizeSpace(), NATSBenchTable(api, "cifar10", epochs=90)
            objective = lambda trial: table.query(space.suggest(trial)).validation_accuracy
    """

    def __init__(self, api: Any, data_set: str, epochs: int = 12) -> None:
        check_choice("data_set", data_set, DATA_SETS)
        remedy = 'Pass nats_bench.create(path, "tss", fast_mode=True).'
        check_methods("api", api, METHODS, "an object of nats_bench", remedy)
        check_choice("api.search_space_name", api.search_space_name, EPOCHS)
        check_choice("epochs", epochs, EPOCHS[api.search_space_name])
        self.data_set = data_set
        self.epochs = epochs
        self._api = api

    def query(self, architecture: str) -> Measurement:
        """Return the mean of all training runs of an architecture.

        On CIFAR-10 the validation accuracy is for training on half of the images, and the test
        accuracy for training on all of them. The training time is what a search pays: training and
        a pass over the validation images.

        Raises:
            KeyError: If the API has no such architecture.
            TypeError: If it is not a str.
        """
        check_text("architecture", architecture, "Pass what the space's `suggest` returns.")
        index = self._api.query_index_by_arch(architecture)
        if index < 0:
            raise KeyError(f"NATS-Bench has no architecture {architecture!r}.")
        search_set = "cifar10-valid" if self.data_set == "cifar10" else self.data_set
        search, report = self._info(index, search_set), self._info(index, self.data_set)
        costs = self._api.get_cost_info(index, self.data_set, hp=self._recipe)
        return Measurement(
            validation_accuracy=search["valid-accuracy"] / 100,
            test_accuracy=report["test-accuracy"] / 100,
            train_accuracy=search["train-accuracy"] / 100,
            training_time=search["train-all-time"] + search["valid-per-time"],
            n_params=round(costs["params"] * 1e6),
            latency=costs["latency"],
        )

    @property
    def _recipe(self) -> str:
        return f"{self.epochs:02d}"

    def _info(self, index: int, data_set: str) -> dict[str, float]:
        info: dict[str, float] = self._api.get_more_info(
            index, data_set, hp=self._recipe, is_random=False
        )
        return info

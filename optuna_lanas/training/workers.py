"""A worker process for each device, all on the same study."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import multiprocessing

import optuna
from optuna.storages import BaseStorage
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from optuna_lanas._checks import check_function
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_sequence
from optuna_lanas._checks import check_text
from optuna_lanas._checks import check_type
from optuna_lanas._checks import wrong_type
from optuna_lanas.training.objective import TrainingObjective


Sampler = Callable[[int], optuna.samplers.BaseSampler]
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def open_storage(storage: str) -> BaseStorage | str:
    """Return a storage that several processes can share.

    Args:
        storage: URL of a database, returned as it is, or path of a journal file.

    Example:
        ::

            storage = open_storage("results/journal.log")
            study = optuna.create_study(study_name="cells", storage=storage)
    """
    remedy = "Pass the URL of a database, or the path of a journal file."
    check_text("storage", storage, remedy)
    return storage if "://" in storage else JournalStorage(JournalFileBackend(storage))


def optimize_on_devices(
    objective: TrainingObjective,
    study_name: str,
    storage: str,
    sampler: Sampler,
    n_trials: int,
    devices: Sequence[str],
) -> None:
    """Optimise a study with a worker process for each device.

    Args:
        objective: The objective; it must be picklable.
        study_name: A study that exists in the storage.
        storage: URL of a database, or path of a journal file.
        sampler: Returns the sampler of a worker, given its number from 0. It must be picklable;
            let the number change the seed.
        n_trials: Number of finished trials of the study, including earlier trials, at which the
            workers stop. Trials that are then running are still finished.
        devices: Devices of torch, such as ("cuda:0", "cuda:1"). A device may occur repeatedly.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``n_trials`` is below 1.
        RuntimeError: If a worker ends with an error; the others finish first.

    Example:
        ::

            def make_sampler(worker: int) -> LaNASSampler:
                return LaNASSampler(space=space, seed=worker)


            if __name__ == "__main__":  # the workers import this file
                devices = ("cuda:0", "cuda:1")
                optimize_on_devices(objective, "cells", "journal.log", make_sampler, 100, devices)
    """
    check_type("objective", objective, TrainingObjective, "a TrainingObjective", "Make one.")
    check_text("study_name", study_name, "Pass `study.study_name`.")
    check_text("storage", storage, "Pass the URL of a database, or the path of a journal file.")
    rule = "a function from a worker's number to a sampler"
    remedy = "Define `def make_sampler(worker: int): return LaNASSampler(seed=worker)`."
    check_function("sampler", sampler, rule, remedy)
    check_int("n_trials", n_trials, 1, "It counts the earlier trials of the study too.")
    if not all(isinstance(device, str) for device in check_sequence("devices", devices)):
        raise wrong_type("devices", "names", devices, 'Pass, for example, ("cuda:0", "cuda:1").')
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=_work, args=(objective, study_name, storage, sampler, number, n_trials, device)
        )
        for number, device in enumerate(devices)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    failed = [str(d) for w, d in zip(workers, devices, strict=True) if w.exitcode]
    if failed:
        raise RuntimeError(
            f"The workers of `devices` must end without an error; {', '.join(failed)} ended with "
            f"an error, printed above. Correct its cause and call again: finished trials count."
        )


def _work(
    objective: TrainingObjective,
    study_name: str,
    storage: str,
    sampler: Sampler,
    number: int,
    n_trials: int,
    device: str,
) -> None:
    study = optuna.load_study(
        study_name=study_name, storage=open_storage(storage), sampler=sampler(number)
    )
    if sum(t.state in _FINISHED for t in study.get_trials(deepcopy=False)) >= n_trials:
        return
    stop = MaxTrialsCallback(n_trials, states=_FINISHED)
    study.optimize(objective.on_device(device), callbacks=[stop])

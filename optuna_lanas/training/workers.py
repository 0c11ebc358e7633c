"""Several devices as one worker process each, all on one storage."""

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

from optuna_lanas.training.objective import TrainingObjective


Sampler = Callable[[int], optuna.samplers.BaseSampler]
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def open_storage(storage: str) -> BaseStorage | str:
    """Return a storage that processes share: a URL as it is, else a journal file of that path."""
    return storage if "://" in storage else JournalStorage(JournalFileBackend(storage))


def optimize_on_devices(
    objective: TrainingObjective,
    study_name: str,
    storage: str,
    sampler: Sampler,
    n_trials: int,
    devices: Sequence[str],
) -> None:
    """Let one process a device work on a study until it has that many finished trials.

    Args:
        objective: What to optimise; it must pickle.
        study_name: A study that exists in the storage.
        storage: URL of a database, or path of a journal file.
        sampler: Makes the sampler of a worker from its number; it must pickle, and workers should
            get different seeds.
        n_trials: Finished trials of the study, earlier ones included, after which workers stop.
            Those then running are finished.
        devices: Torch devices, such as ("cuda:0", "cuda:1"); one may be named several times.

    Raises:
        RuntimeError: If a worker ends with an error.
    """
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
        raise RuntimeError(f"The workers of {', '.join(failed)} ended with an error.")


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

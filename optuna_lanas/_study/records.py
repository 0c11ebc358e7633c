"""The records of studies, each of which one thread uses at a time."""

from __future__ import annotations

import threading
from typing import Any
import weakref

import optuna

from optuna_lanas._study.propose import new_record
from optuna_lanas._study.propose import Settings
from optuna_lanas._study.record import Record


class Records:
    """The records of studies, one lock each; neither copied nor pickled with a sampler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: weakref.WeakKeyDictionary[Any, dict[Any, _Slot]] = weakref.WeakKeyDictionary()

    def of(self, study: optuna.Study, settings: Settings) -> _Slot:
        """Return a context manager for a study's record as it is now."""
        with self._lock:
            slots = self._slots.setdefault(study._storage, {})
            slot = slots.setdefault(study._study_id, _Slot())
        return slot.prepared(study, settings)

    def __reduce__(self) -> tuple[type[Records], tuple[()]]:
        return Records, ()


class _Slot:
    """A context manager that locks a study's record and brings it up to date."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._record: Record | None = None
        self._has_warned = False

    def prepared(self, study: optuna.Study, settings: Settings) -> _Slot:
        self._lock.acquire()
        try:
            trials = study.get_trials(deepcopy=False)
            if self._record is None or not self._record.can_follow(trials):
                self._record = new_record(study.directions, settings)
                self._record.has_warned = self._has_warned
            self._record.read(trials)
        except BaseException:
            self._record = None  # it may be half read
            self._lock.release()
            raise
        return self

    def __enter__(self) -> Record:
        assert self._record is not None, "`prepared` made it"
        return self._record

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        if self._record is not None:
            self._has_warned = self._record.has_warned
        if error is not None:
            self._record = None  # it may be half changed
        self._lock.release()

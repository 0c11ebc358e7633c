"""An exception at any line, a signal at any time, a fork at any time: nothing waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import gc
import itertools
import multiprocessing
from pathlib import Path
import random
import signal
import sys
from threading import Event
from threading import Thread
import time
from types import FrameType
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from optuna.trial import Trial
import pytest

import optuna_lanas
from optuna_lanas import LaNASSampler
from optuna_lanas._study.propose import _blas_limit
from tests.builders import CHEAP


PACKAGE = str(Path(optuna_lanas.__file__).parent)
LIMIT = 60.0  # seconds after which a thread or a process is taken to wait for ever
N_QUICK = 10  # lines of the quick test


class InterruptError(Exception):
    """What a time limit raises."""


def sampler() -> LaNASSampler:
    return LaNASSampler.from_settings(CHEAP, seed=0)


def objective(trial: Trial) -> float:
    is_b = trial.suggest_categorical("c", list("abc")) == "b"
    return is_b + trial.suggest_float("x", 0.0, 1.0) + trial.suggest_int("n", 0, 9)


def asking(n_before: int) -> tuple[optuna.Study, FrozenTrial]:
    """A study, and a trial of it that has asked for nothing yet."""
    study = optuna.create_study(sampler=sampler())
    study.optimize(objective, n_trials=n_before)
    study.ask()
    return study, study.get_trials()[-1]


def suggest(of: LaNASSampler, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    space = of.infer_relative_search_space(study, trial)
    return of.sample_relative(study, trial, space)


def in_time(work: Callable[[], Any]) -> Any:
    """What a function returns in another thread, which must not wait for ever."""
    results: list[Any] = []
    thread = Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert not thread.is_alive(), "it waits for a lock"
    return results[0]


@contextmanager
def raising_at(place: int) -> Iterator[list[str]]:
    """Raise at the line of the package that is entered as that; the list holds all before it."""
    lines: list[str] = []

    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            if len(lines) == place:
                raise InterruptError
        return line

    def call(frame: FrameType, *_: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield lines
    except InterruptError:
        pass
    finally:
        sys.settrace(before)


def check_lines(choose: Callable[[list[str]], list[int]]) -> None:
    """Check that an exception at chosen ones of a suggestion's lines leaves nothing behind."""
    study, trial = asking(14)
    suggest(sampler(), study, trial)  # all is imported
    with raising_at(0) as lines:
        expected = suggest(sampler(), study, trial)
    assert len(lines) > 1000
    for place in choose(lines):
        kept = sampler()
        with raising_at(place) as entered:
            suggest(kept, study, trial)
            assert len(entered) < place, f"lost at {entered[place - 1]}"
        found = in_time(partial(suggest, kept, study, trial))
        assert found == expected, entered[-1]
        assert not _blas_limit._users, entered[-1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_at_some_line_leaves_no_lock_held() -> None:
    check_lines(lambda lines: random.Random(0).sample(range(1, len(lines) + 1), N_QUICK))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_at_any_line_leaves_no_lock_held() -> None:
    """At every line that is entered for the first or second time, and at one in ten others."""

    def choose(lines: list[str]) -> list[int]:
        times, chosen = Counter[str](), []
        for place, line in enumerate(lines, start=1):
            times[line] += 1
            if times[line] <= 2 or place % 10 == 0:
                chosen.append(place)
        return chosen

    check_lines(choose)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="There are no timers.")
@pytest.mark.parametrize(
    "seconds", [0.3, pytest.param(20.0, marks=pytest.mark.slow)], ids=["quick", "long"]
)
def test_no_interrupt_is_lost_and_none_leaves_a_lock_held(seconds: float) -> None:
    """A one-shot timer at random: what its handler raises ends the search, every time."""

    def interrupt(*_: object) -> None:
        fired.set()
        raise InterruptError

    callbacks, gc.callbacks[:] = gc.callbacks[:], []  # those of Hypothesis lose interrupts
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # a log record would keep a traceback
    before = signal.signal(signal.SIGALRM, interrupt)
    rng, kept, fired = random.Random(0), sampler(), Event()
    study = optuna.create_study(sampler=kept)
    study.optimize(objective, n_trials=12)
    end = time.monotonic() + seconds
    try:
        for round_ in itertools.count():
            if time.monotonic() > end:
                break
            fired.clear()
            with pytest.raises(Exception):  # noqa: B017, PT011  Optuna may raise another for it
                interrupted_search(study, rng.uniform(2e-4, 6e-3), fired)
            if round_ % 20 == 0:
                in_time(partial(study.optimize, objective, n_trials=1))
            if len(study.get_trials(deepcopy=False)) > 120:
                study = optuna.create_study(sampler=kept)
                study.optimize(objective, n_trials=12)
    finally:
        signal.signal(signal.SIGALRM, before)
        gc.callbacks[:] = callbacks
        optuna.logging.set_verbosity(verbosity)
    gc.collect()  # the frames of interrupted users
    in_time(partial(study.optimize, objective, n_trials=1))
    assert not _blas_limit._users


def interrupted_search(study: optuna.Study, seconds: float, fired: Event) -> None:
    """Search until a timer interrupts it; return if the interrupt was lost."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        while not fired.is_set():
            study.optimize(objective, n_trials=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Processes are not forked.")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("is_shared", [False, True], ids=["own sampler", "shared sampler"])
def test_a_child_forked_while_a_thread_proposes_searches_on(is_shared: bool) -> None:
    """At 40 times; with a sampler of its own, and with the parent's."""
    shared = sampler()
    context, is_over = multiprocessing.get_context("fork"), Event()

    def in_parent() -> None:
        study = optuna.create_study(sampler=shared)
        while not is_over.is_set():
            study.optimize(objective, n_trials=1)

    def in_child() -> None:
        study = optuna.create_study(sampler=shared if is_shared else sampler())
        study.optimize(objective, n_trials=13)

    optuna.create_study(sampler=sampler()).optimize(objective, n_trials=15)  # all is imported
    thread = Thread(target=in_parent, daemon=True)
    thread.start()
    codes = []
    for _ in range(40):
        child = context.Process(target=in_child)
        child.start()
        child.join(LIMIT)
        if child.is_alive():
            child.kill()
            child.join()
        codes.append(child.exitcode)
    is_over.set()
    thread.join(LIMIT)
    assert codes == [0] * 40

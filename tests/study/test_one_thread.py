"""NumPy's BLAS has one thread while a proposal is made, and as many as before afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from threading import Thread
from typing import Any

import optuna
import pytest
from threadpoolctl import threadpool_info
from threadpoolctl import ThreadpoolController

from optuna_lanas import LaNASSampler
from optuna_lanas._core import suggest as search
from optuna_lanas._study import propose as trial_proposal
from optuna_lanas._study.one_thread import one_thread


N_THREADS = 2


def n_threads() -> int:
    """As many as NumPy's BLAS uses; SciPy may bring another one."""
    return min(int(i["num_threads"]) for i in threadpool_info() if i["user_api"] == "blas")


@pytest.fixture(autouse=True)
def _several_threads() -> Iterator[None]:
    before = n_threads()
    _set_in_a_thread(N_THREADS)
    yield
    _set_in_a_thread(before)


def _set_in_a_thread(number: int) -> None:
    """Set the number as a thread that is gone afterwards: a living one alone may change it."""

    def change() -> None:
        for library in ThreadpoolController().select(user_api="blas").lib_controllers:
            library.set_num_threads(number)

    thread = Thread(target=change)
    thread.start()
    thread.join()


def test_the_limit_lasts_as_long_as_the_outermost_context() -> None:
    with one_thread():
        with one_thread():
            assert n_threads() == 1
        assert n_threads() == 1
    assert n_threads() == N_THREADS


def test_the_limit_is_lifted_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), one_thread():
        raise ValueError("inside")
    assert n_threads() == N_THREADS


def test_threads_that_hold_it_in_turn_leave_what_was() -> None:
    begin = Barrier(4)

    def hold(_: int) -> int:
        begin.wait()
        for _ in range(50):
            with one_thread():
                held = n_threads()
        return held

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(hold, range(4))) == [1] * 4
    assert n_threads() == N_THREADS


def test_a_proposal_uses_one_thread_and_the_objective_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[int]] = {"proposal": set(), "objective": set()}
    suggest = search.suggest

    def spy(*args: Any) -> Any:
        seen["proposal"].add(n_threads())
        return suggest(*args)

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        seen["objective"].add(n_threads())
        return x

    monkeypatch.setattr(trial_proposal, "suggest", spy)
    study = optuna.create_study(sampler=LaNASSampler(seed=0, n_startup_trials=2))
    study.optimize(objective, n_trials=5)
    assert seen == {"proposal": {1}, "objective": {N_THREADS}}

"""Linear algebra on one thread.

On several, a small product waits longer for a busy core than it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any


# The limit is the process's: of two threads, one would restore what the other had set.
_LOCK = RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit NumPy's BLAS to one thread while the context lasts, for one caller at a time."""
    with _LOCK, _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> Any:
    """What is loaded, found once, as that takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

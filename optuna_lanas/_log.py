"""Messages of the package: through Optuna's logger, so that Optuna's verbosity rules them."""

from __future__ import annotations

from collections.abc import Hashable
import logging


# Below Optuna's own logger: it has its handler, its level and its propagation.
_logger = logging.getLogger("optuna.lanas")
_told: dict[Hashable, object] = {}


def warn_once(key: Hashable, message: str) -> None:
    """Log a warning unless this process has already logged one of the same key."""
    token = object()
    if _told.setdefault(key, token) is token:  # a single step, so no lock is needed
        _logger.warning(message)


def info_once(key: Hashable, message: str) -> None:
    """Log a message at INFO unless this process has already logged one of the same key."""
    token = object()
    if _told.setdefault(key, token) is token:
        _logger.info(message)


def is_informing() -> bool:
    """Return whether messages at INFO are shown."""
    return _logger.isEnabledFor(logging.INFO)

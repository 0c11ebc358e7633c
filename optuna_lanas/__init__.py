"""Latent action neural architecture search (LaNAS) for Optuna.

Each name is imported when it is first asked for, so that the package costs nothing until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


__version__ = "0.2.0"

__all__ = ["LaNASSampler", "explain", "partition", "__version__"]

_MODULES = {
    "LaNASSampler": "optuna_lanas.sampler",
    "explain": "optuna_lanas.explanation",
    "partition": "optuna_lanas.visualization",
}


if TYPE_CHECKING:
    from optuna_lanas.explanation import explain
    from optuna_lanas.sampler import LaNASSampler
    from optuna_lanas.visualization import partition
else:  # hidden from type checkers, which would take any name for one of the package's

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(_MODULES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

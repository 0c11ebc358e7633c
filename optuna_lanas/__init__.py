"""Latent action neural architecture search (LaNAS) for Optuna.

The sampler is imported when it is first asked for, so that the package costs nothing until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


__version__ = "0.1.0"

__all__ = ["LaNASSampler", "__version__"]


if TYPE_CHECKING:
    from optuna_lanas.sampler import LaNASSampler
else:  # hidden from type checkers, which would take any name for one of the package's

    def __getattr__(name: str) -> object:
        if name != "LaNASSampler":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from optuna_lanas.sampler import LaNASSampler

        globals()[name] = LaNASSampler
        return LaNASSampler

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

"""Samplers of OptunaHub, whose code `optunahub` fetches from its registry when first used.

A copy of the registry on the disk is read where `OPTUNAHUB_REGISTRY` names its folder.
"""

from __future__ import annotations

import os
from typing import Any

from optuna.samplers import BaseSampler


REGISTRY = "OPTUNAHUB_REGISTRY"


def sampler(package: str, name: str, **arguments: Any) -> BaseSampler:
    """Return a sampler of the registry.

    Args:
        package: Its folder in the registry, below `samplers`.
        name: Its class.
        **arguments: Those of the class.

    Raises:
        ImportError: If `optunahub`, or a package that the sampler asks for, is not installed.
    """
    try:
        import optunahub

        registry = os.environ.get(REGISTRY)
        if registry:
            module = optunahub.load_local_module(
                f"samplers/{package}", registry_root=os.path.join(registry, "package")
            )
        else:
            module = optunahub.load_module(f"samplers/{package}")
    except ImportError as error:
        raise ImportError(
            f"OptunaHub's {name} needs a package that is not installed ({error}). "
            "docs/benchmarks.md says what to install.",
            name=error.name,
        ) from error
    made: BaseSampler = getattr(module, name)(**arguments)
    return made

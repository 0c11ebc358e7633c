"""The problems by family and name."""

from __future__ import annotations

from examples.benchmarks import analog
from examples.benchmarks import bbob
from examples.benchmarks import conditional
from examples.benchmarks import graphs
from examples.benchmarks import nasbench101
from examples.benchmarks import synthetic
from examples.benchmarks import tables
from examples.benchmarks.problem import Problem


FAMILIES: dict[str, list[str]] = {
    "nasbench201": tables.names("nasbench201"),
    "nasbenchgraph": graphs.names(),
    "proteins": ["nasbenchgraph-proteins"],
    "nasbench101": ["nasbench101"],
    "nasbench101-official": nasbench101.names(),
    "hpolib": tables.names("hpolib"),
    "hpobench": tables.names("hpobench"),
    "analognas": analog.names(),
    "functions5d": synthetic.names("functions5d"),
    "functions10d": synthetic.names("functions10d"),
    "mixed": synthetic.names("mixed"),
    "conditional": list(conditional.SYNTHETIC),
    "bbob5d": bbob.names("bbob5d"),
    "bbob10d": bbob.names("bbob10d"),
}


def load(name: str, seed: int) -> Problem:
    """Return the problem of that name.

    Args:
        name: One of the names in `FAMILIES`.
        seed: Draws the instance of a function, and single runs where a problem is noisy; other
            tables are the same for every seed.

    Raises:
        ValueError: If no problem has that name.
    """
    family = family_of(name)
    if family in tables.BENCHMARKS:
        return tables.load(name)
    if family in ("nasbenchgraph", "proteins"):
        return graphs.load(name)
    if family == "analognas":
        return analog.load(name)
    if family in ("nasbench101", "nasbench101-official"):
        return nasbench101.load(name, seed)
    if family == "conditional":
        return conditional.load(name, seed)
    if family in ("bbob5d", "bbob10d"):
        return bbob.load(name, seed)
    return synthetic.load(name, seed)


def family_of(name: str) -> str:
    """Return the family that a problem belongs to."""
    for family, problems in FAMILIES.items():
        if name in problems:
            return family
    known = ", ".join(name for problems in FAMILIES.values() for name in problems)
    raise ValueError(f"`name` must be a problem of the catalogue ({known}), got {name!r}.")

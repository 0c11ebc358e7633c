"""`python -m optuna_lanas --version`, and `--environment` for reports of bugs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
import platform

from optuna_lanas import __version__


PACKAGES = ("optuna", "numpy", "scipy", "scikit-learn", "plotly", "optuna-dashboard", "torch")


def main(arguments: list[str] | None = None) -> None:
    """Answer the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m optuna_lanas",
        description="What to name in a report of a bug.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # does not fold the one line
    )
    name = f"optuna_lanas {__version__}"
    parser.add_argument("--version", action="version", version=name)
    parser.add_argument(
        "--environment",
        action="version",
        version=f"{name}: {environment()}",
        help="show the versions of everything that matters, in one line, and exit",
    )
    parser.parse_args(arguments)
    parser.print_help()


def environment(packages: Sequence[str] = PACKAGES) -> str:
    """Return the installed versions of what the package uses, and the system, in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join([*found, platform.platform()])


if __name__ == "__main__":
    main()

"""The command line: `python -m optuna_lanas --version`, and `--environment` for bug reports."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
import platform

from optuna_lanas import __version__


PACKAGES = ("optuna", "numpy", "scipy", "scikit-learn", "plotly", "optuna-dashboard", "torch")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m optuna_lanas",
        description="Show what a bug report should include.",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # does not fold the one line
    )
    name = f"optuna_lanas {__version__}"
    parser.add_argument("--version", action="version", version=name)
    parser.add_argument(
        "--environment",
        action="version",
        version=f"{name}: {environment()}",
        help="show the versions of the packages and the system in one line, and exit",
    )
    parser.parse_args(arguments)
    parser.print_help()


def environment(packages: Sequence[str] = PACKAGES) -> str:
    """Return the versions of the packages that are used, and the system, in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join([*found, platform.platform()])


if __name__ == "__main__":
    main()

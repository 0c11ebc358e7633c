"""Counts on a command line."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Return the int of a text, at least 1; argparse tells of anything else."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be an int of at least 1, got {text!r}")
    return number

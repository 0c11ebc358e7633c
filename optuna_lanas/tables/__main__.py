"""The command line: `python -m optuna_lanas.tables` makes NAS-Bench-101's compact file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
import sys

import numpy as np

from optuna_lanas._checks import needs
from optuna_lanas.tables import _nasbench101_compact
from optuna_lanas.tables import _nasbench101_files
from optuna_lanas.tables._nasbench101_files import Progress
from optuna_lanas.tables.tfrecord import TFRecordError


VARIABLE = "NASBENCH101_TABLE"
N_CELLS = 423_624


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; it ends with status 1 and a message where a file is wrong."""
    options = _parser().parse_args(arguments)
    try:
        source = _nasbench101_files.find(options.source)
        if _nasbench101_compact.is_archive(source):
            target, (arrays, digest) = source, _nasbench101_files.read_compact(source, None)
        else:
            target = options.output or _nasbench101_compact.cache_path(source)
            arrays, digest = _convert(source, target, options.sha256)
    except (TFRecordError, OSError, ImportError) as error:
        sys.exit(str(error))
    sys.stdout.write(_summary(target, arrays, digest))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m optuna_lanas.tables",
        description="Check NAS-Bench-101's official file and make the compact file, which is "
        "read in a second. Of a compact file, show what it holds.",
        epilog=f"{_nasbench101_files.WHERE} The benchmarks of this project take either file, "
        f"named by the environment variable {VARIABLE}.",
    )
    parser.add_argument(
        "source", type=Path, help="the official file, its folder, or a compact file"
    )
    parser.add_argument(
        "output", type=Path, nargs="?", help="the compact file, by default SOURCE.npz"
    )
    parser.add_argument(
        "--sha256", help="the SHA-256 of the source; by default that of an official file's name"
    )
    return parser


def _convert(source: Path, target: Path, sha256: str | None) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of an official file and its SHA-256, after writing the compact file."""
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(
            f"`output` must lie in a folder that exists, got {target}. Make the folder first."
        )
    if target.exists() and source.samefile(target):
        raise FileExistsError(
            f"`output` must be another file than the source, got {target} twice."
        )
    stamp = _nasbench101_compact.stamp_of(source)
    with _bar(2 * source.stat().st_size) as progress:
        arrays, digest = _nasbench101_files.read_official(source, sha256, progress)
    _nasbench101_compact.save(target, arrays, digest, stamp)
    return arrays, digest


@contextmanager
def _bar(n_bytes: int) -> Iterator[Progress]:
    """Show a progress bar while the body runs: first the SHA-256, then the records."""
    with needs("tqdm", "tables", "Progress bars"):
        from tqdm import tqdm
    with tqdm(total=n_bytes, unit="B", unit_scale=True, desc="SHA-256, records") as bar:
        yield bar.update


def _summary(target: Path, arrays: dict[str, np.ndarray], digest: str) -> str:
    """Return what a compact file holds, and how the benchmarks find it."""
    n, budgets = len(arrays["hashes"]), arrays["budgets"].tolist()
    official = {value: name for name, value in _nasbench101_files.OFFICIAL_SHA256.items()}
    size = target.stat().st_size / 1e6
    origin = official.get(digest, "no official file" if digest else "no file")
    lines = [
        f"{target}: {size:.0f} MB, {n:,} of {N_CELLS:,} cells, epochs {budgets}",
        f"made from {origin} (SHA-256 {digest or 'none'})",
        f"export {VARIABLE}={target.absolute()}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

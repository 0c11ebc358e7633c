"""A worker on a database: PostgreSQL, MySQL, or SQLite for a few processes of one machine.

    python -m examples.distributed.database postgresql+psycopg2://user:password@host/database

Start it once per worker, on any machine that reaches the database. A worker that dies leaves a
running trial behind; by the heartbeat the other workers mark it as failed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import optuna
from optuna.storages import RDBStorage

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Run trials of the study and print what all workers have found by then."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.database")
    parser.add_argument("url", help="an SQLAlchemy URL")
    parser.add_argument("--trials", type=int, default=20, help="trials of this worker")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="digits",
        storage=RDBStorage(options.url, heartbeat_interval=60),  # seconds
        load_if_exists=True,
        direction="maximize",
        sampler=LaNASSampler(seed=0),
    )
    study.optimize(objective, n_trials=options.trials)
    report(study)


if __name__ == "__main__":
    main()

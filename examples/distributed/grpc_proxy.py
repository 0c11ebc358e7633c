"""Hundreds of workers on one database, behind Optuna's gRPC storage proxy.

    python -m examples.distributed.grpc_proxy serve sqlite:///results/digits.sqlite3
    python -m examples.distributed.grpc_proxy work --host localhost

One process serves the database. Workers need no database driver, and the number of connections
does not grow with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import optuna
from optuna.storages import get_storage
from optuna.storages import GrpcStorageProxy
from optuna.storages import run_grpc_proxy_server

from examples.distributed.digits import objective
from examples.distributed.digits import report
from optuna_lanas import LaNASSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a database until stopped, or run trials as a worker."""
    parser = argparse.ArgumentParser(prog="python -m examples.distributed.grpc_proxy")
    commands = parser.add_subparsers(required=True, dest="command")
    server = commands.add_parser("serve", help="serve a database to the workers")
    server.add_argument("url", help="an SQLAlchemy URL")
    worker = commands.add_parser("work", help="run trials")
    worker.add_argument("--trials", type=int, default=20)
    for command in (server, worker):
        command.add_argument("--host", default="localhost")
        command.add_argument("--port", type=int, default=13_000)
    options = parser.parse_args(arguments)
    if options.command == "serve":
        run_grpc_proxy_server(get_storage(options.url), host=options.host, port=options.port)
    else:
        work(options.host, options.port, options.trials)


def work(host: str, port: int, n_trials: int) -> None:
    """Run trials of the study and print what all workers have found by then."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = GrpcStorageProxy(host=host, port=port)
    storage.wait_server_ready(timeout=60)
    study = optuna.create_study(
        study_name="digits",
        storage=storage,
        load_if_exists=True,
        direction="maximize",
        sampler=LaNASSampler(seed=0),
    )
    study.optimize(objective, n_trials=n_trials)
    report(study)


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# Optuna's command line and LaNAS on one storage.
#
#     bash examples/dropin/optuna_cli.sh [FILE]
#
# `optuna ask` knows only Optuna's own samplers by name, so a worker in Python asks LaNAS. All
# other commands read and write the storage, whichever sampler proposed the trials.
set -euo pipefail

file=${1:-results/cli.sqlite3}
mkdir -p "$(dirname "$file")"
storage=sqlite:///$file
study=(--storage "$storage" --study-name digits)
space='{"n_layers": {"name": "IntDistribution",
                     "attributes": {"low": 1, "high": 3, "log": false, "step": 1}}}'

optuna create-study "${study[@]}" --direction maximize --skip-if-exists

# before: the command line asks for a trial and tells its value
number=$(optuna -q ask "${study[@]}" --sampler TPESampler --search-space "$space" -f json |
    python -c 'import json, sys; print(json.load(sys.stdin)["number"])')
optuna tell "${study[@]}" --trial-number "$number" --values 0.5

# after: trials that LaNAS proposes
python -m examples.distributed.database "$storage" --trials "${TRIALS:-12}"

optuna best-trial "${study[@]}" -f json

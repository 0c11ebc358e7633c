"""Other tools with LaNASSampler, each for real; `docs/integrations.md` lists their versions."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np
import optuna
from optuna import importance
from optuna import terminator
from optuna.trial import TrialState
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler


pytestmark = [
    pytest.mark.slow,
    # Optuna 4.9 deprecates some callbacks and its terminator.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def objective(trial: optuna.Trial) -> float:
    x, kind = trial.suggest_float("x", -5, 5), trial.suggest_categorical("kind", ["a", "b"])
    return (x - 1) ** 2 + (kind == "a")


def study_of(sampler: LaNASSampler | None = None, **options: Any) -> optuna.Study:
    return optuna.create_study(sampler=sampler or LaNASSampler(seed=0), **options)


def is_of_lanas(study: optuna.Study) -> bool:
    """Whether LaNAS proposed every trial; the first has no parameters that it knows of."""
    return all(explain(study, trial.number).is_recorded for trial in study.trials[1:])


def test_optuna_search_cv() -> None:
    sklearn = pytest.importorskip("optuna_integration.sklearn", reason="needs optuna-integration")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    study = study_of(direction="maximize")
    distributions = {"C": optuna.distributions.FloatDistribution(1e-3, 10, log=True)}
    model = LogisticRegression(max_iter=1_000)
    search = sklearn.OptunaSearchCV(model, distributions, n_trials=12, study=study, verbose=0)
    search.fit(*load_iris(return_X_y=True))
    assert search.best_score_ > 0.9
    assert is_of_lanas(study)


def test_lightgbm_tuner() -> None:
    """It tunes step by step with a grid and TPE, whichever sampler its study has."""
    lightgbm = pytest.importorskip("lightgbm", reason="needs lightgbm")
    tuners = pytest.importorskip("optuna_integration.lightgbm", reason="needs optuna-integration")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    sets = [lightgbm.Dataset(part, part[:, 0] > 0) for part in (x[:80], x[80:])]
    params = {"objective": "binary", "metric": "binary_logloss", "verbosity": -1, "num_threads": 1}
    study = study_of()
    tuner = tuners.LightGBMTuner(
        params, sets[0], valid_sets=sets[1:], num_boost_round=3, study=study, optuna_seed=0,
        show_progress_bar=False,
    )  # fmt: skip
    tuner.run()
    assert not is_of_lanas(study)


def test_xgboost_pruning() -> None:
    xgboost = pytest.importorskip("xgboost", reason="needs xgboost")
    callbacks = pytest.importorskip("optuna_integration.xgboost", reason="needs its integration")
    x = np.random.default_rng(0).normal(size=(200, 3))
    train, valid = (xgboost.DMatrix(part, part.sum(axis=1) > 0) for part in (x[:150], x[150:]))

    def boosted(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("eta", 1e-3, 1.0, log=True)
        params = {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "eta": rate,
            "nthread": 1,
        }
        callback = callbacks.XGBoostPruningCallback(trial, "valid-logloss")
        found: dict[str, Any] = {}
        xgboost.train(
            params, train, 15, evals=[(valid, "valid")], evals_result=found, verbose_eval=False,
            callbacks=[callback],
        )  # fmt: skip
        return float(found["valid"]["logloss"][-1])

    study = study_of(pruner=optuna.pruners.MedianPruner(n_startup_trials=5))
    study.optimize(boosted, n_trials=20)
    assert {t.state for t in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert is_of_lanas(study)


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    callbacks = pytest.importorskip("optuna_integration.mlflow", reason="needs its integration")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    callback = callbacks.MLflowCallback(tracking_uri=uri, metric_name="loss")
    study = study_of(LaNASSampler(seed=0, show_leaf=True), study_name="watched")
    study.optimize(objective, n_trials=8, callbacks=[callback])
    mlflow.set_tracking_uri(uri)
    runs = mlflow.search_runs(experiment_names=["watched"])
    assert sorted(runs["metrics.loss"]) == sorted(study.trials_dataframe()["value"])
    assert set(runs["params.kind"]) == {"a", "b"}
    leaves = dict(zip(runs["tags.number"], runs["tags.lanas:leaf"], strict=True))
    assert leaves["7"] == study.trials[7].user_attrs["lanas:leaf"]


@pytest.mark.parametrize("as_multirun", [False, True])
def test_wandb_offline(as_multirun: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="needs wandb")
    callbacks = pytest.importorskip("optuna_integration.wandb", reason="needs its integration")
    monkeypatch.setenv("WANDB_SILENT", "true")
    options = {"mode": "offline", "project": "watched", "dir": str(tmp_path)}
    callback = callbacks.WeightsAndBiasesCallback("loss", options, as_multirun=as_multirun)
    study = study_of()
    study.optimize(objective, n_trials=8, callbacks=[callback])
    wandb.finish()
    wandb.teardown()  # its own process writes the files
    files = list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == (8 if as_multirun else 1)
    assert min(file.stat().st_size for file in files) > 100
    assert is_of_lanas(study)


TENSORBOARD = """
import optuna
from optuna_integration.tensorboard import TensorBoardCallback
from optuna_lanas import explain, LaNASSampler

callback = TensorBoardCallback("logs", metric_name="loss")
study = optuna.create_study(sampler=LaNASSampler(seed=0))
study.optimize(lambda t: t.suggest_float("x", -5, 5) ** 2, n_trials=8, callbacks=[callback])
print(*(explain(study, trial.number).is_recorded for trial in study.trials[1:]))
"""


def test_tensorboard(tmp_path: Path) -> None:
    """In a process of its own: TensorFlow and PyTorch do not get on in one."""
    for package in ("tensorflow", "tensorboard"):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    pytest.importorskip("optuna_integration", reason="needs optuna-integration")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", TENSORBOARD],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 7
    assert len(list(tmp_path.glob("logs/trial-*/events.out.tfevents*"))) == 8


TERMINATORS: dict[str, Callable[[], Any]] = {
    "best value": lambda: terminator.Terminator(
        terminator.BestValueStagnationEvaluator(8), terminator.StaticErrorEvaluator(0.0)
    ),
    "expected minimum regret": lambda: terminator.Terminator(
        terminator.EMMREvaluator(), terminator.MedianErrorEvaluator(terminator.EMMREvaluator())
    ),
}


@pytest.mark.parametrize("name", TERMINATORS)
def test_terminator(name: str) -> None:
    if name == "expected minimum regret":
        pytest.importorskip("torch", reason="needs torch")
    study = study_of()
    callback = terminator.TerminatorCallback(TERMINATORS[name]())
    study.optimize(objective, n_trials=80, callbacks=[callback])
    assert 15 < len(study.trials) < 80
    assert study.best_value < 0.1


@pytest.mark.parametrize(
    "evaluator",
    [
        importance.FanovaImportanceEvaluator(n_trees=8, seed=0),
        importance.MeanDecreaseImpurityImportanceEvaluator(n_trees=8, seed=0),
        importance.PedAnovaImportanceEvaluator(),
    ],
    ids=lambda evaluator: type(evaluator).__name__,
)
def test_importance(evaluator: Any) -> None:
    study = study_of()
    study.optimize(objective, n_trials=30)
    found = importance.get_param_importances(study, evaluator=evaluator)
    assert found["x"] > found["kind"]


def test_figures() -> None:
    pytest.importorskip("plotly", reason="needs plotly")
    study = study_of(LaNASSampler(seed=0, show_leaf=True))
    study.optimize(objective, n_trials=12)
    figures = optuna.visualization
    for name in ("optimization_history", "slice", "contour", "parallel_coordinate", "rank", "edf"):
        assert getattr(figures, f"plot_{name}")(study).data, name

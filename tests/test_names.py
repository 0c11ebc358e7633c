"""Names, choices and attributes of every kind that Optuna takes: nothing raises, nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.storages import InMemoryStorage
from optuna.storages import JournalStorage
from optuna.storages import RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial
import pytest

from optuna_lanas import explain
from optuna_lanas import LaNASSampler
from optuna_lanas import partition
from optuna_lanas import visualization
from optuna_lanas._study.published import KEY
from optuna_lanas.visualization._note import to_note
from tests.studies import default
from tests.studies import FIGURES
from tests.studies import Make
from tests.studies import paper


Objective = Callable[[Trial], float]
N_TRIALS = 14
TEXTS = ["\ud800", "x\x00y", "line\nbreak", "carriage\rreturn", "\x1b[31mred", "x\u2028y", "\x85"]
NAMES: list[Any] = [*TEXTS, "", "a" * 600, "<b>|`", 3, -1, 2.5, None, True, ("t", 1), b"b"]
CHOICES: list[Any] = [
    *([text, "plain"] for text in TEXTS),
    *([[1], [2]], [{"a": 1}, {"b": 2}], [(1, 2), (3,)], [{1}, {2}], [b"x", b"y"], [1 + 2j, 2]),
    *([float("nan"), 1.0], [float("nan"), float("nan"), 1], [None, True], [1, True, 1.0, "1"]),
]
STORAGES: dict[str, Callable[[Path], BaseStorage]] = {
    "memory": lambda path: InMemoryStorage(),
    "sqlite": lambda path: RDBStorage(f"sqlite:///{path}/studies.db"),
    "journal": lambda path: JournalStorage(JournalFileBackend(str(path / "studies.log"))),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:Choices for a categorical distribution"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


def searched(
    make: Make, objective: Callable[[Trial], float], storage: BaseStorage, name: str | None = None
) -> optuna.Study:
    study = optuna.create_study(sampler=make(), storage=storage, study_name=name)
    study.optimize(objective, n_trials=N_TRIALS)
    return study


def check_texts(study: optuna.Study) -> None:
    """Check that no text that the package makes holds a character that controls a terminal."""
    view = partition(study, target_name="a\rtarget\x1b")
    for text in (str(explain(study, N_TRIALS - 1)), str(view), to_note(study, view)):
        assert text.replace("\n", "").isprintable(), ascii(text)
        assert text.encode()


def check_figures(study: optuna.Study) -> None:
    """Check that neither does a figure, with a panel for each parameter."""
    view = partition(study, target_name="a\rtarget\x1b")
    figures = [plot(view) for plot in FIGURES]
    for figure in [*figures, visualization.plot_parameters(view, n_parameters=99)]:
        content = json.loads(figure.to_json())
        for text in texts([content["data"], content["layout"].get("title")]):
            assert text.isprintable(), ascii(text)


def texts(content: Any) -> Iterator[str]:
    """All texts inside JSON."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from texts(part)


def named(name: Any) -> Objective:
    return lambda trial: trial.suggest_float(name, 0, 1) + trial.suggest_int("k", 0, 9)


def chosen(choices: list[Any]) -> Objective:
    def objective(trial: Trial) -> float:
        choice = trial.suggest_categorical("c", choices)
        assert any(type(choice) is type(other) for other in choices)
        value: float = trial.suggest_float("x", 0, 1) - len(repr(choice))
        return value

    return objective


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_parameters_of_any_name(make: Make, name: Any) -> None:
    check_texts(searched(make, named(name), InMemoryStorage()))


def test_names_of_many_kinds_at_once(make: Make) -> None:
    study = searched(
        make, lambda t: sum(t.suggest_float(n, 0, 1) for n in NAMES), InMemoryStorage()
    )
    check_texts(study)
    if make is paper:  # figures see the params, not the sampler
        check_figures(study)


def test_choices_of_many_kinds_at_once(make: Make) -> None:
    def objective(trial: Trial) -> float:
        chosen = [trial.suggest_categorical(f"c{i}", each) for i, each in enumerate(CHOICES)]
        return float(sum(len(repr(choice)) for choice in chosen))

    study = searched(make, objective, InMemoryStorage())
    check_texts(study)
    if make is paper:
        check_figures(study)


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [*map(named, NAMES), *map(chosen, CHOICES)],
    ids=[ascii(each)[:30] for each in [*NAMES, *CHOICES]],
)
def test_any_name_and_choice_is_drawn(make: Make, objective: Objective) -> None:
    check_figures(searched(make, objective, InMemoryStorage()))


@pytest.mark.parametrize("choices", CHOICES, ids=lambda choices: ascii(choices)[:30])
def test_choices_of_any_kind(make: Make, choices: list[Any]) -> None:
    check_texts(searched(make, chosen(choices), InMemoryStorage()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize(
    "objective",
    [*map(named, NAMES), *map(chosen, CHOICES)],
    ids=[ascii(each)[:30] for each in [*NAMES, *CHOICES]],
)
def test_what_a_storage_takes_is_searched(
    make: Make, objective: Callable[[Trial], float], kind: str, tmp_path: Path
) -> None:
    for folder in ("random", "own"):
        (tmp_path / folder).mkdir()
    try:
        searched(optuna.samplers.RandomSampler, objective, STORAGES[kind](tmp_path / "random"))  # type: ignore[arg-type]
    except Exception:
        pytest.skip("Optuna does not take it")
    study = searched(make, objective, STORAGES[kind](tmp_path / "own"))
    check_texts(study)
    check_figures(study)


@pytest.mark.parametrize("name", TEXTS, ids=ascii)
def test_studies_of_any_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def objective(trial: Trial) -> float:
        late = trial.suggest_int(f"late{name}", 0, 3) if trial.number > 10 else 0
        return trial.suggest_float("x", 0, 1) + late

    check_texts(searched(default, objective, InMemoryStorage(), name))
    assert capsys.readouterr().err.replace("\n", "").isprintable()


GIVEN: list[Any] = [
    *(10**400, -(10**400), 10**5000, "\ud800", [1], {"a": [[]]}, None, float("nan"), True, "nan"),
    *(float("inf"), b"x", object(), (1, 2), 1j, {1}),
]


@pytest.mark.parametrize("value", GIVEN, ids=lambda value: type(value).__name__)
def test_params_of_any_kind_in_waiting_and_running_trials(make: Make, value: Any) -> None:
    def objective(trial: Trial) -> float:
        x, k = trial.suggest_float("x", 0, 1), trial.suggest_int("k", 0, 9)
        return x + k + trial.suggest_categorical("c", [0, 1, 2])

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=5)
    for name in ("x", "k", "c", "unknown", 3):
        study.enqueue_trial({name: value})  # type: ignore[dict-item]
    for _ in range(5):
        study.ask()
    study.optimize(objective, n_trials=9)
    assert all(t.state == optuna.trial.TrialState.COMPLETE for t in study.trials[10:])


@pytest.mark.parametrize(
    "content",
    [
        *("[" * 100_000, '{"params":{"x":[[[]]],"k":{"a":1}}}', '{"params":{"x":"\\ud800"}}'),
        *('{"params":{"x":1e999,"k":' + "9" * 400 + "}}", {"params": [[]]}, [[]], 3, "\ud800"),
    ],
    ids=lambda content: ascii(content)[:20],
)
def test_foreign_attributes_of_running_and_ended_trials(make: Make, content: Any) -> None:
    def objective(trial: Trial) -> float:
        trial.set_user_attr("\ud800\n", {"a": content})
        return trial.suggest_float("x", 0, 1) + trial.suggest_int("k", 0, 9)

    study = optuna.create_study(sampler=make())
    study.optimize(objective, n_trials=5)
    for trial in (study.ask(), study.ask()):
        study._storage.set_trial_system_attr(trial._trial_id, KEY, content)
    study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    study.optimize(objective, n_trials=9)
    assert str(explain(study, 6))
    assert len(study.trials) == 16


def test_deeply_nested_attributes_of_users_are_not_looked_at() -> None:
    nested: list[Any] = []
    for _ in range(600):
        nested = [nested]

    def objective(trial: Trial) -> float:
        trial.set_user_attr("nested", nested)
        return trial.suggest_float("x", 0, 1)

    study = optuna.create_study(sampler=LaNASSampler(seed=0, n_startup_trials=3))
    for _ in range(N_TRIALS):  # `optimize` would copy the attributes itself
        trial = study.ask()
        study._storage.set_trial_state_values(
            trial._trial_id, optuna.trial.TrialState.COMPLETE, [objective(trial)]
        )
    check_texts(study)

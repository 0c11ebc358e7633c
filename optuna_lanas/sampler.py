"""LaNASSampler: trials in, params out."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import fields
from dataclasses import replace
from html import escape
import math
from typing import Any
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

from optuna_lanas._checks import check_flag
from optuna_lanas._checks import check_float
from optuna_lanas._checks import check_function
from optuna_lanas._checks import check_int
from optuna_lanas._checks import check_type
from optuna_lanas._checks import shown
from optuna_lanas._core.ranges import check_settings
from optuna_lanas._core.settings import DEFAULT
from optuna_lanas._core.settings import PUBLISHED
from optuna_lanas._core.settings import Settings
from optuna_lanas._log import warn_once
from optuna_lanas._progress import tell_progress
from optuna_lanas._study.architecture import checked_space
from optuna_lanas._study.architecture import space_distributions
from optuna_lanas._study.distributions import has_list
from optuna_lanas._study.propose import make_rng
from optuna_lanas._study.propose import propose
from optuna_lanas._study.propose import propose_again
from optuna_lanas._study.propose import to_json
from optuna_lanas._study.published import Decision
from optuna_lanas._study.published import KEY
from optuna_lanas._study.record import Record
from optuna_lanas._study.record import Records
from optuna_lanas._study.transform import make_transform


if TYPE_CHECKING:
    from optuna_lanas._study.earlier import EarlierStudies

LEAF_KEY = "lanas:leaf"
N_SHOWN = 3
ARGUMENTS = (  # of the constructor that are settings
    *("n_startup_trials", "exploration", "max_depth", "min_samples_leaf"),
    *("avoid_duplicates", "consider_failed_trials"),
)
PAPER_ARGUMENTS = "height", "n_select", "exploration", "n_startup_trials", "ridge", "use_ranks"


class LaNASSampler(BaseSampler):
    """Sampler using latent action neural architecture search (LaNAS).

    From the study's own history it learns a tree of *latent actions*: linear models of the
    objective, each of which splits a region of the search space into a good and a bad part. A leaf
    is selected by upper confidence bounds. The region of a node on the leaf's path is then
    searched for the point of greatest expected improvement, under a Gaussian process of the
    observations nearest to that node.

    The study is the only state. The same history, seed and trial number give the same suggestion,
    whichever worker asks and whatever it remembers, for the same versions of NumPy and SciPy.

    Example:
        .. testcode::

            import optuna
            from optuna_lanas import LaNASSampler


            def objective(trial):
                depth = trial.suggest_int("depth", 1, 8)
                operation = trial.suggest_categorical("operation", ["conv", "pool", "skip"])
                rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
                return depth * (operation == "conv") - abs(rate - 1e-3)


            study = optuna.create_study(direction="maximize", sampler=LaNASSampler(seed=0))
            study.optimize(objective, n_trials=30)

    Args:
        seed: Seed of all draws; None for a fresh one. Workers may share it, since it is mixed
            with the trial's number.
        n_startup_trials: Number of finished trials before the first one that a model proposes.
            Until then trials are drawn at random, without repeats. 0 lets the model start from
            one finished trial.
        space: An architecture space (see `optuna_lanas.spaces.ArchitectureSpace`), which knows
            the encoding, validity and isomorphs of its architectures. None for parameters as
            they are.
        exploration: c of the UCB formula, in units of the mean rank, which lies in (0, 1). The
            greater, the more often regions with few trials are visited. 0 follows the best mean.
        max_depth: Greatest number of latent actions on a path: at most ``2 ** max_depth`` regions.
            0 for no tree.
        min_samples_leaf: Least number of trials in a region, at least 1.
        avoid_duplicates: Whether a configuration is tried once only, as long as there are untried
            ones. False for a noisy objective whose repeats are wanted.
        consider_failed_trials: Whether regions that fail are left: a failed trial counts as the
            worst value, unless most of its nearest neighbours did not fail. If False, failed
            trials are only not repeated.
        independent_sampler: Draws a parameter that no trial has asked for before. During the
            start-up it also draws a parameter whose proposed value is outside its range. None for
            uniform draws.
        warn_independent_sampling: Whether to warn, once per study, when a parameter is drawn
            independently after the start-up.
        constraints_func: From a finished trial to a sequence of numbers, of which those above 0
            are violations. For Optuna 4; with Optuna 5 prefer ``trial.set_constraint``.
        show_leaf: Whether to keep each trial's leaf as its user attribute ``lanas:leaf``, which
            Optuna Dashboard shows as a column.
        earlier: Finished studies, or lists of their trials, of the same parameters or of some of
            them: what they found is tried first, and their values guide the search as far as
            they order the new ones. They are read at once. Values may have other units, and
            those of a study its own direction. None to learn from the study alone.

    Raises:
        ValueError: If an argument is outside its range.
        TypeError: If an argument is of the wrong type.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        n_startup_trials: int = 5,
        space: Any | None = None,
        exploration: float = 0.1,
        max_depth: int = 5,
        min_samples_leaf: int = 5,
        avoid_duplicates: bool = True,
        consider_failed_trials: bool = True,
        independent_sampler: BaseSampler | None = None,
        warn_independent_sampling: bool = True,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        show_leaf: bool = False,
        earlier: Sequence[optuna.Study | Sequence[FrozenTrial]] | None = None,
    ) -> None:
        check_int("n_startup_trials", n_startup_trials, 0, "0 starts from one trial; 5 is usual.")
        check_int("max_depth", max_depth, 0, "0 searches without a tree; 5 is the default.")
        check_int("min_samples_leaf", min_samples_leaf, 1, "A region needs a trial; 5 is usual.")
        _check_exploration(exploration, "0 follows the best mean; 0.1 is the default.")
        check_flag("avoid_duplicates", avoid_duplicates)
        check_flag("consider_failed_trials", consider_failed_trials)
        check_flag("warn_independent_sampling", warn_independent_sampling)
        check_flag("show_leaf", show_leaf)
        _check_optional(independent_sampler, constraints_func)
        settings = replace(
            DEFAULT,
            n_startup_trials=n_startup_trials,
            exploration=exploration,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            avoid_duplicates=avoid_duplicates,
            consider_failed_trials=consider_failed_trials,
        )
        self._search(settings, space, seed, earlier)
        self._show_leaf = show_leaf
        self._independent_sampler = independent_sampler
        self._warns_of_independent_sampling = warn_independent_sampling
        self._constraints_func = constraints_func

    @classmethod
    def paper(
        cls,
        *,
        seed: int | None = None,
        height: int = 5,
        n_select: int = 100,
        exploration: float = 0.5,
        n_startup_trials: int | None = None,
        ridge: float = 1e-6,
        use_ranks: bool = False,
        space: Any | None = None,
        earlier: Sequence[optuna.Study | Sequence[FrozenTrial]] | None = None,
    ) -> LaNASSampler:
        """Return the algorithm as published, on the same tree.

        Every node of a tree of fixed height is split by a least-squares model of the raw values,
        at their mean. The tree is rebuilt after every ``n_select`` trials. A leaf is selected by
        UCB, and a point is drawn uniformly at random from its region (Wang et al., arXiv
        1906.06832, section 3).

        Args:
            seed: As for the class.
            height: Height of the tree in the paper's count, in which the root alone has height 1
                and 5 gives 31 nodes; at least 1.
            n_select: Trials between two learning phases, at least 1.
            exploration: c of the UCB formula, for values of at most 1 in absolute value, such as
                accuracies. Other values are first divided by the power of two that brings those
                of the learning phase to at most 1.
            n_startup_trials: Random trials before the first tree; None for ``n_select``. The
                paper does not state it.
            ridge: Penalty of the models' weights, greater than 0; small for least squares.
            use_ranks: Whether nodes see ranks instead of raw values, unlike the paper.
            space: As for the class.
            earlier: As for the class, but only the random trials at the start learn from them.

        Raises:
            ValueError: If an argument is outside its range.
            TypeError: If an argument is of the wrong type.

        Example:
            .. testcode::

                import optuna
                from optuna_lanas import LaNASSampler

                sampler = LaNASSampler.paper(seed=0, n_select=20)
                study = optuna.create_study(sampler=sampler)
                study.optimize(lambda trial: trial.suggest_int("x", 0, 99), n_trials=40)
        """
        check_int("height", height, 1, "1 searches without a tree; 5 is the paper's.")
        check_int("n_select", n_select, 1, "1 rebuilds the tree after every trial.")
        rule = "greater than 0 and finite, for the models to be defined"
        check_float("ridge", ridge, rule, _is_penalty, "Use 1e-6 for least squares.")
        check_flag("use_ranks", use_ranks)
        n_first = n_select if n_startup_trials is None else n_startup_trials
        check_int("n_startup_trials", n_first, 0, "0 starts from one trial.")
        _check_exploration(exploration, "0 follows the best mean; 0.5 is the default.")
        settings = replace(
            PUBLISHED,
            n_startup_trials=n_first,
            exploration=exploration,
            max_depth=height - 1,
            ridge=ridge,
            use_ranks=use_ranks,
            n_select=n_select,
            n_first=max(n_first, 1),
        )
        return cls.from_settings(settings, seed=seed, space=space, earlier=earlier)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        seed: int | None = None,
        space: Any | None = None,
        earlier: Sequence[optuna.Study | Sequence[FrozenTrial]] | None = None,
    ) -> LaNASSampler:
        """Return a sampler with all numbers of its search given, as in an ablation.

        Args:
            settings: Most easily ``dataclasses.replace(sampler.settings, ...)``.
            seed: As for the class.
            space: As for the class.
            earlier: As for the class.

        Raises:
            TypeError: If ``settings`` or one of its fields is of the wrong type.
            ValueError: If a setting is outside its range.

        Example:
            .. testcode::

                from dataclasses import replace

                from optuna_lanas import LaNASSampler

                settings = replace(LaNASSampler().settings, max_depth=0)
                sampler = LaNASSampler.from_settings(settings, seed=0)
        """
        remedy = "Pass `dataclasses.replace(LaNASSampler().settings, ...)`."
        check_type("settings", settings, Settings, "the settings of a sampler", remedy)
        check_settings(settings)
        sampler = cls(seed=seed)
        sampler._search(settings, space, sampler._seed, earlier)
        sampler._given_seed = seed
        return sampler

    @property
    def settings(self) -> Settings:
        """All numbers of the search; read-only, see :meth:`from_settings`."""
        return self._settings

    @property
    def space(self) -> Any | None:
        """The architecture space, or None; read-only."""
        return self._space

    def __repr__(self) -> str:
        """Return the call that makes such a sampler, with what differs from the defaults."""
        name, changed = _call_of(self._settings)
        others = {
            "space": self._space,
            "independent_sampler": self._independent_sampler,
            "warn_independent_sampling": None if self._warns_of_independent_sampling else False,
            "constraints_func": self._constraints_func,
            "show_leaf": self._show_leaf or None,
            "earlier": self._earlier,
        }
        own = [f"{other}={shown(value)}" for other, value in others.items() if value is not None]
        seed = [] if self._given_seed is None else [f"seed={self._given_seed}"]
        own = [*changed, *seed, *own] if name == ".from_settings" else [*seed, *changed, *own]
        return f"{type(self).__name__}{name}({', '.join(own)})"

    def __str__(self) -> str:  # Optuna's is the name of the class
        return repr(self)

    def _repr_html_(self) -> str:
        return f"<code>{escape(repr(self))}</code>"

    def _search(
        self, settings: Settings, space: Any | None, seed: int | None, earlier: Any = None
    ) -> None:
        if seed is not None:
            check_int("seed", seed, 0, "None draws a fresh one.")
        self._settings = settings
        self._space = None if space is None else checked_space(space)
        self._seed = _fresh_seed() if seed is None else int(seed)
        self._given_seed = seed
        self._checked: set[str] = set()  # studies whose objective was checked to use the space
        self._earlier: EarlierStudies | None = None
        if earlier is not None:
            self._earlier = _earlier_studies(earlier, settings, self._space)
        self._records = Records(settings, self._space, self._earlier)
        # Those of figures and explanations: what they read must not change what is proposed.
        self._views = Records(settings, self._space)

    def reseed_rng(self) -> None:
        """Draw a fresh seed."""
        self._seed, self._given_seed = _fresh_seed(), None
        if self._independent_sampler is not None:
            self._independent_sampler.reseed_rng()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters that the study knows, with their newest distributions.

        Without those whose choices may have been tuples before they were stored: Optuna would
        refuse the stored ones. They are proposed once a trial asks for them.
        """
        known = self._records.use(study, lambda record: record.transform.distributions)
        is_exact = isinstance(study._storage, InMemoryStorage)
        return {n: d for n, d in known.items() if not d.single() and (is_exact or not has_list(d))}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return params for a search space, and publish them for other workers."""
        if not search_space:
            return {}

        def work(record: Record) -> tuple[dict[str, Any], Decision]:
            params, decision = propose(record, trial, search_space, self._seed)
            published = to_json(record, params, decision)
            # The next thread must see it, so the record is held until it is written.
            study._storage.set_trial_system_attr(trial._trial_id, KEY, published)
            if decision.leaf < 0 or decision.n_observations >= record.next_message:
                record.next_message = tell_progress(study.study_name, record, params, decision)
            return params, decision

        params, decision = self._records.use(study, work)
        if self._earlier is not None and decision.found == "model" and not decision.earlier:
            warn_once(
                ("earlier", study.study_name),
                "No study of `earlier` has varied a parameter of this study, so nothing is "
                "learned from them. Parameters must have the same names. The warning comes once "
                "per study.",
            )
        if self._show_leaf and decision.leaf_name:
            study._storage.set_trial_user_attr(trial._trial_id, LEAF_KEY, decision.leaf_name)
        return params

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a new parameter, or where the proposed value is outside the range."""

        def state(record: Record) -> tuple[bool, bool]:
            return record.is_startup, record.knows(param_name)

        def work(record: Record) -> dict[str, Any]:
            return propose_again(record, trial, param_name, param_distribution, self._seed)

        # A trial that has asked for its relative search space has read the study.
        is_startup, is_known = self._records.use(study, state, trial=trial)
        proposed = self._records.use(study, work) if is_known and not is_startup else {}
        if proposed:
            return proposed[param_name]
        if is_startup and self._earlier is not None:
            found = self._earlier.first_param(
                study.direction, trial.number, param_name, param_distribution
            )
            if found:
                return found[0]
        if not (is_startup or is_known):
            self._warn_once(study, param_name)
        if self._independent_sampler is not None:
            return self._independent_sampler.sample_independent(
                study, trial, param_name, param_distribution
            )
        transform = make_transform({param_name: [param_distribution]}, kept=[param_name])
        rng = make_rng(self._seed, trial.number, param_name)
        return transform.to_params(transform.domain.sample(1, rng)[0])[param_name]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Pass the trial on to the independent sampler.

        Raises:
            ValueError: If there are earlier studies, and the study has several objectives.
        """
        if self._earlier is not None:
            self._earlier.check(study.directions)
        if self._independent_sampler is not None:
            self._independent_sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Store the constraints of a finished trial, and check that it used the space.

        Raises:
            ValueError: If the trial asked for no parameter of the space, nor did any other trial.
            TypeError: If ``constraints_func`` did not return numbers.
        """
        if state == TrialState.COMPLETE and self._space is not None and trial.params:
            self._check_space(study, trial)
        if self._constraints_func is not None and state in (
            TrialState.COMPLETE,
            TrialState.PRUNED,
        ):
            constraints = _checked_constraints(self._constraints_func(trial))
            study._storage.set_trial_system_attr(trial._trial_id, "constraints", constraints)
        if self._independent_sampler is not None:
            self._independent_sampler.after_trial(study, trial, state, values)

    def _check_space(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Tell, once per study, of an objective that does not use the space."""
        if study.study_name in self._checked:
            return
        own = set(space_distributions(self._space))
        asked = [set(t.params) for t in [trial, *study.get_trials(deepcopy=False)]]
        name = type(self._space).__name__
        if not any(own & names for names in asked):
            raise ValueError(
                f"`space` must be the objective's, got {name}, but no trial has asked for any of "
                f"its parameters. Call its `suggest(trial)` in the objective, or leave it out."
            )
        self._checked.add(study.study_name)
        if not any(own <= names for names in asked):
            lacking = ", ".join(sorted(own - asked[0])[:N_SHOWN])
            warn_once(
                ("space", study.study_name),
                f"The space {name} asks for {len(own)} parameters, but no trial has asked for all "
                f"of them; the last one lacks {lacking}. Such trials teach the sampler nothing. "
                f"Call `suggest(trial)` of the sampler's own `space` in the objective.",
            )

    def _warn_once(self, study: optuna.Study, name: str) -> None:
        if self._warns_of_independent_sampling:
            warn_once(
                ("independent sampling", study.study_name),
                f"The parameter {name!r} is drawn at random, since no earlier trial has asked "
                f"for it; later trials will learn from this one. To silence this, pass "
                f"`warn_independent_sampling=False`. The warning comes once per study.",
            )


def _earlier_studies(earlier: Any, settings: Settings, space: Any | None) -> EarlierStudies | None:
    from optuna_lanas._study.earlier import EarlierStudies  # which few searches need
    from optuna_lanas._study.earlier import read_earlier

    found = read_earlier(earlier)
    return EarlierStudies(found, settings, space) if found else None


def _call_of(settings: Settings) -> tuple[str, list[str]]:
    """Return the constructor that makes settings most shortly, and its arguments as text."""
    base = PUBLISHED if settings.is_uniform else DEFAULT
    names = [field.name for field in fields(settings)]
    changed = {name: getattr(settings, name) for name in names}
    changed = {n: value for n, value in changed.items() if value != getattr(base, n)}
    texts = [f"{name}={shown(value)}" for name, value in changed.items()]
    if base is DEFAULT and set(changed) <= set(ARGUMENTS):
        return "", texts
    if base is PUBLISHED and settings.n_first == max(settings.n_startup_trials, 1):
        own = {n: value for n, value in changed.items() if n not in ("n_first", "max_depth")}
        if settings.n_startup_trials == settings.n_select:
            own.pop("n_startup_trials", None)
        if "max_depth" in changed:
            own = {"height": settings.max_depth + 1, **own}
        if set(own) <= set(PAPER_ARGUMENTS):
            return ".paper", [f"{name}={shown(value)}" for name, value in own.items()]
    made = "LaNASSampler.paper()" if base is PUBLISHED else "LaNASSampler()"
    return ".from_settings", [f"replace({', '.join([f'{made}.settings', *texts])})"]


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])


def _checked_constraints(constraints: Any) -> list[float]:
    """Return what a user's constraints_func returned as a list of floats."""
    rule, remedy = "return a sequence of numbers", "Return a list; above 0 is a violation."
    try:
        found = [] if isinstance(constraints, Mapping | Set) else list(constraints)
        numbers = [float(c) for c in found]
    except (TypeError, ValueError):
        raise _wrong_answer(TypeError, rule, constraints, remedy) from None
    if isinstance(constraints, Mapping | Set) or any(isinstance(c, str | bytes) for c in found):
        raise _wrong_answer(TypeError, rule, constraints, remedy)
    if any(math.isnan(c) for c in numbers):
        remedy = "Return a large number for a constraint that cannot be computed."
        raise _wrong_answer(ValueError, "return numbers that are not NaN", constraints, remedy)
    return numbers


def _wrong_answer(kind: type[Exception], rule: str, answer: object, remedy: str) -> Exception:
    of = f"{shown(answer)} of {type(answer).__name__}"
    return kind(f"`constraints_func` must {rule}, got {of}. {remedy}")


def _check_exploration(exploration: Any, remedy: str) -> None:
    rule = "at least 0 and finite"
    check_float("exploration", exploration, rule, lambda c: 0 <= c < math.inf, remedy)


def _check_optional(independent_sampler: Any, constraints_func: Any) -> None:
    if independent_sampler is not None:
        remedy = "Pass, for example, optuna.samplers.RandomSampler(), or None for uniform draws."
        rule = "an Optuna sampler"
        check_type("independent_sampler", independent_sampler, BaseSampler, rule, remedy)
    if constraints_func is not None:
        rule = "a function from a trial to a sequence of numbers"
        check_function("constraints_func", constraints_func, rule, "Pass a function, or None.")


def _is_penalty(ridge: float) -> bool:
    return 0 < ridge < math.inf

"""Every number of the search, in one frozen object.

The default and the published search are two values of it. An ablation is `replace(settings, ...)`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """How much one proposal looks at.

    Attributes:
        n_observations: At most so many observations condition the Gaussian process.
        n_features: Random Fourier features of a posterior sample path.
        n_random: Candidates drawn from the feasible set.
        n_near: Candidates mutated from the region's best observations.
        n_rounds: Rounds of local search.
        n_round: Candidates of each round.
    """

    n_observations: int
    n_features: int
    n_random: int
    n_near: int
    n_rounds: int
    n_round: int


@dataclass(frozen=True)
class Settings:
    """The settings of a search; `LaNASSampler` documents the arguments that set the first ones.

    Attributes:
        n_startup_trials: Observations before the first proposal of a model.
        avoid_duplicates: Whether a configuration is proposed once only.
        consider_failed_trials: Whether a failed trial is an observation, of the worst value.
        exploration: c of the UCB formula, in the unit of the tree's y.
        max_depth: Greatest number of latent actions on a path.
        min_samples_leaf: Least number of observations in a leaf.

        ridge: Penalty of a latent action's weights.
        use_ranks: Whether the tree sees ranks in (0, 1) instead of values.
        max_fit_observations: A latent action is fitted to at most so many observations.
        tree_growth: Factor by which a history grows between two learning phases.
        n_select: Observations between two learning phases; 0 follows `tree_growth`.
        n_first: Observations before the first learning phase, if `n_select` is not 0.

        is_uniform: Whether the proposal is drawn uniformly at random from the leaf, as published.
        n_uniform_first: Points of the first batch of uniform draws.
        n_uniform_batch: Points of the next batches, and walkers of the random walk.
        n_uniform_batches: Batches before the random walk takes over.
        n_walk_steps: Steps of the random walk.
        n_walk_starts: The walk and the local search start at no more than so many observations.

        draws_depth: Whether the searched region is that of a node drawn from the leaf's path; else
            it is the leaf's.
        small_budget: Of a proposal while the history has at most its `n_observations`.
        large_budget: And from then on.
        n_parents: Each round of local search mutates so many of the best candidates.
        parent_share: Success probability of the geometric draw of a parent's rank.
        min_step: Least standard deviation of a mutation's step, in coordinates.
        max_step: The greatest.
        mutation_rate: Parameters changed, on average, by every other mutation besides the first.

        kernel_growth: Factor by which a history grows between two fits of the kernel.
        max_fit_iterations: Of L-BFGS in a fit.
        lengthscale_variance: Prior variance of a log length scale.
        prior_linear: Prior median of the variance of the linear part.
        linear_variance: Prior variance of its logarithm.
        prior_nugget: Prior median of the nugget variance.
        nugget_variance: Prior variance of the log nugget.
        draws_nugget: Whether a candidate's score has a nugget.
        jitter: Added to every diagonal of a covariance.
        outputscale_observations: The prior of the output scale weighs as much as so many
            observations.
        chebyshev_augmentation: Weight of the sum in the scalarisation of several objectives.

        min_stagnation: A search has stagnated after more than so many observations without a
            better one,
        stagnation_share: and after more than this share of the history.
        exploring_share: Then this share of the trials explores a leaf drawn at random,
        n_exploring_levels: with the observations of the node so many levels above the leaf.

        activity_growth: Factor by which a history grows between two fits of the activity.
        n_tries: Batches of random points before a small feasible set is listed.
        n_batch: Points of such a batch.
        max_listed: The greatest set that is listed.
        n_overtaking: A trial is stale once so many later ones have ended, for each worker.
        n_recent: The number of workers is estimated from so many trials.
        min_stale_age: A stale trial is at least so many seconds old.
    """

    n_startup_trials: int = 10
    avoid_duplicates: bool = True
    consider_failed_trials: bool = False
    exploration: float = 0.1
    max_depth: int = 5
    min_samples_leaf: int = 5

    ridge: float = 1.0
    use_ranks: bool = True
    max_fit_observations: int = 4096
    tree_growth: float = 1.02
    n_select: int = 0
    n_first: int = 0

    is_uniform: bool = False
    n_uniform_first: int = 64
    n_uniform_batch: int = 256
    n_uniform_batches: int = 16
    n_walk_steps: int = 50
    n_walk_starts: int = 100

    draws_depth: bool = True
    small_budget: Budget = Budget(
        n_observations=256, n_features=256, n_random=200, n_near=200, n_rounds=3, n_round=100
    )
    large_budget: Budget = Budget(
        n_observations=112, n_features=96, n_random=80, n_near=80, n_rounds=1, n_round=120
    )
    n_parents: int = 20
    parent_share: float = 0.2
    min_step: float = 10.0**-2.5
    max_step: float = 10.0**-0.3
    mutation_rate: float = 2.0

    kernel_growth: float = 1.1
    max_fit_iterations: int = 30
    lengthscale_variance: float = 0.5
    prior_linear: float = 1.0
    linear_variance: float = 1.0
    prior_nugget: float = 1e-3
    nugget_variance: float = 4.0
    draws_nugget: bool = True
    jitter: float = 1e-6
    outputscale_observations: float = 50.0
    chebyshev_augmentation: float = 0.05

    min_stagnation: int = 20
    stagnation_share: float = 0.3
    exploring_share: float = 0.3
    n_exploring_levels: int = 1

    activity_growth: float = 1.5
    n_tries: int = 20
    n_batch: int = 256
    max_listed: int = 65_536
    n_overtaking: int = 20
    n_recent: int = 1_000
    min_stale_age: float = 60.0


DEFAULT = Settings()

PUBLISHED = Settings(
    n_startup_trials=100,
    exploration=0.5,
    max_depth=4,
    min_samples_leaf=1,
    ridge=1e-6,
    use_ranks=False,
    n_select=100,
    n_first=100,
    is_uniform=True,
)

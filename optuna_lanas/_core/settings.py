"""Every number of the search, in one frozen object.

`DEFAULT` and `PUBLISHED` are the two searches of the package.
An ablation is `replace(settings, ...)`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The settings of a search; `LaNASSampler` documents the first six as arguments.

    Attributes:
        n_startup_trials: Observations before the first proposal by a model.
        avoid_duplicates: Whether a configuration is proposed only once.
        consider_failed_trials: Whether failed trials among failed ones have the worst value.
        exploration: c in the UCB formula, in the unit of the tree's y.
        max_depth: Greatest number of latent actions on a path.
        min_samples_leaf: Least number of observations in a leaf.

        max_knots: The most knots of a numeric parameter's features.
        ridge: Penalty of a latent action's weights.
        use_ranks: Whether the tree sees ranks in (0, 1) instead of values.
        max_fit_observations: The most observations that a latent action is fitted to.
        tree_growth: Factor by which a history grows between two learning phases.
        n_select: Observations between two learning phases; 0 follows `tree_growth`.
        n_first: Observations before the first learning phase, if `n_select` is not 0.

        is_uniform: Whether the proposal is drawn uniformly at random from the leaf, as published.
        n_uniform_first: Points of the first batch of uniform draws.
        n_uniform_batch: Points of each later batch, and walkers of the random walk.
        n_uniform_batches: Batches before the random walk takes over.
        n_walk_steps: Steps of the random walk.
        n_walk_starts: The most observations at which the walk and the local search start.

        n_stalled: The fewest observations after the best one until the search is restarted; 0 for
            never.
        stalled_share: The least number of them, as a share of those up to the best one.
        n_restart: Observations of a restart, and between two restarts, of one worker.
        n_workers: Pending trials by whose number all three grow by as much again.
        max_stalled_nugget: The greatest nugget with which a search is restarted.

        draws_depth: Whether the searched region is that of a node drawn from the leaf's path. Else
            it is the leaf's.
        path_share: The share of trials beside pending ones that climb a draw from the posterior
            instead of the expected improvement.
        n_path_features: Random features of such a draw.
        n_observations: The most observations that condition the Gaussian process.
        n_random: Candidates drawn from the feasible set.
        n_near: Candidates mutated from the region's best observations.
        n_rounds: Rounds of local search.
        n_round: Candidates per round.
        n_parents: The number of best candidates that each round of local search mutates.
        parent_share: Success probability of the geometric draw of a parent's rank.
        min_step: Least standard deviation of a mutation's step, in coordinates.
        max_step: The greatest standard deviation.
        mutation_rate: Parameters that half of the mutations change, on average, besides the first.

        model_growth: Factor by which a history grows between two fits of the model.
        n_fit_observations: The most observations that a model is fitted to.
        max_fit_iterations: Iterations of L-BFGS in a fit of the model.
        lengthscale_variance: Prior variance of a log length scale.
        prior_linear: Prior median of the variance of the coarse additive part.
        linear_variance: Prior variance of its logarithm.
        prior_fine: Prior median of the variance of the fine additive part.
        fine_variance: Prior variance of its logarithm.
        prior_nugget: Prior median of the nugget variance.
        nugget_variance: Prior variance of the log nugget.
        start_nugget: Nugget variance at which a fit starts.
        max_log_deviation: Bound of a fit's logarithms about their start.
        power_variance: Prior variance of the power that warps values.
        min_power: Its least value.
        max_power: Its greatest value.
        jitter: Added to every diagonal of a covariance.
        outputscale_observations: The weight of the output scale's prior, in observations.
        prior_earlier: Prior mean of the sum of the weights of earlier studies.
        earlier_variance: Prior variance of that sum.
        max_earlier: The greatest weight of one of them.
        earlier_observations: The weight of the prior of the spread of what one foretells, in
            observations.
        n_elites: The number of the best earlier trials of which some are tried first.
        n_earlier_observations: The most observations of all earlier studies together.
        chebyshev_augmentation: Weight of the sum in the scalarisation of several objectives.

        activity_growth: Factor by which a history grows between two fits of the activity.
        n_tries: Batches of random points before a small feasible set is listed.
        n_batch: Points per batch.
        max_listed: The size of the largest feasible set that is listed.
        curve_growth: Factor by which a history grows between two fits of the reports' curves.
        max_rungs: The most steps at which values are compared.
        n_failed_neighbours: The neighbours that decide whether a trial failed by chance.
        n_overtaking: A trial is stale once this number of later trials per worker have ended.
        n_recent: The number of recent trials from which the number of workers is estimated.
        min_stale_age: The least age of a stale trial, in seconds.
    """

    n_startup_trials: int = 5
    avoid_duplicates: bool = True
    consider_failed_trials: bool = True
    exploration: float = 0.1
    max_depth: int = 5
    min_samples_leaf: int = 5

    max_knots: int = 9
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

    n_stalled: int = 30
    stalled_share: float = 0.5
    n_restart: int = 40
    n_workers: int = 20
    max_stalled_nugget: float = 3e-3

    draws_depth: bool = True
    path_share: float = 0.5
    n_path_features: int = 256
    n_observations: int = 192
    n_random: int = 200
    n_near: int = 200
    n_rounds: int = 8
    n_round: int = 50
    n_parents: int = 20
    parent_share: float = 0.2
    min_step: float = 10.0**-2.5
    max_step: float = 10.0**-0.3
    mutation_rate: float = 2.0

    model_growth: float = 1.03
    n_fit_observations: int = 128
    max_fit_iterations: int = 30
    lengthscale_variance: float = 0.5
    prior_linear: float = 0.4
    linear_variance: float = 0.3
    prior_fine: float = 0.1
    fine_variance: float = 4.0
    prior_nugget: float = 1e-3
    nugget_variance: float = 4.0
    start_nugget: float = 1e-2
    max_log_deviation: float = 4.0
    power_variance: float = 1.0
    min_power: float = -2.0
    max_power: float = 5.0
    jitter: float = 1e-6
    outputscale_observations: float = 50.0
    prior_earlier: float = 0.5
    earlier_variance: float = 1.0
    max_earlier: float = 3.0
    earlier_observations: float = 2.0
    n_elites: int = 10
    n_earlier_observations: int = 640
    chebyshev_augmentation: float = 0.05

    activity_growth: float = 1.5
    n_tries: int = 20
    n_batch: int = 256
    max_listed: int = 65_536
    curve_growth: float = 1.1
    max_rungs: int = 20
    n_failed_neighbours: int = 5
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
    n_stalled=0,
)

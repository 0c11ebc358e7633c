"""The settings of a search, as the core takes them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache


MAX_HISTORY = 2**40


@dataclass(frozen=True)
class Budget:
    """How much a proposal looks at.

    Attributes:
        n_samples: Greatest number of samples of the Gaussian process.
        n_features: Random Fourier features of a draw.
        n_random: Random candidates.
        n_near: Candidates near the region's best samples.
        n_rounds: Rounds of climbing.
        n_round: Candidates of a round.
    """

    n_samples: int
    n_features: int
    n_random: int
    n_near: int
    n_rounds: int
    n_round: int


@dataclass(frozen=True)
class Config:
    """See `LaNASSampler` for what the first ones do.

    Attributes:
        exploration: c of the UCB formula, in units of the tree's values.
        max_depth: Greatest number of latent actions on a path.
        min_samples_leaf: Least number of samples in a leaf.
        ridge: Penalty of a latent action's weights.
        use_ranks: Whether the tree sees ranks in (0, 1) instead of values.
        n_select: Samples between two learning phases; 0 for whenever the history has grown by
            `tree_growth`.
        n_first: Samples before the first learning phase, if `n_select` is given.
        is_uniform: Whether to draw evenly from the leaf, as published.
        tree_growth: Factor by which a history grows between two learning phases.
        kernel_growth: Factor by which it grows between two fits of the kernel.
        max_iterations: Of a fit of the kernel.
        small: How much a proposal looks at while the history is no longer than its `n_samples`.
        large: And after that.
    """

    exploration: float = 0.1
    max_depth: int = 5
    min_samples_leaf: int = 5
    ridge: float = 1.0
    use_ranks: bool = True
    n_select: int = 0
    n_first: int = 0
    is_uniform: bool = False
    tree_growth: float = 1.02
    kernel_growth: float = 1.1
    max_iterations: int = 30
    small: Budget = Budget(
        n_samples=256, n_features=256, n_random=200, n_near=200, n_rounds=3, n_round=100
    )
    large: Budget = Budget(
        n_samples=112, n_features=96, n_random=80, n_near=80, n_rounds=1, n_round=120
    )

    def n_grown(self, n: int) -> int:
        """How many of `n` samples the tree is grown from."""
        if self.n_select == 0:
            return last_milestone(n, self.tree_growth)
        if n <= self.n_first:
            return n
        return self.n_first + (n - self.n_first) // self.n_select * self.n_select

    def effort(self, n: int) -> Budget:
        """How much a proposal from `n` samples looks at."""
        return self.small if n <= self.small.n_samples else self.large

    def n_fitted(self, n: int) -> int:
        """How many of `n` samples the kernel is fitted to."""
        return last_milestone(n, self.kernel_growth)


def last_milestone(n: int, growth: float) -> int:
    """Return the last of the milestones 1, .., m -> max(m + 1, growth m), .. up to ``n``."""
    milestones = _milestones(growth)
    return milestones[bisect_right(milestones, n) - 1]


@cache
def _milestones(growth: float) -> tuple[int, ...]:
    """All of them that a history may reach."""
    milestones = [1]
    while milestones[-1] < MAX_HISTORY:
        milestones.append(max(milestones[-1] + 1, int(milestones[-1] * growth)))
    return tuple(milestones)

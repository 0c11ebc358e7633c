"""Figures of what a search has learned: functions of a study that return a plotly figure.

They accept studies of any sampler, since the tree is learned from the history. Each function also
accepts a `partition`, which says whose settings are used and what is shown. plotly is imported
when a figure is made.
"""

from optuna_lanas.visualization._architecture import plot_architecture
from optuna_lanas.visualization._leaf_share import plot_leaf_share
from optuna_lanas.visualization._leaf_values import plot_leaf_values
from optuna_lanas.visualization._make_partition import partition
from optuna_lanas.visualization._parameters import plot_parameters
from optuna_lanas.visualization._partition import plot_partition
from optuna_lanas.visualization._study_partition import StudyPartition
from optuna_lanas.visualization._trial_map import plot_trial_map


__all__ = [
    "StudyPartition",
    "partition",
    "plot_architecture",
    "plot_leaf_share",
    "plot_leaf_values",
    "plot_parameters",
    "plot_partition",
    "plot_trial_map",
]

"""Hydra's Optuna sweeper: a configuration of a few lines names the sampler.

    pip install hydra-core && pip install --no-deps hydra-optuna-sweeper
    python examples/dropin/hydra_sweeper.py --multirun
    python examples/dropin/hydra_sweeper.py --multirun hydra/sweeper/sampler=random

`hydra_conf/hydra/sweeper/sampler/lanas.yaml` registers the sampler with Hydra, so before and after
differ in one word. The sweeper's package requires Optuna 2, so it is installed without its
dependencies. It works with the sampler nevertheless.
"""

from __future__ import annotations

import hydra
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC


@hydra.main(version_base=None, config_path="hydra_conf", config_name="config")
def main(config: DictConfig) -> float:
    """Return the mean accuracy of three folds."""
    images, digits = load_digits(return_X_y=True)
    machine = SVC(kernel=config.kernel, gamma=config.rate)
    return float(cross_val_score(machine, images[:300] / 16, digits[:300], cv=3).mean())


if __name__ == "__main__":
    main()

"""The learning rate and the moving average, in closed form."""

from __future__ import annotations

from dataclasses import replace
import math
import warnings

import pytest


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

from optuna_lanas.training import train  # noqa: E402
from optuna_lanas.training._state import initial_state  # noqa: E402
from tests.training.builders import CONFIG  # noqa: E402
from tests.training.builders import digits  # noqa: E402
from tests.training.builders import linear_network  # noqa: E402


@pytest.mark.parametrize("n_warmup_epochs", [0, 2])
def test_the_learning_rate_warms_up_linearly_and_falls_as_half_a_cosine(
    n_warmup_epochs: int,
) -> None:
    config = replace(CONFIG, n_epochs=5, n_warmup_epochs=n_warmup_epochs, learning_rate=0.2)
    state = initial_state(linear_network(), config, n_steps=4, device=torch.device("cpu"))
    n_warmup, n_all = 4 * n_warmup_epochs, 20
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch on a scheduler whose optimizer never steps
        for _ in range(n_all):
            rates.append(state.optimizer.param_groups[0]["lr"])
            state.scheduler.step()
    for step, rate in enumerate(rates):
        if step < n_warmup:
            start = 1 / (n_warmup + 1)
            share = start + (1 - start) * step / n_warmup
        else:
            share = (1 + math.cos(math.pi * (step - n_warmup) / (n_all - n_warmup))) / 2
        assert rate == pytest.approx(0.2 * share)
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_the_trained_network_has_the_moving_average_of_its_weights() -> None:
    # One step per epoch: the report then sees the weights after every step.
    config = replace(CONFIG, n_epochs=4, batch_size=200, ema_decay=0.7, crops=False)
    network, weights = linear_network(), []
    train(network, digits(), config, lambda *_: weights.append(network[1].weight.detach().clone()))
    average = weights[0]
    for weight in weights[1:]:
        average = 0.7 * average + 0.3 * weight
    torch.testing.assert_close(network[1].weight.detach(), average)

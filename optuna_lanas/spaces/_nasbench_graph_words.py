"""The architectures of NAS-Bench-Graph as integers, and the canonical form of each.

Notation: a *link* holds the input of each of the four computing nodes 1 .. 4; input 0 is the raw
input. A *word* is an architecture as an integer. Its four lowest digits, to the base of the number
of operations, are the operations of nodes 1 .. 4; the rest is the position of the link in
``LINKS``.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from itertools import product

import numpy as np


N_NODES = 4
SKIP = "skip"
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", SKIP)
LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
N_WORDS = len(LINKS) * len(OPERATIONS) ** N_NODES

_SKIP_INDEX = OPERATIONS.index(SKIP)
_POWERS = len(OPERATIONS) ** np.arange(N_NODES)[::-1]


def join_words(links: np.ndarray, operations: np.ndarray) -> np.ndarray:
    """Return the words `[n]` of links `[n]` and operations `[n, 4]`, both as positions."""
    return np.asarray(links * len(OPERATIONS) ** N_NODES + operations @ _POWERS)


def split_words(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the links `[n]` and the operations `[n, 4]` of words, both as positions."""
    operations = words[..., None] // _POWERS % len(OPERATIONS)
    return words // len(OPERATIONS) ** N_NODES, operations


def is_valid(words: np.ndarray) -> np.ndarray:
    """Return `[n]`: whether an architecture has an operation that is no skip."""
    return np.asarray((split_words(words)[1] != _SKIP_INDEX).any(axis=1))


@cache
def canonical_words() -> np.ndarray:
    """Return `[59049]`: the word of the canonical form of every word.

    The canonical form is the smallest word over all numberings of the nodes, after the skips that
    change nothing have moved to the front.
    """
    links, operations = split_words(np.arange(N_WORDS))
    canonical = np.empty(N_WORDS, dtype=np.int64)
    padded = np.concatenate([operations, np.full((N_WORDS, 1), _SKIP_INDEX)], axis=1)
    for position, link in enumerate(LINKS):
        for is_skip in product((False, True), repeat=N_NODES):
            here = (links == position) & ((operations == _SKIP_INDEX) == is_skip).all(axis=1)
            forms = [
                join_words(np.array(LINKS.index(form)), padded[here][:, order])
                for form, order in _numberings(*_without_idle_skips(link, is_skip))
            ]
            canonical[here] = np.min(forms, axis=0)
    return canonical


def _without_idle_skips(
    link: tuple[int, ...], is_skip: tuple[bool, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Contract the skips that change nothing, and put as many skips in front.

    A skip is idle if another node uses it, if no other node uses its input, or if its input is the
    raw input.

    Returns:
        The new link, and for each of its nodes the old node from 0, or 4 for a skip in front.
    """
    parents = dict(enumerate(link, start=1))
    while (idle := _idle_skip(parents, is_skip)) is not None:
        parent = parents.pop(idle)
        parents = {node: parent if p == idle else p for node, p in parents.items()}
    n_front = N_NODES - len(parents)
    number = {0: n_front, **{node: n_front + i for i, node in enumerate(parents, start=1)}}
    new_link = (*range(n_front), *(number[parent] for parent in parents.values()))
    return new_link, (*[N_NODES] * n_front, *(node - 1 for node in parents))


def _idle_skip(parents: dict[int, int], is_skip: tuple[bool, ...]) -> int | None:
    inputs = list(parents.values())
    for node, parent in parents.items():
        has_siblings = inputs.count(parent) > 1
        if is_skip[node - 1] and (node in inputs or not has_siblings or parent == 0):
            return node
    return None


def _numberings(
    link: tuple[int, ...], sources: tuple[int, ...]
) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return every numbering of the nodes that gives one of ``LINKS``, with its sources."""
    found: list[tuple[tuple[int, ...], list[int]]] = []
    for order in permutations(range(N_NODES)):
        number = {0: 0, **{node + 1: place + 1 for place, node in enumerate(order)}}
        renumbered = tuple(number[link[node]] for node in order)
        if renumbered in LINKS:
            found.append((renumbered, [sources[node] for node in order]))
    return found

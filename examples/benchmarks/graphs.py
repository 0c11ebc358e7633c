"""NAS-Bench-Graph: 26,206 graph neural networks on eight graphs, 2,021 on `proteins`.

An architecture is a link structure (which earlier node each of four operations reads) and the
four operations. Isomorphic architectures share a row of the table. The score is the validation
score.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import median

from optuna.trial import BaseTrial

from examples.benchmarks.problem import Params
from examples.benchmarks.problem import Problem
from examples.benchmarks.renamed import RenamedSpace
from optuna_lanas._checks import needs
from optuna_lanas.spaces import NASBenchGraphSpace


with needs("nas-bench-graph", "tables", "The benchmarks"):
    from nas_bench_graph import Arch
    from nas_bench_graph import gnn_list
    from nas_bench_graph import gnn_list_proteins
    from nas_bench_graph import light_read
    from nas_bench_graph import link_list


GRAPHS = ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "pubmed")
NAMES = {"structure": "link", **{f"op_{i + 1}": f"op{i}" for i in range(4)}}
LINKS = tuple("".join(map(str, link)) for link in link_list)


def names() -> list[str]:
    """Return the names of the eight problems; `nasbenchgraph-proteins` is a family apart."""
    return [f"nasbenchgraph-{graph}" for graph in GRAPHS]


@lru_cache(maxsize=8)
def load(name: str) -> Problem:
    """Return the problem of that name.

    Four times `skip` is the only encoding without a row; it gets the worst score of the table.
    """
    graph = name.removeprefix("nasbenchgraph-")
    operations = tuple(gnn_list_proteins if graph == "proteins" else gnn_list)
    table = {row: float(values["valid_perf"]) for row, values in light_read(graph).items()}
    worst = min(table.values())

    def objective(trial: BaseTrial) -> float:
        trial.suggest_categorical("link", LINKS)
        for i in range(4):
            trial.suggest_categorical(f"op{i}", operations)
        return table.get(row_of(trial.params), worst)

    return Problem(
        name=name,
        family="proteins" if graph == "proteins" else "nasbenchgraph",
        direction="maximize",
        objective=objective,
        optimum=max(table.values()),
        median=median(table.values()),
        in_words=in_words,
        space=RenamedSpace(NASBenchGraphSpace(operations), NAMES),
    )


def row_of(params: Params) -> int:
    """Return the key of an architecture in the tables, the same for isomorphic ones."""
    link = [int(node) for node in params["link"]]
    return int(Arch(link, [params[f"op{i}"] for i in range(4)]).valid_hash())


def in_words(params: Params) -> str:
    """Return an architecture as text: what each node computes."""
    sources = [f"node {node}" if node != "0" else "input" for node in params["link"]]
    terms = [f"{params[f'op{i}']}({source})" for i, source in enumerate(sources)]
    return "; ".join(f"node {node} = {term}" for node, term in enumerate(terms, start=1))

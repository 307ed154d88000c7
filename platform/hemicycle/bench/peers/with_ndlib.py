"""NDlib: Friedkin-Johnsen, Deffuant, and Hegselmann-Krause, as its documentation uses them.

Its documentation lets every iteration return the statuses that changed; without them it is faster.
Two of its models are not what their names say. Its Hegselmann-Krause (6.0.1) computes as many updates in an iteration
as there are users and keeps the last one alone; its Friedkin-Johnsen forgets the innate opinions once an opinion has
left [-1, 1], which does not occur here.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from ndlib.models import opinions as models  # type: ignore[import-not-found]
from ndlib.models.ModelConfig import Configuration  # type: ignore[import-not-found]

Spec = Mapping[str, Any]
Facts = dict[str, Any]
UPDATES = 1e6


def friedkin_johnsen(spec: Spec) -> Callable[[], Facts]:
    """Synchronous iterations with one stubbornness for all."""
    graph = network(spec)
    config = Configuration()
    for user in graph.nodes:
        config.add_node_configuration("stubbornness", user, spec["stubbornness"])
    return _iterations(models.FJModel(graph), config, spec, graph.number_of_nodes())


def deffuant(spec: Spec) -> Callable[[], Facts]:
    """Pairwise meetings: its algorithmic bias model with bias 0, as many pairs in an iteration as there are users."""
    graph = network(spec)
    config = Configuration()
    config.add_model_parameter("epsilon", spec["confidence"])
    config.add_model_parameter("gamma", 0.0)
    return _iterations(models.AlgorithmicBiasModel(graph), config, spec, graph.number_of_nodes())


def hegselmann_krause(spec: Spec) -> Callable[[], Facts]:
    """Iterations of which NDlib keeps one update; ``counted: computed`` counts those that it throws away, too."""
    graph = network(spec)
    config = Configuration()
    config.add_model_parameter("epsilon", spec["confidence"])
    counted = graph.number_of_nodes() if spec["counted"] == "computed" else 1
    return _iterations(models.HKModel(graph), config, spec, counted)


def network(spec: Spec) -> Any:
    """Adjacency of the workload as an undirected graph; its Deffuant fails where somebody has no neighbours."""
    pointers, indices = (np.load(Path(spec["data"], f"{name}.npy")) for name in ("pointers", "indices"))
    rows = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    graph = nx.empty_graph(len(pointers) - 1)
    graph.add_edges_from(zip(rows.tolist(), indices.tolist(), strict=True))
    graph.remove_nodes_from(list(nx.isolates(graph)))
    return graph


def _iterations(model: Any, config: Any, spec: Spec, updates: int) -> Callable[[], Facts]:
    """Iterations, without the statuses that they can return unless ``statuses``; the first only reports the start."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that NDlib uses
    model.set_initial_status(config)
    model.iteration(node_status=False)

    def run() -> Facts:
        for _ in range(spec["iterations"]):
            model.iteration(node_status=spec.get("statuses", False))
        return {"share": spec["iterations"] * updates / UPDATES}

    return run

"""Record what NDlib computes, for tests that run without it.

python -m venv /tmp/ndlib && /tmp/ndlib/bin/pip install ndlib==6.0.1 scikit-learn six
/tmp/ndlib/bin/python tests/opinions/record_ndlib.py > tests/opinions/ndlib.json
"""

import json
import random
from importlib.metadata import version

import networkx as nx
import numpy as np

USERS, STEPS, CONFIDENCE = 34, 8, 0.3


def recorded():
    """Friedkin-Johnsen on an undirected and a directed graph, Hegselmann-Krause on the undirected one."""
    undirected = nx.Graph(nx.karate_club_graph().edges())
    directed = nx.gnp_random_graph(USERS, 0.12, seed=3, directed=True)
    return {
        "versions": {name: version(name) for name in ("ndlib", "networkx", "numpy")},
        "confidence": CONFIDENCE,
        "friedkin_johnsen": [friedkin_johnsen(graph) for graph in (undirected, directed)],
        "hegselmann_krause": hegselmann_krause(undirected),
    }


def friedkin_johnsen(graph):
    """Every user with a stubbornness of their own."""
    from ndlib.models.ModelConfig import Configuration
    from ndlib.models.opinions import FJModel

    stubbornness = np.random.default_rng(5).uniform(0, 1, USERS).tolist()
    config = Configuration()
    for user in graph.nodes:
        config.add_node_configuration("stubbornness", user, stubbornness[user])
    return {**_run(FJModel(graph), graph, config), "stubbornness": stubbornness}


def hegselmann_krause(graph):
    """One confidence for all."""
    from ndlib.models.ModelConfig import Configuration
    from ndlib.models.opinions import HKModel

    config = Configuration()
    config.add_model_parameter("epsilon", CONFIDENCE)
    return _run(HKModel(graph), graph, config)


def _run(model, graph, config):
    """Opinions of all users at the start and after each iteration; the first call of NDlib's reports the start."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the generator that NDlib uses
    model.set_initial_status(config)
    opinions = []
    for _ in range(STEPS + 1):
        model.iteration()
        opinions.append([float(model.status[user]) for user in range(USERS)])
    edges = sorted([int(u), int(v)] for u, v in graph.edges())
    return {"directed": graph.is_directed(), "edges": edges, "opinions": opinions}


if __name__ == "__main__":
    print(json.dumps(recorded()))  # noqa: T201 - what is recorded

"""To and from PyTorch Geometric: ``Data`` for a graph between users, ``HeteroData`` for users and items.

torch_geometric is imported only when one of these functions is called.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData

RELATION = ("user", "interacts", "item")
"""Edge type of a bipartite graph."""


def to_pyg(graph: InteractionGraph) -> "Data | HeteroData":
    """Return the graph with ``edge_index`` (2, n_edges) and, where known, ``edge_weight`` and ``time``."""
    from torch_geometric.data import Data, HeteroData  # noqa: PLC0415 - slow to import, seldom needed

    if graph.social:
        data = Data(num_nodes=graph.n_users)
        data.directed = graph.directed
        _fill(data, graph)
        return data
    pair = HeteroData()
    pair["user"].num_nodes, pair["item"].num_nodes = graph.n_users, graph.n_items
    _fill(pair[RELATION], graph)
    return pair


def from_pyg(data: "Data | HeteroData") -> InteractionGraph:
    """Return the graph of a ``Data`` (users x users) or of a ``HeteroData`` with two node types and one edge type.

    A ``Data`` is directed unless its attribute ``directed`` is False or, without one, all edges hold both ways.

    Raises:
        InputError: a HeteroData has more than one edge type.
    """
    from torch_geometric.data import HeteroData  # noqa: PLC0415 - slow to import, seldom needed

    if isinstance(data, HeteroData):
        return _bipartite(data)
    users, items = data.edge_index.numpy()
    directed = bool(data.directed) if "directed" in data else not data.is_undirected()
    once = np.ones(len(users), bool) if directed else users < items
    values = {name: None if v is None else v[once] for name, v in _values(data).items()}
    n = int(data.num_nodes)
    return InteractionGraph.from_edges(users[once], items[once], n, n, social=True, directed=directed, **values)


def _bipartite(data: "HeteroData") -> InteractionGraph:
    if len(data.edge_types) != 1:
        raise InputError(
            f"a graph of users and items has one edge type, not {len(data.edge_types)}",
            remedy="pass data.edge_type_subgraph([...]) with the one that is meant",
        )
    user, _, item = kind = data.edge_types[0]
    users, items = data[kind].edge_index.numpy()
    sizes = int(data[user].num_nodes), int(data[item].num_nodes)
    return InteractionGraph.from_edges(users, items, *sizes, **_values(data[kind]))


def _fill(store: Any, graph: InteractionGraph) -> None:
    store.edge_index = torch.from_numpy(np.stack([graph.rows(), graph.indices]).astype(np.int64))
    for name, values in (("edge_weight", graph.weights), ("time", graph.times)):
        if values is not None:
            store[name] = torch.tensor(values)


def _values(store: Any) -> dict[str, Any]:
    names = {"weights": "edge_weight", "times": "time"}
    return {ours: store[theirs].numpy() if theirs in store else None for ours, theirs in names.items()}

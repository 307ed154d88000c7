"""A joint model of several relations: who follows whom and who clicks what, on one table.

Every user has one vector, smoothed over the edges of all relations and learnt from all of them. Social recommendation
with a shared user factor goes back to Ma et al. (SoRec, CIKM 2008); propagation is that of LightGCN (He et al., SIGIR
2020) on the union of the graphs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import Adjacency, InteractionGraph
from hemicycle.recommenders.base import Part, RecommenderConfig
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig


class JointConfig(LightGCNConfig):
    """LightGCN on several relations of the same users."""

    model: str = "joint"
    """Short name."""
    others: dict[str, Annotated[float, Field(ge=0)]] | None = None
    """Relation named under the study's ``also`` -> weight of its loss beside that of the relation that is recommended;
    with weight 0 its edges only carry vectors. By default all of them, each with ``weight``."""
    weight: float = Field(0.5, ge=0)
    """Weight of a relation that ``others`` does not name."""


@dataclass(frozen=True)
class _Union:
    """The graph of all relations.

    Args:
        adjacency: all nodes and edges; the first are those of the recommended relation's own adjacency.
        ends: name -> node of the relation's item 0.
    """

    adjacency: Adjacency
    ends: Mapping[str, int]


class Joint(LightGCN):
    """LightGCN whose table holds the users once, then the items of every relation.

    The loss is that of the recommended relation plus the weighted losses of the others, for the same users in a step.
    An undirected relation between users connects their nodes; of a directed one the followed side has nodes of its
    own, as in the bipartite double cover.
    """

    Config: ClassVar[type[RecommenderConfig]] = JointConfig
    config: JointConfig

    def adjacency(self, graph: InteractionGraph) -> Adjacency:
        """Return the union of all relations."""
        return _union(graph, tuple(self._weights(graph))).adjacency

    def parts(self, graph: InteractionGraph) -> Sequence[Part]:
        """Return the recommended relation, and the others that have a weight."""
        weights = self._weights(graph)
        union = _union(graph, tuple(weights))
        users = union.adjacency.user_offset
        others = [Part(graph.also[name], users, union.ends[name], w) for name, w in weights.items() if w > 0]
        return (Part(graph, users, union.adjacency.item_offset), *others)

    def _weights(self, graph: InteractionGraph) -> dict[str, float]:
        """Name -> weight of the other relations.

        Raises:
            InputError: there is no other relation, or none of a name.
        """
        there = ", ".join(graph.also) or "none"
        if not graph.also:
            raise InputError(
                "a joint model needs another relation of the same users",
                "also",
                "name one in the study, e.g. also: [friends], or choose model: lightgcn",
            )
        if self.config.others is None:
            return dict.fromkeys(graph.also, self.config.weight)
        if unknown := [name for name in self.config.others if name not in graph.also]:
            raise InputError(f"no other relation {unknown[0]!r}; there are: {there}", "others", "name it under 'also'")
        return self.config.others


@lru_cache(maxsize=2)
def _union(graph: InteractionGraph, names: tuple[str, ...]) -> _Union:
    own = graph.adjacency()
    n, ends = own.n_nodes, {}
    for name in names:
        other = graph.also[name]
        if other.n_users != graph.n_users:
            what = f"relation {name!r} has {other.n_users} users, the recommended one {graph.n_users}"
            raise InputError(what, "also", "number the same users in both, or leave it out")
        shared = other.social and not other.directed
        ends[name] = own.user_offset if shared else n
        n += 0 if shared else other.n_items
    edges = [*_edges(graph, own, ends, names)]
    rows, columns = (np.concatenate(side) for side in zip(*edges, strict=True))
    values = np.ones(2 * len(rows), np.int8)
    both = (np.concatenate([rows, columns]), np.concatenate([columns, rows]))
    matrix = sp.csr_array(sp.coo_array((values, both), shape=(n, n)))  # an edge in two relations counts once
    matrix.sort_indices()
    pointers, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
    return _Union(Adjacency(pointers, indices, own.user_offset, own.item_offset), ends)


def _edges(
    graph: InteractionGraph, own: Adjacency, ends: Mapping[str, int], names: tuple[str, ...]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the two ends of every relation's edges as nodes."""
    for relation, end in ((graph, own.item_offset), *((graph.also[name], ends[name]) for name in names)):
        yield relation.rows() + np.int64(own.user_offset), relation.indices + np.int64(end)

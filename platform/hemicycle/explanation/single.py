"""Why was this item shown to this user: the axes' parts of one score, and those of what the user took.

For people who are not public no such answer is given: it would tell their attitude. The parts of the user's history
are exact where vectors are sums over the graph (LightGCN); elsewhere the user's vector is written as a combination of
her items' vectors, and what that leaves is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.explanation.shares import Axis, Vectors, take_apart
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import TABLE, EmbeddingRecommender, Parameters, Recommender
from hemicycle.recommenders.lightgcn import LightGCN
from hemicycle.recommenders.propagation import Propagation

OWN, BIAS = "own vector", "bias"
RIDGE = 1e-3
"""Penalty of the combination of items, relative to their mean squared length."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Why:
    """One score, taken apart twice.

    Args:
        user: number.
        item: number.
        score: <u, v> + b.
        axes: axis, ``remainder`` and ``bias`` -> part; they add up to the score.
        history: what the user took, shape (n,).
        contributions: of each of these items to <u, v>, shape (n,).
        along: of each of these items to the part along each axis: axis -> shape (n,).
        rest: what of <u, v> does not come from the history: the user's own vector.
    """

    user: int
    item: int
    score: float
    axes: dict[str, float]
    history: NDArray[np.int32]
    contributions: Floats
    along: dict[str, Floats]
    rest: float


@dataclass(frozen=True, eq=False)
class Memory:
    """A user's vector as a sum over her history: u = own + sum over j of vectors_j.

    Args:
        items: shape (n,).
        vectors: shape (n, d).
        own: what remains, shape (d,).
    """

    items: NDArray[np.int32]
    vectors: Floats
    own: Floats


def why(vectors: Vectors, memory: Memory, axes: Sequence[Axis], pair: tuple[int, int], *, public: bool) -> Why:
    """Explain one score.

    Args:
        vectors: what scores.
        memory: of the pair's user, from :func:`propagated_memory` or :func:`combined_memory`.
        axes: see :func:`hemicycle.explanation.shares.take_apart`.
        pair: user and item.
        public: whether the data's people are public.

    Raises:
        DisclosureError: they are not.
    """
    if not public:
        what = "an explanation of one recommendation tells the attitude of a person who is not public"
        raise DisclosureError(what, remedy="publish shares over groups of people (explanation_results)")
    user, item = pair
    found = take_apart(vectors, axes, np.array([user]), np.array([[item]]))
    parts = {name: float(values[0, 0]) for name, values in found.parts.items()} | {BIAS: float(found.bias[0, 0])}
    v = vectors.items[item]
    along = {axis.name: (memory.vectors @ axis.left) @ (axis.right.T @ v) for axis in axes}
    own, score = float(memory.own @ v), float(found.score[0, 0])
    return Why(user, item, score, parts, memory.items, memory.vectors @ v, along, own)


# -- history ---------------------------------------------------------------------------------------------------------


class PropagatedMemory:
    """Users' vectors of a LightGCN as sums over their neighbours, exact.

    z_u = a_0 e_u + sum over neighbours j of S_uj m_j with m = sum over k >= 1 of a_k S^(k-1) e, where a are the weights
    of the layers in the read-out. A cosine's length is that of the whole vector, which the parts share.

    Args:
        recommender: the model.
        parameters: its table.
        graph: on which it is embedded.
    """

    def __init__(self, recommender: LightGCN, parameters: Parameters, graph: InteractionGraph) -> None:
        mixed = recommender.config.mixed
        weights = [(k in mixed) / len(mixed) for k in range(max(mixed) + 1)]
        self.graph, self.nodes = graph, recommender.adjacency(graph)
        self.table = torch.tensor(np.asarray(parameters[TABLE], np.float64))
        self.own = (self.table * weights[0]).numpy()
        passed = Propagation(self.nodes, torch.float64).sum(self.table, weights[1:]) if weights[1:] else 0 * self.table
        self.passed = passed.numpy()
        self.scale = 1 / np.sqrt(np.maximum(np.diff(self.nodes.indptr), 1))

    def __call__(self, vectors: Vectors, user: int) -> Memory:
        """Return the memory of a user, in the length of the vectors that score."""
        node = self.nodes.user_offset + user
        near = self.nodes.indices[self.nodes.indptr[node] : self.nodes.indptr[node + 1]]
        parts = self.passed[near] * (self.scale[near] * self.scale[node])[:, None]
        whole = self.own[node] + parts.sum(0)
        length = np.linalg.norm(vectors.users[user]) / max(np.linalg.norm(whole), np.finfo(float).tiny)
        return Memory((near - self.nodes.item_offset).astype(np.int32), parts * length, self.own[node] * length)


def combined_memory(vectors: Vectors, graph: InteractionGraph, user: int, ridge: float = RIDGE) -> Memory:
    """Return the user's vector as the combination of her items' vectors that comes nearest to it.

    a = (Y Y' + l I)^-1 Y u for the items' rows Y; vectors_j = a_j y_j. It is how alternating least squares explains a
    score (Hu, Koren and Volinsky, ICDM 2008, section 5); a table trained by gradient leaves a remainder.

    Args:
        vectors: what scores.
        graph: what the user took.
        user: her number.
        ridge: l, relative to the mean squared length of the items.
    """
    items = np.asarray(graph.indices[graph.indptr[user] : graph.indptr[user + 1]])
    u, rows = vectors.users[user], vectors.items[items]
    if not len(items):
        return Memory(items, rows, u)
    gram = rows @ rows.T
    penalty = ridge * max(np.trace(gram) / len(items), np.finfo(float).tiny)
    weights = np.linalg.solve(gram + penalty * np.eye(len(items)), rows @ u)
    parts = rows * weights[:, None]
    return Memory(items, parts, u - parts.sum(0))


def smooths(recommender: Recommender) -> bool:
    """Tell whether a model's vectors are those of LightGCN, on the users and items of its graph alone."""
    kind = type(recommender)
    same = isinstance(recommender, LightGCN) and kind.vectors is LightGCN.vectors  # type: ignore[attr-defined]
    return same and kind.adjacency is EmbeddingRecommender.adjacency  # type: ignore[attr-defined]


def memory_of(
    recommender: Recommender | None, parameters: Parameters, graph: InteractionGraph
) -> PropagatedMemory | None:
    """Return exact memories where a model's vectors are sums over the graph, else None.

    Raises:
        InputError: the table belongs to another graph.
    """
    if not isinstance(recommender, LightGCN) or not smooths(recommender):
        return None
    if len(parameters[TABLE]) != recommender.adjacency(graph).n_nodes:
        raise InputError(f"the table has {len(parameters[TABLE])} rows and the graph another number of nodes", "graph")
    return PropagatedMemory(recommender, parameters, graph)

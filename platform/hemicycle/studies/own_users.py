"""The data's own users as a society: their relations, their labels, and where their items stand."""

from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.attitudes.audiences import audience_positions
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, Relation, Role, roles, tag, with_role
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.entities import holds_numbers
from hemicycle.studies.models import graph_of, relation_of
from hemicycle.studies.simulated import SocietyConfig

INTERACTIONS = "interactions"
_BLOCK = 1 << 24
"""Similarities that are held at a time."""


class _Known(NamedTuple):
    """Users' opinions, shape (n, n_dims), NaN where unknown, and whom they follow."""

    opinions: NDArray[np.float64]
    graph: InteractionGraph


def own_society(config: SocietyConfig, data: Dataset) -> Dataset:
    """Return the data's users as a society.

    Args:
        config: which labels and relation, and what becomes of users without a label or without anybody to follow.
        data: the study's data.

    Returns:
        Users whose labels are the opinions, the relation ``follows``, and with sources beside users the items at their
        leanings; of a relation between users and items also ``interactions``.

    Raises:
        InputError: no such labels or relation, nobody is left, or users follow nobody and are to be refused.
    """
    names = opinion_labels(config, data)
    known = _Known(_scaled(config, _numbers(data.users, names)), follows_of(config, data))
    if config.unlabelled == "neighbours":
        known = known._replace(opinions=spread_labels(known.opinions, known.graph))
    kept = _kept(config, known)
    users = _users(data, names, known.opinions, kept)
    found = {"follows": _relation(known.graph, kept)}
    items = None
    if config.sources != "none":
        items, found[INTERACTIONS] = _items(config, data, known.opinions, kept)
    return Dataset(data.name, users, items, found, data.public)


def opinion_labels(config: SocietyConfig, data: Dataset) -> list[str]:
    """Names of the labels that are opinions.

    Raises:
        InputError: a label is unknown, or there is no numeric one.
    """
    known = [name for name in with_role(data.users, "label") if holds_numbers(data.users, name)]
    lost = [name for name in config.positions_from if name not in known]
    if lost or not known:
        what = f"no numeric label {lost[0]!r}" if lost else "the data's users have no numeric label"
        raise InputError(what, "society.positions_from", f"numeric labels: {', '.join(known) or 'none'}")
    return list(config.positions_from) or known


def _numbers(users: pa.Table, names: list[str]) -> NDArray[np.float64]:
    return np.column_stack([users[name].to_pandas().to_numpy(float) for name in names])


def _scaled(config: SocietyConfig, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay the labels' scale on [-1, 1]."""
    if config.scale is None:
        return values
    low, high = config.scale
    return 2 * (values - low) / (high - low) - 1


# -- who follows whom ------------------------------------------------------------------------------------------------


def follows_of(config: SocietyConfig, data: Dataset) -> InteractionGraph:
    """Return who follows whom: a relation between users as it is, or of one with items those most alike."""
    graph = graph_of(data, config.relation)
    if relation_of(data, config.relation).social:
        return graph
    users, items = most_alike(_matrix(graph), config.nearest)
    return InteractionGraph.from_edges(users, items, graph.n_users, graph.n_users, social=True)


def _matrix(graph: InteractionGraph) -> sp.csr_array:
    weights = np.ones(graph.n_edges) if graph.weights is None else graph.weights.astype(np.float64)
    return sp.csr_array((weights, np.asarray(graph.indices), np.asarray(graph.indptr)), (graph.n_users, graph.n_items))


def most_alike(matrix: sp.csr_array, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row the k others of the highest cosine above 0; of equal ones those that come first.

    Args:
        matrix: users x items.
        k: how many.

    Returns:
        Rows and their likes.
    """
    n = matrix.shape[0]
    norms = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    unit = sp.csr_array(sp.diags_array(1 / np.where(norms > 0, norms, 1)) @ matrix)
    step, rows, likes = max(1, _BLOCK // max(1, n)), [], []
    for first in range(0, n, step):
        cosines = (unit[first : first + step] @ unit.T).toarray()
        own = np.arange(len(cosines))
        cosines[own, first + own] = 0
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        at, place = np.nonzero(np.take_along_axis(cosines, best, axis=1) > 0)
        rows.append(first + at)
        likes.append(best[at, place])
    return np.concatenate(rows), np.concatenate(likes)


def spread_labels(opinions: NDArray[np.float64], graph: InteractionGraph) -> NDArray[np.float64]:
    """Put users without an opinion at the mean of those they follow who have one, round by round.

    Args:
        opinions: shape (n, n_dims); a row with a NaN is unknown.
        graph: who follows whom.

    Returns:
        The same with what could be filled; users from whom nobody known is reached stay NaN.
    """
    found, follows = np.where(np.isnan(opinions).any(axis=1, keepdims=True), np.nan, opinions), _matrix(graph)
    while True:
        known = _labelled(found)
        totals = follows @ known.astype(float)
        new = ~known & (totals > 0)
        if not new.any():
            return found
        sums = follows @ np.where(known[:, None], found, 0.0)
        found[new] = sums[new] / totals[new, None]


def _labelled(opinions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which users have all labels, shape (n,)."""
    return np.asarray(np.isfinite(opinions).all(axis=1), np.bool_)


def _kept(config: SocietyConfig, known: _Known) -> NDArray[np.bool_]:
    """Users of the society."""
    follows = _matrix(known.graph)
    kept = _labelled(known.opinions)
    if not kept.any():
        raise InputError("no user has all labels", "society.positions_from", "name labels that are known")
    alone = kept & ~(follows @ kept > 0)
    while config.isolated == "leave out" and alone.any():
        kept = kept & ~alone
        alone = kept & ~(follows @ kept > 0)
    if not kept.any():
        raise InputError("nobody is left who follows anybody", "society.isolated", "set it to keep")
    if alone.any() and config.isolated == "refuse":
        what = f"{alone.sum()} of {kept.sum()} users follow nobody in the society: their opinions stay as they are"
        remedy = "set it to keep (they hear of others by proposals alone), or to leave out"
        raise InputError(what, "society.isolated", remedy)
    return kept


def _relation(graph: InteractionGraph, kept: NDArray[np.bool_]) -> Relation:
    """The follows among those who are kept."""
    rows = np.repeat(np.arange(graph.n_users), np.diff(graph.indptr))
    items = np.asarray(graph.indices)
    inside = kept[rows] & kept[items] & (graph.directed | (rows < items))
    place = np.cumsum(kept) - 1
    columns: dict[str, Any] = {name: place[a[inside]].astype(np.int32) for name, a in (("user", rows), ("item", items))}
    if graph.weights is not None:
        columns["weight"] = graph.weights[inside]
    return Relation(pa.table(columns), social=True, directed=graph.directed)


# -- tables ----------------------------------------------------------------------------------------------------------


def _users(data: Dataset, names: list[str], opinions: NDArray[np.float64], kept: NDArray[np.bool_]) -> pa.Table:
    """The users' table with the opinions as its only labels; other labels are covariates."""
    table = data.users.filter(pa.array(kept))
    known = {name: "covariate" if role == "label" else role for name, role in roles(table).items()}
    columns = {name: table[name] for name in table.column_names if name not in names}
    columns |= {name: pa.array(column) for name, column in zip(names, opinions[kept].astype(np.float32).T, strict=True)}
    whole = cast("dict[str, Role]", known | dict.fromkeys(names, "label"))
    return tag(pa.table(columns), whole, public=data.public)


def _items(
    config: SocietyConfig, data: Dataset, opinions: NDArray[np.float64], kept: NDArray[np.bool_]
) -> tuple[pa.Table, Relation]:
    """The items at their leanings, and who took which."""
    relation = next((r for r in data.relations.values() if not r.social), None)
    if relation is None or data.items is None:
        raise InputError("the data has no items", "society.sources", "set it to none")
    graph = InteractionGraph.from_relation(relation, data.users.num_rows, data.items.num_rows)
    places = _leanings(config, data, _matrix(graph), opinions)
    columns = {name: data.items[name] for name in data.items.column_names if name not in config.item_positions}
    columns |= {f"leaning_{d}": pa.array(column) for d, column in enumerate(places.astype(np.float32).T.copy())}
    known = {name: "covariate" if role == "label" else role for name, role in roles(data.items).items()}
    known |= {f"leaning_{d}": "label" for d in range(places.shape[1])}
    place = np.cumsum(kept) - 1
    table = relation.table.filter(pa.array(kept[relation.table["user"].to_numpy()]))
    users = place[table["user"].to_numpy()].astype(np.int32)
    table = table.set_column(table.column_names.index("user"), "user", pa.array(users))
    return tag(pa.table(columns), cast("dict[str, Role]", known), public=data.public), replace(relation, table=table)


def _leanings(
    config: SocietyConfig, data: Dataset, matrix: sp.csr_array, opinions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Columns that say where items stand, or the mean of their audience; unknown ones at the mean of all."""
    if config.item_positions:
        assert data.items is not None
        lost = [name for name in config.item_positions if name not in data.items.column_names]
        if lost or len(config.item_positions) != opinions.shape[1]:
            what = f"no column {lost[0]!r} of items" if lost else "not one column of items for each opinion"
            raise InputError(what, "society.item_positions", f"columns: {', '.join(data.items.column_names)}")
        places = _scaled(config, _numbers(data.items, list(config.item_positions)))
    else:
        places = audience_positions(matrix, opinions, public=data.public).values
    unknown = ~_labelled(places)
    return np.where(unknown[:, None], places[~unknown].mean(axis=0), places)

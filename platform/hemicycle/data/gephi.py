"""GraphML and GEXF files, in and out (Gephi), and GML files, in: social graphs as networkx reads them."""

import gzip
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.disclosure import releasable, without_sensitive
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column, edge_table, node_table
from hemicycle.data.attributes import label_problems, numbers_or_text
from hemicycle.data.columns import in_order, locate, numbers
from hemicycle.data.schema import Dataset, Relation

_READERS: dict[str, Callable[..., Any]] = {
    "graphml": nx.read_graphml,
    "gexf": nx.read_gexf,
    "gml": lambda path: nx.read_gml(path, label="id"),
}
_WRITERS: dict[str, Callable[..., Any]] = {"graphml": nx.write_graphml, "gexf": nx.write_gexf}


class GraphFileConfig(Options):
    """Configuration of :class:`GraphFile`."""

    source: Literal["graphml", "gexf", "gml"] = "graphml"
    """Format of the file."""
    path: str
    """File, also gzipped; relative paths start at the current folder, then at ``$HEMICYCLE_DATA``."""
    name: str = "my graph"
    """For people."""
    public: bool = False
    """Whether the nodes are public entities, who may be shown one by one."""
    columns: dict[str, Literal["label", "group", "covariate", "text", "name"]] = Field(default_factory=dict)
    """Node attribute -> role; others are not read."""
    weight: str | None = None
    """Edge attribute of weights, not negative."""
    directed: bool | None = None
    """Whether it matters who links to whom; None: as the file says. False joins both directions of an edge."""
    min_links: int = Field(0, ge=0)
    """Nodes linked to fewer others, in either direction, are dropped, once: about them a recommender knows little."""

    @model_validator(mode="after")
    def _joins_no_weights(self) -> Self:
        if self.directed is False and self.weight is not None:
            raise ValueError(
                "directed: false joins edges, whose weights may differ: drop weight, or leave directed out"
            )
        return self


class GraphFile:
    """Source of one social graph: relation ``follows``, directed or not as the file says.

    Args:
        config: which file.
    """

    Config = GraphFileConfig

    def __init__(self, config: GraphFileConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """The path; raises when there is no such file."""
        return [locate(self.config.path)]

    def read(self) -> Dataset:
        """Read and check the graph.

        Raises:
            InputError: the file is damaged or empty, attributes are missing, or values cannot be used.
        """
        path = self.files()[0]
        whole = self._directed(_read_graph(path, self.config.source))
        graph = self._linked(whole)
        dropped = len(whole) - len(graph)
        nodes = {str(node): data for node, data in graph.nodes(data=True)}
        ids = in_order(nodes)
        columns, problems = self._columns(path, [nodes[raw] for raw in ids])
        relation, found = self._relation(path, graph, {raw: row for row, raw in enumerate(ids)})
        raise_problems([*problems, *found])
        users = node_table(ids, columns, "users", public=self.config.public)
        notes = (f"{dropped} nodes linked to fewer than {self.config.min_links} others dropped",) if dropped else ()
        return Dataset(self.config.name, users, None, {"follows": relation}, self.config.public, notes=notes)

    def _directed(self, graph: Any) -> Any:
        wanted = self.config.directed
        if wanted is None or wanted == graph.is_directed():
            return graph
        if wanted:
            raise InputError("the file's links have no direction", str(self.config.path), "leave directed out")
        return nx.Graph(graph)

    def _linked(self, graph: Any) -> Any:
        if not self.config.min_links:
            return graph
        simple: nx.Graph[Any] = nx.Graph(graph)
        kept = [node for node in simple if len(set(simple[node]) - {node}) >= self.config.min_links]
        if not kept:
            what = f"no node is linked to {self.config.min_links} others"
            raise InputError(what, str(self.config.path), "lower min_links")
        return graph.subgraph(kept)

    def _columns(self, path: Path, nodes: list[dict[str, Any]]) -> tuple[dict[str, Column], list[Problem]]:
        columns: dict[str, Column] = {}
        known = sorted({key for data in nodes for key in data})
        problems = [
            Problem(f"no node has the attribute {name!r}; they have: {', '.join(known[:20])}", str(path), "correct it")
            for name in self.config.columns
            if name not in known
        ]
        for name, role in self.config.columns.items():
            raw = pa.chunked_array([[_text(data.get(name)) for data in nodes]], pa.string())
            columns[name] = Column(numbers_or_text(raw, role), role)
            if name in known:
                problems += label_problems(path, name, columns[name])
        return columns, problems

    def _relation(self, path: Path, graph: Any, position: Mapping[str, int]) -> tuple[Relation, list[Problem]]:
        edges = [(position[str(u)], position[str(v)], data) for u, v, data in graph.edges(data=True)]
        ends = np.array([edge[:2] for edge in edges], np.int64).reshape(-1, 2)
        problems = []
        if not (ends[:, 0] != ends[:, 1]).any():
            problems.append(Problem("the graph has no edge", str(path), "export it with its edges"))
        weights = None
        if self.config.weight is not None:
            raw = pa.chunked_array([[_text(data.get(self.config.weight)) for *_, data in edges]], pa.string())
            weights = numbers(raw)[0]
            wrong = int((~np.isfinite(weights) | (weights < 0)).sum())
            if wrong:
                what = f"{wrong} edges have a weight that is missing, no number, infinite or negative"
                problems.append(Problem(what, f"{path} attribute {self.config.weight!r}", "correct them"))
        table = edge_table(ends[:, 0], ends[:, 1], weights)
        return Relation(table, social=True, directed=graph.is_directed()), problems


def write_graph(dataset: Dataset, path: str | os.PathLike[str], relation: str | None = None) -> Path:
    """Write one relation with its nodes' attributes as ``.graphml`` or ``.gexf`` (also ``.gz``).

    Sensitive columns of users who are not public are left out. In a bipartite graph nodes are called
    ``user:ID`` and ``item:ID``.

    Args:
        dataset: what to write.
        path: where; the suffix chooses the format.
        relation: name of the relation; default: the first.

    Raises:
        InputError: there is no such relation or format.
    """
    target = Path(path)
    kind = target.name.removesuffix(".gz").rsplit(".", 1)[-1]
    if kind not in _WRITERS:
        raise InputError(f"cannot write {target.name!r}", remedy=f"end it in one of: {', '.join(sorted(_WRITERS))}")
    graph = to_networkx(dataset, relation)
    part = target.with_name(f".part-{os.getpid()}-{target.name}")
    try:
        _WRITERS[kind](graph, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def to_networkx(dataset: Dataset, relation: str | None = None) -> Any:
    """Return one relation as a networkx graph with every attribute that may leave; see :func:`write_graph`."""
    edges = _chosen(dataset, relation)
    bipartite = not edges.social
    graph: nx.Graph[Any] = nx.DiGraph() if edges.directed and edges.social else nx.Graph()
    users = _add_nodes(graph, dataset.users, "user" if bipartite else "")
    ends = users
    if bipartite and dataset.items is not None:
        ends = _add_nodes(graph, dataset.items, "item")
    columns = edges.table.to_pydict()
    names = [name for name in ("weight", "time") if name in columns]
    for row, (user, item) in enumerate(zip(columns["user"], columns["item"], strict=True)):
        graph.add_edge(users[user], ends[item], **{name: columns[name][row] for name in names})
    return graph


def _chosen(dataset: Dataset, relation: str | None) -> Relation:
    name = next(iter(dataset.relations)) if relation is None else relation
    if name not in dataset.relations:
        raise InputError(f"there is no relation {name!r}", remedy=f"there are: {', '.join(dataset.relations)}")
    return dataset.relations[name]


def _add_nodes(graph: Any, table: pa.Table, kind: str) -> list[str]:
    rows = releasable(without_sensitive(table), kind or "users").to_pylist()
    prefix = f"{kind}:" if kind else ""
    for row in rows:
        shown = {name: value for name, value in row.items() if value is not None and name != "id"}
        graph.add_node(f"{prefix}{row['id']}", **shown, **({"kind": kind} if kind else {}))
    return [f"{prefix}{row['id']}" for row in rows]


def _read_graph(path: Path, kind: str) -> Any:
    try:
        graph = _READERS[kind](path)
    except (ParseError, nx.NetworkXError, ValueError, KeyError, gzip.BadGzipFile, EOFError) as error:
        remedy = f"export it again as {kind}, or correct 'source'"
        raise InputError(f"the file is not valid {kind}", str(path), remedy) from error
    return graph


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

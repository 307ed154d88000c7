import gzip
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data import gephi
from hemicycle.data.assembly import Column, node_table
from hemicycle.data.gephi import GraphFile, to_networkx, write_graph
from hemicycle.data.schema import Dataset, Relation
from hemicycle.data.voteview import Voteview

COLUMNS = {"lean": "label", "camp": "group"}


def society(*, public=True, directed=True):
    columns = {
        "lean": Column(pa.array([-0.5, None, 0.75]), "label"),
        "camp": Column(pa.array(["l", "r", "é&<"]), "group"),
        "age": Column(pa.array([33.0, 44.0, 55.0]), "covariate"),
    }
    edges = pa.table(
        {
            "user": pa.array([0, 1, 2], pa.int32()),
            "item": pa.array([1, 2, 0], pa.int32()),
            "weight": pa.array([1.0, 2.0, 0.5], pa.float32()),
        }
    )
    users = node_table(["7", "8", "10"], columns, "users", public=public)
    return Dataset("society", users, None, {"follows": Relation(edges, social=True, directed=directed)}, public)


def read(path, kind, **config):
    return GraphFile(GraphFile.Config(source=kind, path=str(path), **config)).read()


@pytest.mark.parametrize("suffix", ["graphml", "gexf", "graphml.gz", "gexf.gz"])
@pytest.mark.parametrize("directed", [True, False])
def test_round_trip(suffix, directed):
    original = society(directed=directed)
    path = write_graph(original, f"graph.{suffix}")
    data = read(path, suffix.split(".")[0], public=True, columns={**COLUMNS, "age": "covariate"}, weight="weight")
    assert data.users.equals(original.users, check_metadata=True)
    assert data.relations["follows"].directed == directed
    assert edges_of(data) == edges_of(original)
    assert [entry.name for entry in Path().iterdir()] == [path.name]


def edges_of(data):
    relation = data.relations["follows"]
    rows = zip(*(relation.table[name].to_pylist() for name in ("user", "item", "weight")), strict=True)
    return {((u, v) if relation.directed else frozenset((u, v)), w) for u, v, w in rows}


@pytest.mark.parametrize("suffix", ["graphml", "gexf"])
def test_private_attitudes_are_not_written(suffix):
    text = write_graph(society(public=False), f"graph.{suffix}").read_text()
    assert "age" in text
    assert not any(word in text for word in ("lean", "camp", "0.75", 'id="10"'))


def test_bipartite_nodes_say_what_they_are(tmp_path):
    data = Voteview(Voteview.Config()).read()
    graph = to_networkx(data, "nays")
    assert graph.number_of_edges() == data.relations["nays"].table.num_rows
    assert graph.nodes["user:660"]["party"] == "Democrat"
    assert graph.nodes["item:RS0960001"]["kind"] == "item"


def test_private_graph_is_read_under_pseudonyms():
    path = write_graph(society(), "g.graphml")
    first = read(path, "graphml", columns=COLUMNS)
    assert not {"7", "8", "10"} & set(first.users["id"].to_pylist())
    assert first.users["lean"].to_pylist() == [-0.5, None, 0.75]


@pytest.mark.parametrize("name", ["g.png", "g.gml", "g.csv.gz"])
def test_unknown_format(name):
    with pytest.raises(InputError, match="end it in one of: gexf, graphml"):
        write_graph(society(), name)


def test_gml_is_read():
    Path("g.gml").write_text(
        'graph [ directed 1 node [ id 5 label "b" lean 0 ] node [ id 4 label "a" lean 1 ] edge [ source 5 target 4 ] ]'
    )
    data = read("g.gml", "gml", public=True, columns={"label": "name", "lean": "label"})
    assert data.users.to_pydict() == {"id": ["4", "5"], "label": ["a", "b"], "lean": [1.0, 0.0]}
    assert data.relations["follows"].table.to_pydict() == {"user": [1], "item": [0]}


def test_links_without_direction_between_nodes_that_have_some(tmp_path):
    graph = nx.MultiDiGraph([("a", "b"), ("b", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("d", "d")])
    nx.write_graphml(graph, tmp_path / "g.graphml")
    config = {"path": str(tmp_path / "g.graphml"), "public": True}
    data = GraphFile(GraphFile.Config(**config, directed=False, min_links=2)).read()
    edges = data.relations["follows"]
    assert data.users["id"].to_pylist() == ["a", "b", "c"]
    pairs = {frozenset(pair) for pair in zip(*(edges.table[end].to_pylist() for end in ("user", "item")), strict=True)}
    assert (edges.directed, edges.table.num_rows, len(pairs)) == (False, 3, 3)
    assert data.notes == ("1 nodes linked to fewer than 2 others dropped",)
    with pytest.raises(InputError, match="lower min_links"):
        GraphFile(GraphFile.Config(**config, min_links=4)).read()
    with pytest.raises(ValueError, match="drop weight"):
        GraphFile.Config(**config, directed=False, weight="weight")
    nx.write_graphml(nx.Graph(graph), tmp_path / "g.graphml")
    with pytest.raises(InputError, match="no direction"):
        GraphFile(GraphFile.Config(**config, directed=True)).read()


def test_nothing_is_left_when_writing_fails(monkeypatch):
    def fail(graph, path):
        Path(path).write_text("half")
        raise OSError("disk full")

    monkeypatch.setitem(gephi._WRITERS, "gexf", fail)
    with pytest.raises(OSError, match="disk full"):
        write_graph(society(), "g.gexf")
    assert not list(Path().iterdir())


def test_unknown_relation():
    with pytest.raises(InputError, match="there are: follows"):
        write_graph(society(), "g.gexf", "likes")


@pytest.mark.parametrize("kind", ["graphml", "gexf", "gml"])
@pytest.mark.parametrize("content", ["", "no graph at all", "<xml/>"])
def test_damaged_files(kind, content):
    Path("g.xml").write_text(content)
    with pytest.raises(InputError, match=r"g\.xml"):
        read("g.xml", kind)


def test_damaged_gzip():
    Path("g.graphml.gz").write_bytes(gzip.compress(b"<graphml>")[:-9])
    with pytest.raises(InputError, match="not valid graphml"):
        read("g.graphml.gz", "graphml")


def test_missing_file():
    with pytest.raises(InputError, match="there is no file"):
        read("g.gexf", "gexf")


def test_every_problem_at_once():
    graph = nx.DiGraph()
    graph.add_node("a", lean=1.0)
    graph.add_node("b", lean=1.0)
    graph.add_edge("a", "b", weight=-1.0)
    nx.write_graphml(graph, "g.graphml")
    with pytest.raises(InputError) as caught:
        read("g.graphml", "graphml", columns={"lean": "label", "age": "covariate"}, weight="weight")
    text = [str(problem) for problem in caught.value.problems]
    assert len(text) == 3
    assert "no node has the attribute 'age'; they have: lean" in text[0]
    assert "one class only" in text[1]
    assert "1 edges have a weight" in text[2]


def test_empty_graph():
    nx.write_gexf(nx.empty_graph(3), "g.gexf")
    with pytest.raises(InputError, match="no edge"):
        read("g.gexf", "gexf")

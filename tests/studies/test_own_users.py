"""The data's own users as a society."""

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, Relation, tag, with_role
from hemicycle.data.voteview import Voteview
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.own_users import most_alike, own_society, spread_labels
from hemicycle.studies.run import look
from hemicycle.studies.simulated import SocietyConfig
from hemicycle.studies.societies import society_of

CHAIN = {"user": [0, 1, 2, 3, 4], "item": [1, 2, 3, 4, 3]}


def people(labels, edges=CHAIN, *, items=None, directed=True, **columns):
    """A data set of users with a label ``left`` and follows."""
    n = len(labels)
    columns = {"id": [f"u{i}" for i in range(n)], "left": labels, "age": np.arange(n) + 20.0, **columns}
    roles = {"id": "id", "left": "label", "age": "covariate", "side": "group", "mood": "label"}
    users = tag(pa.table(columns), {k: v for k, v in roles.items() if k in columns}, public=False)
    relations = {"knows": Relation(pa.table(edges), social=True, directed=directed)}
    if items is not None:
        relations["reads"] = Relation(pa.table(items))
    table = None if items is None else pa.table({"id": ["a", "b"], "score": [10.0, 0.0]})
    return Dataset("some", users, table, relations)


def config(**options):
    return SocietyConfig.model_validate({"from_data": True, "isolated": "keep", **options})


def read(dataset, **options):
    chosen = config(**options)
    return society_of(own_society(chosen, dataset), chosen)


def test_users_keep_their_labels_groups_columns_and_follows():
    society = read(people([0.1, 0.2, 0.3, 0.4, 0.5], side=list("aabbb"), mood=[1.0] * 5), positions_from=["left"])
    np.testing.assert_allclose(society.opinions[:, 0], [0.1, 0.2, 0.3, 0.4, 0.5])
    assert society.groups.tolist() == list("aabbb")
    assert {"age", "mood", "left"} <= set(society.columns)
    assert society.graph.indices.tolist() == [1, 2, 3, 4, 3]
    assert not society.public


def test_all_numeric_labels_are_opinions_where_none_is_named():
    dataset = own_society(config(), people([0.0] * 5, mood=[1.0] * 5))
    assert with_role(dataset.users, "label") == ["left", "mood"]


def test_a_scale_is_laid_on_minus_1_to_1():
    society = read(people([0.0, 5.0, 10.0, 2.5, 7.5]), scale=[0, 10])
    assert society.opinions[:, 0].tolist() == [-1, 0, 1, -0.5, 0.5]


def test_users_without_a_label_are_left_out_with_their_edges():
    society = read(people([0.1, None, 0.3, 0.4, 0.5]))
    assert society.n_users == 4
    assert society.graph.indptr.tolist() == [0, 0, 1, 2, 3]
    assert society.graph.indices.tolist() == [2, 3, 2]


def test_or_stand_at_the_mean_of_those_they_follow():
    society = read(people([None, None, 0.3, None, 0.5]), unlabelled="neighbours")
    np.testing.assert_allclose(society.opinions[:, 0], [0.3, 0.3, 0.3, 0.5, 0.5], rtol=1e-6)


def test_labels_spread_round_by_round_like_a_literal_loop():
    rng = np.random.default_rng(0)
    users, items = rng.integers(30, size=(2, 90))
    graph = InteractionGraph.from_edges(users, items, 30, 30, social=True)
    labels = np.where(rng.random((30, 1)) < 0.3, rng.normal(size=(30, 2)), np.nan)
    expected, changed = labels.copy(), True
    while changed:
        before, changed = expected.copy(), False
        for u in range(30):
            near = [v for v in graph.indices[graph.indptr[u] : graph.indptr[u + 1]] if np.isfinite(before[v]).all()]
            if np.isnan(before[u]).any() and near:
                expected[u], changed = before[near].mean(axis=0), True
    np.testing.assert_allclose(spread_labels(labels, graph), expected)


def test_the_lonely_are_counted_kept_or_left_out_with_those_who_follow_only_them():
    edges = {"user": [0, 1, 2, 3], "item": [1, 0, 3, 4]}
    dataset = people([0.1, 0.2, 0.3, 0.4, 0.5], edges)
    with pytest.raises(InputError, match="1 of 5 users follow nobody"):
        read(dataset, isolated="refuse")
    assert read(dataset).n_users == 5
    assert read(dataset, isolated="leave out").n_users == 2


def test_mutual_ties_stay_mutual():
    society = read(people([0.1] * 5, directed=False))
    assert not society.graph.directed
    assert society.graph.n_edges == 8


def test_items_stand_where_their_columns_say_or_at_the_mean_of_their_audience():
    reads = {"user": [0, 1, 2, 3, 4, 0], "item": [0, 0, 0, 1, 1, 1]}
    labels = [0.0, 1.0, 2.0, 8.0, 10.0]
    said = read(people(labels, items=reads), sources="items", item_positions=["score"], scale=[0, 10])
    assert said.items[:, 0].tolist() == [1, -1]
    many = {"user": list(range(20)) * 2, "item": [0] * 20 + [1] * 20}
    ring = {"user": list(range(20)), "item": [*range(1, 20), 0]}
    heard = read(people(np.linspace(0, 1, 20).tolist(), ring, items=many), sources="items")
    np.testing.assert_allclose(heard.items[:, 0], [0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions_from": ["mood"]}, "no numeric label 'mood'"),
        ({"relation": "likes"}, "no relation 'likes'"),
        ({"sources": "items"}, "the data has no items"),
    ],
)
def test_what_the_data_do_not_have_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        read(people([0.1] * 5), **options)


def test_nobody_with_all_labels_is_refused():
    with pytest.raises(InputError, match="no user has all labels"):
        read(people([None, None, 0.3, None, 0.5], mood=[1.0, 1.0, None, 1.0, None]))


@pytest.mark.parametrize("block", [1, 1 << 24])
def test_the_most_alike_are_those_of_a_literal_search(monkeypatch, block):
    monkeypatch.setattr("hemicycle.studies.own_users._BLOCK", block)
    rng = np.random.default_rng(1)
    matrix = sp.random_array((25, 12), density=0.2, rng=rng, format="csr")
    dense = matrix.toarray()
    dense[3] = 0
    rows, likes = most_alike(sp.csr_array(dense), 4)
    norms = np.linalg.norm(dense, axis=1)
    for u in range(25):
        cosine = {v: dense[u] @ dense[v] / (norms[u] * norms[v] or 1) for v in range(25) if v != u}
        best = sorted((v for v in cosine if cosine[v] > 1e-15), key=lambda v: -cosine[v])[:4]
        assert set(likes[rows == u]) == set(best)


def test_senators_follow_those_who_vote_alike():
    dataset = Voteview(Voteview.Config()).read()
    society = read(dataset, positions_from=["nominate_dim1"], nearest=5, isolated="refuse")
    x, graph = society.opinions[:, 0], society.graph
    followed = np.add.reduceat(x[graph.indices], graph.indptr[:-1]) / np.diff(graph.indptr)
    assert np.corrcoef(x, followed)[0, 1] > 0.8
    assert society.public


def test_a_label_of_two_numbers_is_an_opinion_before_anything_runs(tmp_path):
    """As the sides of political blogs, 0 and 1, which a probe reads as classes."""
    blogs = nx.Graph((a, b) for a in range(30) for b in range(a) if (a < 15) == (b < 15) or a - b == 15)
    for node in blogs:
        blogs.nodes[node].update(name=f"blog {node}", value=int(node < 15))
    nx.write_gml(blogs, tmp_path / "blogs.gml")
    data = {"source": "gml", "path": str(tmp_path / "blogs.gml"), "directed": False, "columns": {"value": "label"}}
    society = {"from_data": True, "positions_from": ["value"], "scale": [-0.5, 1.5], "isolated": "keep"}
    talk = {"opinions": [{"opinion": "degroot"}], "arms": ["none"], "steps": 2, "seeds": 1}
    asked = {"name": "blogs", "data": data, "society": society, "simulations": {"talk": talk}}
    _, steps = look(StudyConfig.model_validate(asked), Folder.at(tmp_path))
    assert any(step.kind == "simulate" for step in steps)

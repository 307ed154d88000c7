import dataclasses

import numpy as np
import pytest
from contracts.recommender_contract import SHAPES, RecommenderContract, random_split

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.joint import Joint, JointConfig
from hemicycle.training.group import SINGLE
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions


def friends(n, **shape):
    """Everyone knows the next user and the one after."""
    near = np.arange(n)
    shape = shape or {"social": True, "directed": False}
    return InteractionGraph.from_edges(
        np.concatenate([near, near]), np.concatenate([(near + 1) % n, (near + 2) % n]), n, n, **shape
    )


class TestJoint(RecommenderContract):
    config = JointConfig(dim=8, layers=2, weight=0.05)

    def dress(self, split):
        beside = {"friends": friends(split.train.n_users)}
        return dataclasses.replace(split, train=dataclasses.replace(split.train, also=beside))


def literal_edges(graph, ends):
    """Every pair of nodes that an edge of some relation connects; user u is node u."""
    found = set()
    for relation, end in ((graph, ends[""]), *((other, ends[name]) for name, other in graph.also.items())):
        for u, i in zip(relation.rows(), relation.indices, strict=True):
            found |= {(int(u), end + int(i)), (end + int(i), int(u))}
    return found


@pytest.mark.parametrize("beside", list(SHAPES))
@pytest.mark.parametrize("main", list(SHAPES))
def test_the_union_connects_what_any_relation_connects(main, beside):
    n = 30
    other = friends(n, **SHAPES[beside]) if SHAPES[beside] else random_split("bipartite", n, seed=3).train
    graph = dataclasses.replace(random_split(main, n).train, also={"other": other})
    own = 0 if main == "undirected" else n
    ends = {"": own, "other": 0 if beside == "undirected" else own + n}
    adjacency = Joint(JointConfig(dim=4)).adjacency(graph)
    rows = np.repeat(np.arange(adjacency.n_nodes), np.diff(adjacency.indptr))
    assert list(zip(rows.tolist(), adjacency.indices.tolist(), strict=True)) == sorted(literal_edges(graph, ends))
    parts = Joint(JointConfig(dim=4)).parts(graph)
    assert [(p.users, p.items, p.weight) for p in parts] == [(0, own, 1.0), (0, ends["other"], 0.5)]
    assert parts[1].graph is other


def test_a_relation_without_weight_carries_vectors_only():
    graph = dataclasses.replace(random_split("bipartite").train, also={"friends": friends(30)})
    silent, loud = (Joint(JointConfig(dim=4, weight=w)) for w in (0.0, 0.5))
    assert (silent.adjacency(graph).indices == loud.adjacency(graph).indices).all()
    assert (len(silent.parts(graph)), len(loud.parts(graph))) == (1, 2)
    losses = [
        Trainer(model, graph, TrainingOptions(batch=1000, warmup=0), 0, SINGLE).epoch(1) for model in (silent, loud)
    ]
    assert losses[1] > losses[0] * 1.2, "the second relation's loss is not added"


def test_only_the_relations_that_are_named_take_part():
    graph = random_split("bipartite").train
    both = dataclasses.replace(graph, also={"friends": friends(30), "others": random_split("bipartite", seed=9).train})
    one = dataclasses.replace(graph, also={"friends": friends(30)})
    chosen = Joint(JointConfig(dim=4, others={"friends": 0.2}))
    assert chosen.adjacency(both).n_nodes == chosen.adjacency(one).n_nodes == 60
    assert Joint(JointConfig(dim=4)).adjacency(both).n_nodes == 90
    assert [part.weight for part in chosen.parts(both)] == [1.0, 0.2]


@pytest.mark.parametrize(
    ("also", "others", "message"),
    [
        ({}, None, "needs another relation"),
        ({"friends": friends(30)}, {"foes": 1.0}, "no other relation 'foes'; there are: friends"),
        ({"friends": friends(29)}, None, "relation 'friends' has 29 users, the recommended one 30"),
    ],
)
def test_relations_that_cannot_be_joined_are_refused(also, others, message):
    graph = dataclasses.replace(random_split("bipartite").train, also=also)
    with pytest.raises(InputError, match=message):
        Joint(JointConfig(dim=4, others=others)).adjacency(graph)


def test_friends_help_whoever_has_taken_little():
    """Two camps with items of their own; half of the users took a single item, and their friends tell the camp."""
    rng = np.random.default_rng(0)
    n, camp = 120, np.arange(120) % 2
    taken = [(u, 2 * i + camp[u]) for u in range(n) for i in rng.choice(30, 1 if u >= 60 else 12, replace=False)]
    users, items = np.array(taken).T
    graph = InteractionGraph.from_edges(users, items, n, 60)
    pairs = np.array([(u, v) for u in range(n) for v in rng.choice(np.flatnonzero(camp == camp[u]), 4) if u != v])
    known = InteractionGraph.from_edges(*pairs.T, n, n, social=True, directed=False)
    model = Joint(JointConfig(dim=8, layers=2))
    trainer = Trainer(model, dataclasses.replace(graph, also={"friends": known}), TrainingOptions(), 0, SINGLE)
    for epoch in range(1, 31):
        trainer.epoch(epoch)
    scores = model.scores(trainer.parameters(), trainer.graph)(np.arange(60, n))
    own = scores.reshape(60, 30, 2)[np.arange(60), :, camp[60:]].mean(1)
    other = scores.reshape(60, 30, 2)[np.arange(60), :, 1 - camp[60:]].mean(1)
    assert (own > other).mean() > 0.95

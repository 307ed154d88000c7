"""Splits that withhold whole users."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.graphs.splits import Split, SplitConfig, split


def a_graph(users=60, edges=900, seed=0, **options):
    rng = np.random.default_rng(seed)
    return InteractionGraph.from_edges(
        rng.integers(users, size=edges), rng.integers(60, size=edges), users, 60, times=rng.random(edges), **options
    )


def pairs(graph):
    return set(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


def new_users(**changes):
    return SplitConfig(kind="new_users", **{"test": 0.2, "valid": 0.1, **changes})


@given(st.integers(40, 300), st.sampled_from([0, 0.3, 0.5, 0.9]), st.integers(0, 99))
def test_withheld_users_have_no_training_edge_and_one_held_out_at_least(edges, reveal, seed):
    graph = a_graph(edges=edges, seed=seed)
    parts = split(graph, new_users(reveal=reveal, seed=seed))
    held = [np.flatnonzero(part.degrees) for part in (parts.valid, parts.test)]
    assert not set(held[0]) & set(held[1])
    assert not parts.train.degrees[np.concatenate(held)].any()
    assert pairs(parts.train) | pairs(parts.valid) | pairs(parts.test) | pairs(parts.context) == pairs(graph)
    assert parts.context.n_edges + parts.valid.n_edges + parts.test.n_edges == graph.n_edges
    assert pairs(parts.train) <= pairs(parts.context)
    everyone = (graph.degrees > 0).sum()
    assert [len(users) for users in held] == [round(0.1 * everyone), round(0.2 * everyone)]


def test_nothing_is_revealed_at_zero():
    parts = split(a_graph(), new_users(reveal=0))
    assert pairs(parts.context) == pairs(parts.train)


def test_the_revealed_fraction_holds_on_average_and_is_the_earliest():
    graph = a_graph(400, 8000)
    parts = split(graph, new_users(reveal=0.3, valid=0))
    users = np.flatnonzero(parts.test.degrees)
    shown = parts.context.degrees[users].sum()
    assert shown / graph.degrees[users].sum() == pytest.approx(0.3, abs=0.03)
    for user in users:
        row = slice(*parts.context.indptr[user : user + 2])
        hidden = slice(*parts.test.indptr[user : user + 2])
        assert parts.context.times[row].max(initial=0) <= parts.test.times[hidden].min()


def test_the_context_is_written_only_where_it_differs(tmp_path):
    graph = dataclasses.replace(a_graph(), features=Features(users=np.ones((60, 2), np.float32)))
    for name, config in {"same": SplitConfig(), "more": new_users()}.items():
        folder = Folder.at(tmp_path / name)
        parts = split(graph, config)
        parts.write(folder)
        read = Split.read(folder)
        assert pairs(read.context) == pairs(parts.context)
        assert read.context.features.users.shape == (60, 2)
        assert folder.exists("context") == (name == "more")


def test_the_context_follows_the_training_graph_of_other_kinds():
    parts = split(a_graph(), SplitConfig())
    assert parts.context is parts.train
    other = a_graph(seed=1)
    assert dataclasses.replace(parts, train=other).context is other


def test_relations_between_users_are_refused():
    with pytest.raises(InputError, match="needs users and items"):
        split(a_graph(social=True), new_users())


def test_too_few_users_are_refused():
    with pytest.raises(InputError, match=r"0\.1 of 3 users is none"):
        split(a_graph(users=3, edges=30), new_users(test=0.1))

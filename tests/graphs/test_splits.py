from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split

KINDS = ("random", "temporal", "snapshot", "leave_one_out")
SHAPES = {"bipartite": {}, "directed": {"social": True}, "undirected": {"social": True, "directed": False}}


def a_graph(shape="bipartite", n=60, edges=900, seed=0):
    rng = np.random.default_rng(seed)
    users, items = rng.integers(n, size=(2, edges))
    return InteractionGraph.from_edges(users, items, n, n, times=rng.random(edges), **SHAPES[shape])


def a_config(kind, **changes):
    return SplitConfig(kind=kind, cut_times=(0.7, 0.85) if kind == "snapshot" else None, **changes)


def pairs(graph):
    return set(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


@given(st.sampled_from(KINDS), st.sampled_from(list(SHAPES)), st.integers(1, 120), st.integers(0, 99))
def test_parts_are_disjoint_whole_and_leave_everyone_a_training_edge(kind, shape, edges, seed):
    graph = a_graph(shape, 12, edges + 12, seed)
    try:
        parts = split(graph, a_config(kind, seed=seed, test=0.3, valid=0.3))
    except InputError as error:
        assert "leaves no edge in test" in str(error)  # noqa: PT017 - a tiny graph may do so
        return
    train, valid, test = (pairs(part) for part in (parts.train, parts.valid, parts.test))
    assert train | valid | test == pairs(graph)
    assert len(train) + len(valid) + len(test) == graph.n_edges
    assert ((parts.train.degrees > 0) == (graph.degrees > 0)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", ["directed", "undirected"])
def test_an_edge_and_its_reverse_stay_together(kind, shape):
    parts = split(a_graph(shape), a_config(kind))
    for part in (parts.train, parts.valid, parts.test):
        others = pairs(a_graph(shape)) - pairs(part)
        assert part.n_edges > 0
        assert not {(i, u) for u, i in pairs(part)} & others


@pytest.mark.parametrize("shape", list(SHAPES))
def test_fractions_hold_on_average(shape):
    parts = split(a_graph(shape, 400, 8000), SplitConfig(test=0.2, valid=0.1))
    total = sum(part.n_edges for part in (parts.train, parts.valid, parts.test))
    assert parts.test.n_edges / total == pytest.approx(0.2, abs=0.02)
    assert parts.valid.n_edges / total == pytest.approx(0.1, abs=0.02)


def test_temporal_holds_out_each_users_latest():
    parts = split(a_graph(), a_config("temporal", test=0.2, valid=0.2))
    for user in range(60):
        times = [p.times[p.indptr[user] : p.indptr[user + 1]] for p in (parts.train, parts.valid, parts.test)]
        bounds = [(t.min(), t.max()) for t in times if len(t)]
        assert all(before[1] < after[0] for before, after in pairwise(bounds))


def test_snapshot_cuts_at_the_times():
    parts = split(a_graph(), a_config("snapshot"))
    assert parts.test.times.min() >= 0.85
    assert parts.valid.times.min() >= 0.7
    assert parts.valid.times.max() < 0.85
    assert (parts.train.times < 0.7).mean() > 0.99  # but for users who came later


def test_a_user_who_comes_after_the_cut_keeps_her_first_edge():
    graph = InteractionGraph.from_edges(np.array([0, 1, 1]), np.array([0, 0, 1]), 2, 2, times=[0.0, 9.0, 5.0])
    parts = split(graph, SplitConfig(kind="snapshot", cut_times=(1, 2)))
    assert pairs(parts.train) == {(0, 0), (1, 1)}
    assert pairs(parts.test) == {(1, 0)}


def test_leave_one_out_takes_the_last_for_test_and_the_one_before_for_validation():
    graph = InteractionGraph.from_edges(np.zeros(4, int), np.arange(4), 1, 4, times=[3, 1, 4, 2])
    parts = split(graph, SplitConfig(kind="leave_one_out"))
    assert (pairs(parts.test), pairs(parts.valid)) == ({(0, 2)}, {(0, 0)})


def test_the_draw_depends_on_the_seed_alone():
    first, again, other = (split(a_graph(), SplitConfig(seed=s)).test for s in (1, 1, 2))
    assert pairs(first) == pairs(again)
    assert pairs(first) != pairs(other)


def test_write_and_read(tmp_path):
    parts = split(a_graph(), SplitConfig(valid=0))
    parts.write(Folder.at(tmp_path))
    again = type(parts).read(Folder.at(tmp_path))
    for name in ("train", "valid", "test"):
        assert pairs(getattr(again, name)) == pairs(getattr(parts, name))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SplitConfig(kind="temporal"), "needs the time of every edge"),
        (SplitConfig(kind="snapshot", cut_times=(0, 1)), "needs the time of every edge"),
    ],
)
def test_impossible_splits_are_refused(config, message):
    graph = InteractionGraph.from_edges(np.array([0, 1]), np.array([1, 0]), 2, 2)
    with pytest.raises(InputError, match=message):
        split(graph, config)


@pytest.mark.parametrize("cuts", [None, (2.0, 1.0)])
def test_a_snapshot_needs_ascending_cut_times(cuts):
    with pytest.raises(InputError, match="two ascending cut_times"):
        split(a_graph(), SplitConfig(kind="snapshot", cut_times=cuts))


def test_an_empty_test_part_is_refused():
    with pytest.raises(InputError, match="leaves no edge in test"):
        split(a_graph(), SplitConfig(kind="snapshot", cut_times=(8.0, 9.0)))


def test_a_split_that_leaves_nothing_to_train_on_is_refused():
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        SplitConfig(test=0.6, valid=0.5)

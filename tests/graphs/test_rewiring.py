"""Null graphs keep every degree and forget the rest."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.graphs.rewiring import Mixing, rewire

KINDS = [(False, True), (True, True), (True, False)]


def a_graph(kind, seed=0, n=40, edges=200, **columns):
    social, directed = kind
    draws = rng("rewiring test", seed)
    ends = draws.integers(0, n, (2, edges))
    n_items = n if social else n + 5
    return InteractionGraph.from_edges(*ends, n, n_items, social=social, directed=directed, **columns)


def pairs(graph):
    return list(zip(graph.rows().tolist(), graph.indices.tolist(), strict=True))


@settings(max_examples=30)
@given(st.sampled_from(KINDS), st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 120))
def test_degrees_stay_and_no_edge_is_double_or_a_loop(kind, seed, n, edges):
    try:
        graph = a_graph(kind, seed, n, edges)
    except InputError:  # nothing but self-loops
        return
    found = rewire(graph, rng("swap", seed), 3).graph
    assert found.degrees.tolist() == graph.degrees.tolist()
    assert found.item_degrees.tolist() == graph.item_degrees.tolist()
    assert max(Counter(pairs(found)).values()) == 1
    if graph.social:
        assert all(u != v for u, v in pairs(found))
    if not graph.directed:
        assert {(v, u) for u, v in pairs(found)} == set(pairs(found))


def slow_sweep(edges, proposals, kind, forbidden):
    """The swaps as they are written down, on a set of edges."""
    social, directed = kind
    norm = (lambda a, b: (a, b)) if directed else (lambda a, b: (min(a, b), max(a, b)))
    present = {norm(*edge) for edge in edges} | {norm(*edge) for edge in forbidden}
    for e, f, turned in proposals.T:
        (a, b), (c, d) = edges[e], edges[f]
        if turned and not directed:
            c, d = d, c
        new = [norm(a, d), norm(c, b)]
        if a == c or b == d or (social and (a == d or c == b)) or set(new) & present:
            continue
        present -= {norm(a, b), norm(c, d)}
        present |= set(new)
        edges[e], edges[f] = (a, d), (c, b)
    return {norm(*edge) for edge in edges}


@pytest.mark.parametrize("kind", KINDS)
def test_the_fast_sweep_makes_the_swaps_of_the_slow_one(kind):
    graph, other = a_graph(kind, 1), a_graph(kind, 2, edges=60)
    keep = np.array([pair not in set(pairs(graph)) for pair in pairs(other)])
    other = other.select(keep)
    found = rewire(graph, rng("same draws"), 2, [other])
    draws = rng("same draws")
    edges = [p for p in pairs(graph) if kind[1] or p[0] < p[1]]
    for _ in range(2):
        proposals = np.concatenate(
            [draws.integers(0, len(edges), (2, len(edges))), draws.integers(0, 2, (1, len(edges)))]
        )
        expected = slow_sweep(edges, proposals, kind, pairs(other))
    mine = {p for p in pairs(found.graph) if kind[1] or p[0] < p[1]}
    assert mine == expected
    assert not mine & set(pairs(other))
    before = {p for p in pairs(graph) if kind[1] or p[0] < p[1]}
    assert found.mixing.kept[-1] == pytest.approx(len(mine & before) / len(before))


def test_every_graph_of_the_same_degrees_is_equally_likely():
    # three users of two items each, among three items of two users each: 6 matrices, one zero in each row and column
    users, items = np.repeat(np.arange(3), 2), np.array([1, 2, 0, 2, 0, 1])
    graph = InteractionGraph.from_edges(users, items, 3, 3)
    counts = Counter(tuple(pairs(rewire(graph, rng("uniform", draw), 6).graph)) for draw in range(1200))
    assert len(counts) == 6
    chi2 = sum((count - 200) ** 2 / 200 for count in counts.values())
    assert chi2 < 20.5  # the 99.9 % quantile with 5 degrees of freedom


def test_a_planted_division_is_forgotten_and_mixing_settles():
    draws = rng("division")
    side = np.arange(400) % 2
    ends = draws.integers(0, 400, (2, 12_000))
    same = side[ends[0]] == side[ends[1]]
    graph = InteractionGraph.from_edges(*ends[:, same], 400, 400, social=True)
    found = rewire(graph, rng("swap"))
    across = (side[found.graph.rows()] != side[found.graph.indices]).mean()
    assert across == pytest.approx(0.5, abs=0.02)
    assert found.mixing.settled
    assert found.mixing.kept[-1] < 0.1 < found.mixing.kept[0]
    assert found.mixing.accepted > 0.8


def test_what_has_only_begun_to_mix_is_not_settled():
    assert not Mixing((0.9, 0.7, 0.5, 0.4, 0.3, 0.2), 0.9, 1000).settled
    assert not Mixing((0.9,), 0.9, 1000).settled
    assert Mixing((0.9, 0.2, 0.1, 0.1, 0.1, 0.1), 0.9, 1000).settled


def test_weights_and_times_stay_with_the_user_and_features_are_passed_on():
    features = Features(np.ones((40, 2), np.float32))
    graph = replace(a_graph(KINDS[0], weights=np.arange(200.0), times=np.arange(200.0)), features=features)
    found = rewire(graph, rng("swap")).graph
    for name in ("weights", "times"):
        for user in range(40):
            own = slice(graph.indptr[user], graph.indptr[user + 1])
            assert sorted(getattr(found, name)[own]) == sorted(getattr(graph, name)[own])
    assert found.features is features


def test_the_same_key_gives_the_same_graph_and_another_one_another():
    graph = a_graph(KINDS[1])
    one, two, other = (rewire(graph, rng("key", key)).graph for key in (1, 1, 2))
    assert np.array_equal(one.indices, two.indices)
    assert not np.array_equal(one.indices, other.indices)


def test_a_graph_that_cannot_be_swapped_stays():
    whole = InteractionGraph.from_edges(*np.indices((3, 3)).reshape(2, -1), 3, 3)
    found = rewire(whole, rng("swap"))
    assert pairs(found.graph) == pairs(whole)
    assert found.mixing.accepted == 0
    assert found.mixing.kept[-1] == 1


def test_what_cannot_be_asked_for():
    graph = a_graph(KINDS[0])
    with pytest.raises(InputError, match="ask for at least one"):
        rewire(graph, rng("swap"), 0)
    with pytest.raises(InputError, match="30 x 35 nodes, where the rewired one has 40 x 45"):
        rewire(graph, rng("swap"), 1, [a_graph(KINDS[0], n=30)])

"""Shapes of the social graph and starting configurations of synthetic societies."""

import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.data import society_shapes as shapes
from hemicycle.data.society_follows import Follows
from hemicycle.data.society_options import preset
from hemicycle.data.synthetic import SyntheticConfig, society

KINDS = ("homophilous", "blocks", "random", "complete", "small_world", "scale_free")


def made(users=400, **options):
    return society(SyntheticConfig.model_validate({"users": users, "items": 0} | options))


def edges(dataset):
    table = dataset.relations["follows"].table
    return table["user"].to_numpy().astype(int), table["item"].to_numpy().astype(int)


def degrees(dataset, users=400):
    return np.bincount(np.concatenate(edges(dataset)), minlength=users)


@pytest.mark.parametrize("kind", KINDS)
def test_edges_are_different_without_loops_and_as_many_as_promised(kind):
    config = SyntheticConfig(users=400, items=0, follows={"kind": kind, "per_user": 6})
    users, items = edges(society(config))
    assert len(users) == config.n_follows
    assert (users != items).all()
    assert len(set(zip(users.tolist(), items.tolist(), strict=True))) == len(users)
    assert users.min() >= 0
    assert max(users.max(), items.max()) < 400


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_seed_decides_and_nothing_else(kind):
    draw = [made(follows={"kind": kind, "per_user": 6}, graph_seed=seed, opinion_seed=0) for seed in (1, 1, 2)]
    tables = [one.relations["follows"].table for one in draw]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2]) == (kind == "complete")


@pytest.mark.parametrize("kind", ["homophilous", "blocks", "random"])
def test_mutual_ties_stand_once(kind):
    mutual = made(follows={"kind": kind, "per_user": 8, "directed": False})
    users, items = edges(mutual)
    assert not mutual.relations["follows"].directed
    pairs = {frozenset(pair) for pair in zip(users.tolist(), items.tolist(), strict=True)}
    assert len(pairs) == len(users)
    assert len(users) == 1600 if kind == "random" else 1500 <= len(users) <= 1600


def test_numbers_count_unordered_pairs_one_by_one():
    users, items = shapes._unordered(np.arange(4950))
    assert [(u, v) for u in range(100) for v in range(u)] == list(zip(users.tolist(), items.tolist(), strict=True))


def test_pairs_far_beyond_what_a_float_counts_are_exact():
    codes = np.array([2**52 - 3, 2**52 + 2**26, (2**27) * (2**27 - 1) // 2 - 1], np.int64)
    users, items = (part.astype(np.int64) for part in shapes._unordered(codes))
    np.testing.assert_array_equal(users * (users - 1) // 2 + items, codes)
    assert (items < users).all()


def test_random_degrees_are_poisson():
    found = degrees(made(2000, follows={"kind": "random", "per_user": 10, "directed": False}), 2000)
    assert found.mean() == 10
    assert found.var() == pytest.approx(10, rel=0.12)


def test_a_small_world_goes_from_a_ring_to_chance():
    from hemicycle.graphs.interaction import InteractionGraph

    def clustering(rewiring):
        dataset = made(follows={"kind": "small_world", "per_user": 6, "rewiring": rewiring})
        graph = InteractionGraph.from_relation(dataset.relations["follows"], 400, 400)
        a = np.zeros((400, 400))
        a[np.repeat(np.arange(400), np.diff(graph.indptr)), graph.indices] = 1
        return np.trace(a @ a @ a) / (a.sum(1) * (a.sum(1) - 1)).sum()

    assert clustering(0) == pytest.approx(3 * (6 - 2) / (4 * (6 - 1)))  # Watts and Strogatz's ring
    assert clustering(0.1) == pytest.approx(0.6 * 0.9**3, abs=0.06)
    assert clustering(1) < 0.05


def test_preferential_attachment_has_the_degrees_of_barabasi_and_albert():
    found = degrees(made(20_000, follows={"kind": "scale_free", "per_user": 8}), 20_000)
    assert found.min() == 4
    for k in (4, 6, 10):  # p(k) = 2 m (m + 1) / (k (k + 1) (k + 2)): Dorogovtsev, Mendes and Samukhin 2000
        assert (found == k).mean() == pytest.approx(2 * 4 * 5 / (k * (k + 1) * (k + 2)), rel=0.1)
    assert found.max() > 200


def block_measures(users=3000, **dials):
    number = 5
    dataset = made(users, follows={"kind": "blocks", "per_user": 20, **dials}, communities=number)
    first, second = edges(dataset)
    party = dataset.users["party"].to_pandas().astype("category").cat.codes.to_numpy()
    community = dataset.users["community"].to_numpy()

    def share(groups):
        sizes = np.bincount(groups) / len(groups)
        return (groups[first] == groups[second]).mean(), (sizes**2).sum()

    (same_party, chance_p), (same_community, chance_c) = share(party), share(community)
    return (same_party - chance_p) / (1 - chance_p), same_community - chance_c


@pytest.mark.parametrize(("homophily", "modularity"), [(0, 0), (0.6, 0), (0, 0.5), (0.6, 0.5)])
def test_homophily_and_modularity_are_separate_dials(homophily, modularity):
    assortativity, excess = block_measures(homophily=homophily, modularity=modularity)
    assert assortativity == pytest.approx(homophily, abs=0.03)
    assert excess == pytest.approx(modularity * (1 - 1 / 5), abs=0.03)


def test_without_parties_homophily_is_by_the_side_of_the_median():
    dataset = made(2000, parties="uniform", follows={"kind": "blocks", "homophily": 0.8})
    first, second = edges(dataset)
    side = dataset.users["attitude_0"].to_numpy()
    side = side > np.median(side)
    assert (side[first] == side[second]).mean() == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "blocks", "homophily": 3}, "a probability in"),
        ({"modularity": 0.5}, "a dial of kind: blocks"),
        ({"kind": "complete", "directed": True}, "hold both ways"),
        ({"kind": "scale_free", "per_user": 5}, "an even per_user"),
        ({"kind": "small_world", "total": 50}, "no total"),
        ({"kind": "ring"}, "Input should be 'homophilous'"),
    ],
)
def test_shapes_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Follows(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"users": 20_000, "follows": {"kind": "complete"}}, "at most 10000"),
        ({"users": 8, "follows": {"kind": "small_world"}}, "at most 28"),
        ({"parties": "aligned"}, "several dimensions"),
        ({"users": 10, "follows": {"kind": "random", "total": 91}}, "at most 90"),
    ],
)
def test_societies_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        SyntheticConfig(**given)


# -- starting configurations -----------------------------------------------------------------------------------------


def signs(name, dimensions=3):
    dataset = made(4000, parties=name, dimensions=dimensions, follows=0)
    return np.sign(np.column_stack([dataset.users[f"attitude_{d}"].to_numpy() for d in range(dimensions)]))


def test_aligned_dimensions_tell_each_other_and_crossing_ones_do_not():
    aligned, crossing, one = (np.corrcoef(signs(n).T) for n in ("aligned", "cross-cutting", "one-dimensional"))
    off = ~np.eye(3, dtype=bool)
    assert aligned[off].min() > 0.9
    assert abs(crossing[off]).max() < 0.06
    assert abs(one[off]).max() < 0.06


def test_crossing_parties_stand_at_every_corner():
    parties = preset("cross-cutting", 2)
    assert [p.name for p in parties] == ["left-left", "left-right", "right-left", "right-right"]
    assert {p.position for p in parties} == {(a, b) for a in (-0.5, 0.5) for b in (-0.5, 0.5)}


def test_a_normal_start_has_one_peak():
    x = made(4000, parties="normal", follows=0).users["attitude_0"].to_numpy()
    assert x.std() == pytest.approx(1 / 3, abs=0.02)
    assert abs(x.mean()) < 0.02


@pytest.mark.parametrize("dimensions", [2, 8])
@pytest.mark.parametrize("name", ["one-dimensional", "cross-cutting", "aligned", "normal"])
def test_configurations_are_valid_in_several_dimensions(name, dimensions):
    parties = preset(name, dimensions)
    assert sum(p.share for p in parties) == pytest.approx(1)
    assert {len(p.position) for p in parties} == {dimensions}

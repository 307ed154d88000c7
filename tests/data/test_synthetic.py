import subprocess
import sys
from collections import Counter

import numba
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import chisquare

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, rng
from hemicycle.core.storage import Folder
from hemicycle.data import society_edges as edges
from hemicycle.data.schema import Dataset, is_public, roles, sensitive_columns, with_role
from hemicycle.data.society_items import texts, vocabulary, word_codes
from hemicycle.data.society_options import Items, preset
from hemicycle.data.society_people import draw_positions, fold
from hemicycle.data.synthetic import Synthetic, SyntheticConfig, society, truth

PARTIES = [{"name": "a", "share": 0.3, "position": [-0.4]}, {"name": "b", "share": 0.7, "position": [0.4]}]


def make(**options) -> Dataset:
    return Synthetic(SyntheticConfig.model_validate({"users": 4000, "items": 300, **options})).read()


def pairs(dataset: Dataset, relation: str) -> tuple[np.ndarray, np.ndarray]:
    table = dataset.relations[relation].table
    return table["user"].to_numpy(), table["item"].to_numpy()


def attitude(dataset: Dataset) -> np.ndarray:
    return dataset.users["attitude_0"].to_numpy().astype(np.float64)


def assortativity(dataset: Dataset) -> float:
    users, items = pairs(dataset, "follows")
    return np.corrcoef(attitude(dataset)[users], attitude(dataset)[items])[0, 1]


def congeniality(dataset: Dataset) -> float:
    users, items = pairs(dataset, "interactions")
    return np.corrcoef(attitude(dataset)[users], dataset.items["leaning_0"].to_numpy()[items])[0, 1]


def same_tables(one: Dataset, other: Dataset) -> bool:
    assert one.relations.keys() == other.relations.keys()
    same = [one.relations[name].table.equals(other.relations[name].table) for name in one.relations]
    return all([*same, one.users.equals(other.users), one.items.equals(other.items)])


# -- the source ------------------------------------------------------------------------------------------------------


def test_tables_have_the_promised_columns_and_roles():
    data = make(dimensions=2, items={"number": 50, "texts": True})
    assert data.users.column_names == [
        *("id", "attitude_0", "attitude_1", "party", "age", "activity", "region", "community"),
    ]
    assert data.items.column_names == ["id", "outlet", "leaning_0", "leaning_1", "popularity", "text"]
    assert with_role(data.users, "label") == ["attitude_0", "attitude_1"]
    assert with_role(data.users, "covariate") == ["age", "activity", "region"]
    assert (roles(data.users)["party"], roles(data.users)["community"]) == ("group", "other")
    assert roles(data.items)["text"] == "text"
    follows, interactions = data.relations["follows"], data.relations["interactions"]
    assert (follows.social, follows.directed, interactions.social) == (True, True, False)
    assert follows.table.schema.types == interactions.table.schema.types == [pa.int32(), pa.int32()]


def test_nothing_is_marked_public():
    data = make(users=50)
    assert not data.public
    assert not is_public(data.users)
    assert "attitude_0" in sensitive_columns(data.users)


def test_ids_are_unique_strings():
    data = make(users=50, items=20)
    assert data.users["id"].to_pylist() == [f"u{k}" for k in range(50)]
    assert len(set(data.items["id"].to_pylist())) == 20


def test_there_are_no_files():
    assert Synthetic(SyntheticConfig()).files() == []


def test_written_society_is_read_back_with_its_truth(tmp_path):
    data = make(users=100, dimensions=2, items={"number": 30, "texts": True})
    folder = Folder.at(tmp_path / "society")
    data.write(folder)
    back = Dataset.read(folder)
    assert same_tables(data, back)
    assert truth(back) == truth(data)
    assert truth(back).config.dimensions == 2
    assert truth(back).unit == pytest.approx(
        np.sqrt(2 * (attitude(data).var() + data.users["attitude_1"].to_numpy().var()))
    )


def test_other_data_carry_no_truth():
    with pytest.raises(InputError, match="not synthetic"):
        truth(Dataset("votes", pa.table({"id": ["m"]}), None))


def test_parts_of_size_zero_are_left_out():
    assert set(make(follows=0).relations) == {"interactions"}
    assert set(make(interactions=0).relations) == {"follows"}
    without_items = make(items=0)
    assert set(without_items.relations) == {"follows"}
    assert without_items.items is None


# -- seeds and threads -----------------------------------------------------------------------------------------------


def test_same_seed_same_society():
    options = {"items": {"number": 300, "texts": True}, "confounding": 0.2, "seed": 3}
    assert same_tables(make(**options), make(**options))
    assert not same_tables(make(**options), make(**options | {"seed": 4}))


def test_threads_and_chunks_do_not_matter(monkeypatch):
    one = make(users=3000)
    monkeypatch.setattr(edges, "_CHUNK", 257)
    for threads in {1, numba.config.NUMBA_NUM_THREADS}:
        monkeypatch.setattr(numba, "get_num_threads", lambda threads=threads: threads)
        assert same_tables(one, make(users=3000))


def test_graph_seed_leaves_opinions_alone():
    one, other = make(graph_seed=1), make(graph_seed=2)
    assert one.users.drop(["community"]).equals(other.users.drop(["community"]))
    assert one.items.equals(other.items)
    assert not one.relations["follows"].table.equals(other.relations["follows"].table)


def test_opinion_seed_leaves_communities_and_the_scale_of_the_graph_alone():
    one, other = make(opinion_seed=1), make(opinion_seed=2)
    assert one.users["community"].equals(other.users["community"])
    assert not one.users["attitude_0"].equals(other.users["attitude_0"])


def test_seeds_default_to_the_seed():
    assert same_tables(make(seed=5), make(seed=5, graph_seed=5, opinion_seed=5))


# -- edges -----------------------------------------------------------------------------------------------------------


@given(
    users=st.integers(2, 40),
    items=st.integers(1, 30),
    density=st.floats(0.01, 1),
    homophily=st.sampled_from([0, 3, 100]),
    communities=st.fixed_dictionaries({"number": st.integers(1, 60), "strength": st.sampled_from([0, 0.5, 1])}),
)
@settings(max_examples=40, deadline=None)
def test_totals_are_exact_without_loops_or_duplicates(users, items, density, homophily, communities):
    follows, interactions = int(users * (users - 1) * density), int(users * items * density)
    data = make(
        users=users,
        items=items,
        follows={"total": follows, "homophily": homophily},
        interactions={"total": interactions, "affinity": homophily},
        communities=communities,
    )
    for name, total in (("follows", follows), ("interactions", interactions)):
        if total:
            edge_list = list(zip(*pairs(data, name), strict=True))
            assert len(edge_list) == len(set(edge_list)) == total
            assert name != "follows" or all(a != b for a, b in edge_list)


def test_per_user_and_total_agree():
    assert make(follows=7.5).relations["follows"].table.num_rows == 30_000
    assert make(follows={"total": 12_345}).relations["follows"].table.num_rows == 12_345


def test_everybody_follows_somebody():
    users, _ = pairs(make(follows=1.2), "follows")
    assert np.bincount(users, minlength=4000).min() == 1


def test_active_users_have_more_edges():
    data = make(follows=20, activity_spread=1)
    users, _ = pairs(data, "follows")
    degree = np.bincount(users, minlength=4000)
    expected = 1 + 19 * 4000 * (activity := data.users["activity"].to_numpy()) / activity.sum()
    assert np.abs(degree - expected).max() < 1.1


def test_without_homophily_edges_know_nothing_of_attitudes():
    values = [assortativity(make(follows={"homophily": 0}, seed=seed)) for seed in range(4)]
    assert np.abs(values).max() < 4 / np.sqrt(40_000)


def test_homophily_raises_assortativity():
    values = [assortativity(make(follows={"homophily": h})) for h in (0, 1, 2, 4, 8)]
    assert (np.diff(values) > 0.02).all()
    assert values[-1] > 0.7


def test_affinity_raises_congeniality_from_zero():
    values = [congeniality(make(interactions={"affinity": a})) for a in (0, 1, 3, 9)]
    assert abs(values[0]) < 0.03
    assert (np.diff(values) > 0.1).all()


def test_homophily_acts_on_every_dimension():
    data = make(dimensions=3, parties="uniform", follows={"homophily": 8})
    users, items = pairs(data, "follows")
    for d in range(3):
        x = data.users[f"attitude_{d}"].to_numpy()
        assert np.corrcoef(x[users], x[items])[0, 1] > 0.3


@pytest.mark.parametrize("strength", [0, 0.4, 1])
def test_strength_is_the_share_of_follows_chosen_within_communities(strength):
    data = make(follows={"homophily": 0}, communities={"number": 5, "strength": strength})
    community = data.users["community"].to_numpy()
    users, items = pairs(data, "follows")
    weight = np.bincount(community[items], minlength=5) / len(items)
    chance = (np.bincount(community[users], minlength=5) / len(users) * weight).sum()
    within = (community[users] == community[items]).mean()
    assert within == pytest.approx(strength + (1 - strength) * chance, abs=0.03)


def test_aligned_communities_follow_parties_and_alone_make_edges_assortative():
    data = make(follows={"homophily": 0}, communities={"number": 4, "strength": 0.8, "alignment": 1})
    community, party = data.users["community"].to_numpy(), np.array(data.users["party"].to_pylist())
    assert ((community >= 2) == (party == "right")).mean() > 0.98
    assert assortativity(data) > 0.3


def test_communities_are_equally_large_whatever_their_alignment():
    for alignment in (0, 0.5, 1):
        sizes = np.bincount(make(users=20_000, communities={"number": 6, "alignment": alignment}).users["community"])
        assert np.abs(sizes / 20_000 - 1 / 6).max() < 0.012


@pytest.mark.parametrize("exponent", [2.3, 3.0])
def test_in_degrees_follow_the_power_law(exponent):
    data = make(users=20_000, items=0, follows={"per_user": 20, "homophily": 0, "exponent": exponent})
    _, items = pairs(data, "follows")
    degree = np.sort(np.bincount(items, minlength=20_000))[::-1].astype(float)
    tail = degree[:400]
    hill = 1 + 1 / np.log(tail[:-1] / tail[-1]).mean()
    assert hill == pytest.approx(exponent, abs=0.35)


def test_popular_items_are_consumed_more():
    data = make(interactions={"affinity": 0})
    _, items = pairs(data, "interactions")
    counts = np.bincount(items, minlength=300)
    assert np.corrcoef(np.log1p(counts), np.log(data.items["popularity"].to_numpy()))[0, 1] > 0.9
    level = make(interactions={"affinity": 0, "popularity": 0})
    assert np.bincount(pairs(level, "interactions")[1], minlength=300).std() < counts.std() / 2


# -- the sampler against its literal reference -----------------------------------------------------------------------


def literal_probabilities(user: int, x: np.ndarray, pool: edges.Pool, rate: float) -> np.ndarray:
    """p(v | u) of the module's docstring, one target at a time."""
    everyone, own = np.zeros(len(x)), np.zeros(len(x))
    for v in range(len(x)):
        everyone[v] = pool.weights[v] * np.exp(-rate * np.linalg.norm(x[user] - x[v]))
        own[v] = everyone[v] * (pool.community[v] == pool.community[user])
    return (1 - pool.strength) * everyone / everyone.sum() + pool.strength * own / own.sum()


@pytest.mark.parametrize(("strength", "rate"), [(0.0, 0.0), (0.0, 2.0), (0.6, 2.0), (1.0, 1.0)])
def test_draws_follow_the_equation(strength, rate):
    generator = rng("equation")
    x, w = generator.uniform(-1, 1, (40, 2)).astype(np.float32), generator.pareto(2, 40) + 1
    community = generator.integers(3, size=40)
    cells = edges.cells(x)
    pool = edges.Pool(cells, w, community, strength)
    targets = edges.prepare(pool, edges.decay(cells, cells, rate), key_of("equation"), social=False)
    n, user = 20_000, 7
    sources = edges.Sources(np.full(n, user), np.full(n, community[user]), np.arange(n + 1))
    counts = np.bincount(edges.draw_edges(sources, targets), minlength=40)
    expected = n * literal_probabilities(user, x, pool, rate)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], expected[possible]).pvalue > 0.001


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=50),
    st.integers(1, 20),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
)
@settings(deadline=None)
def test_degrees_are_exact_and_bounded(activity, most, fill, phase):
    total = int(fill * most * len(activity))
    found = edges.degrees(np.array(activity), total, most, phase)
    assert found.sum() == total
    assert found.max() <= most
    assert found.min() >= min(1, total // len(activity))


def test_degrees_hit_the_cap_of_the_most_active():
    np.testing.assert_array_equal(edges.degrees(np.array([1.0, 1.0, 1000.0]), 14, 10, 0.0), [2, 2, 10])


def test_cells_are_equally_large_and_ordered():
    x = rng("cells").normal(size=(10_000, 1)).astype(np.float32)
    cells = edges.cells(x)
    assert len(cells.centres) == 512
    assert np.ptp(np.bincount(cells.of)) <= 1
    assert (np.diff(cells.of[np.argsort(x[:, 0])]) >= 0).all()


def test_cells_are_small_in_two_dimensions_and_survive_ties():
    x = rng("cells").uniform(-1, 1, (10_000, 2)).astype(np.float32)
    cells = edges.cells(x)
    assert np.abs(cells.centres[cells.of] - x).max() < 0.15
    point = edges.cells(np.zeros((2000, 2), np.float32))
    assert np.isfinite(point.centres).all()


def test_decay_does_not_vanish_for_users_far_from_every_item():
    far, near = edges.cells(np.array([[1e4]], np.float32)), edges.cells(np.array([[0.0], [1.0]], np.float32))
    assert edges.decay(far, near, 100).max() == 1


# -- people ----------------------------------------------------------------------------------------------------------


def test_parties_have_their_shares_positions_and_spreads():
    data = make(users=20_000, parties=[{**p, "spread": 0.1} for p in PARTIES])
    party = np.array(data.users["party"].to_pylist())
    assert (party == "a").mean() == pytest.approx(0.3, abs=0.015)
    for name, centre in (("a", -0.4), ("b", 0.4)):
        members = attitude(data)[party == name]
        assert members.mean() == pytest.approx(centre, abs=0.006)
        assert members.std() == pytest.approx(0.1, abs=0.004)


def test_attitudes_stay_in_the_box():
    x = attitude(make(parties=[{"name": "wide", "share": 1, "position": [0.9], "spread": 2}]))
    assert np.abs(x).max() <= 1
    assert (np.abs(x) == 1).mean() < 0.01


def test_uniform_preset_is_uniform():
    counts, _ = np.histogram(attitude(make(parties="uniform")), bins=20, range=(-1, 1))
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("correlation", [-0.4, 0, 0.7])
def test_dimensions_correlate_as_set(correlation):
    party = {"name": "all", "share": 1, "position": [0, 0, 0], "spread": 0.1}
    data = make(users=20_000, dimensions=3, parties=[party], correlation=correlation)
    found = np.corrcoef([data.users[f"attitude_{d}"].to_numpy() for d in range(3)])
    np.testing.assert_allclose(found[np.triu_indices(3, 1)], correlation, atol=0.025)


@pytest.mark.parametrize("name", ["two-party", "multi-party", "uniform"])
@pytest.mark.parametrize("dimensions", [1, 2, 8])
def test_presets_are_valid_in_all_dimensions(name, dimensions):
    config = SyntheticConfig(parties=name, dimensions=dimensions)
    assert {len(party.position) for party in config.party_list()} == {dimensions}
    assert config.party_list() == preset(name, dimensions)


@pytest.mark.parametrize("chosen", [-0.5, 0.0, 0.6])
def test_covariates_correlate_with_attitude_as_set(chosen):
    data = make(users=20_000, confounding=chosen, regions=50)
    region = np.array([int(name.removeprefix("region-")) for name in data.users["region"].to_pylist()])
    covariates = {
        "age": data.users["age"].to_numpy(),
        "activity": np.log(data.users["activity"].to_numpy()),
        "region": region,
    }
    for name, values in covariates.items():
        assert np.corrcoef(values, attitude(data))[0, 1] == pytest.approx(chosen, abs=0.035), name


def test_covariates_are_confounded_one_by_one():
    data = make(users=20_000, confounding={"age": 0.5})
    assert np.corrcoef(data.users["age"], attitude(data))[0, 1] == pytest.approx(0.5, abs=0.03)
    assert abs(np.corrcoef(np.log(data.users["activity"]), attitude(data))[0, 1]) < 0.03


def test_fold_reflects_at_the_walls():
    box = np.array([-1], np.float32), np.array([1], np.float32)
    np.testing.assert_allclose(
        fold(np.array([[1.2], [-1.2], [0.3], [3.1]]), *box)[:, 0], [0.8, -0.8, 0.3, -0.9], atol=1e-6
    )
    point = np.array([0.5], np.float32)
    assert fold(np.array([[9.0]]), point, point) == 0.5


# -- positions from labels -------------------------------------------------------------------------------------------


def labelled(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = rng("labels")
    groups = np.repeat(["D", "R"], n // 2)
    return generator.normal(np.where(groups == "D", -3.0, 4.0)[:, None], [0.5, 1.5], (n, 2)), groups


def test_drawn_positions_keep_each_groups_mean_and_covariance():
    labels, groups = labelled()
    positions, drawn = draw_positions(labels, groups, 40_000, rng("draw"))
    assert (drawn == "R").mean() == pytest.approx(0.5, abs=0.01)
    for group in ("D", "R"):
        own, real = positions[drawn == group], labels[groups == group]
        np.testing.assert_allclose(own.mean(axis=0), real.mean(axis=0), atol=0.04)
        np.testing.assert_allclose(np.cov(own.T, bias=True), np.cov(real.T, bias=True), atol=0.08)
    assert len(np.unique(positions[:, 0])) > 39_000


def test_bandwidth_zero_is_the_plain_bootstrap():
    labels, groups = labelled()
    positions, _ = draw_positions(labels, groups, 500, rng("draw"), bandwidth=0)
    assert set(positions[:, 0]) <= set(labels[:, 0].astype(np.float32))


def test_group_of_one_stays_where_it_is():
    positions, drawn = draw_positions(np.array([[0.0], [1.0], [9.0]]), np.array([1, 1, 2]), 300, rng("draw"))
    assert set(positions[drawn == 2, 0]) == {9.0}


def test_positions_that_cannot_be_drawn_from_are_refused():
    with pytest.raises(InputError, match=r"\(n, dimensions\) and \(n,\)"):
        draw_positions(np.zeros(3), np.zeros(3), 5, rng("draw"))
    with pytest.raises(InputError, match="not finite"):
        draw_positions(np.array([[np.nan]]), np.array([1]), 5, rng("draw"))


def test_society_at_given_positions():
    labels, groups = labelled()
    positions, drawn = draw_positions(labels, groups, 2000, rng("draw"))
    data = society(SyntheticConfig(users=2000, dimensions=2, items=100), positions, drawn)
    np.testing.assert_array_equal(data.users["attitude_1"], positions[:, 1])
    assert data.users["party"].to_pylist() == drawn.tolist()
    leaning = data.items["leaning_1"].to_numpy()
    assert positions[:, 1].min() <= leaning.min() < leaning.max() <= positions[:, 1].max()
    assert assortativity(data) > 0.3


def test_society_without_groups_has_one_party():
    data = society(SyntheticConfig(users=30), np.linspace(0, 1, 30)[:, None])
    assert set(data.users["party"].to_pylist()) == {"all"}


def test_everybody_in_one_place_is_a_society_too():
    data = society(SyntheticConfig(users=600, confounding=0.5), np.full((600, 1), 0.25))
    assert set(data.items["leaning_0"].to_pylist()) == {0.25}
    assert data.relations["follows"].table.num_rows == 6000


def test_positions_that_do_not_fit_are_refused_at_once():
    bad = np.array([[0.0], [np.inf]])
    with pytest.raises(InputError) as caught:
        society(SyntheticConfig(users=3, follows=1), bad, np.array(["a"]))
    assert [problem.where for problem in caught.value.problems] == ["positions", "positions", "groups"]


# -- items -----------------------------------------------------------------------------------------------------------


def test_items_stand_near_their_outlet():
    data = make(items={"number": 3000, "outlets": 10, "spread": 0.05, "leaning": "uniform"})
    outlet, leaning = np.array(data.items["outlet"].to_pylist()), data.items["leaning_0"].to_numpy()
    assert len(set(outlet)) == 10
    assert np.mean([leaning[outlet == name].std() for name in set(outlet)]) == pytest.approx(0.05, abs=0.01)
    assert leaning.std() > 0.3


def test_outlets_stand_where_users_do():
    where = {"number": 500, "outlets": 500, "spread": 0}
    leanings = make(items=where).items["leaning_0"].to_numpy()
    assert set(leanings) <= set(attitude(make(items=where)).astype(np.float32))


def test_texts_tell_leaning_only_with_slant():
    leaning = np.repeat([[-0.9], [0.9]], 500, axis=0).astype(np.float32)
    counts, pole = {}, set(vocabulary(1)[20:40])
    for slant in (0, 3):
        strings = texts(Items(slant=slant), leaning, key_of("text")).to_pylist()
        right = [word in pole for text in strings[500:] for word in text.split()]
        left = [word in pole for text in strings[:500] for word in text.split()]
        counts[slant] = np.mean(right) - np.mean(left)
    assert abs(counts[0]) < 0.03
    assert counts[3] > 0.3


def test_words_of_a_dimension_depend_on_that_dimension():
    leaning = np.zeros((4000, 2), np.float32)
    leaning[:, 1] = 1
    counts = np.bincount(word_codes(Items(), leaning, 1).ravel(), minlength=280)
    assert counts[60:80].sum() > 10 * counts[40:60].sum()
    assert counts[:20].sum() == pytest.approx(counts[20:40].sum(), rel=0.1)
    assert counts[80:].sum() == pytest.approx(16_000, rel=0.03)


def test_texts_have_the_chosen_length_and_neutral_words_follow_zipf():
    strings = make(items={"number": 2000, "texts": True, "words": 5}).items["text"].to_pylist()
    assert {len(text.split()) for text in strings} == {5}
    counts = Counter(word for text in strings for word in text.split())
    first, second = (counts[word] for word in vocabulary(1)[40:42])
    assert first / second == pytest.approx(2, abs=0.5)


def test_texts_do_not_depend_on_chunks(monkeypatch):
    leaning = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    whole = texts(Items(), leaning, 5).to_pylist()
    monkeypatch.setattr("hemicycle.data.society_items._CHUNK", 7)
    assert texts(Items(), leaning, 5).to_pylist() == whole


def test_words_are_distinct_in_the_largest_vocabulary():
    words = vocabulary(8)
    assert len(words) == len(set(words)) == 8 * 40 + 200


# -- configuration ---------------------------------------------------------------------------------------------------


def test_bare_numbers_are_shorthand():
    config = SyntheticConfig(follows=4, items=70, interactions=3.5, communities=2, confounding=0.3)
    assert (config.follows.per_user, config.items.number, config.interactions.per_user) == (4, 70, 3.5)
    assert (config.communities.number, config.confounding.region) == (2, 0.3)
    assert SyntheticConfig.model_validate(config.model_dump(mode="json")) == config


def test_schema_lets_editors_write_the_shorthand():
    variants = SyntheticConfig.model_json_schema()["properties"]["follows"]["anyOf"]
    assert {"type": "number"} in variants


BAD = {
    "shares .9": ({"parties": [PARTIES[0], {**PARTIES[1], "share": 0.6}]}, "sum to 0.9; they must sum to 1"),
    "coordinates": ({"parties": PARTIES, "dimensions": 2}, "position of 1 coordinates, but dimensions is 2"),
    "outside": ({"parties": [{**PARTIES[0], "share": 1, "position": [2]}]}, r"coordinates are in \[-1, 1\]"),
    "same name": ({"parties": [PARTIES[0], {**PARTIES[0], "share": 0.7}]}, "two parties have the same name"),
    "no parties": ({"parties": []}, "sum to 0; they must sum to 1"),
    "preset": ({"parties": "three-party"}, "no preset of parties 'three-party'; choose two-party, multi-party"),
    "too many follows": ({"users": 5, "follows": {"total": 21}}, "allow at most 20 distinct ones"),
    "too many interactions": (
        {"users": 5, "items": 2, "follows": 1, "interactions": 3},
        "allow at most 10 distinct ones",
    ),
    "no items": ({"items": 0, "interactions": {"total": 5}}, "interactions need items"),
    "correlation": ({"dimensions": 3, "correlation": -0.5}, "choose a correlation above -0.5"),
    "confounding": ({"confounding": {"age": 1.0}}, "less than 1"),
    "dimensions": ({"dimensions": 9}, "less than or equal to 8"),
    "boolean": ({"items": True}, "Items"),
    "homophily": ({"follows": {"homophily": -1}}, "greater than or equal to 0"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD.keys())
def test_bad_values_are_refused_with_what_is_allowed(given, message):
    with pytest.raises(ValidationError, match=message):
        SyntheticConfig.model_validate(given)


def test_bad_party_is_named_by_its_key():
    values = {"parties": [{**PARTIES[0], "colour": "red"}, {**PARTIES[1], "share": 2}]}
    with pytest.raises(InputError) as caught:
        validate(SyntheticConfig, Raw(values, {}))
    assert {problem.where for problem in caught.value.problems} == {"parties.0.colour", "parties.1.share"}


# Peak memory comes from /proc: ru_maxrss would count that of the process that started this one, too.
MILLION = """
import re, sys, time
from pathlib import Path
from hemicycle.core.storage import Folder
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
half = {"total": 5_000_000}
config = SyntheticConfig(users=1_000_000, dimensions=2, items=100_000, follows=half, interactions=half, confounding=0.3)
Synthetic(config).read().write(Folder.at(sys.argv[1]))
kib = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(int(kib) / 2**20, time.process_time())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_million_users_and_ten_million_edges_fit_in_memory_and_time(tmp_path):
    run = subprocess.run([sys.executable, "-c", MILLION, tmp_path], capture_output=True, text=True, check=True)
    peak_gib, cpu_seconds = map(float, run.stdout.split())
    assert peak_gib < 1.5
    assert cpu_seconds < 100
    data = Dataset.read(Folder.at(tmp_path))
    assert {name: relation.table.num_rows for name, relation in data.relations.items()} == {
        "follows": 5_000_000,
        "interactions": 5_000_000,
    }
    users, items = pairs(data, "follows")
    assert (users != items).all()
    assert len(np.unique(users.astype(np.int64) * 1_000_000 + items)) == 5_000_000

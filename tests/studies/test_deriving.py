"""Derived members of a study: identities, records, tables, and models that are rebuilt from the store alone."""

import json

import numpy as np
import pytest

from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.voteview import Voteview
from hemicycle.evaluation.ranking import evaluate, top_k
from hemicycle.graphs.splits import Split
from hemicycle.population.population import Population, read_records
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.plan import build_plan
from hemicycle.studies.probing import RANK, representation, sites
from hemicycle.studies.steps import closure
from hemicycle.studies.tables import records_of

MEMBERS = {
    "popularity": {"recommender": "popularity", "seeds": 1},
    "mf": {"recommender": {"model": "mf", "dim": 4}},
    "mmr": {"parent": "mf", "transform": {"transform": "mmr", "candidates": 40}, "strengths": [0, 0.6]},
    "crossing": {"parent": "mf", "transform": {"transform": "exposure", "strength": 0.5}},
    "neutral": {"parent": "mf", "transform": {"transform": "direction", "label": "nominate_dim1"}},
    "erased": {
        "parent": "mf",
        "transform": {"transform": "erase", "labels": ["nominate_dim1"], "site": "users", "share": 1},
    },
    "table": {"parent": "mf", "transform": {"transform": "erase", "labels": ["party"], "site": "layer"}},
    "both": {"parent": "neutral", "transform": {"transform": "exposure", "strength": 0.5}},
    "alone": {"transform": {"transform": "blend", "parents": {"mf": {}}}},
    "blend": {"transform": {"transform": "blend", "parents": {"mf": {"link": "rank"}, "popularity": {"weight": 0.5}}}},
}
BASE = {"name": "derived", "data": {"source": "voteview"}, "seeds": 2, "train": {"epochs": 2}, "k": 10}


def study(**values):
    return StudyConfig.model_validate({**BASE, "population": MEMBERS, **values})


@pytest.fixture(scope="module")
def senate():
    return Voteview(Voteview.Config()).read()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The study run once, and its store."""
    store = Folder.at(tmp_path_factory.mktemp("derived"))
    config = study(tracking={"wandb": "disabled"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "write_report", lambda _facts, _tables, folder: folder.write_bytes("report.html", b""))
        made = api.run(config, executor=api.local(), store=store)
    assert made.tables["failures"].empty, made.tables["failures"].to_string()
    return made, store


@pytest.fixture(scope="module")
def people(run):
    made, store = run
    graph = next(s for s in made.outcome.steps.values() if s.kind == "graph")
    return Population(store, graph.folder(store), tuple(records_of(made.outcome, store)))


def lists(population, name, k=10):
    parts = Split.read(population.graph)
    everyone = np.arange(parts.train.n_users)
    return top_k(population.scores(population[name]), [parts.train, parts.valid], everyone, k)


def test_one_record_a_strength_and_seed_of_the_parent(run):
    records = run[0].tables["records"].set_index("name")
    derived = records[records["status"] == "derived"]
    names = ["alone", "blend", "both", "crossing", "erased", "mmr-t0", "mmr-t0.6", "neutral", "table"]
    assert list(derived.index) == [f"{name}-s{seed}" for name in names for seed in (0, 1)]
    assert derived.loc["mmr-t0.6-s1", "parent"] == records.loc["mf-s1", "id"]
    assert derived.loc["both-s0", "parent"] == records.loc["neutral-s0", "id"]
    config = json.loads(derived.loc["mmr-t0.6-s1", "config"])
    assert config["transform"] == {"transform": "mmr", "strength": 0.6, "side": "", "margin": 0.05, "candidates": 40}
    assert list(config["parents"].values()) == [records.loc["mf-s1", "id"]]


def test_records_are_read_back_as_they_were(run):
    made, store = run
    steps = [step for step in made.outcome.steps.values() if step.kind == "derive"]
    for step in steps:
        (record,) = read_records(step.folder(store))
        assert ModelRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
        assert record.id == step.fingerprint


def test_strength_0_and_a_blend_of_one_recommend_as_the_parent(people):
    for seed in (0, 1):
        np.testing.assert_array_equal(lists(people, f"mmr-t0-s{seed}"), lists(people, f"mf-s{seed}"))
        np.testing.assert_array_equal(lists(people, f"alone-s{seed}"), lists(people, f"mf-s{seed}"))
        assert (lists(people, f"mmr-t0.6-s{seed}") != lists(people, f"mf-s{seed}")).any()


def test_a_model_is_rebuilt_from_its_folder_without_its_parents_in_the_population(people):
    record = people["both-s1"]
    alone = Population(people.store, people.graph, (record,))
    np.testing.assert_array_equal(lists(alone, "both-s1"), lists(people, "both-s1"))


def test_what_was_ranked_is_what_the_record_recommends(run, people):
    parts, ranked = Split.read(people.graph), run[0].tables["ranking_results"]
    for name in ("crossing-s0", "neutral-s1", "blend-s0"):
        found = evaluate(people.scores(people[name]), [parts.train, parts.valid], parts.test, 10).metrics["ndcg@10"]
        row = ranked[(ranked["name"] == name) & (ranked["metric"] == "ndcg@10")]
        assert row["value"].tolist() == [pytest.approx(found)]
        frontier = run[0].tables["frontier"].set_index("name")
        assert frontier.loc[name, "ndcg"] == pytest.approx(found)


def test_constraints_hold_also_after_another_transform(run, people):
    for name in ("crossing-s0", "both-s0"):
        across = people.scene(people[name]).attributes.across(np.arange(people.train.n_users))
        shares = np.take_along_axis(across, lists(people, name).astype(np.int64), 1).mean(1)
        assert (shares >= 0.5).all()
    frontier = run[0].tables["frontier"].set_index("name")
    assert (frontier["infeasible_users"] == 0).all()
    assert not frontier["infeasible"].any()
    assert (frontier.loc[["crossing-s0", "both-s0"], "clear_crossing_share"] >= 0.5).all()
    assert frontier.loc["both-s1", "parent"] == "neutral-s1"


def test_vectors_without_a_direction_are_probed_and_lists_too(run, people):
    record, w = people["neutral-s0"], people.scene(people["neutral-s0"]).direction
    assert record.layers == ("readout",)
    assert np.abs(people.scene(record).parent.users.numpy() @ w).max() > 0.05
    np.testing.assert_allclose(people.embedding(record).users @ w, 0, atol=1e-6)
    assert people.embedding(people["crossing-s0"]) is None
    for name, width in (("neutral-s0", 4), ("crossing-s0", RANK), ("blend-s1", RANK)):
        ((layer, epoch),) = sites(people[name])
        assert representation(people, people[name], layer, epoch).shape == (people.train.n_users, width)


def test_an_erased_model_is_rebuilt_with_the_eraser_that_it_learnt(run, people):
    y = run[0].dataset.users["nominate_dim1"].to_numpy()
    known = np.isfinite(y)
    users, before = (people.embedding(people[name]).users[known] for name in ("erased-s1", "mf-s1"))
    centred = y[known] - y[known].mean()
    assert np.abs(centred @ users).max() < 1e-3 * np.abs(centred @ before).max()
    assert people["table-s0"].layers == ("readout",)
    table = people.embedding(people["table-s0"])
    assert table.users.shape == people.embedding(people["mf-s0"]).users.shape
    assert not np.array_equal(table.users, people.embedding(people["mf-s0"]).users)
    assert (lists(people, "table-s0") != lists(people, "mf-s0")).any()


def test_what_follows_from_a_derived_record(run):
    made, store = run
    config = made.config.replace(probes=[{"probe": "ridge", "labels": ["nominate_dim1"]}])
    steps = {step.title: step for step in build_plan(config, made.dataset)}
    titles = [
        [after.title for after in steps[f"derive {name}"].then(steps[f"derive {name}"].folder(store))]
        for name in ("neutral-s0", "mmr-t0.6-s1")
    ]
    assert titles == [
        ["assess neutral-s0", "probe neutral-s0", "map neutral-s0"],
        ["assess mmr-t0.6-s1", "probe mmr-t0.6-s1"],
    ]


def test_tables_hold_aggregates_only(run):
    frontier = run[0].tables["frontier"]
    assert len(frontier) == 18
    assert {"user", "item"}.isdisjoint(frontier.columns)


def test_a_derived_model_is_known_by_what_it_is_made_of(senate):
    def identity(**members):
        config = study(population={**MEMBERS, **members})
        return {s.title: s.fingerprint for s in closure(build_plan(config, senate))}["derive crossing-s0"]

    same = identity()
    other_parent = {"mf": {"recommender": {"model": "mf", "dim": 5}}}
    stronger = {"crossing": {"parent": "mf", "transform": {"transform": "exposure", "strength": 0.6}}}
    assert same == identity(blend=MEMBERS["alone"])
    assert len({same, identity(**other_parent), identity(**stronger)}) == 3


def test_parents_come_first_and_seeds_are_the_parents(senate):
    backwards = {name: MEMBERS[name] for name in reversed(MEMBERS)}
    titles = [s.title for s in closure(build_plan(study(population=backwards), senate)) if s.kind == "derive"]
    assert titles.index("derive neutral-s1") < titles.index("derive both-s1")
    three = study(population={**MEMBERS, "popularity": {"recommender": "popularity", "seeds": [4, 5]}})
    with pytest.raises(InputError, match=r"population\.blend.*popularity has other seeds"):
        build_plan(three, senate)

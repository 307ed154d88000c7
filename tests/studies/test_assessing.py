"""What a record's lists are like and whom they suit, on the bundled Senate and on a synthetic society."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.ranking import Ranking
from hemicycle.graphs.splits import Split
from hemicycle.population.population import read_records
from hemicycle.studies.assessing import AssessOptions, assess_step, assess_steps, impression_steps
from hemicycle.studies.group_quality import group_rows, quantiles
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work

SYNTHETIC = {
    "source": "synthetic",
    "users": 300,
    "items": {"number": 80},
    "interactions": {"per_user": 12, "affinity": 6},
    "follows": {"per_user": 12, "homophily": 6},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Function from a source and a relation to the store's folders, each made once."""
    known = {}

    def make(source, relation="", recommender="popularity", train=(("epochs", 2),)):
        key = (source["source"], relation, str(recommender))
        if key not in known:
            store = Folder.at(tmp_path_factory.mktemp("assess"))
            kinds = {"data": "data", "graph": "graph", "model": "fit"}
            inputs = {name: store / "steps" / kind / "x" for name, kind in kinds.items()}
            data_step(Work(DataOptions(source=source), {}, inputs["data"]))
            graph_step(Work(GraphOptions(relation=relation), inputs, inputs["graph"]))
            fit_step(Work(FitOptions(recommender=recommender, train=dict(train), k=5), inputs, inputs["model"]))
            known[key] = inputs
        return known[key]

    return make


def assessed(inputs, record=None, **options):
    record = record or read_records(inputs["model"])[0]
    out = inputs["model"] / "assessed"
    assess_step(Work(AssessOptions(record=record.to_json(), k=5, **options), inputs, out))
    tables = [out.read_table(name).to_pandas() for name in ("list_results", "group_results")]
    assert all((table["record_id"] == record.id).all() for table in tables)
    return tables


def test_popular_lists_are_told_from_history_and_from_chance(made):
    lists, _ = assessed(made(SYNTHETIC, "interactions"))
    rows = lists.set_index("metric")
    popular = rows.loc["mean_popularity"]
    assert popular["ci_low"] > popular["history_high"] > popular["history"] > popular["random_high"]
    assert popular["difference"] == pytest.approx(popular["value"] - popular["history"])
    assert popular["difference_low"] > 0
    assert rows.loc["popularity_lift", "value"] > 0
    assert rows.loc["popularity_lift", "history"] == pytest.approx(0, abs=0.1)
    assert rows.loc["novelty", "value"] < rows.loc["novelty", "history"] < rows.loc["novelty", "random"]
    assert rows.loc["coverage", "value"] < rows.loc["coverage", "random"]
    assert (lists["k"] == 5).all()


def test_histories_of_a_homophilous_society_are_an_echo_chamber_and_chance_is_none(made):
    for relation in ("interactions", "follows"):
        lists, _ = assessed(made(SYNTHETIC, relation))
        rows = lists.set_index(["metric", "about"])
        for about in ("party", "attitude_0"):
            row = rows.loc[("cross_cutting_share", about)]
            assert row["history_high"] < row["random_low"]
        row = rows.loc[("ideological_distance", "attitude_0")]
        assert row["history_high"] < row["random_low"]


def test_friends_have_groups_and_positions_of_their_own(made):
    inputs = made(SYNTHETIC, "follows")
    lists, _ = assessed(inputs)
    about = lists.set_index("metric")["about"]
    assert about["calibration"] == "party"
    assert (lists["n"] > 0).all()


def test_items_may_stand_where_a_column_says(made):
    inputs = made(SYNTHETIC, "interactions")
    plain, _ = assessed(inputs)
    given, _ = assessed(inputs, item_positions={"attitude_0": "leaning_0"})
    values = [t.set_index("metric").loc["ideological_distance", "random"] for t in (plain, given)]
    assert values[0] != values[1]
    leaning = Dataset.read(inputs["data"]).items["leaning_0"].to_numpy()
    own = Dataset.read(inputs["data"]).users["attitude_0"].to_numpy()
    taken = np.asarray(Split.read(inputs["graph"]).train.to_scipy().todense()) > 0
    assert values[1] == pytest.approx(np.abs(own[:, None] - leaning)[~taken].mean(), abs=0.04)


def test_quality_by_group_covers_every_column_and_agrees_with_the_whole(made):
    inputs = made({"source": "voteview"})
    _, groups = assessed(inputs)
    assert set(groups["by"]) == {"activity", "party", "nominate_dim1", "nominate_dim2"}
    ranked = inputs["model"].read_table("ranking_results").to_pandas()
    total = ranked[(ranked["split"] == "test") & (ranked["metric"] == "ndcg@5")]
    for by in ("activity", "party"):
        part = groups[(groups["by"] == by) & (groups["metric"] == "ndcg@5")]
        assert np.average(part["value"], weights=part["n"]) == pytest.approx(total["value"].iloc[0])
        assert part["n"].sum() == total["n"].iloc[0]
    few = groups["n"] < 10
    assert groups.loc[few, ["ci_low", "ci_high"]].isna().all(axis=None)
    assert set(groups.loc[few, "group"]) == {"Independent"}
    assert groups[~few].eval("ci_low <= value <= ci_high").all()


def test_assessing_twice_gives_the_same(made):
    inputs = made(SYNTHETIC, "interactions")
    for one, two in zip(assessed(inputs), assessed(inputs), strict=True):
        pd.testing.assert_frame_equal(one, two)


# -- disclosure ------------------------------------------------------------------------------------------------------


def a_ranking(parties):
    n = len(parties)
    return Ranking({}, np.arange(n), {"ndcg@5": np.linspace(0, 1, n), "map@5": np.zeros(n)})


@pytest.mark.parametrize("public", [True, False])
def test_small_groups_are_hidden_unless_people_are_public(made, public):
    inputs = made({"source": "voteview"})
    dataset, train = Dataset.read(inputs["data"]), Split.read(inputs["graph"]).train
    parties = dataset.users["party"].to_pylist()
    if not public:
        metadata = {**dataset.users.schema.metadata, b"hemicycle.public": b"false"}
        dataset = replace(dataset, users=dataset.users.replace_schema_metadata(metadata))
    rows = group_rows(a_ranking(parties), dataset, train)
    party = rows[rows["by"] == "party"].set_index("group")
    assert set(party["metric"]) == {"ndcg@5"}
    assert party.loc["Independent", ["value", "n"]].notna().all() == public
    assert party["n"].notna().sum() == (3 if public else 1)  # a second cell hides what the total would tell


def test_measures_of_few_people_are_left_out(made):
    inputs = made(SYNTHETIC, "interactions")
    lists, groups = assessed(inputs, test_users=9)
    assert set(lists["metric"]) <= {"coverage", "gini"}
    assert groups["value"].isna().all()


# -- edges -----------------------------------------------------------------------------------------------------------


def test_without_test_edges_lists_are_measured_and_quality_is_not(made, tmp_path):
    inputs = dict(made(SYNTHETIC, "interactions"))
    parts = Split.read(inputs["graph"])
    nothing = parts.test.select(np.zeros(parts.test.n_edges, bool))
    replace(parts, test=nothing).write(Folder.at(tmp_path / "graph"))
    lists, groups = assessed({**inputs, "graph": Folder.at(tmp_path / "graph")})
    assert "novelty" in set(lists["metric"])
    assert groups.empty


def foreign(inputs, tmp_path, lists):
    """A foreign model that is known by its lists, in a store of its own."""
    store = Folder.at(tmp_path / "store")
    folder = store / "steps" / "foreign" / "f"
    folder.write_array(
        "lists" if lists is not None else "vectors-readout-0", np.zeros((2, 2)) if lists is None else lists
    )
    record = ModelRecord("f", "f", "foreign", -1, "foreign", folder="steps/foreign/f", epochs=(0,))
    return {**inputs, "model": folder}, record


def test_a_foreign_model_is_measured_by_what_it_lists_alone(made, tmp_path):
    inputs = made(SYNTHETIC, "interactions")
    lists = np.full((300, 3), -1, np.int32)
    lists[:150] = [7, 8, 9]
    found, _ = assessed(*foreign(inputs, tmp_path, lists))
    rows = found.set_index("metric")
    assert rows.loc["coverage", "value"] == 3 / 80
    measured = Split.read(inputs["graph"]).test.degrees[:150]
    assert rows.loc["novelty", "n"] <= (measured > 0).sum()


def test_a_model_that_does_not_score_leaves_empty_tables(made, tmp_path):
    found = assessed(*foreign(made(SYNTHETIC, "interactions"), tmp_path, None))
    assert all(table.empty for table in found)


def test_quartiles_keep_equal_values_together():
    assert quantiles(np.array([1.0, 2, 3, 4])).tolist() == [f"quartile {q}" for q in (1, 2, 3, 4)]
    assert len(set(quantiles(np.ones(9)))) == 1
    assert quantiles(np.array([np.nan, 1.0])).tolist() == [None, "quartile 1"]


def test_steps_of_a_record():
    options = AssessOptions(record={}, k=7)
    inputs = {n: Step(n, n, print, options) for n in ("data", "graph", "model")}
    record = ModelRecord("a", "mf-s0", "mf", 0, "trained")
    (step,) = assess_steps(record, "mf-s0", inputs, options)
    assert (step.kind, step.title, step.options.k) == ("assess", "assess mf-s0", 7)
    assert step.options.record["id"] == "a"
    (shown,) = impression_steps(record, "mf-s0", inputs)
    assert (shown.kind, shown.options.record["id"]) == ("impressions", "a")
    assert pa.table({"x": [step.fingerprint]}).num_rows == 1

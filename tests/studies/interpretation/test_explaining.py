"""Explanations of a record, on the bundled Senate and on a synthetic society whose people are not public."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.population.population import read_records
from hemicycle.studies.interpretation.explaining import ExplainOptions, explain_step, explain_steps
from hemicycle.studies.interpretation.explanation_rows import Ends, Measured, rows_of, spread
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work

SYNTHETIC = {
    "source": "synthetic",
    "users": 200,
    "items": {"number": 60},
    "interactions": {"per_user": 12, "affinity": 6},
    "follows": {"per_user": 8, "homophily": 6},
}
TABLES = ("explanation_results", "explanation_flows", "explanation_examples")
MF = (("model", "mf"), ("dim", 8))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Function from a source, a recommender and a relation to the store's folders, each made once."""
    known = {}

    def make(source, recommender=MF, relation=""):
        key = (source["source"], recommender, relation)
        if key not in known:
            store = Folder.at(tmp_path_factory.mktemp("explain"))
            inputs = {n: store / "steps" / k / "x" for n, k in (("data", "data"), ("graph", "graph"), ("model", "fit"))}
            data_step(Work(DataOptions(source=source), {}, inputs["data"]))
            graph_step(Work(GraphOptions(relation=relation), inputs, inputs["graph"]))
            train = {"epochs": 15, "lr": 0.05, "batch": 2000}
            fit_step(Work(FitOptions(recommender=dict(recommender), train=train, k=5), inputs, inputs["model"]))
            known[key] = inputs
        return known[key]

    return make


def explained(inputs, **options):
    record = replace(read_records(inputs["model"])[0], folder="steps/fit/x")
    out = inputs["model"] / "explained"
    few = {"k": 5, "draws": 6, "removals": 2, "pairs": 0} | options
    explain_step(Work(ExplainOptions(record=record.to_json(), **few), inputs, out))
    tables = [out.read_table(name).to_pandas() for name in TABLES]
    assert all((table["record_id"] == record.id).all() for table in tables)
    return tables


def whole(table, attribute, measure, by=""):
    rows = table[(table["attribute"] == attribute) & (table["measure"] == measure) & (table["rank"] == 0)]
    return rows[rows["group_by"] == by].set_index("group")


def test_the_senates_lists_rest_on_its_first_dimension(made):
    table, flows, examples = explained(made({"source": "voteview"}))
    row = whole(table, "nominate_dim1", "share_of_score").loc[""]
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert row["random_low"] <= row["random"] <= row["random_high"]
    assert row["ci_low"] > max(row["random"], row["permuted"])
    change = whole(table, "nominate_dim1", "cross_cutting_change").loc[""]
    assert change["ci_low"] > max(0, change["random"])
    assert whole(table, "nominate_dim1", "cross_cutting_chance").loc[""]["value"] > 0.3
    leaving, entering = (whole(table, "nominate_dim1", f"part_of_{n}").loc[""] for n in ("leaving", "entering"))
    assert leaving["ci_low"] > entering["ci_high"]
    shares = flows.groupby(["attribute", "group"])["value"].sum()
    np.testing.assert_allclose(shares, 1)
    assert set(examples["kind"]) == {"axis", "history", "rest"}
    sums = examples[examples["kind"] == "axis"].groupby(["user", "item"])["value"].sum()
    scores = examples.groupby(["user", "item"])["score"].first()
    np.testing.assert_allclose(sums, scores.loc[sums.index], rtol=1e-6)


def test_shares_in_order_add_up_to_one(made):
    table, _, _ = explained(made({"source": "voteview"}))
    rows = table[table["measure"] == "share_in_order"]
    assert set(rows["attribute"]) >= {"nominate_dim1", "nominate_dim2", "remainder"}
    assert rows["value"].sum() == pytest.approx(1, rel=1e-6)
    assert rows["random"].notna().all()


def test_every_score_has_its_interval_and_its_control(made):
    table, _, _ = explained(made({"source": "voteview"}))
    wide = table[(table["n"] >= 10) & ~table["measure"].str.startswith("share_p")]
    assert wide[["value", "ci_low", "ci_high", "random"]].notna().all(axis=None)
    assert table["random"].notna().all()
    ranks = table[table["measure"] == "share_of_lead"].groupby(["attribute", "group_by", "group"])["rank"].apply(list)
    assert all(found == [0, 1, 2, 3, 4, 5] for found in ranks)


def test_people_who_are_not_public_appear_in_groups_only(made):
    inputs = made(SYNTHETIC, relation="interactions")
    table, flows, examples = explained(inputs, test_users=60)
    assert not table.empty
    assert (table["n"] >= 10).all()
    assert "share_p10" not in set(table["measure"])  # six of sixty are beyond it
    assert "share_p50" in set(table["measure"])
    assert (flows["n"] >= 10).all()
    assert examples.empty


def test_a_graph_networks_edges_are_explained(made):
    recommender = (("model", "lightgcn"), ("dim", 8), ("layers", 2))
    inputs = made({"source": "voteview"}, recommender)
    table, _, _ = explained(inputs, pairs=4, method="gradient", labels=("nominate_dim1",))
    mass = whole(table, "nominate_dim1", "edge_mass_same_side").loc[""]
    assert 0 <= mass["value"] <= 1
    assert mass["n"] == 4
    assert mass["random_low"] <= mass["random"] <= mass["random_high"]
    lost = whole(table, "nominate_dim1", "score_lost_without_edges").loc[""]
    assert lost["value"] > lost["random"]


def test_explaining_twice_gives_the_same(made):
    for one, two in zip(*(explained(made({"source": "voteview"})) for _ in range(2)), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_a_model_that_does_not_compare_vectors_leaves_empty_tables(made):
    inputs = made({"source": "voteview"}, (("model", "popularity"),))
    assert all(table.empty for table in explained(inputs))


def test_labels_that_do_not_differ_are_left_out(made):
    inputs = dict(made({"source": "voteview"}))
    dataset = Dataset.read(inputs["data"])
    place = dataset.users.column_names.index("nominate_dim2")
    constant = dataset.users.set_column(place, dataset.users.schema.field(place), [np.zeros(dataset.users.num_rows)])
    folder = inputs["model"] / "constant"
    replace(dataset, users=constant).write(folder)
    table, _, _ = explained({**inputs, "data": folder})
    assert set(table["attribute"]) == {"nominate_dim1"}


# -- rows ------------------------------------------------------------------------------------------------------------


def test_ratios_are_of_sums_and_fail_without_a_positive_denominator():
    above, below = np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([[2.0, 2.0], [4.0, 5.0]])
    found = Measured.ratios("x", above, below)
    assert found.names == (("x", 0), ("x", 1), ("x", 2))
    np.testing.assert_allclose(found.of(np.array([True, True])), [6 / 8, 4 / 6, 1])
    np.testing.assert_allclose(found.of(np.array([False, True])), [3 / 4, 3 / 4, np.nan])
    negative = Measured.ratios("x", above, -below, ranks=False)
    groups = {"": (("",), np.zeros(2, int))}
    (row,) = rows_of(negative, {"random": [negative]}, groups, public=True)
    assert np.isnan([row["value"], row["ci_low"], row["random"]]).all()


def test_small_groups_are_hidden_unless_people_are_public():
    found = Measured.means({"x": np.arange(40.0)})
    groups = {"party": (("a", "b", "c"), np.repeat([0, 1, 2], [25, 12, 3]))}
    shown = [row["group"] for row in rows_of(found, {}, groups, public=False)]
    assert shown == ["a"]  # b goes with c, which the total would tell
    rows = list(rows_of(found, {}, groups, public=True))
    assert [row["group"] for row in rows] == ["a", "b", "c"]
    assert np.isnan(rows[2]["ci_low"])
    assert rows[0]["value"] == 12


def test_the_spread_is_that_of_users_own_shares():
    found = Measured.ratios("x", np.arange(1.0, 101)[:, None], np.full((100, 1), 100.0))
    rows = {row["measure"]: row["value"] for row in spread(found, {}, public=False)}
    assert rows["share_p50"] == pytest.approx(0.505)
    assert rows["share_p10"] == pytest.approx(0.109, abs=0.001)
    assert spread(Measured.ratios("x", np.ones((3, 1)), np.zeros((3, 1))), {}, public=True) == []


def test_ends_of_numbers_and_of_two_values(made):
    dataset = Dataset.read(made({"source": "voteview"})["data"])
    graph = Split.read(made({"source": "voteview"})["graph"]).train
    ends = Ends.of(dataset, graph, "nominate_dim1", 0.05)
    assert ends.names == ("below median", "above median")
    assert abs((ends.users == 0).sum() - (ends.users == 1).sum()) <= 1
    assert set(ends.items.tolist()) <= {-1, 0, 1}
    assert len(ends.items) == graph.n_items
    two = dataset.users.append_column("blog", [np.arange(dataset.users.num_rows) % 2.0])
    friends = InteractionGraph.from_edges(np.array([0]), np.array([1]), graph.n_users, graph.n_users, social=True)
    ends = Ends.of(replace(dataset, users=two), friends, "blog", 0.05)
    assert ends.names == ("0", "1")
    assert ends.items.tolist() == ends.users.tolist() == [n % 2 for n in range(graph.n_users)]


def test_steps_of_a_record():
    options = ExplainOptions(record={}, k=7)
    inputs = {n: Step(n, n, print, options) for n in ("data", "graph", "model")}
    record = ModelRecord("a", "mf-s0", "mf", 0, "trained", layers=("readout",))
    (step,) = explain_steps(record, "mf-s0", inputs, options)
    assert (step.kind, step.title, step.options.k) == ("explain", "explain mf-s0", 7)
    assert step.options.record["id"] == "a"
    assert not explain_steps(replace(record, status="untrained"), "x", inputs, options)
    assert not explain_steps(replace(record, layers=()), "x", inputs, options)

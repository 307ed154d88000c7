"""Comparisons: names, what differs, which test is taken and that it is right, correction, and what is said loudly."""

import numpy as np
import pandas as pd
import planted
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError
from hemicycle.core.records import member_of
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import Ranking
from hemicycle.ledger.comparison import compare
from hemicycle.ledger.comparison_tests import PAIRED, WELCH, holm, sample_of, welch
from hemicycle.reports.comparison import plain_tables
from hemicycle.studies.comparing import keep_users, kept_users, over_seeds


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two studies of the same data, one of other data; members differ by 0.1 in both, the second study by 0.05."""
    folder = Folder.at(tmp_path_factory.mktemp("comparison"))
    planted.plant_population(folder)
    planted.plant_population(folder, "two", lift=0.05, dim=16)
    planted.plant_population(folder, "other", lift=0.05, contents="b")
    return folder


def literal_holm(p):
    """The definition: the i-th smallest of m is rejected at level a when (m - j) p_(j) <= a for all j up to i."""
    ordered = sorted(p)
    m = len(p)
    return [min(1, max((m - j) * ordered[j] for j in range(ordered.index(value) + 1))) for value in p]


def test_of(found, member, measure):
    rows = found.tests[(found.tests["member"] == member) & (found.tests["measure"] == measure)]
    assert len(rows) == 1
    return rows.iloc[0]


test_of.__test__ = False

# -- what differs ------------------------------------------------------------------------------------------------------


def test_only_settings_that_differ_are_shown(store):
    settings = compare(store, ["one", "two"]).settings.set_index("key")
    assert list(settings.index) == ["name", "population.mf.recommender.dim"]
    assert list(settings.loc["population.mf.recommender.dim"]) == ["8", "16"]


def test_other_contents_of_files_are_a_difference_and_said_first(store):
    found = compare(store, ["one", "other"])
    assert "data contents.0 edges.csv" in set(found.settings["key"])
    assert found.notes[0].startswith("DIFFERENT DATA: one and other.")
    assert set(found.tests["method"]) == {WELCH}


def test_models_differ_in_their_options_and_seeds(store):
    settings = compare(store, ["one/mf-s0", "two/mf-s1"]).settings.set_index("key")
    assert list(settings.index) == ["recommender.dim", "seed"]
    settings = compare(store, ["one/mf", "one/lightgcn"]).settings.set_index("key")
    assert list(settings.index) == ["family", "recommender.model"]


# -- measures ----------------------------------------------------------------------------------------------------------


def test_measures_stand_side_by_side_with_intervals_over_seeds(store):
    found = compare(store, ["one", "two"])
    assert set(found.measures["part"]) == {"ranking", "probe", "simulation"}
    rows = found.measures[(found.measures["member"] == "mf") & (found.measures["measure"] == "coverage@20")]
    assert list(rows["side"]) == ["one", "two"]
    expected = stats.t.interval(0.95, 2, 0.51, stats.sem([0.5, 0.51, 0.52]))
    np.testing.assert_allclose(rows[["value", "ci_low", "ci_high"]].iloc[0], [0.51, *expected])
    assert list(rows["seeds"]) == [3, 3]


def test_one_seed_keeps_its_own_interval_and_validation_is_left_out(store):
    rows = compare(store, ["one/mf-s0", "one/mf-s1"]).measures.set_index(["measure", "side"])
    row = rows.loc["coverage@20", "one/mf-s0"]
    np.testing.assert_allclose([row["value"], row["ci_low"], row["ci_high"]], [0.5, 0.45, 0.55])
    assert rows["value"].max() < 1  # 9 on validation


def test_a_score_counts_once_however_many_controls_it_has(store):
    rows = compare(store, ["one/mf-s0", "one/mf-s1"]).measures
    assert rows[rows["part"] == "probe"]["seeds"].tolist() == [1, 1]


# -- tests -------------------------------------------------------------------------------------------------------------


def test_the_same_users_are_compared_user_by_user(store):
    found = compare(store, ["one/mf", "one/lightgcn"])
    row = test_of(found, "", "ndcg@20")
    assert (row["method"], row["n"]) == (PAIRED, planted.USERS)

    def mean(label):
        models = found.sides[found.labels.index(label)].members[""]
        folder = store / "steps" / "fit"
        return over_seeds([kept_users(folder / key, key) for key in models["id"]]).per_user["ndcg@20"]

    differences = mean("one/lightgcn") - mean("one/mf")
    error = stats.sem(differences)
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["ci_low"] == pytest.approx(differences.mean() - 1.96 * error, abs=error / 4)
    assert row["ci_high"] == pytest.approx(differences.mean() + 1.96 * error, abs=error / 4)


def test_what_is_not_known_of_users_is_compared_over_seeds(store):
    row = test_of(compare(store, ["one", "two"]), "mf", "coverage@20")
    expected = stats.ttest_ind([0.55, 0.56, 0.57], [0.5, 0.51, 0.52], equal_var=False)
    assert (row["method"], row["n"], row["side"], row["against"]) == (WELCH, 6, "two", "one")
    assert row["p"] == pytest.approx(expected.pvalue)


def test_effects_of_simulations_are_compared_by_their_intervals(store):
    found = compare(store, ["one", "two"])
    row = found.tests[found.tests["part"] == "simulation"].iloc[0]
    error = 0.1 / stats.t.ppf(0.975, 4) * 2**0.5
    assert row["p"] == pytest.approx(2 * stats.t.sf(0.05 / error, 8))


def test_one_seed_each_is_tested_by_users_alone(store):
    found = compare(store, ["one/mf-s0", "two/mf-s1"])
    assert found.tests["method"].tolist() == [PAIRED]


def test_the_same_model_differs_by_nothing(store):
    key = compare(store, ["one/mf-s0", "one/mf-s1"]).sides[0].members[""].iloc[0]["id"]
    row = compare(store, ["one/mf-s0", key]).tests.iloc[0]
    assert (row["difference"], row["p"]) == (0, 1)


def test_every_side_is_tested_against_the_first_and_all_are_corrected_together(store):
    found = compare(store, ["one", "two", "other"])
    assert set(zip(found.tests["side"], found.tests["against"], strict=True)) == {("two", "one"), ("other", "one")}
    assert set(found.tests["comparisons"]) == {len(found.tests)}
    np.testing.assert_allclose(found.tests["p_holm"], literal_holm(list(found.tests["p"])))
    assert f"{len(found.tests)} comparisons with one" in found.notes[-1]


def test_the_same_comparison_gives_the_same_numbers(store):
    one, again = (compare(store, ["one", "two"]) for _ in range(2))
    pd.testing.assert_frame_equal(one.tests, again.tests)


def test_few_common_users_are_not_compared(tmp_path):
    store = Folder.at(tmp_path)
    planted.plant_population(store)
    sides = compare(store, ["one/mf", "one/lightgcn"]).sides
    for _, model in sides[0].members[""].iterrows():
        few = Ranking({}, np.arange(K - 1), {"ndcg@20": np.ones(K - 1)})
        keep_users(store / "steps" / "fit" / model["id"], model["id"], few)
    assert test_of(compare(store, ["one/mf", "one/lightgcn"]), "", "ndcg@20")["method"] == WELCH


def test_another_split_of_the_same_data_is_not_paired(tmp_path):
    store = Folder.at(tmp_path)
    planted.plant_population(store)
    planted.plant_population(store, "two")
    found = compare(store, ["one", "two"])
    key = found.sides[1].members["mf"].iloc[0]["step"]
    data = found.sides[1].data
    graph = planted.plant_step(
        store, "graph", "b", about={"options": {"split": {"test": 0.5}}, "inputs": {"data": data}}
    )
    manifest = (store / "steps" / "fit" / key).read_json("manifest.json")
    (store / "steps" / "fit" / key).write_json("manifest.json", manifest | {"inputs": {"graph": graph}})
    found = compare(store, ["one", "two"])
    assert test_of(found, "mf", "ndcg@20")["method"] == WELCH
    assert test_of(found, "lightgcn", "ndcg@20")["method"] == PAIRED
    assert any("test edges of two are others" in note for note in found.notes)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_agrees_with_its_definition(p):
    np.testing.assert_allclose(holm(p), literal_holm(p))


def test_holm_of_a_known_example():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_welch_agrees_with_scipy(a, b):
    one, other = (sample_of(values, values, values) for values in (a, b))
    found = welch(one, other)
    if found is None:
        assert np.std(a) ** 2 + np.std(b) ** 2 < 1e-30
        return
    if min(np.ptp(a), np.ptp(b)) < 1e-6:
        return  # rounding decides, and scipy warns of it
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    np.testing.assert_allclose([found.p, found.low, found.high], [expected.pvalue, *interval], atol=1e-9)


def test_welch_needs_seeds_that_vary():
    one, two = sample_of([0.5], [0.4], [0.6]), sample_of([0.5, 0.6], [0, 0], [1, 1])
    assert welch(one, two) is None
    still = sample_of([0.5, 0.5], [0, 0], [1, 1])
    assert welch(still, still) is None


# -- names and mistakes ------------------------------------------------------------------------------------------------


def test_names_of_members_are_without_the_seed():
    names = ["mf-s0", "mf-s12-untrained", "a-s1-b", "popularity"]
    assert [member_of(name) for name in names] == ["mf", "mf-untrained", "a-s1-b", "popularity"]


def test_models_are_found_by_id_and_unique_names(store):
    key = compare(store, ["one/mf-s0", "two/mf-s0"]).sides[0].members[""].iloc[0]["id"]
    assert compare(store, [key[:10], "two-12345678/mf"]).sides[0].study == "one-12345678"


@pytest.mark.parametrize(
    ("names", "what", "remedy"),
    [
        (["one"], "nothing to compare with", "A B"),
        (["one", "one"], "one is named twice", "different"),
        (["ona", "two"], "no study or model is called 'ona'", "nearest: one"),
        (["one/lightgcm", "two/mf"], "no study or model is called 'one/lightgcm'", "nearest: lightgcn"),
        (["one", "two/mf"], "one is a study and others are models", "STUDY/NAME"),
        (["mf", "one/mf"], "several studies have a model 'mf'", "one-12345678/mf"),
    ],
)
def test_names_that_cannot_be_used(store, names, what, remedy):
    with pytest.raises(InputError) as found:
        compare(store, names)
    assert what in found.value.problems[0].what
    assert remedy in found.value.problems[0].remedy


def agenda_study(store, name, shift):
    pair = {"agenda": "us", "issue": "all", "mode": "panel", "shock": "permanent", "a": "Media", "b": "Public"}
    rows = [pair | {"b_on_a": 1.0, "difference": shift, "ci_low": shift - 1, "ci_high": shift + 1}]
    rows += [rows[0] | {"a": "Public", "b": "Media", "difference": -shift}, rows[0] | {"issue": "climate"}]
    gain = {"agenda": "us", "model": "mf", "arm": "model", "measure": "divergence", "a": "all groups", "b": ""}
    gain |= {"difference": shift, "ci_low": shift - 0.1, "ci_high": shift + 0.1, "replications": 20}
    others = [{"a": "Media", "b": "Public"}, {"measure": "entropy"}, {"model": "mf-s0"}]
    gains = pd.DataFrame([gain, *(gain | other for other in others)])
    tables = {"agenda_following": pd.DataFrame(rows), "agenda_mediation_effects": gains}
    planted.plant_study(store, name, [("attention", name * 6, "attention us")], tables=tables)


def test_analyses_of_attention_stand_side_by_side_and_only_replications_are_tested(tmp_path):
    store = Folder.at(tmp_path)
    agenda_study(store, "one", 0.2)
    agenda_study(store, "two", 0.5)
    found = compare(store, ["one", "two"])
    assert list(found.measures["value"]) == [0.2, 0.5, 0.2, 0.5]
    names = found.measures["measure"].unique()
    assert names[0] == "us, Media towards Public: following minus leading, points, permanent (panel)"
    assert names[1] == "us, mf, divergence of all groups: model against none"
    assert list(found.tests["measure"]) == [names[1]]
    row = found.tests.iloc[0]
    error = 0.1 / stats.t.ppf(0.975, 19)
    exact = stats.ttest_ind_from_stats(0.5, error * 20**0.5, 20, 0.2, error * 20**0.5, 20, equal_var=False)
    assert row["p"] == pytest.approx(exact.pvalue, rel=1e-9)
    assert "DIFFERENT" not in " ".join(found.notes)
    told = {table.id: table for table in plain_tables(found)}
    assert "effects of mediation are means over replications" in told["agenda"].caption
    assert told["agenda"].rows[-1][-1].endswith(", 20 replications")
    assert told["tests"].rows[0][-1] == "Welch t over replications (n = 40 replications)"


def test_effects_in_cells_of_a_design_are_told_apart(tmp_path):
    store = Folder.at(tmp_path)
    for name in ("one", "two"):
        about = {"simulation": "s", "opinion": "o", "metric": "variance", "arm": "mf", "reference": "none"}
        ends = {"ci_low": 0.0, "ci_high": 1.0, "n_seeds": 5}
        rows = [about | ends | {"cell": cell, "difference": cell / 10} for cell in (1, 2)]
        factors = [
            {"simulation": "s", "cell": c, "factor": "homophily", "value": c / 2, "level": f"{c / 2:g}"} for c in (1, 2)
        ]
        tables = {"simulation_contrasts": pd.DataFrame(rows), "simulation_factors": pd.DataFrame(factors)}
        planted.plant_study(store, name, [("simulate", name * 6, "simulate s")], tables=tables)
    found = compare(store, ["one", "two"]).measures
    assert list(found["measure"].unique()) == [
        "s, homophily 0.5, o, variance: mf against none",
        "s, homophily 1, o, variance: mf against none",
    ]
    assert list(found["value"]) == [0.1, 0.1, 0.2, 0.2]


def test_a_large_design_is_not_compared_cell_by_cell(tmp_path):
    store = Folder.at(tmp_path)
    for name in ("one", "two"):
        agenda_study(store, name, 0.2)
        tables = store / "studies" / f"{name}-12345678" / "tables"
        about = {"simulation": "s", "opinion": "o", "metric": "variance", "arm": "mf", "reference": "none"}
        rows = [about | {"cell": c, "difference": 0.1, "ci_low": 0.0, "ci_high": 0.2, "n_seeds": 5} for c in range(51)]
        factors = [{"simulation": "s", "cell": c, "factor": "x", "value": c, "level": str(c)} for c in range(51)]
        for table, made in (("simulation_contrasts", rows), ("simulation_factors", factors)):
            tables.write_table(table, pa.Table.from_pylist(made))
    found = compare(store, ["one", "two"])
    assert set(found.measures["part"]) == {"agenda"}
    assert "s has 51 cells, too many to compare one by one: see its report." in found.notes


def test_attention_read_from_other_files_is_other_data(tmp_path):
    store = Folder.at(tmp_path)
    for name, value in (("one", "x"), ("two", "y"), ("three", "x")):
        agenda_study(store, name, 0.2)
        options = {"agenda": name, "attention": {"file": "a.csv"}, "contents": {"a.csv": value}}
        (store / "steps" / "attention" / (name * 6)).write_json("manifest.json", {"options": options})
    assert any(note.startswith("DIFFERENT DATA: one and two") for note in compare(store, ["one", "two"]).notes)
    assert not any(note.startswith("DIFFERENT DATA") for note in compare(store, ["one", "three"]).notes)


def test_nothing_in_common_is_said(tmp_path):
    store = Folder.at(tmp_path)
    planted.plant_population(store)
    keys = [planted.plant_step(store, "fit", n, records=[planted.record(n)]) for n in ("alone", "lonely")]
    planted.plant_study(store, "two", [("fit", keys[0], "fit alone-s0"), ("fit", keys[1], "fit lonely-s0")])
    with pytest.raises(InputError, match="nothing was measured of both sides: one has lightgcn, mf; two has alone"):
        compare(store, ["one", "two"])
    with pytest.raises(InputError, match="nothing was measured yet"):
        compare(store, ["two/alone", "two/lonely"])


def test_members_that_only_some_have_are_named(tmp_path):
    store = Folder.at(tmp_path)
    planted.plant_population(store)
    study = planted.plant_population(store, "two")
    plan = study.read_json("plan.json")
    plan["steps"] = [s for s in plan["steps"] if "lightgcn" not in s["title"]]
    study.write_json("plan.json", plan)
    found = compare(store, ["one", "two"])
    assert "Not in all: lightgcn (one)." in found.notes
    assert set(found.tests["member"]) == {"mf", ""}


def test_studies_of_the_same_short_name_must_be_told_apart(tmp_path):
    store = Folder.at(tmp_path)
    planted.plant_population(store)
    (store / "studies" / "one-12345678").copy_to(store / "studies" / "one-87654321")
    with pytest.raises(InputError, match="several studies are called 'one'"):
        compare(store, ["one", "two"])
    found = compare(store, ["one-12345678", "one-87654321"])
    assert found.settings.empty
    paired = found.tests[found.tests["method"] == PAIRED]
    assert len(paired) == 2
    assert (paired["difference"] == 0).all()

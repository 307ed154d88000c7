"""Erasure as a step: leakage falls, quality has its paired difference, small groups are hidden, politics grows back."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.beyond import UNKNOWN
from hemicycle.population.population import Population, read_records
from hemicycle.studies.deriving import DeriveOptions, derive_step
from hemicycle.studies.interpretation.erasing import ERASURE, ERASURE_SCHEMA, ErasingOptions, erase_step, erase_steps
from hemicycle.studies.interpretation.erasing_labels import erased_columns, erased_labels, is_class, label_of, teachers
from hemicycle.studies.interpretation.erasing_measures import homogeneity
from hemicycle.studies.interpretation.regrowing import looks
from hemicycle.studies.models import DataOptions, FitOptions, GraphOptions, data_step, fit_step, graph_step
from hemicycle.studies.steps import Step, Work, store_of

SOCIETY = {
    "source": "synthetic",
    "users": 240,
    "items": {"number": 80},
    "interactions": {"per_user": 12, "affinity": 8},
}
READERS = ({"probe": "least_squares"}, {"probe": "ridge"})
BASE = {"readers": READERS, "labels": ("party",), "k": 10, "strengths": (1.0,), "methods": ("leace",), "draws": 2}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Function from a recommender to the inputs of its step."""
    store, known = Folder.at(tmp_path_factory.mktemp("erasing")), {}
    inputs = {"data": store / "steps" / "data" / "x", "graph": store / "steps" / "graph" / "x"}
    data_step(Work(DataOptions(source=SOCIETY), {}, inputs["data"]))
    graph_step(Work(GraphOptions(relation="interactions"), inputs, inputs["graph"]))

    def make(model, **config):
        if model not in known:
            known[model] = {**inputs, "model": store / "steps" / "fit" / model}
            train = {"epochs": 8, "batch": 400, "lr": 0.05}
            options = FitOptions(recommender={"model": model, **config}, train=train, k=10)
            fit_step(Work(options, inputs, known[model]["model"]))
        return known[model]

    return make


def erased(inputs, **options):
    record = read_records(inputs["model"])[0]
    out = inputs["model"] / "erased"
    erase_step(Work(ErasingOptions(**BASE | {"record": record.to_json()} | options), inputs, out))
    found = out.read_table(ERASURE)
    assert found.schema.remove_metadata() == ERASURE_SCHEMA
    return found.to_pandas()


@pytest.fixture(scope="module")
def table(fitted):
    """Erasure from an MF at every site."""
    return erased(fitted("mf", dim=8), sites=("users", "items", "both", "layer"), regrow_epochs=6, regrow_folds=2)


def score(table, **equal):
    rows = table[np.logical_and.reduce([table[name] == value for name, value in equal.items()])]
    assert len(rows) == 1, rows
    return rows.iloc[0]


LEAK = {"phase": "erased", "metric": "accuracy", "method": "leace"}


@pytest.mark.parametrize("site", ["users", "both"])
def test_leace_leaves_a_linear_reader_the_majority_and_random_directions_leave_all(table, site):
    before, after = (score(table, **LEAK, site=site, strength=t) for t in (0.0, 1.0))
    assert before["value"] > before["majority"] + 0.15
    assert after["value"] <= after["majority"] + 0.05
    assert after["control"] == after["majority"]
    control = score(table, **LEAK | {"method": "random"}, site=site, strength=1.0)
    assert control["value"] > after["value"] + 0.15
    assert control["rank"] == after["rank"]


def test_what_is_erased_from_items_alone_is_still_read_from_users(table):
    before, after = (score(table, **LEAK, site="items", strength=t)["value"] for t in (0.0, 1.0))
    assert after == before


def test_every_score_has_its_control_and_interval(table):
    scores = table[(table["measure"] == "leakage") & (table["metric"] != "accuracy")]
    assert len(scores)
    columns = ["value", "ci_low", "ci_high", "control", "control_low", "control_high", "selectivity"]
    assert np.isfinite(scores[columns]).all(axis=None)


def test_quality_is_compared_user_by_user_with_the_untouched_model(table):
    ranked = table[(table["metric"] == "ndcg@10") & (table["group"] == "") & (table["phase"] == "erased")]
    untouched = ranked[ranked["strength"] == 0]
    np.testing.assert_array_equal(untouched[["difference", "difference_low", "difference_high"]], 0)
    assert np.ptp(untouched["value"]) == 0
    for row in ranked[ranked["strength"] == 1].itertuples():
        assert row.difference == pytest.approx(row.value - untouched["value"].iloc[0])
        assert row.difference_low <= row.difference <= row.difference_high
    assert set(ranked[ranked["method"] == "random"]["draw"]) == {0, 1}


def test_erasing_the_sides_makes_lists_cross_them(table):
    shown = {"phase": "erased", "method": "leace", "site": "both", "group": ""}
    for metric, rises in (("cross_cutting_share", True), ("exposure_homogeneity", False)):
        before, after = (score(table, **shown, metric=metric, strength=t)["value"] for t in (0.0, 1.0))
        assert (after > before) == rises


def test_groups_are_measured_each_and_small_ones_are_hidden(table):
    groups = table[(table["by"] == "party") & (table["metric"] == "ndcg@10")]
    assert len(set(groups["group"])) >= 2
    assert groups["n"].min() >= 10
    assert groups["difference"].notna().all()


def test_politics_grows_back_from_its_table_while_training_goes_on(table):
    grown = table[(table["phase"] == "regrown") & (table["metric"] == "accuracy")]
    assert sorted(grown["epoch"].unique()) == [0, 1, 2, 4, 6]
    of = {name: rows.set_index("epoch")["value"] for name, rows in grown.groupby("method")}
    assert of["leace"][0] < of["random"][0] - 0.1
    assert of["leace"][6] > of["leace"][0] + 0.1
    quality = table[(table["phase"] == "regrown") & (table["metric"] == "ndcg@10") & (table["group"] == "")]
    assert set(quality["epoch"]) == {0, 1, 2, 4, 6}


def test_a_propagating_model_is_erased_at_its_table_and_a_deep_one_says_that_it_cannot_be(fitted, caplog):
    table = erased(fitted("lightgcn", dim=8, layers=2), sites=("layer",))
    assert score(table, **LEAK, site="layer", strength=1.0)["value"] > 0.5
    inputs = fitted("graphsage", dim=4, layers=1)
    found = erased(inputs, sites=("users", "layer"), regrow_epochs=1)
    assert set(found["site"]) == {"users"}
    assert "no one table of start vectors" in caplog.text
    assert "cannot go on after erasure" in caplog.text
    with pytest.raises(InputError, match="no one table"):
        erased(inputs, sites=("layer",))


def test_the_same_again_to_the_last_bit(fitted):
    inputs = fitted("mf", dim=8)
    first, again = (erased(inputs, methods=("leace", "inlp"), rounds=2) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert set(first.loc[first["method"] == "random", "rank"]) == set(first.loc[first["method"] != "random", "rank"])


def test_steps_are_made_for_trained_models_with_vectors_alone(fitted):
    inputs = fitted("mf", dim=8)
    steps = {name: Step(name, name, data_step, DataOptions(source=SOCIETY)) for name in ("data", "graph", "model")}
    trained, untrained = read_records(inputs["model"])
    (step,) = erase_steps(trained, "mf-s0", steps, ErasingOptions())
    assert (step.kind, step.title, step.options.record["id"]) == ("erase", "erase mf-s0", trained.id)
    assert not erase_steps(untrained, "mf-s0", steps, ErasingOptions())
    assert not erase_steps(read_records(fitted("popularity")["model"])[0], "popularity", steps, ErasingOptions())


def test_labels_that_do_not_exist_or_cannot_be_read_are_refused(fitted):
    with pytest.raises(InputError, match="no label 'parti' of users"):
        erased(fitted("mf", dim=8), labels=("parti",))
    with pytest.raises(InputError, match="no reader of classes among the readers"):
        erased(fitted("mf", dim=8), readers=({"probe": "ridge"},))


def test_labels_of_a_data_set(fitted):
    dataset = Dataset.read(fitted("mf", dim=8)["data"])
    assert erased_labels(dataset, ("party",)) == ("party",)
    assert is_class(dataset, "party")
    assert not is_class(dataset, "attitude_0")
    assert label_of(dataset, "attitude_0").dtype == np.float64
    columns = erased_columns(dataset, ("party", "attitude_0"))
    chosen = teachers(columns, 0.5)
    assert chosen.sum() == round(0.5 * np.isfinite(columns).all(1).sum())
    np.testing.assert_array_equal(chosen, teachers(columns, 0.5))


@pytest.mark.parametrize("site", ["users", "both", "layer"])
def test_an_erased_model_is_a_record_that_is_rebuilt_from_the_store(fitted, site):
    inputs = fitted("mf", dim=8)
    out = store_of(inputs["model"]) / "steps" / "derive" / site
    transform = {"transform": "erase", "labels": ["party"], "site": site, "share": 1}
    given = {"data": inputs["data"], "graph": inputs["graph"], "parent": inputs["model"]}
    derive_step(Work(DeriveOptions(transform=transform, k=10), given, out))
    (record,) = read_records(out)
    assert (record.status, record.family, record.layers) == ("derived", "erase", ("readout",))
    people = Population(store_of(out), inputs["graph"], (record,))
    columns = erased_columns(Dataset.read(inputs["data"]), ("party",))
    users, before = (
        people.embedding(found).users.astype(np.float64) for found in (record, read_records(inputs["model"])[0])
    )
    covariance, untouched = (np.abs((x - x.mean(0)).T @ columns).max() for x in (users, before))
    assert covariance < 1e-4 * untouched
    assert np.isfinite(people.scores(record)(np.arange(5))).all()
    assert out.read_table("frontier").to_pandas()["transform"].tolist() == ["erase"]


def test_homogeneity_is_the_share_of_pairs_on_one_side():
    sides = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, UNKNOWN, UNKNOWN], [1, UNKNOWN, UNKNOWN, UNKNOWN]])
    expected = []
    for row in sides:
        known = [side for side in row if side != UNKNOWN]
        pairs = [(a, b) for i, a in enumerate(known) for b in known[i + 1 :]]
        expected.append(np.mean([a == b for a, b in pairs]) if pairs else np.nan)
    np.testing.assert_allclose(homogeneity(sides), expected)


def test_looks_are_powers_of_two_and_the_end():
    assert [looks(n) for n in (0, 1, 2, 6, 8)] == [(0,), (0, 1), (0, 1, 2), (0, 1, 2, 4, 6), (0, 1, 2, 4, 8)]

"""Which impressions are tested, what needs no model, and what the table says."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, tag
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.studies.assessing import ImpressionOptions, impressions_step
from hemicycle.studies.impressions import clicks_until, impression_rows, impressions_of, in_test, published

N_USERS, N_ITEMS, SHOWN = 40, 30, 6


def a_dataset(seed=0):
    """Impressions in which everyone clicks on one item; two thirds of the clicks are known in training."""
    rng = np.random.default_rng(seed)
    n = 6 * N_USERS
    users = np.repeat(np.arange(N_USERS), 6)
    items = np.stack([rng.choice(N_ITEMS, SHOWN, replace=False) for _ in range(n)])
    times = rng.uniform(0, 100, n)
    clicked = np.zeros((n, SHOWN), bool)
    clicked[np.arange(n), rng.integers(SHOWN, size=n)] = True
    table = pa.table(
        {
            "impression": np.repeat(np.arange(n), SHOWN),
            "user": np.repeat(users, SHOWN).astype(np.int32),
            "item": items.ravel().astype(np.int32),
            "clicked": clicked.ravel(),
            "time": np.repeat(times, SHOWN),
        }
    )
    people = tag(pa.table({"id": [f"u{i}" for i in range(N_USERS)]}), {"id": "id"}, public=False)
    news = tag(pa.table({"id": [f"i{i}" for i in range(N_ITEMS)]}), {"id": "id"}, public=True)
    late = times > 66
    pairs = users, items[clicked], times
    dataset = Dataset("news", people, news, {}, impressions=table)
    train, test = (
        InteractionGraph.from_edges(*(column[rows] for column in pairs[:2]), N_USERS, N_ITEMS, times=times[rows])
        for rows in (~late, late)
    )
    keys = [g.rows() * N_ITEMS + g.indices for g in (train, test)]
    test = test.select(~np.isin(keys[1], keys[0]))
    return dataset, Split(train, test.select(np.zeros(test.n_edges, bool)), test)


@pytest.fixture
def made():
    return a_dataset()


def knowing(parts, right=1.0):
    """Scores of a model that knows which pairs are in the test."""
    matrix = np.random.default_rng(1).random((N_USERS, N_ITEMS))
    matrix[parts.test.rows(), parts.test.indices] += right
    return lambda users: matrix[users]


def test_test_impressions_hold_a_new_click_and_no_known_one(made):
    dataset, parts = made
    everything = impressions_of(dataset)
    kept = in_test(everything, parts)
    pairs = {name: set(zip(g.rows().tolist(), g.indices.tolist(), strict=True)) for name, g in vars(parts).items() if g}
    expected = []
    for rows in np.split(np.arange(len(everything.users)), everything.indptr[1:-1]):
        clicks = {(int(everything.users[r]), int(everything.items[r])) for r in rows if everything.clicked[r]}
        if clicks & pairs["test"] and not clicks & pairs["train"]:
            expected.append(everything.times[rows[0]])
    assert kept.times[kept.indptr[:-1]].tolist() == expected
    assert 0 < len(kept) < len(everything)


def test_popularity_counts_what_was_clicked_before(made):
    _, parts = made
    rng = np.random.default_rng(2)
    items, times = rng.integers(N_ITEMS, size=50), rng.uniform(0, 100, 50)
    items[0], times[0] = parts.train.indices[0], parts.train.times[0]  # a click does not count for its own moment
    expected = [((parts.train.indices == i) & (parts.train.times < t)).sum() for i, t in zip(items, times, strict=True)]
    assert clicks_until(parts.train, items, times).tolist() == expected
    timeless = replace(parts.train, times=None)
    assert clicks_until(timeless, items, times).tolist() == parts.train.item_degrees[items].tolist()


def test_items_appear_when_published_or_first_shown(made):
    dataset, _ = made
    everything = impressions_of(dataset)
    first = published(dataset, everything, N_ITEMS + 1)
    assert first[3] == everything.times[everything.items == 3].min()
    assert np.isnan(first[N_ITEMS])
    column = pa.array([5.0, None] * (N_ITEMS // 2))
    dated = replace(dataset, items=dataset.items.append_column("published", column))
    found = published(dated, everything, N_ITEMS)
    assert found[0] == 5
    assert found[1] == first[1]


def test_a_model_that_knows_beats_what_needs_none(made):
    dataset, parts = made
    rows = impression_rows(dataset, parts, knowing(parts)).set_index(["ranker", "metric"])
    assert rows.loc[("random", "auc"), "value"] == 0.5
    assert rows.loc[("model", "mrr"), "value"] > 0.9
    for ranker in ("popularity", "recency", "random"):
        row = rows.loc[(ranker, "auc")]
        assert row["difference_low"] > 0.1
        assert row["difference"] == pytest.approx(rows.loc[("model", "auc"), "value"] - row["value"])
    assert rows.loc[("model", "auc"), ["difference", "difference_low"]].isna().all()
    assert rows["users"].max() <= N_USERS
    assert rows["n"].nunique() == 1


def test_a_model_that_knows_nothing_is_not_told_from_chance(made):
    dataset, parts = made
    rows = impression_rows(dataset, parts, knowing(parts, right=0.0)).set_index(["ranker", "metric"])
    row = rows.loc[("random", "auc")]
    assert row["difference_low"] < 0 < row["difference_high"]


def test_few_people_no_test_and_no_impressions_leave_nothing(made):
    dataset, parts = made
    nothing = replace(parts, test=parts.valid)
    assert impression_rows(dataset, nothing, knowing(parts)).empty
    few = parts.test.select(parts.test.rows() < 9)
    assert impression_rows(dataset, replace(parts, test=few), knowing(parts)).empty
    assert not impression_rows(replace(dataset, public=True), replace(parts, test=few), knowing(parts)).empty
    assert impression_rows(replace(dataset, impressions=None), parts, knowing(parts)).empty


def test_the_step_writes_a_record_s_table(made, tmp_path):
    from hemicycle.population.population import read_records
    from hemicycle.studies.models import FitOptions, fit_step
    from hemicycle.studies.steps import Work

    dataset, parts = made
    store = Folder.at(tmp_path)
    kinds = {"data": "data", "graph": "graph", "model": "fit"}
    inputs = {name: store / "steps" / kind / "x" for name, kind in kinds.items()}
    dataset.write(inputs["data"])
    parts.write(inputs["graph"])
    fit_step(Work(FitOptions(recommender="popularity"), inputs, inputs["model"]))
    record = read_records(inputs["model"])[0]
    impressions_step(Work(ImpressionOptions(record=record.to_json()), inputs, store / "out"))
    table = (store / "out").read_table("impression_results").to_pandas()
    assert set(table["record_id"]) == {record.id}
    assert set(table["ranker"]) == {"model", "popularity", "recency", "random"}

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from hemicycle.core.storage import Folder
from hemicycle.data import society_news
from hemicycle.data.schema import Dataset, roles
from hemicycle.data.society_news import auc_within
from hemicycle.data.synthetic import SyntheticConfig, society, truth


def make(**options) -> Dataset:
    news = {"per_user": 10, **options.pop("news", {})}
    plain = {"users": 500, "items": 600, "follows": 0, "interactions": 0, "seed": 3, "news": news}
    return society(SyntheticConfig.model_validate({**plain, **options}))


def columns(data):
    return {name: data.impressions[name].to_numpy() for name in data.impressions.column_names}


@pytest.fixture(scope="module")
def data():
    return make(users=3000)


def auc(data, score):
    log = columns(data)
    return auc_within(log["impression"], log["clicked"], score(log))


# -- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_has_the_promised_form(data):
    log = data.impressions
    assert log.schema.names == ["impression", "user", "item", "clicked", "time"]
    assert log.schema.types == [pa.int64(), pa.int32(), pa.int32(), pa.bool_(), pa.float64()]
    rows = columns(data)
    assert rows["impression"].max() + 1 == 30_000
    for name in ("user", "time"):
        assert not (np.diff(rows[name])[np.diff(rows["impression"]) == 0]).any()
    assert list(data.relations) == ["clicks"]


def test_an_item_is_shown_once_only_after_it_appeared_and_never_after_it_was_clicked(data):
    log, published = columns(data), data.items["published"].to_numpy()
    assert (log["time"] >= published[log["item"]]).all()
    cells = log["impression"] * 600 + log["item"]
    assert len(np.unique(cells)) == len(cells)
    pairs = log["user"].astype(np.int64) * 600 + log["item"]
    last = {}
    for pair, when, clicked in zip(pairs, log["time"], log["clicked"], strict=True):
        low, high = last.get(pair, (-np.inf, np.inf))
        last[pair] = (max(low, when), min(high, when) if clicked else high)
    assert all(shown <= click for shown, click in last.values())


def test_clicks_are_those_of_the_log_with_their_times(data):
    log = columns(data)
    expected = sorted(zip(*(log[n][log["clicked"]].tolist() for n in ("user", "item", "time")), strict=True))
    table = data.relations["clicks"].table
    assert list(zip(*(table[n].to_pylist() for n in ("user", "item", "time")), strict=True)) == expected


def test_late_items_are_unseen_before_a_cut(data):
    log, cut = columns(data), 12 * 86400
    late = data.items["published"].to_numpy() > cut
    assert late.sum() > 50
    assert not late[log["item"][log["time"] <= cut]].any()
    assert late[log["item"][log["clicked"] & (log["time"] > cut)]].mean() > 0.4


# -- what clicks depend on -------------------------------------------------------------------------------------------


def test_popularity_and_recency_alone_do_not_explain_clicks(data):
    found = {part.rsplit(" ", 1)[0]: float(part.rsplit(" ", 1)[1]) for part in data.notes[1].split(": ")[1].split(", ")}
    assert 0.52 < found["recency"] < found["popularity"] < 0.66
    assert found["true probability"] > max(found["nearness"], found["taste"]) > 0.7
    assert found["true probability"] > 0.8
    popularity = data.items["popularity"].to_numpy()
    assert auc(data, lambda log: popularity[log["item"]]) == pytest.approx(found["popularity"], abs=0.001)


@pytest.mark.parametrize("name", ["affinity", "taste", "quality", "freshness", "position"])
def test_each_force_can_be_switched_off(name):
    off = {"affinity": 0, "taste": 0, "quality": 0, "freshness": 0, "position": 0}
    null, alone = make(news=off), make(news={**off, name: 2})
    user, item = null.users.to_pandas(), null.items.to_pandas()
    tastes, topics = user.filter(like="taste_").to_numpy(), item["topic"].str[6:].astype(int).to_numpy()

    def score(log):
        near = -np.abs(user["attitude_0"].to_numpy()[log["user"]] - item["leaning_0"].to_numpy()[log["item"]])
        first = np.flatnonzero(np.diff(log["impression"], prepend=-1))
        place = np.arange(len(log["user"])) - np.repeat(first, np.diff(np.append(first, len(log["user"]))))
        return {
            "affinity": near,
            "taste": tastes[log["user"], topics[log["item"]]],
            "quality": item["popularity"].to_numpy()[log["item"]],
            "freshness": item["published"].to_numpy()[log["item"]],
            "position": -place,
        }[name]

    assert auc(null, score) == pytest.approx(0.5, abs=0.02)
    assert auc(alone, score) > 0.65


@pytest.mark.parametrize("common", [0, 0.6, 1])
def test_tastes_are_as_much_alike_within_parties_as_is_said(common):
    users = make(users=4000, parties="multi-party", news={"party_taste": common, "topics": 40}).users.to_pandas()
    likes = users.filter(like="taste_")
    within = likes.groupby(users["party"]).var(ddof=0).mean().mean()
    assert within == pytest.approx(1 - common, abs=0.05)


def test_click_rate_is_met_and_fresh_items_are_shown_more(data):
    log, published = columns(data), data.items["published"].to_numpy()
    assert log["clicked"].mean() == pytest.approx(0.15, abs=0.015)
    age = (log["time"] - published[log["item"]]) / 3600
    young, old = (age < 24).sum(), ((age >= 24) & (age < 48)).sum()
    assert young / old == pytest.approx(2, abs=0.5)


def test_texts_tell_topic_and_columns_have_roles(data):
    items = data.items.to_pandas()
    last = items["text"].str.split().str[-1]
    assert (items.groupby(last)["topic"].nunique() == 1).all()
    assert items["text"].str.split().str.len().unique().tolist() == [12]
    assert {name: roles(data.items)[name] for name in ("topic", "published", "text")} == {
        "topic": "covariate",
        "published": "covariate",
        "text": "text",
    }
    assert roles(data.users)["taste_0"] == "other"
    assert roles(data.users)["attitude_0"] == "label"


# -- determinism and limits ------------------------------------------------------------------------------------------


def test_same_seed_same_news_whatever_the_pieces(monkeypatch):
    one = make()
    monkeypatch.setattr(society_news, "_IMPRESSIONS_AT_ONCE", 97)
    again, other = make(), make(seed=4)
    assert one.impressions.equals(again.impressions)
    assert one.items.equals(again.items)
    assert not one.impressions.equals(other.impressions)


def test_news_leave_the_rest_of_the_society_as_it_is():
    plain = make(news={"per_user": 1}, follows=5, interactions=5)
    without = society(plain_config := truth(plain).config.replace(news=None))
    assert plain_config.news is None
    assert without.impressions is None
    for name in ("follows", "interactions"):
        assert plain.relations[name].table.equals(without.relations[name].table)
    assert plain.users.select(without.users.column_names).equals(without.users)


def test_news_survive_writing(tmp_path):
    made = make(users=50)
    made.write(Folder.at(tmp_path))
    back = Dataset.read(Folder.at(tmp_path))
    assert back.impressions.equals(made.impressions)
    assert truth(back).config.news.shown == 10


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"items": 79}, "have at least 80"),
        ({"news": {"total": 0}}, "greater than or equal to 1"),
        ({"news": {"per_user": 1e-9}}, "no impression"),
        ({"news": {"half_life": 0.01}}, "raise news.half_life"),
        ({"news": {"shown": 1}}, "greater than or equal to 2"),
    ],
)
def test_news_that_make_no_sense(options, match):
    with pytest.raises(ValidationError, match=match):
        make(**options)


def test_a_number_stands_for_impressions_of_a_user():
    config = SyntheticConfig.model_validate({"users": 50, "news": 3})
    assert (config.news.per_user, config.n_impressions) == (3, 150)


@pytest.mark.slow
def test_a_million_impressions_take_seconds():
    start = time.process_time()
    made = make(users=100_000, items=5000, news={"total": 1_000_000})
    assert time.process_time() - start < 30
    assert made.impressions.num_rows > 9_900_000


# -- the measure -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 4)), min_size=1, max_size=30))
def test_auc_is_that_of_each_impression(rows):
    impression, clicked, scores = (np.array(column) for column in zip(*rows, strict=True))
    each = [
        roc_auc_score(clicked[impression == k], scores[impression == k])
        for k in range(4)
        if len(set(clicked[impression == k])) == 2
    ]
    found = auc_within(impression, clicked, scores.astype(float))
    np.testing.assert_allclose(found, np.mean(each) if each else np.nan)

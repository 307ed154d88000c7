"""What groups are shown of a feed of news."""

import numpy as np
import pyarrow as pa
import pytest
from agenda.news_society import dataset, feed

from hemicycle.agenda.simulated.newsfeed import FeedOptions, ListOptions, Newsfeed, best, exposure, newsfeed, placed
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset

TINY = Newsfeed(
    topics=("a", "b"),
    item_topic=np.array([0, 1, 0, 1, -1, 0]),
    item_day=np.array([0, 0, 1, 1, 1, 3]),
    groups=("left", "right"),
    user_group=np.array([0, 0, 1, -1]),
)


def likes(values):
    """Scores from a table users x items."""
    table = np.asarray(values, float)
    return lambda users: table[users]


def test_exposure_by_hand():
    scores = likes([[2, 1, 2, 1, 9, 0], [1, 2, 2, 1, 9, 0], [1, 2, 1, 2, 9, 0], [0] * 6])
    found = exposure(TINY, scores, ListOptions(k=1), range(4), 0)
    wanted = [[[0, 0], [-0.5, 0.5]], [[0.5, -0.5], [-0.5, 0.5]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]
    np.testing.assert_allclose(found, wanted)


def test_window_baseline_and_recycling():
    scores = likes(np.tile([3.0, 1, 2, 1, 9, 0], (4, 1)))
    found = exposure(TINY, scores, ListOptions(k=2, window=2, baseline="equal"), range(2), 0)
    np.testing.assert_allclose(found[1], [[0.5, -0.5], [0.5, -0.5]])
    again = exposure(TINY, scores, ListOptions(k=1, recycle=True), range(9), 0)
    np.testing.assert_array_equal(again[4:8], again[:4])
    with pytest.raises(InputError, match=r"5 days of an agenda for 4 days of news(?s:.*)recycle: true"):
        exposure(TINY, scores, ListOptions(), range(5), 0)


def test_best_skips_what_has_no_score_last():
    assert best(np.array([[1.0, np.nan, 3.0, 3.0]]), 3).tolist() == [[2, 3, 0]]


def test_random_lists_show_the_supply():
    draws = np.random.Generator(np.random.PCG64(1))
    found = exposure(feed(), lambda users: draws.random((len(users), 900)), ListOptions(k=5), range(60), 0)
    assert abs(found.mean(axis=0)).max() < 0.01
    np.testing.assert_allclose(found.sum(axis=-1), 0, atol=1e-12)


def test_members_are_drawn_once():
    one = feed().members(0, 10, 1)
    assert len(one) == 10
    np.testing.assert_array_equal(one, feed().members(0, 10, 1))
    assert set(one) <= set(feed().members(0, 10**6, 1))
    assert one.tolist() != feed().members(0, 10, 2).tolist()


def test_placed_leaves_groups_without_members_alone():
    shown = np.ones((2, 2, 3))
    found = placed(shown, TINY, ("media", "right", "left"), {"left": 2.0})
    assert found[:, :, 0].tolist() == [[0, 0, 2.0]] * 2


def test_feed_of_a_data_set():
    found = feed()
    assert found.topics == ("topic-0", "topic-1", "topic-2", "topic-3")
    assert found.groups == ("left", "right")
    assert found.days == 60
    few = newsfeed(dataset(), FeedOptions(topics=2, members={"us": ("left", "right")}))
    assert len(few.topics) == 2
    assert few.groups == ("us",)
    counts = np.bincount(found.item_topic)
    assert set(few.topics) == {f"topic-{k}" for k in np.argsort(-counts)[:2]}
    assert (few.item_topic == -1).sum() == np.sort(counts)[:2].sum()


def test_items_without_a_time_are_never_listed():
    users = pa.table({"id": ["u"], "party": ["left"]})
    items = pa.table({"id": ["i", "j"], "topic": ["a", "b"], "published": [5.0, None]})
    found = newsfeed(Dataset("d", users, items), FeedOptions())
    assert found.item_day.tolist() == [0, -1]
    assert found.candidates(0, 7).tolist() == [0]


def test_times_may_be_timestamps():
    users = pa.table({"id": ["u"], "party": ["left"]})
    days = pa.array([0, 86400 * 2 + 5], pa.int64()).cast(pa.timestamp("s"))
    items = pa.table({"id": ["i", "j"], "topic": ["a", "b"], "published": days})
    assert newsfeed(Dataset("d", users, items), FeedOptions()).item_day.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"topic": "section"}, "the items have no column 'section'"),
        ({"group": "camp"}, "the users have no column 'camp'"),
        ({"published": "topic"}, "holds no times"),
        ({"topics": ("topic-0", "war")}, "topics without items: war"),
        ({"topics": 1}, "fewer than two"),
        ({"members": {"left": "left", "green": "green"}}, "groups without members: green"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        newsfeed(dataset(), FeedOptions(**options))


def test_a_data_set_without_items():
    with pytest.raises(InputError, match="has no items"):
        newsfeed(Dataset("d", pa.table({"id": ["u"]}), None), FeedOptions())

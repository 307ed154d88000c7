"""Clicks of the closed loop."""

import numpy as np
from agenda.news_society import feed, mediator

from hemicycle.agenda.simulated.closed_loop import Mediation, clicked
from hemicycle.agenda.simulated.newsfeed import ListOptions

GIVEN = Mediation("model", feed(), mediator(), ListOptions(k=900), 1.0, 3)
USERS = np.arange(60)
SCORES = np.zeros((60, 900))


def topics_of(clicks):
    return feed().item_topic[clicks[:, 1]]


def test_clicks_follow_attention():
    only = clicked(GIVEN, USERS, SCORES, 5, np.array([0, 0, 1.0, 0]))
    np.testing.assert_array_equal(only[:, 0], USERS)
    assert set(topics_of(only)) == {2}
    assert (feed().item_day[only[:, 1]] == 5).all()
    attention = np.array([0.7, 0.1, 0.1, 0.1])
    drawn = np.concatenate([topics_of(clicked(GIVEN, USERS, SCORES, day, attention)) for day in range(40)])
    pools = [feed().item_topic[feed().candidates(day, 1)] for day in range(40)]
    wanted = np.mean([0.7 * (pool == 0).sum() / attention[pool].sum() for pool in pools])
    assert abs((drawn == 0).mean() - wanted) < 0.04


def test_clicks_are_keyed_and_only_on_what_is_listed():
    attention = np.full(4, 0.25)
    one, two = (clicked(GIVEN, USERS, SCORES, 7, attention) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    short = Mediation("model", feed(), mediator(), ListOptions(k=1), 1.0, 3)
    first = feed().candidates(7, 1)[0]
    assert set(clicked(short, USERS, SCORES, 7, attention)[:, 1]) == {first}
    assert (clicked(GIVEN, USERS, SCORES, 8, attention) != one).any()

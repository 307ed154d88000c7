"""Agendas of posts that bring about posts."""

import numpy as np
import pytest

from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence
from hemicycle.agenda.simulated.posting import daily, posting_truth, simulate_posts
from hemicycle.agenda.simulated.simulation import simulate_agenda

AGENDA = AgendaSimulation(
    model="hawkes",
    topics=3,
    days=200,
    burn_in=20,
    posts={"media": 30, "politicians": 10, "public": 60},
    inertia=0.2,
    influence=(Influence(leader="media", follower="public", strength=0.4),),
)


def test_posts_come_at_the_rates_of_the_process():
    events, truth = simulate_posts(AGENDA, 1), posting_truth(AGENDA, 1)
    assert sum(t.baseline.sum() for t in truth) == pytest.approx(100)
    counts = np.stack([daily(each, AGENDA) for each in events], axis=-1)
    wanted = np.stack([np.linalg.solve(np.eye(3) - t.branching, t.baseline) for t in truth], axis=-1)
    np.testing.assert_allclose(counts.mean(axis=0), wanted, rtol=0.15)
    assert events[0].sources == AGENDA.groups
    assert events[0].horizon == 200


def test_shares_are_those_of_the_posts_of_a_day():
    found = simulate_agenda(AGENDA, 1)
    counts = np.stack([daily(each, AGENDA) for each in simulate_posts(AGENDA, 1)], axis=-1)
    day, group = 17, 2
    np.testing.assert_allclose(found.shares[:, day, group], counts[day, group] / counts[day, group].sum())


def test_a_day_without_posts_is_missing():
    found = simulate_agenda(AGENDA.replace(posts=1, inertia=0.0, influence=()), 2)
    missing = np.isnan(found.shares)
    assert missing.any()
    np.testing.assert_array_equal(missing.any(axis=0), missing.all(axis=0))
